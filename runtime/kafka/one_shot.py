"""Writes records for commands, as one transaction or each for itself; not for workers."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import KafkaException, Producer

from runtime.kafka.admin import ClusterError, translated
from runtime.kafka.properties import producer, transactional
from schemas.settings import KafkaSettings

CALL_S: Final = 10.0
TRANSACTION_MS: Final = 10_000
"""A command that dies holds back readers of committed records no longer than this (DESIGN.md 4.0)."""
POLL_FULL_S: Final = 0.05
EACH_MS: Final = 30_000
"""Longest that one record of a command waits for its acknowledgement."""


@dataclass(frozen=True, slots=True)
class Write:
    """One record to write."""

    topic: str
    key: str
    value: bytes | None
    partition: int = -1


def write_together(
    kafka: KafkaSettings, writes: Sequence[Write], *, name: str, check: Callable[[], None] | None = None
) -> None:
    """Write all or nothing; `name` makes the transactional id, so that two of one name exclude each other.

    `check` runs once every earlier writer of that name is fenced and before anything is written; what it raises ends
    the call with nothing written.

    Raises:
        ClusterError: nothing was written, or the outcome is not known; the command can be run again.
    """
    client: Any = Producer(
        {
            **transactional(kafka, "command", transactional_id=f"{name}.command"),
            "transaction.timeout.ms": TRANSACTION_MS,
        }
    )
    try:
        client.init_transactions(CALL_S)
        if check is not None:
            check()
        client.begin_transaction()
        try:
            for write in writes:
                _produce(client, write)
        except ClusterError:
            client.abort_transaction(CALL_S)
            raise
        client.commit_transaction(CALL_S)
    except KafkaException as error:
        client.purge(in_queue=True, in_flight=True, blocking=False)
        raise translated("write", error) from error


class Writer:
    """Writes records outside of any transaction, as the processor's inputs need it; one thread owns it."""

    def __init__(self, kafka: KafkaSettings) -> None:
        """Make the client; it connects with the first record."""
        self._client: Any = Producer(producer(kafka, "command", message_timeout_ms=EACH_MS))

    def write(self, writes: Iterable[Write], *, acked: Callable[[], None] = lambda: None) -> None:
        """Write records, back once all are acknowledged; `acked` is called for each.

        Writing the same again must be harmless: after an error some of them may be there.

        Raises:
            ClusterError: at least one was not acknowledged; it can be done again.
        """
        problems: list[Any] = []

        def told(error: Any, _message: Any) -> None:
            if error is None:
                acked()
            else:
                problems.append(error)

        for write in writes:
            _produce(self._client, write, on_delivery=told)
            self._client.poll(0)
            if problems:
                break
        self._client.flush()
        if problems:
            raise translated("write", KafkaException(problems[0]))


def write_each(kafka: KafkaSettings, writes: Iterable[Write], *, acked: Callable[[], None] = lambda: None) -> None:
    """Write records once, as `Writer` does; raises as it does."""
    Writer(kafka).write(writes, acked=acked)


def _produce(client: Any, write: Write, **extra: Any) -> None:
    while True:
        try:
            client.produce(write.topic, write.value, write.key, write.partition, **extra)
        except BufferError:
            client.poll(POLL_FULL_S)
        except KafkaException as error:
            raise ClusterError(f"write to {write.topic}", error.args[0].name(), retriable=False) from error
        else:
            return
