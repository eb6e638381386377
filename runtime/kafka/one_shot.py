"""Writes a few records as one transaction, for commands; not for workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaException, Producer

from runtime.kafka.admin import ClusterError
from runtime.kafka.properties import transactional
from schemas.settings import KafkaSettings

CALL_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Write:
    """One record to write."""

    topic: str
    key: str
    value: bytes | None
    partition: int = -1


def write_together(kafka: KafkaSettings, writes: Sequence[Write], *, name: str) -> None:
    """Write all or nothing; `name` makes the transactional id, so that two of one name exclude each other.

    Raises:
        ClusterError: nothing was written, or the outcome is not known; the command can be run again.
    """
    properties = {
        **transactional(kafka, "command", transactional_id=f"{name}.command"),
        "transaction.timeout.ms": 10_000,
    }
    client = Producer(properties)
    try:
        client.init_transactions(CALL_S)
        client.begin_transaction()
        for write in writes:
            client.produce(write.topic, write.value, write.key, write.partition)
        client.commit_transaction(CALL_S)
    except KafkaException as error:
        raise ClusterError("write", error.args[0].name(), retriable=True) from error
