"""Parked heads of one delay partition: when each is due, when to stop reading and when to go on. Pure.

Due is append time plus the tier's fixed delay, so within a partition the order of offsets is the order of due times.
`now` is the brokers' time in milliseconds; wall time never releases anything.
"""

from collections import deque
from typing import Final, Generic, TypeVar

PARKED_HIGH: Final = 512
"""Heads kept in memory per partition; above it the partition is paused."""
PARKED_LOW: Final = 128
"""The partition is resumed before its heads run out: the first record after a resume can take a second."""

T = TypeVar("T")


class ParkedHeads(Generic[T]):
    """The parked head of one partition."""

    __slots__ = ("_delay_ms", "_heads", "_reading")

    def __init__(self, delay_s: float) -> None:
        """Begin empty."""
        self._delay_ms = round(delay_s * 1000)
        self._heads: deque[tuple[int, T]] = deque()
        self._reading = True

    def __len__(self) -> int:
        """Heads in memory."""
        return len(self._heads)

    def park(self, appended_at: int, item: T) -> None:
        """Keep a record until it is due."""
        self._heads.append((appended_at + self._delay_ms, item))
        if len(self._heads) >= PARKED_HIGH:
            self._reading = False

    def release(self, now: int) -> list[tuple[int, T]]:
        """Take every record that is due, with its due time."""
        due: list[tuple[int, T]] = []
        while self._heads and self._heads[0][0] <= now:
            due.append(self._heads.popleft())
        if len(self._heads) <= PARKED_LOW:
            self._reading = True
        return due

    @property
    def reading(self) -> bool:
        """Whether the partition should be read on."""
        return self._reading

    def next_due(self) -> int | None:
        """When the first head is due."""
        return self._heads[0][0] if self._heads else None
