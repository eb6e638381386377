"""Reads partitions from where it is told and goes on for ever; no group, committed records only.

One reads it at a time; whoever closes it waits for the read under way, because the client does not outlive its closing.

T1  No record is left out: an offset that is gone, or records that cannot be read, end the tail, unless it was made to
    go on with the oldest record there is.
T2  Every other error is told to `on_error`, the client goes on by itself.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from runtime.kafka.errors import ends_consumer
from runtime.kafka.properties import shared
from runtime.kafka.records import Message, Partition
from schemas.settings import KafkaSettings

BATCH_MAX: Final = 1000
PREFETCH_RECORDS: Final = 2000
PREFETCH_KBYTES: Final = 8192
"""Of a tail in all: whoever reads slowly must not gather the log in memory."""


class TailEndedError(Exception):
    """The tail met an error that no waiting mends; whoever reads it must end or begin anew."""


class Tail:
    """The tail of some partitions; a broker outage is waited out."""

    def __init__(
        self,
        kafka: KafkaSettings,
        role: str,
        partitions: Iterable[Partition] = (),
        *,
        on_error: Callable[[str], object],
        skips_gone: bool = False,
    ) -> None:
        """Open at the beginning of each; `on_error` gets the name of each error that mends itself.

        With `skips_gone` an offset that is gone is no error: the oldest record there is comes next.
        """
        self.positions: dict[Partition, int] = {}
        """Next offset to read; transaction markers are counted, as PARTITION_EOF tells them."""
        self._on_error = on_error
        self._lock = threading.Lock()
        self._closed = False
        self._begun: set[Partition] = set()
        """Of these something was seen, so that their beginning is behind us."""
        self._consumer: Any = Consumer(
            {
                **shared(kafka, role),
                "group.id": f"trackly.{role}.tail",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest" if skips_gone else "error",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 100,
                "queued.min.messages": PREFETCH_RECORDS,
                "queued.max.messages.kbytes": PREFETCH_KBYTES,
                "error_cb": lambda error: on_error(error.name()),
            }
        )
        self.follow(dict.fromkeys(partitions))

    def follow(self, starts: Mapping[Partition, int | None]) -> None:
        """Read these too, from an offset or from the beginning; one that is read already begins anew."""
        for partition, offset in starts.items():
            self.positions[partition] = offset or 0
            self._begun.discard(partition)
            if offset is not None:
                self._begun.add(partition)
        self._assign()

    def leave(self, partitions: Iterable[Partition]) -> None:
        """Read these no more."""
        for partition in partitions:
            self.positions.pop(partition, None)
            self._begun.discard(partition)
        self._assign()

    def read(self, timeout_s: float) -> list[Message]:
        """Wait for records, then take what is there; moves `positions`.

        Raises:
            TailEndedError: an offset that is gone, no right to read, or another error that no waiting mends.
        """
        with self._lock:
            if self._closed:
                return []
            first = self._consumer.poll(timeout_s)
            rest = [] if first is None else self._consumer.consume(BATCH_MAX, 0)
        if first is None:
            return []
        good: list[Message] = []
        for message in (first, *rest):
            error = message.error()
            partition = Partition(message.topic(), message.partition())
            if partition not in self.positions and (error is None or partition.topic is not None):
                continue  # left meanwhile; an error of the client itself names no topic
            if error is None:
                good.append(message)
                self.positions[partition] = message.offset() + 1
                self._begun.add(partition)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's spelling
                self.positions[partition] = max(self.positions[partition], message.offset())
                self._begun.add(partition)
            else:
                self._judge(partition, error)
        return good

    def close(self) -> None:
        """Let go of the client, once nobody reads."""
        with self._lock:
            self._closed = True
            self._consumer.close()

    def _assign(self) -> None:
        self._consumer.assign(
            [
                TopicPartition(p.topic, p.number, at if p in self._begun else OFFSET_BEGINNING)
                for p, at in self.positions.items()
            ]
        )

    def _judge(self, partition: Partition, error: Any) -> None:
        if error.code() == KafkaError._AUTO_OFFSET_RESET and partition not in self._begun:  # noqa: SLF001 - as above
            # the broker went away while it was asked where the log begins: nothing was read, so nothing is left out
            self._on_error(error.name())
            self._assign()
        elif error.code() == KafkaError.OFFSET_OUT_OF_RANGE or ends_consumer(error):
            raise TailEndedError(f"{partition.topic}: {error.name()}: {error.str()}")
        else:
            self._on_error(error.name())
