"""The offset window of one partition: begun and finished offsets, the floor to commit, the done-beyond set. Pure.

W1  Everything below the floor is finished, and the floor never goes back.
W2  Offsets are begun in rising order; gaps (transaction markers, expired records) are normal.
W3  What is finished above the floor rides in the commit's metadata, so that after a crash only what was in flight
    repeats. Metadata that cannot be read counts as empty: it costs repeats, never a record.
W4  Only what was begun can be finished, once.
"""

import base64
from collections import deque
from typing import Final

SPAN_MAX: Final = 16_384
"""Offsets between floor and the highest begun one: 2,732 characters of base64, below the broker's 4,096."""
_VERSION: Final = "1:"


class OffsetWindow:
    """One assignment of one partition; a new assignment gets a new window."""

    __slots__ = ("_begun", "_done_before", "_done_top", "_next", "_open", "_untouched")

    def __init__(self, floor: int | None = None, metadata: str = "") -> None:
        """Begin at a committed position with its metadata; unreadable metadata counts as empty."""
        self._begun: deque[int] = deque()
        """Begun and not below the floor, rising."""
        self._open: set[int] = set()
        """Of these, the unfinished."""
        self._next = floor
        self._untouched = True
        self._done_before = _read(floor, metadata) if floor is not None else set()
        self._done_top = max(self._done_before, default=-1)

    def begin(self, offset: int) -> bool:
        """Note a record as begun; False when it must be skipped: finished before this assignment, or begun already.

        A first record below the committed position means that the log was made anew and the position with its
        metadata speaks of records that are no more: the window starts at that record.
        """
        if self._next is not None and offset < self._next:
            if not self._untouched:
                return False
            self._done_before.clear()
        self._untouched = False
        self._begun.append(offset)
        self._open.add(offset)
        self._next = offset + 1
        if not self._done_before:
            return True
        done = offset in self._done_before
        if done:
            self._done_before.discard(offset)
            self.finish(offset)
        if offset >= self._done_top:
            self._done_before.clear()
        return not done

    def finish(self, offset: int) -> None:
        """Note a begun record as finished; a second time changes nothing."""
        self._open.discard(offset)
        begun = self._begun
        while begun and begun[0] not in self._open:
            begun.popleft()

    @property
    def floor(self) -> int | None:
        """Offset to commit; None before the first record of a partition without a committed position."""
        return self._begun[0] if self._begun else self._next

    @property
    def open(self) -> int:
        """Records begun and not below the floor."""
        return len(self._begun)

    @property
    def full(self) -> bool:
        """Whether the span is used up: the partition must be paused until the floor moves."""
        return bool(self._begun) and self._begun[-1] - self._begun[0] >= SPAN_MAX - 1

    def metadata(self) -> str:
        """The done-beyond set for the commit; empty when there is none."""
        floor = self.floor
        if floor is None or (len(self._begun) == len(self._open) and not self._done_before):
            return ""
        bits = bytearray(SPAN_MAX // 8)
        top = -1
        for offset in (*(one for one in self._begun if one not in self._open), *self._done_before):
            place = offset - floor
            if 0 <= place < SPAN_MAX:
                bits[place >> 3] |= 1 << (place & 7)
                top = max(top, place)
        return _VERSION + base64.b64encode(bytes(bits[: (top >> 3) + 1])).decode() if top >= 0 else ""


def _read(floor: int, metadata: str) -> set[int]:
    if not metadata.startswith(_VERSION):
        return set()
    try:
        bits = base64.b64decode(metadata.removeprefix(_VERSION), validate=True)
    except ValueError:  # not base64, or not even ASCII
        return set()
    return {floor + place for place in range(min(len(bits) * 8, SPAN_MAX)) if bits[place >> 3] >> (place & 7) & 1}
