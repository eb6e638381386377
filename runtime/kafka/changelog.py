"""Reads changelog partitions up to an end offset that was taken before; steps 3 and 4 of the restore (KAFKA.md).

The reader is read_committed and has no group. It never stops at PARTITION_EOF or the last stable offset: EndTxn is
answered before the markers are written, and the last committed record may still lie above. Its position, as EOF tells
it, must reach the end taken READ_UNCOMMITTED.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from runtime.kafka.properties import Properties
from runtime.kafka.records import Message, Partition

POLL_S: Final = 0.2
BATCH: Final = 5000


def read_to_end(
    properties: Properties,
    *,
    starts: Mapping[Partition, int],
    ends: Mapping[Partition, int],
    apply: Callable[[Partition, list[Message], int], None],
    keep_waiting: Callable[[], bool],
) -> None:
    """Hand every committed record of each partition to `apply`, with the next position, until the ends are reached.

    Raises:
        InterruptedError: `keep_waiting` said no.
        KafkaException: an error that no retry mends.
    """
    open_ends = {partition: end for partition, end in ends.items() if starts[partition] < end}
    if not open_ends:
        return
    consumer: Any = Consumer(
        {
            **{name: value for name, value in properties.items() if name != "group.instance.id"},
            "group.id": f"{properties['group.id']}.restore",
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "queued.min.messages": 50_000,
        }
    )
    try:
        consumer.assign([TopicPartition(p.topic, p.number, starts[p]) for p in open_ends])
        while open_ends:
            if not keep_waiting():
                raise InterruptedError("stopping while a store was restored")
            first = consumer.poll(POLL_S)
            if first is None:
                continue
            _take([first, *consumer.consume(BATCH, 0)], open_ends, consumer, apply)
    finally:
        consumer.close()


def _take(
    messages: list[Any],
    open_ends: dict[Partition, int],
    consumer: Any,
    apply: Callable[[Partition, list[Message], int], None],
) -> None:
    grouped: dict[Partition, list[Message]] = {}
    reached: dict[Partition, int] = {}
    for message in messages:
        partition = Partition(message.topic(), message.partition())
        error = message.error()
        if error is None:
            grouped.setdefault(partition, []).append(message)
            reached[partition] = message.offset() + 1
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's spelling
            reached[partition] = message.offset()
        elif not error.retriable() and error.code() != KafkaError._TRANSPORT:  # noqa: SLF001 - the same
            raise KafkaException(error)
    for partition, position in reached.items():
        apply(partition, grouped.get(partition, []), position)
        if partition in open_ends and position >= open_ends[partition]:
            del open_ends[partition]
            consumer.incremental_unassign([TopicPartition(partition.topic, partition.number)])
