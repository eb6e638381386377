"""Which positions of a group's partitions are asked for, sent and refused. Pure; may be used from two threads.

P1  Within one assignment what is sent never goes back, whatever order refused commits come home in.
P2  What was refused is asked for again unless something newer was sent or asked for since.
P3  Nothing outlives its assignment: a late refusal of an older one changes nothing.
"""

import threading
from collections.abc import Iterable, Mapping

from runtime.kafka.records import Committed, Partition

Position = tuple[int, str]
"""Offset to commit and its metadata."""


class Positions:
    """Positions of the partitions that are held now."""

    def __init__(self) -> None:
        """Begin with no partition."""
        self._lock = threading.Lock()
        self._asked: dict[Partition, Position] = {}
        self._sent: dict[Partition, Position | None] = {}
        """Newest position of each held partition; None where the group has none."""

    def assigned(self, committed: Mapping[Partition, Committed]) -> None:
        """Partitions are held from now on, with what the group has committed."""
        with self._lock:
            for partition, found in committed.items():
                self._sent[partition] = (found.offset, found.metadata) if found.offset >= 0 else None

    def gone(self, partitions: Iterable[Partition]) -> None:
        """Partitions are held no more."""
        with self._lock:
            for partition in partitions:
                self._asked.pop(partition, None)
                self._sent.pop(partition, None)

    def ask(self, positions: Mapping[Partition, Position]) -> None:
        """Wish to commit; a newer wish for the same partition replaces an older one."""
        with self._lock:
            self._asked.update(positions)

    def ask_again(self) -> None:
        """Wish to commit the newest position of every held partition that has one."""
        with self._lock:
            for partition, position in self._sent.items():
                if position is not None:
                    self._asked.setdefault(partition, position)

    def take(self) -> dict[Partition, Position]:
        """What is to be sent now; counts as sent."""
        with self._lock:
            asked, self._asked = self._asked, {}
            ready = {name: position for name, position in asked.items() if self._is_newest(name, position[0])}
            self._sent.update(ready)
            return ready

    def refused(self, positions: Mapping[Partition, Position]) -> None:
        """The broker did not take them."""
        with self._lock:
            for partition, position in positions.items():
                if self._sent.get(partition) == position:
                    self._asked.setdefault(partition, position)

    def _is_newest(self, partition: Partition, offset: int) -> bool:
        if partition not in self._sent:
            return False
        sent = self._sent[partition]
        return sent is None or offset >= sent[0]
