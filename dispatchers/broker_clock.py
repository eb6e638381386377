"""The brokers' clock, from acknowledged records: the only clock that releases a delayed task. Pure (DESIGN.md 4.5).

A sample is a record's append time minus our monotonic time when its acknowledgement was seen: never above the truth.
Per broker the largest sample of the last minute counts, releases go by the smallest of these over the brokers.
Times in milliseconds; `mono` is monotonic.
"""

from collections import deque
from typing import Final

WINDOW_MS: Final = 60_000
STALE_MS: Final = 30_000
"""A broker without a sample for so long gets a heartbeat record."""
SPACING_MS: Final = 1_000
"""Of samples closer together only the largest is kept: at most some sixty a broker, whatever the rate of tries."""
GONE_MS: Final = 7_200_000
"""The value of a broker that leads nothing any more still counts for two hours."""


class BrokerClock:
    """Offsets between broker time and our monotonic clock."""

    def __init__(self) -> None:
        """Begin without a sample."""
        self._samples: dict[int, deque[tuple[float, float]]] = {}
        self._offsets: dict[int, tuple[float, float]] = {}
        """Broker to (offset, monotonic time of its newest sample)."""
        self._leaders: frozenset[int] = frozenset()

    def sample(self, broker: int, appended_at: int, mono: float) -> None:
        """Take one acknowledgement."""
        offset = appended_at - mono
        kept = self._samples.setdefault(broker, deque())
        while kept and kept[0][0] < mono - WINDOW_MS:
            kept.popleft()
        while kept and kept[-1][1] <= offset:
            kept.pop()
        if not kept or mono - kept[-1][0] >= SPACING_MS:
            kept.append((mono, offset))
        self._offsets[broker] = (kept[0][1], mono)

    def now(self, mono: float) -> int | None:
        """The brokers' time, never ahead of any of them.

        None before the first sample, and while a leader has none: its clock may be behind all the others.
        """
        if not self._leaders <= self._offsets.keys():
            return None
        valid = [offset for offset, seen in self._offsets.values() if seen >= mono - GONE_MS]
        return int(mono + min(valid)) if valid else None

    def needs_heartbeat(self, brokers: frozenset[int], mono: float) -> list[int]:
        """Which of the brokers that lead tiers or attempts have no fresh sample; forgets who is gone for long."""
        self._leaders = brokers
        for broker in [broker for broker, (_, seen) in self._offsets.items() if seen < mono - GONE_MS]:
            del self._offsets[broker], self._samples[broker]
        never = (0.0, float("-inf"))
        return [broker for broker in sorted(brokers) if self._offsets.get(broker, never)[1] < mono - STALE_MS]

    def skew_ms(self) -> float:
        """Largest difference between two brokers' clocks."""
        offsets = [offset for offset, _ in self._offsets.values()]
        return max(offsets) - min(offsets) if offsets else 0.0
