"""Latencies of a run in bounded memory: counts per bucket, each bucket 2 % wider than the one before. Pure."""

import math
from dataclasses import dataclass, field
from typing import Final

SMALLEST_S: Final = 0.0001
"""Everything faster falls into the first bucket; a loopback round trip takes longer."""
GROWTH: Final = 1.02
"""A quantile is at most 2 % too high."""
_STEP: Final = math.log(GROWTH)


@dataclass(slots=True)
class Latencies:
    """Seconds, counted."""

    count: int = 0
    max_s: float = 0.0
    _buckets: dict[int, int] = field(default_factory=dict)

    def add(self, seconds: float) -> None:
        """Count one latency."""
        bucket = max(0, math.ceil(math.log(max(seconds, SMALLEST_S) / SMALLEST_S) / _STEP))
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self.count += 1
        self.max_s = max(self.max_s, seconds)

    def quantile_s(self, share: float) -> float | None:
        """The latency that `share` of all stay below or at; None before the first one."""
        wanted = math.ceil(share * self.count)
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return min(self.max_s, SMALLEST_S * GROWTH**bucket)
        return None
