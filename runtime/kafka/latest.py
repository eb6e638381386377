"""Reads several topics from a moment on, committed records only, without a group; for whoever waits for answers."""

from collections.abc import Sequence
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from runtime.kafka.admin import Cluster, ClusterError, translated
from runtime.kafka.errors import ends_consumer
from runtime.kafka.properties import shared
from runtime.kafka.records import Message, Partition
from schemas.settings import KafkaSettings

CALL_S: Final = 10.0
BATCH_MAX: Final = 1000


class Latest:
    """What topics hold from a time on; one thread owns it."""

    def __init__(self, kafka: KafkaSettings, topics: Sequence[str], *, since_ms: int) -> None:
        """Fix where reading begins: what is written after this call is read, whatever happens between.

        Raises:
            ClusterError: no such topic, no right to read it, or no answer.
        """
        cluster = Cluster(kafka, "latest")
        counts = cluster.partition_counts()
        missing = [topic for topic in topics if not counts.get(topic)]
        if missing:
            raise ClusterError(f"read {missing[0]}", "no such topic; run `trackly topics apply`", retriable=False)
        partitions = [Partition(topic, number) for topic in topics for number in range(counts[topic])]
        ends = cluster.end_offsets(partitions)
        self._consumer: Any = Consumer(
            {
                **shared(kafka, "latest"),
                "group.id": f"{topics[0]}.latest",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": 50,
            }
        )
        try:
            asked = [TopicPartition(p.topic, p.number, since_ms) for p in partitions]
            found = self._consumer.offsets_for_times(asked, CALL_S)
            starts = {Partition(one.topic, one.partition): one.offset for one in found}
            self._consumer.assign(
                [TopicPartition(p.topic, p.number, starts[p] if starts[p] >= 0 else ends[p]) for p in partitions]
            )
        except KafkaException as error:
            self._consumer.close()
            raise translated("read", error) from error

    def read(self, timeout_s: float) -> list[Message]:
        """Wait for records, then take what is there.

        Raises:
            ClusterError: an offset that is gone, no right to read, or another error that no waiting mends.
        """
        good: list[Message] = []
        for message in self._consumer.consume(BATCH_MAX, timeout_s):
            error = message.error()
            if error is None:
                good.append(message)
            elif ends_consumer(error) or not error.retriable():
                raise translated(f"read {message.topic()}", KafkaException(error))
        return good

    def close(self) -> None:
        """Let go of the client."""
        self._consumer.close()
