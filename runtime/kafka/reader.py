"""A consumer for an asyncio role: one thread owns it, the loop decides, the thread brings actual to desired.

Consumer calls are serialised across threads (KAFKA.md, trap 2), so nobody else touches the client. The handler's
methods run on the loop, in the order in which things happened. Nothing here knows what a record means.

R1  A handler that raises ends the reader: nothing more is handed over, so no later record can carry a position past
    the one that was not taken.
R2  Membership is confirmed by a commit that the broker took, never by having nothing to commit.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from runtime.clock import mono_s, now_ms
from runtime.kafka.errors import ends_consumer
from runtime.kafka.metrics import ASSIGNED, LAST_POLL, REBALANCES
from runtime.kafka.positions import Position, Positions
from runtime.kafka.properties import Properties
from runtime.kafka.records import Committed, Message, Partition

_LOG = logging.getLogger(__name__)

POLL_S: Final = 0.05
"""Longest a poll waits; a wish of the loop is seen within it."""
BATCH_MAX: Final = 500
"""Records handed to the loop at once."""
OUTSTANDING_MAX: Final = 4
"""Batches handed over and not yet taken; beyond it the thread waits."""
GATHER_S: Final = 0.002
"""Between two batches: waking the loop for every single record costs it more than the record itself."""
COMMITTED_TIMEOUT_S: Final = 30.0
REVOKE_S: Final = 8.0
"""Longest a revocation waits for tries in flight and their acks (5.5 s) before it commits what it has."""
REVOKE_COMMIT_S: Final = 2.0
"""Longest the commit of a revocation is repeated while the broker is the reason; after it the prefix repeats."""
COMMIT_AGAIN_S: Final = 0.1
WATERMARK_TIMEOUT_S: Final = 10.0


class Handler(Protocol):
    """What the loop does about partitions and records."""

    def start_offset(self, partition: Partition, committed: Committed, low: int, high: int) -> int | None:
        """Where to start (on the reader's thread, pure; of readers with `watermarks`); None: as the client would."""
        ...

    def assigned(self, partitions: Mapping[Partition, Committed]) -> None:
        """Build fresh state for partitions that are ours now."""
        ...

    def records(self, messages: Sequence[Message]) -> None:
        """Take records; must not block."""
        ...

    async def revoked(self, partitions: Sequence[Partition]) -> Mapping[Partition, Position]:
        """Let go of partitions, waiting for what is in flight; answer what to commit for them."""
        ...

    def lost(self, partitions: Sequence[Partition]) -> None:
        """Forget partitions that already belong to somebody else; nothing may be committed."""
        ...


class ReaderFailedError(Exception):
    """The consumer met an error that no retry mends; the process must end."""


class Reader:
    """Reads topics as a member of a group for one event loop."""

    def __init__(
        self, properties: Properties, topics: Sequence[str], handler: Handler, *, name: str, watermarks: bool = False
    ) -> None:
        """Create the reader; with `watermarks` the handler says where a partition starts (delay topics)."""
        self._consumer = Consumer({**properties, "error_cb": self._on_error, "on_commit": self._on_commit})
        self._topics = list(topics)
        self._handler = handler
        self._name = name
        self._watermarks = watermarks
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name=f"reader-{name}", daemon=True)
        self._stop = threading.Event()
        self._slots = threading.BoundedSemaphore(OUTSTANDING_MAX)
        self._lock = threading.Lock()  # of the verifications
        self._paused_wanted: frozenset[Partition] = frozenset()
        self._paused: set[Partition] = set()
        self._held: set[Partition] = set()
        self._fresh: dict[Partition, int] = {}
        """Partitions assigned since the last batch was begun, with their starts."""
        self._positions = Positions()
        self._unanswered = 0
        """Asynchronous commits that the broker has not answered."""
        self._verifications: list[asyncio.Future[bool]] = []
        self._gathered_s = float("-inf")
        self._failure: BaseException | None = None
        self._done: asyncio.Future[None] | None = None
        self.joined = False  # the group has given us a share, be it empty

    def start(self) -> None:
        """Bind to the running loop, subscribe, start the thread."""
        self._loop = asyncio.get_running_loop()
        self._done = self._loop.create_future()
        self._thread.start()

    @property
    def done(self) -> asyncio.Future[None]:
        """Ends when the thread ends; carries its failure."""
        if self._done is None:
            raise RuntimeError("start() comes first")
        return self._done

    def pause(self, partitions: frozenset[Partition]) -> None:
        """Say which partitions must be paused from now on; all others are resumed."""
        self._paused_wanted = partitions

    def commit(self, partition: Partition, offset: int, metadata: str = "") -> None:
        """Commit a position soon; a newer one for the same partition replaces it."""
        self._positions.ask({partition: (offset, metadata)})

    def verify(self) -> asyncio.Future[bool]:
        """Confirm membership by a synchronous commit of every position, repeated until the broker took it.

        Positions of partitions that have none committed yet must be asked for before. True once what is still held
        is confirmed; what is not ours any more was told to the handler's `lost` by then. False when the reader ended
        first.
        """
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if self.done.done():
            future.set_result(False)
        else:
            with self._lock:
                self._verifications.append(future)
        return future

    async def close(self) -> None:
        """Leave the group: the revocation runs its course, then the thread ends.

        Raises:
            ReaderFailedError: the reader ended by an error, then or before.
        """
        self._stop.set()
        await asyncio.shield(self.done)

    # ---- on the thread ----------------------------------------------------------------------------------------------
    def _run(self) -> None:
        try:
            self._consumer.subscribe(
                self._topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
            )
            while not self._stop.is_set():
                self._reconcile()
                self._poll()
                self._commit_positions()
                self._verify_all()
            self._leave()
        except BaseException as error:  # noqa: BLE001 - whatever ends the thread must reach the role
            self._failure = self._failure or error
        finally:
            self._end()

    def _end(self) -> None:
        """Close the client; where the brokers do not answer that takes a whole session, and nobody waits for it."""
        if self._unanswered:
            self._post(self._finish)
            self._consumer.close()
        else:
            self._consumer.close()
            self._post(self._finish)

    def _leave(self) -> None:
        held = sorted(self._held)
        if held:
            self._ask_what_is_done(held)
        self._commit_at_last()
        self._forget(held)

    def _commit_at_last(self) -> None:
        """Commit and poll for the answers; a synchronous commit waits a whole session where the coordinator is away."""
        deadline = mono_s() + REVOKE_COMMIT_S
        while True:
            self._commit_positions()
            if not self._unanswered or mono_s() >= deadline:
                return
            self._consumer.poll(COMMIT_AGAIN_S)  # a record that it brings is nobody's and is read by the next member

    def _finish(self) -> None:
        if self._failure is not None:
            self.done.set_exception(ReaderFailedError(f"{self._name}: {self._failure!r}"))
        else:
            self.done.set_result(None)
        for future in self._verifications:
            _resolve(future, False)  # noqa: FBT003 - as it is posted elsewhere

    def _poll(self) -> None:
        first = self._consumer.poll(POLL_S)
        LAST_POLL.set(now_ms() / 1000)
        if first is None:
            return
        self._gather()
        self._fresh = {}
        batch = [first, *self._consumer.consume(BATCH_MAX - 1, 0)]
        if self._fresh:
            self._read_again(batch)
            return
        good = [message for message in batch if message.error() is None]
        for message in batch:
            if message.error() is not None:
                self._judge(message.error())
        if good:
            while not self._slots.acquire(timeout=POLL_S):
                if self._stop.is_set():
                    return
            self._post(self._hand_over, good)

    def _gather(self) -> None:
        """Where records come all the time, wait a moment for more of them; the first after a pause goes at once."""
        since_s = mono_s() - self._gathered_s
        if since_s < GATHER_S:
            time.sleep(GATHER_S - since_s)
        self._gathered_s = mono_s()

    def _tell(self, method: Any, argument: Any) -> None:
        """Call the handler on the loop; what it raises ends the reader (R1)."""
        if self._failure is not None:
            return
        try:
            method(argument)
        except BaseException as error:  # noqa: BLE001 - a callback of the loop has nobody above it
            self._failure = error
            self._stop.set()

    def _read_again(self, batch: list[Any]) -> None:
        """An assignment came between the records of one batch: drop them and read their partitions again.

        A partition that is new begins at its start, any other at the first record that is dropped.
        """
        starts: dict[Partition, int] = {}
        for message in batch:
            if message.error() is None:
                partition = Partition(message.topic(), message.partition())
                starts[partition] = min(message.offset(), starts.get(partition, message.offset()))
        for partition, offset in {**starts, **self._fresh}.items():
            if partition in self._held:
                self._consumer.seek(TopicPartition(partition.topic, partition.number, offset))

    def _hand_over(self, messages: list[Any]) -> None:
        self._slots.release()
        self._tell(self._handler.records, messages)

    def _judge(self, error: Any) -> None:
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's spelling
            return
        if ends_consumer(error):
            raise ReaderFailedError(error.str())
        _LOG.warning("kafka consumer %s: %s", self._name, error.name())

    def _reconcile(self) -> None:
        wanted = self._paused_wanted & self._held
        to_pause = wanted - self._paused
        to_resume = self._paused - wanted
        if to_pause:
            self._consumer.pause(_client_partitions(to_pause))
        if to_resume & self._held:
            self._consumer.resume(_client_partitions(to_resume & self._held))
        self._paused = set(wanted)

    def _commit_positions(self, *, synchronous: bool = False) -> bool:
        """Send what is asked for; False when the broker refused a part of it, which then waits to be sent again."""
        positions = self._positions.take()
        if not positions:
            return True
        offsets = [TopicPartition(name.topic, name.number, *position) for name, position in positions.items()]
        try:
            if not synchronous:
                self._consumer.commit(offsets=offsets, asynchronous=True)
                self._unanswered += 1
                return True
            answered = self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            if error.args[0].fatal():
                raise
            _LOG.warning("commit of %s refused: %s", self._name, error.args[0].name())
            self._positions.refused(positions)
            return False
        refused = {Partition(at.topic, at.partition) for at in answered if at.error is not None}
        self._positions.refused({name: positions[name] for name in refused})
        return not refused

    def _on_commit(self, error: Any, partitions: Sequence[Any]) -> None:
        """Answer of an asynchronous commit: what a retry can mend is committed again unless something newer is."""
        self._unanswered -= 1
        for found in partitions:
            problem = found.error or error
            if problem is not None and problem.retriable():
                name = Partition(found.topic, found.partition)
                self._positions.refused({name: (found.offset, found.metadata or "")})

    def _verify_all(self) -> None:
        """Answer those who want to know whether we are members; after a refusal they are asked for again.

        A refusal alone proves nothing: ILLEGAL_GENERATION also comes while a rebalance goes on that leaves the
        partitions here. Where they are not ours any more the next poll says so, and `lost` is told before the answer.
        """
        with self._lock:
            waiting = list(self._verifications)
        if not waiting:
            return
        self._positions.ask_again()
        if not self._commit_positions(synchronous=True):
            return
        with self._lock:
            del self._verifications[: len(waiting)]
        for future in waiting:
            self._post(_resolve, future, True)  # noqa: FBT003 - posted positionally

    def _on_assign(self, _consumer: Any, partitions: list[Any]) -> None:
        REBALANCES.labels("assigned").inc()
        names = [Partition(partition.topic, partition.partition) for partition in partitions]
        committed = self._committed(partitions)
        self._positions.assigned(committed)
        starts = []
        for name in names:
            fresh = self._watermarks and committed[name].offset < 0
            low, high = self._ask_watermarks(name) if fresh else (0, 0)
            start = self._handler.start_offset(name, committed[name], low, high) if self._watermarks else None
            starts.append(TopicPartition(name.topic, name.number, committed[name].offset if start is None else start))
            if start is not None and committed[name].offset < 0:
                self.commit(name, start)
        for start_at in starts:
            if start_at.offset < 0:
                start_at.offset = -2  # OFFSET_BEGINNING: nothing was committed, so everything is still to be read
        self._fresh.update({Partition(at.topic, at.partition): at.offset for at in starts})
        self._consumer.incremental_assign(starts)
        if partitions:
            self._consumer.resume(_client_partitions(names))
        self._paused -= set(names)
        self._held |= set(names)
        self.joined = True
        ASSIGNED.labels(self._name).set(len(self._held))
        self._post(self._tell, self._handler.assigned, committed)

    def _ask_watermarks(self, name: Partition) -> tuple[int, int]:
        """First and next offset of a partition; slow behind a long fetch, so asked only where nothing is committed."""
        while True:
            try:
                low, high = self._consumer.get_watermark_offsets(_client(name), timeout=WATERMARK_TIMEOUT_S)
            except KafkaException as error:
                if error.args[0].fatal() or self._stop.is_set():
                    raise
                _LOG.warning("watermarks of %s: %s", self._name, error.args[0].name())
            else:
                return low, high

    def _committed(self, partitions: list[Any]) -> dict[Partition, Committed]:
        if not partitions:
            return {}
        while True:
            try:
                return {
                    Partition(found.topic, found.partition): Committed(max(found.offset, -1), found.metadata or "")
                    for found in self._consumer.committed(partitions, timeout=COMMITTED_TIMEOUT_S)
                }
            except KafkaException as error:
                if error.args[0].fatal() or self._stop.is_set():
                    raise
                _LOG.warning("committed offsets of %s: %s", self._name, error.args[0].name())

    def _on_revoke(self, _consumer: Any, partitions: list[Any]) -> None:
        REBALANCES.labels("revoked").inc()
        self._let_go([Partition(partition.topic, partition.partition) for partition in partitions])
        self._consumer.incremental_unassign(partitions)

    def _let_go(self, names: list[Partition]) -> None:
        """Hand partitions back to the loop and commit what it answers, while they are still ours."""
        self._ask_what_is_done(names)
        deadline = mono_s() + REVOKE_COMMIT_S
        while not self._commit_positions(synchronous=True) and mono_s() < deadline:
            time.sleep(COMMIT_AGAIN_S)
        self._forget(names)

    def _ask_what_is_done(self, names: list[Partition]) -> None:
        """Let the loop let go of partitions, and ask for what it answers to be committed."""
        if self._loop is None:
            return
        asked = asyncio.run_coroutine_threadsafe(self._revoke_on_loop(names), self._loop)
        try:
            positions = asked.result(timeout=REVOKE_S)
        except TimeoutError:
            asked.cancel()
            _LOG.warning("revocation of %s ran out of time; what was in flight repeats", self._name)
            positions = {}
        self._positions.ask(positions)

    async def _revoke_on_loop(self, names: list[Partition]) -> Mapping[Partition, Position]:
        return await self._handler.revoked(names)

    def _on_lost(self, _consumer: Any, partitions: list[Any]) -> None:
        REBALANCES.labels("lost").inc()
        self.joined = False
        names = [Partition(partition.topic, partition.partition) for partition in partitions]
        self._forget(names)
        self._post(self._tell, self._handler.lost, names)
        self._consumer.incremental_unassign(partitions)

    def _forget(self, names: Sequence[Partition]) -> None:
        self._held -= set(names)
        self._paused -= set(names)
        self._positions.gone(names)
        ASSIGNED.labels(self._name).set(len(self._held))

    def _on_error(self, error: Any) -> None:
        _LOG.warning("kafka consumer %s: %s", self._name, error.name())

    def _post(self, callback: Any, *args: Any) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *args)


def _resolve(future: asyncio.Future[bool], answer: bool) -> None:  # noqa: FBT001 - posted positionally to the loop
    if not future.done():
        future.set_result(answer)


def _client(name: Partition) -> Any:
    return TopicPartition(name.topic, name.number)


def _client_partitions(names: Sequence[Partition] | set[Partition] | frozenset[Partition]) -> list[Any]:
    return [_client(name) for name in names]
