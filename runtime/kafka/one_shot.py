"""Writes a few records as one transaction, for commands; not for workers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import KafkaException, Producer

from runtime.kafka.admin import ClusterError, translated
from runtime.kafka.properties import transactional
from schemas.settings import KafkaSettings

CALL_S: Final = 10.0
TRANSACTION_MS: Final = 10_000
"""A command that dies holds back readers of committed records no longer than this (DESIGN.md 4.0)."""
POLL_FULL_S: Final = 0.05


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
        for write in writes:
            _produce(client, write)
        client.commit_transaction(CALL_S)
    except KafkaException as error:
        client.purge(in_queue=True, in_flight=True, blocking=False)
        raise translated("write", error) from error


def _produce(client: Any, write: Write) -> None:
    while True:
        try:
            client.produce(write.topic, write.value, write.key, write.partition)
        except BufferError:
            client.poll(POLL_FULL_S)
        except KafkaException as error:
            client.abort_transaction(CALL_S)
            raise ClusterError(f"write to {write.topic}", error.args[0].name(), retriable=False) from error
        else:
            return
