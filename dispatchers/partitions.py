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
    """False once the partition is not ours: nothing of it may be produced or counted any more."""
    closing: bool = False
    """True while it is given back: nothing of it starts, what is in flight still counts."""
    left: dict[int, int] = field(default_factory=dict)
    """Offset to tasks of it that are not done, in the order they were begun."""
    stamps: dict[int, int] = field(default_factory=dict)
    """Offset to the record's timestamp, for the same offsets."""
    backlog: deque["Pending"] = field(default_factory=deque)
    """Records that found no room; the partition is paused while there are any."""
    inflight: int = 0
    """Tries and dead letters that began and whose records are not all acknowledged."""
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    dirty: bool = False
    commit_after_s: float = 0.0
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

    def begun(self, message: Message, tasks: int) -> None:
        """A record was begun and waits for so many tasks."""
        self.left[message.offset()] = tasks
        self.stamps[message.offset()] = message.timestamp()[1]

    def task_done(self, offset: int) -> None:
        """One task of a record is done; the last one finishes the offset."""
        left = self.left[offset] - 1
        if left:
            self.left[offset] = left
        else:
            del self.left[offset], self.stamps[offset]
            self.window.finish(offset)
            self.dirty = True

    def ended(self) -> None:
        """Something in flight has ended."""
        self.inflight -= 1
        if not self.inflight:
            self.idle.set()

    def abandon(self) -> None:
        """It is ours no more: what is in flight counts for nothing, and nobody waits for it."""
        self.alive = False
        self.idle.set()

    async def settled(self) -> None:
        """Wait until nothing is in flight that counts; only while closing, when nothing more starts."""
        if self.inflight and self.alive:
            self.idle.clear()
            await self.idle.wait()

    def oldest_ms(self) -> int | None:
        """Timestamp of the oldest record that was read and is not done."""
        begun = next(iter(self.stamps.values()), None)
        return self.backlog[0].message.timestamp()[1] if begun is None and self.backlog else begun


@dataclass(slots=True)
class Pending:
    """What is left of a record: unread, or tasks that found no room."""

    message: Message
    tasks: list[DeliveryTask] | None = None
    is_task: bool = False
    """Whether the record is a task already, and no event."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One task in a lane: where it came from and what to do."""

    held: Held
    offset: int
    task: DeliveryTask
    size: int
    read_s: float
    """Monotonic time, not before its record was read: the configuration must be newer to call its endpoint unknown."""
    in_hold: bool = False
    """Whether its record lies in the hold log, where it stays if it must wait on."""
    probe: bool = False
    """Whether it is tried to see if its endpoint is back: a failure spends nothing."""
