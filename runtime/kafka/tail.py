"""Reads one partition from its beginning and goes on for ever; no group, committed records only. One thread owns it."""

from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from runtime.kafka.properties import shared
from runtime.kafka.records import Message, Partition
from schemas.settings import KafkaSettings

BATCH_MAX: Final = 1000


class Tail:
    """The tail of one partition; a broker outage is waited out."""

    def __init__(self, kafka: KafkaSettings, role: str, partition: Partition, *, on_error: Any) -> None:
        """Open at the beginning; `on_error` gets the name of each error that mends itself."""
        self.position = 0
        """Next offset to read; transaction markers are counted, as PARTITION_EOF tells them."""
        self._on_error = on_error
        self._consumer: Any = Consumer(
            {
                **shared(kafka, role),
                "group.id": f"{partition.topic}.follower",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 100,
                "error_cb": lambda error: on_error(error.name()),
            }
        )
        self._consumer.assign([TopicPartition(partition.topic, partition.number, 0)])

    def read(self, timeout_s: float) -> list[Message]:
        """Wait for records, then take what is there; moves `position`.

        Raises:
            KafkaException: the client says of itself that it is broken; every other error is told to `on_error`, and
                whoever judges how far the position is behind sees that nothing comes.
        """
        first = self._consumer.poll(timeout_s)
        if first is None:
            return []
        good: list[Message] = []
        for message in (first, *self._consumer.consume(BATCH_MAX, 0)):
            error = message.error()
            if error is None:
                good.append(message)
                self.position = message.offset() + 1
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's spelling
                self.position = max(self.position, message.offset())
            elif error.fatal():
                raise KafkaException(error)
            else:
                self._on_error(error.name())
        return good

    def close(self) -> None:
        """Let go of the client."""
        self._consumer.close()
