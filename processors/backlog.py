"""How old the oldest record is that was read and is not decided yet; the age that an alert is about. Pure.

A batch that is aborted stays the backlog until it is committed, and a partition that waits for a newer version of this
process until it is somebody else's: an empty look at the inputs says nothing about either.
"""

from collections.abc import Iterable


class Backlog:
    """The records that wait, by their oldest timestamps, milliseconds since the epoch."""

    __slots__ = ("_batch_ms", "_held_back_ms")

    def __init__(self) -> None:
        """Begin with nothing."""
        self._batch_ms: int | None = None
        self._held_back_ms: int | None = None

    @property
    def oldest_ms(self) -> int | None:
        """Timestamp of the oldest record; None where nothing waits."""
        return min((at for at in (self._batch_ms, self._held_back_ms) if at is not None), default=None)

    def gathered(self, stamps_ms: Iterable[int]) -> None:
        """These wait now; timestamps by the producers are in no order, and a batch is of several partitions."""
        self._batch_ms = min(stamps_ms, default=None)

    def decided(self) -> None:
        """The batch is committed."""
        self._batch_ms = None

    def hold_back(self, stamp_ms: int) -> None:
        """A record of this time waits, and all behind it in its partition."""
        self._held_back_ms = stamp_ms if self._held_back_ms is None else min(stamp_ms, self._held_back_ms)

    def cleared(self) -> None:
        """Nothing waits here any more: it is read again, or is somebody else's now."""
        self._batch_ms = self._held_back_ms = None

    def age_s(self, now_ms: int) -> float:
        """Age of the oldest record, seconds; never negative, as clocks differ."""
        oldest_ms = self.oldest_ms
        return 0.0 if oldest_ms is None else max(0.0, (now_ms - oldest_ms) / 1000)
