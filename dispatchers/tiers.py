"""The delay partitions of one event type: parked heads, when the next one is due, where a partition may begin.

Releases go by the brokers' clock alone. Nothing here starts a try or touches a client.
"""

from collections.abc import Iterator
from typing import Final

from dispatchers import metrics
from dispatchers.broker_clock import BrokerClock
from dispatchers.delay import ParkedHeads
from runtime.clock import mono_ms
from runtime.kafka.records import Committed, Message, Partition
from schemas import topics
from schemas.settings import Settings

PARKED_BYTES_HIGH: Final = 1024 * 1024
"""Parked bytes of one partition above which it is paused: sixty partitions of large bodies stay below 64 MiB and what
one fetch brings on top."""
PARKED_BYTES_LOW: Final = PARKED_BYTES_HIGH // 4


class DelayNotKeptError(Exception):
    """A delay topic has no committed position and has lost records."""


class Tiers:
    """What is parked of the tiers of one event type."""

    def __init__(self, event: str, settings: Settings, clock: BrokerClock) -> None:
        """Begin with no partition."""
        self._tier_of = {settings.topic_prefix + topics.tier_topic(event, i): i for i in range(len(topics.TIERS))}
        self._delays_s = settings.dispatch.tier_delays_s
        self._clock = clock
        self._parked: dict[Partition, ParkedHeads[Message]] = {}
        self._bytes: dict[Partition, int] = {}
        self._heavy: set[Partition] = set()
        """Partitions that are paused for their bytes."""

    @property
    def topics(self) -> list[str]:
        """Full names of the tiers' topics."""
        return list(self._tier_of)

    def is_tier(self, partition: Partition) -> bool:
        """Whether a partition is of a tier."""
        return partition.topic in self._tier_of

    def start_offset(self, partition: Partition, committed: Committed, low: int, high: int) -> int | None:
        """A delay partition begins at 0 and nowhere else: a hole would be lost tries (KAFKA.md, Delay topics).

        Raises:
            DelayNotKeptError: nothing is committed and the beginning is gone.
        """
        if committed.offset >= 0:
            return None
        if low == 0:
            return 0
        raise DelayNotKeptError(
            f"{partition.topic}[{partition.number}] has no committed position and begins at {low} (end {high})"
        )

    def assigned(self, partition: Partition) -> None:
        """Begin with an empty head."""
        self._parked[partition] = ParkedHeads(self._delays_s[self._tier_of[partition.topic]])
        self._bytes[partition] = 0
        self._heavy.discard(partition)

    def gone(self, partition: Partition) -> None:
        """Forget a partition; one of no tier is ignored."""
        self._parked.pop(partition, None)
        self._bytes.pop(partition, None)
        self._heavy.discard(partition)

    def park(self, partition: Partition, message: Message) -> None:
        """Keep a record until it is due."""
        self._parked[partition].park(message.timestamp()[1], message)
        self._bytes[partition] += len(message.value() or b"")
        if self._bytes[partition] >= PARKED_BYTES_HIGH:
            self._heavy.add(partition)

    def paused(self, partition: Partition) -> bool:
        """Whether enough of it is parked."""
        parked = self._parked.get(partition)
        return parked is not None and (not parked.reading or partition in self._heavy)

    def due(self) -> list[Partition]:
        """Partitions whose head is due."""
        now = self._clock.now(mono_ms())
        if now is None:
            return []
        heads = ((partition, parked.next_due()) for partition, parked in self._parked.items())
        return [partition for partition, due in heads if due is not None and due <= now]

    def release(self, partition: Partition) -> Iterator[Message]:
        """Take what is due of a partition, oldest first."""
        now = self._clock.now(mono_ms())
        if now is None:
            return
        lateness = metrics.LATENESS_OF[self._tier_of[partition.topic]]
        for due, message in self._parked[partition].release(now):
            self._bytes[partition] -= len(message.value() or b"")
            lateness.observe((now - due) / 1000)
            yield message
        if self._bytes[partition] <= PARKED_BYTES_LOW:
            self._heavy.discard(partition)

    def wait_s(self) -> float | None:
        """Seconds until the next head is due; None where nothing is parked or the brokers' time is not known."""
        now = self._clock.now(mono_ms())
        dues = [due for parked in self._parked.values() if (due := parked.next_due()) is not None]
        return None if now is None or not dues else max(0, min(dues) - now) / 1000

    def add_to(self, parked: list[int], overdue_s: list[float]) -> None:
        """Add what is parked, and raise how overdue a head is, tier by tier: event types share these gauges."""
        now = self._clock.now(mono_ms())
        for partition, heads in self._parked.items():
            tier = self._tier_of[partition.topic]
            parked[tier] += len(heads)
            due = heads.next_due()
            if due is not None and now is not None:
                overdue_s[tier] = max(overdue_s[tier], (now - due) / 1000)
