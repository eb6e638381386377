"""Reads a topic from its beginning to the end it has now, or any span of it, once; for commands."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from runtime.kafka.admin import Cluster, ClusterError, translated
from runtime.kafka.errors import ends_consumer
from runtime.kafka.properties import shared
from runtime.kafka.records import Message, Partition
from schemas.partitioner import partition_of
from schemas.settings import KafkaSettings

POLL_S: Final = 0.2


def scan(
    kafka: KafkaSettings, topic: str, *, from_end: bool = False, follow: bool = False, key: str | None = None
) -> Iterator[Message]:
    """Yield committed records of every partition; ends at the offsets of the start unless `follow`.

    With `key` only the partition is read where records of that key lie.

    Raises:
        ClusterError: no such topic, no right to read it, or no answer when the reading begins.
    """
    cluster = Cluster(kafka, "scan")
    count = cluster.partition_counts().get(topic, 0)
    if count == 0:
        raise ClusterError(f"read {topic}", "no such topic; run `trackly topics apply`", retriable=False)
    numbers = range(count) if key is None else [partition_of(key.encode(), count)]
    partitions = [Partition(topic, number) for number in numbers]
    ends, lows = cluster.end_offsets(partitions), cluster.low_watermarks(partitions)
    starts = ends if from_end else lows
    yield from read_span(kafka, starts, None if follow else ends)


def read_span(
    kafka: KafkaSettings, starts: Mapping[Partition, int], ends: Mapping[Partition, int] | None
) -> Iterator[Message]:
    """Yield committed records from the starts up to and without the ends, in the order of each log; for ever without.

    A start that is gone by now becomes the oldest record that is kept.

    Raises:
        ClusterError: no right to read, or another error that no waiting mends.
    """
    open_ends = {} if ends is None else {p: end for p, end in ends.items() if starts[p] < end}
    wanted = starts if ends is None else {partition: starts[partition] for partition in open_ends}
    if not wanted:
        return
    consumer: Any = Consumer(
        {
            **shared(kafka, "scan"),
            "group.id": f"{next(iter(wanted)).topic}.scan",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 100,
        }
    )
    try:
        consumer.assign([TopicPartition(p.topic, p.number, start) for p, start in wanted.items()])
        while ends is None or open_ends:
            for message in consumer.consume(500, POLL_S):
                partition = Partition(message.topic(), message.partition())
                error = message.error()
                if error is None:
                    if ends is None or message.offset() < ends[partition]:
                        yield message
                    _reach(open_ends, partition, message.offset() + 1)
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's spelling
                    _reach(open_ends, partition, message.offset())
                elif ends_consumer(error) or not error.retriable():
                    raise translated(f"read {message.topic()}", KafkaException(error))
    finally:
        consumer.close()


def _reach(open_ends: dict[Partition, int], partition: Partition, position: int) -> None:
    if partition in open_ends and position >= open_ends[partition]:
        del open_ends[partition]
