"""The offset window of one partition: begun and finished offsets, the floor to commit, the done-beyond set. Pure.

Everything below the floor is finished. Gaps (transaction markers) are normal. The floor never goes back. What is
finished above the floor rides in the commit's metadata, so that after a crash only what was in flight repeats.
"""

import base64
import binascii
from collections import deque
from typing import Final

SPAN_MAX: Final = 16_384
"""Offsets between floor and the highest begun one: 2,732 characters of base64, below the broker's 4,096."""
_VERSION: Final = "1:"


class OffsetWindow:
    """One assignment of one partition; a new assignment gets a new window."""

    __slots__ = ("_begun", "_done_before", "_finished", "_next")

    def __init__(self, floor: int | None = None, metadata: str = "") -> None:
        """Begin at a committed position with its metadata; unreadable metadata counts as empty."""
        self._begun: deque[int] = deque()
        self._finished: set[int] = set()
        self._next = floor
        self._done_before = _read(floor, metadata) if floor is not None else set()

    def begin(self, offset: int) -> bool:
        """Note a record as begun; False when it was finished before this assignment and must be skipped."""
        self._begun.append(offset)
        self._next = offset + 1
        if offset in self._done_before:
            self._done_before.discard(offset)
            self.finish(offset)
            return False
        return True

    def finish(self, offset: int) -> None:
        """Note a begun record as finished; a second time changes nothing."""
        self._finished.add(offset)
        begun = self._begun
        while begun and begun[0] in self._finished:
            self._finished.discard(begun.popleft())
        if not begun:
            self._finished.clear()

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
        beyond = self._finished | self._done_before
        floor = self.floor
        if not beyond or floor is None:
            return ""
        bits = bytearray(SPAN_MAX // 8)
        top = 0
        for offset in beyond:
            place = offset - floor
            if 0 <= place < SPAN_MAX:
                bits[place >> 3] |= 1 << (place & 7)
                top = max(top, place)
        return _VERSION + base64.b64encode(bytes(bits[: (top >> 3) + 1])).decode() if top else ""


def _read(floor: int, metadata: str) -> set[int]:
    if not metadata.startswith(_VERSION):
        return set()
    try:
        bits = base64.b64decode(metadata.removeprefix(_VERSION), validate=True)
    except binascii.Error:
        return set()
    return {floor + place for place in range(min(len(bits) * 8, SPAN_MAX)) if bits[place >> 3] >> (place & 7) & 1}
