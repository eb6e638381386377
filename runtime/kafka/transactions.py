"""A transactional producer whose failures have only three ends: rewound, outcome unknown, or the process ends.

librdkafka lacks KIP-890: after a failed or timed-out commit or abort the client is discarded, a late EndTxn could
land in the next transaction (KAFKA.md, trap 5). The caller then treats every partition as newly assigned.
"""

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from runtime.kafka.properties import Properties
from runtime.kafka.records import Partition

_LOG = logging.getLogger(__name__)

CALL_S: Final = 10.0
"""Longest one transactional call may take; the transaction itself times out at the broker after 15 s."""
HANG_S: Final = 2.0
"""Grace before a call that ignores its timeout is taken for hung."""
INIT_S: Final = 5.0
POLL_FULL_S: Final = 0.05

Acked = Callable[[int], None]
_TWIN: Final = frozenset(
    {
        KafkaError._FENCED,  # noqa: SLF001 - librdkafka's spelling
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.PRODUCER_FENCED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)


class RewoundError(Exception):
    """The transaction was aborted and the broker said so: drop what was decided and read the batch again."""


class OutcomeUnknownError(Exception):
    """The broker may have committed: drop what was decided and restore every partition as if newly assigned."""


class TwinError(Exception):
    """Another live process has the same transactional id, or we may not use it; the process must end."""


class TransactionalProducer:
    """Begin, produce, commit together with offsets. Not thread-safe; one loop owns it."""

    def __init__(self, properties: Properties) -> None:
        """Remember the properties; the client is made by `init`."""
        self._properties = properties
        self._client: Any = None
        self._open = False

    def init(self, *, while_waiting: Callable[[], bool]) -> bool:
        """Make the client and fence any earlier one; tries again while the broker is away.

        `while_waiting` is called between tries; when it answers False, so does this.

        Raises:
            TwinError: fenced by a live twin, or not authorised.
        """
        self.discard()
        self._client = Producer(self._properties)
        while True:
            try:
                self._client.init_transactions(INIT_S)
            except KafkaException as error:
                problem = error.args[0]
                if problem.code() in _TWIN:
                    raise TwinError(problem.name()) from error
                _LOG.warning("init_transactions: %s", problem.name())
                if problem.fatal() or not problem.retriable():
                    self._client = Producer(self._properties)
            else:
                return True
            if not while_waiting():
                return False

    def begin(self) -> None:
        """Begin a transaction."""
        self._guard(self._client.begin_transaction)
        self._open = True

    def produce(
        self,
        topic: str,
        key: bytes | str | None,
        value: bytes | None,
        partition: int = -1,
        *,
        acked: Acked | None = None,
    ) -> None:
        """Add one record; waits for room where the queue is full. `acked` gets its offset."""
        extra: dict[str, Any] = {}
        if acked is not None:
            extra["on_delivery"] = lambda error, message: None if error is not None else acked(message.offset())
        while True:
            try:
                self._client.produce(topic, value, key, partition, **extra)
            except BufferError:
                self._client.poll(POLL_FULL_S)
            except KafkaException as error:
                self._fail("produce", error)
            else:
                return

    def commit(self, positions: Mapping[Partition, int], group_metadata: Any) -> None:
        """Commit the records and the input positions together.

        Raises:
            RewoundError: nothing happened.
            OutcomeUnknownError: it may have happened; the client is discarded and `init` comes next.
        """
        offsets = [TopicPartition(p.topic, p.number, offset) for p, offset in positions.items()]
        self._guard(self._client.flush, CALL_S)
        self._send_offsets(offsets, group_metadata)
        try:
            self._client.commit_transaction(CALL_S)
        except KafkaException as error:
            self.discard()
            raise OutcomeUnknownError(f"commit: {error.args[0].name()}") from error
        self._open = False

    def abort(self) -> None:
        """Abort the open transaction.

        Raises:
            OutcomeUnknownError: the abort itself failed; the client is discarded.
        """
        if not self._open:
            return
        self._open = False
        try:
            self._client.abort_transaction(CALL_S)
        except KafkaException as error:
            self.discard()
            raise OutcomeUnknownError(f"abort: {error.args[0].name()}") from error

    def discard(self) -> None:
        """Throw the client away with everything queued in it."""
        self._open = False
        if self._client is not None:
            self._client.purge(in_queue=True, in_flight=True, blocking=False)
            self._client = None

    def _send_offsets(self, offsets: list[Any], group_metadata: Any) -> None:
        """The one call that may hang past its timeout, so it has a thread and a deadline of ours.

        It waits for a group coordinator that went away, for ever (confluentinc/librdkafka#5456, #5511). A client that
        hangs is left behind with its thread; a new one fences it.
        """
        client = self._client
        answers: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

        def call() -> None:
            try:
                client.send_offsets_to_transaction(offsets, group_metadata, CALL_S)
            except BaseException as error:  # noqa: BLE001 - handed to the loop, which judges it
                answers.put(error)
            else:
                answers.put(None)

        threading.Thread(target=call, name="send-offsets", daemon=True).start()
        try:
            error = answers.get(timeout=CALL_S + HANG_S)
        except queue.Empty:
            self._open = False
            self._client = None
            raise OutcomeUnknownError("send_offsets_to_transaction hangs past its timeout") from None
        if isinstance(error, KafkaException):
            self._fail("send_offsets_to_transaction", error)
        if error is not None:
            raise error

    def _guard(self, call: Callable[..., Any], *arguments: Any) -> None:
        try:
            call(*arguments)
        except KafkaException as error:
            self._fail(call.__name__, error)

    def _fail(self, what: str, error: KafkaException) -> None:
        problem = error.args[0]
        _LOG.warning("%s: %s", what, problem.name())
        if problem.fatal():
            self.discard()
            raise OutcomeUnknownError(f"{what}: {problem.name()}") from error
        if problem.txn_requires_abort() or problem.retriable():
            self.abort()
            raise RewoundError(f"{what}: {problem.name()}") from error
        raise error
