"""One assigned partition of a dispatcher: its window, its backlog, what is in flight of it. State only, no I/O."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from dispatchers.window import OffsetWindow
from runtime.kafka.records import Message, Partition
from schemas.records import DeliveryTask


@dataclass(slots=True)
class Held:
    """A partition for as long as one assignment lasts; results of an older one refer to an older Held."""

    partition: Partition
    window: OffsetWindow
    alive: bool = True
    closing: bool = False
    left: dict[int, int] = field(default_factory=dict)
    """Offset to tasks of it that are not done."""
    backlog: deque["Pending"] = field(default_factory=deque)
    """Records that found no room; the partition is paused while there are any."""
    inflight: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    dirty: bool = False
    waiting_for_schema: bool = False
    """True while its next record needs a newer version of this process."""
    look_again_s: float = 0.0

    def wait_for_schema(self, until_s: float) -> None:
        """Leave the next record alone until a time."""
        self.waiting_for_schema = True
        self.look_again_s = until_s

    def may_look(self, now_s: float) -> bool:
        """Whether the backlog may be tried."""
        return not self.waiting_for_schema or now_s >= self.look_again_s

    def task_done(self, offset: int) -> None:
        """One task of a record is done; the last one finishes the offset."""
        left = self.left[offset] - 1
        if left:
            self.left[offset] = left
        else:
            del self.left[offset]
            self.window.finish(offset)
            self.dirty = True


@dataclass(slots=True)
class Pending:
    """What is left of a record: unread, or tasks that found no room."""

    message: Message
    tasks: list[DeliveryTask] | None = None
    due: int | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """One task in a lane: where it came from and what to do."""

    held: Held
    offset: int
    task: DeliveryTask
    size: int
    tier: int | None = None
    """Tier it was released from, None for a fresh event."""
