"""Reads one partition from its beginning and goes on for ever; no group, committed records only. One thread owns it.

T1  No record is left out: an offset that is gone, or records that cannot be read, end the tail.
T2  Every other error is told to `on_error`, the client goes on by itself.
"""

from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from runtime.kafka.errors import ends_consumer
from runtime.kafka.properties import shared
from runtime.kafka.records import Message, Partition
from schemas.settings import KafkaSettings

BATCH_MAX: Final = 1000


class TailEndedError(Exception):
    """The tail met an error that no waiting mends; whoever reads it must end or begin anew."""


class Tail:
    """The tail of one partition; a broker outage is waited out."""

    def __init__(
        self, kafka: KafkaSettings, role: str, partition: Partition, *, on_error: Callable[[str], object]
    ) -> None:
        """Open at the beginning; `on_error` gets the name of each error that mends itself."""
        self.position = 0
        """Next offset to read; transaction markers are counted, as PARTITION_EOF tells them."""
        self._partition = partition
        self._on_error = on_error
        self._begun = False  # something of the partition was seen, so that its beginning is behind us
        self._consumer: Any = Consumer(
            {
                **shared(kafka, role),
                "group.id": f"{partition.topic}.follower",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 100,
                "error_cb": lambda error: on_error(error.name()),
            }
        )
        self._begin()

    def read(self, timeout_s: float) -> list[Message]:
        """Wait for records, then take what is there; moves `position`.

        Raises:
            TailEndedError: an offset that is gone, no right to read, or another error that no waiting mends.
        """
        first = self._consumer.poll(timeout_s)
        if first is None:
            return []
        good: list[Message] = []
        for message in (first, *self._consumer.consume(BATCH_MAX, 0)):
            error = message.error()
            if error is None:
                good.append(message)
                self.position, self._begun = message.offset() + 1, True
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's spelling
                self.position, self._begun = max(self.position, message.offset()), True
            else:
                self._judge(error)
        return good

    def close(self) -> None:
        """Let go of the client."""
        self._consumer.close()

    def _begin(self) -> None:
        self._consumer.assign([TopicPartition(self._partition.topic, self._partition.number, OFFSET_BEGINNING)])

    def _judge(self, error: Any) -> None:
        if error.code() == KafkaError._AUTO_OFFSET_RESET and not self._begun:  # noqa: SLF001 - librdkafka's spelling
            # the broker went away while it was asked where the log begins: nothing was read, so nothing is left out
            self._on_error(error.name())
            self._begin()
        elif error.code() == KafkaError.OFFSET_OUT_OF_RANGE or ends_consumer(error):
            raise TailEndedError(f"{self._partition.topic}: {error.name()}: {error.str()}")
        else:
            self._on_error(error.name())
