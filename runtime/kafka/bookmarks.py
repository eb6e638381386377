"""Positions of a group without membership: a command keeps how far it came, and looks how far others are."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from runtime.kafka.admin import translated
from runtime.kafka.positions import Position
from runtime.kafka.properties import shared
from runtime.kafka.records import Committed, Partition
from schemas.settings import KafkaSettings

CALL_S: Final = 10.0
METADATA_BYTES_MAX: Final = 4096
"""What a broker takes beside a position (offset.metadata.max.bytes, by default)."""


class Bookmarks:
    """The committed positions of one group; one thread owns it. Only a group without members takes any."""

    def __init__(self, kafka: KafkaSettings, group: str) -> None:
        """Make the client; it connects with the first question."""
        self._group = group
        self._consumer: Any = Consumer({**shared(kafka, "command"), "group.id": group, "enable.auto.commit": False})

    def read(self, partitions: Iterable[Partition]) -> dict[Partition, Committed]:
        """What is committed; partitions without a position are left out.

        Raises:
            ClusterError: no right, or no answer.
        """
        wanted = [TopicPartition(partition.topic, partition.number) for partition in partitions]
        try:
            found = self._consumer.committed(wanted, timeout=CALL_S) if wanted else []
        except KafkaException as error:
            raise translated(f"positions of {self._group}", error) from error
        for one in found:
            if one.error is not None:
                raise translated(f"positions of {self._group}", KafkaException(one.error))
        return {
            Partition(one.topic, one.partition): Committed(one.offset, one.metadata or "")
            for one in found
            if one.offset >= 0
        }

    def write(self, positions: Mapping[Partition, Position]) -> None:
        """Commit positions, each with its metadata; back once the broker has them.

        Raises:
            ClusterError: they may not be there; writing them again is harmless.
        """
        offsets = [
            TopicPartition(partition.topic, partition.number, offset, metadata)
            for partition, (offset, metadata) in positions.items()
        ]
        try:
            written = self._consumer.commit(offsets=offsets, asynchronous=False) if offsets else []
        except KafkaException as error:
            raise translated(f"positions of {self._group}", error) from error
        for one in written:
            if one.error is not None:
                raise translated(f"positions of {self._group}", KafkaException(one.error))

    def close(self) -> None:
        """Let go of the client."""
        self._consumer.close()
