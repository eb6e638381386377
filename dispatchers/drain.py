"""Delivers the held tasks of one endpoint out of one partition of the hold log, oldest first. On the loop.

D1  It reads with a consumer of its own from the endpoint's first task that is not done, and passes by all others.
D2  A bounded number of its tasks is open; their lane gives them a part of the endpoint's slots, so that fresh events
    keep their latency.
D3  What is not done when it stops stays in the log: it is neither appended again nor does it spend an attempt.
D4  Whose a record is says its key, read by `endpoint_of` here and in the index; a task that names another endpoint
    than its key is none of ours.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from dispatchers.hold_index import Waiting
from dispatchers.hold_turns import Purpose
from dispatchers.partitions import Held, Ticket
from dispatchers.task import RECORD_BYTES, UntrustedTaskError, check
from dispatchers.window import OffsetWindow
from runtime.clock import mono_s
from runtime.kafka.records import Message, Partition
from runtime.kafka.tail import Tail
from schemas.codec import PoisonError, UnknownSchemaError, decoder
from schemas.records import DeliveryTask
from schemas.settings import KafkaSettings

_LOG = logging.getLogger(__name__)

OPEN_MAX: Final = 64
"""Tasks of one drain that are queued or tried: enough for the largest usual concurrency, little to drop at the end."""
POLL_S: Final = 0.1
LOOK_AGAIN_S: Final = 0.25


class Progress(NamedTuple):
    """How far a drain has come."""

    below: int
    beyond: str
    finished: int
    """Tasks done since it was asked last."""
    oldest_at: int


class Give(NamedTuple):
    """What a drain does with the tasks that it reads; every call begins what ends in `Drain.ended`."""

    deliver: Callable[[Ticket], None]
    expire: Callable[[Ticket], None]
    bury: Callable[[Held, Message, Exception], None]
    forget: Callable[[Held], None]
    """Drop what is queued of it."""
    may_go_on: Callable[[], bool]
    """Whether the endpoint takes tasks now."""
    is_expired: Callable[[DeliveryTask, Message], bool]
    roomy: Callable[[], bool]


class Drain:
    """One run over one endpoint's held tasks."""

    def __init__(
        self, kafka: KafkaSettings, place: Partition, endpoint: str, waiting: Waiting, purpose: Purpose, give: Give
    ) -> None:
        """Begin at the first task that is not done."""
        self.endpoint = endpoint
        self.purpose = purpose
        self.started_s = mono_s()
        self.held = Held(place, OffsetWindow(waiting.first, waiting.beyond))
        self._kafka = kafka
        self._waiting = waiting
        self._give = give
        self._position = waiting.first
        self._seen_at = waiting.at
        self._finished = 0
        self.stopping = False
        self.needs_newer: UnknownSchemaError | None = None
        """It met a task of a newer version of this process."""
        self.met_young = False
        """Looking for what is too old, it came to a task that is not."""
        self._fed = False
        """A probe has its one task."""
        self._moved = asyncio.Event()
        self._decode = decoder("DeliveryTask")

    def stop(self) -> None:
        """Take no further task; what is queued is dropped, what is in flight ends."""
        if not self.stopping:
            self.stopping = True
            self._give.forget(self.held)
            self._moved.set()

    def ended(self, offset: int, *, done: bool) -> None:
        """A task has come to its end; one that is not done stops the drain."""
        if done and self.held.alive:
            self.held.task_done(offset)
            self._finished += 1
        self.held.ended()
        self._moved.set()
        if not done:
            self.stop()

    async def run(self, pool: ThreadPoolExecutor) -> None:
        """Run until everything is done or it is stopped; then nothing of it is in flight that still counts."""
        loop = asyncio.get_running_loop()
        tail = await loop.run_in_executor(pool, self._open)
        try:
            while not self.stopping and not self._is_through():
                if self._fed:
                    await self._await_move()
                    continue
                messages = await loop.run_in_executor(pool, tail.read, POLL_S)
                if await self._take_all(messages):
                    self._position = tail.positions[self.held.partition]
            await self.held.settled()
        finally:
            await loop.run_in_executor(pool, tail.close)

    def _open(self) -> Tail:
        """Making a client takes longer than the loop can wait."""
        tail = Tail(self._kafka, "dispatcher", on_error=_log_error, skips_gone=True)
        tail.follow({self.held.partition: self._position})
        return tail

    def progress(self) -> Progress:
        """How far it has come since it was asked last."""
        self.held.window.pass_by(self._position)
        below = self.held.window.floor or 0
        finished, self._finished = self._finished, 0
        oldest_at = next(iter(self.held.stamps.values()), self._seen_at)
        return Progress(below, self.held.window.metadata(), finished, oldest_at)

    def _is_through(self) -> bool:
        return (self._fed or self._position > self._waiting.last) and not self.held.left

    async def _take_all(self, messages: list[Message]) -> bool:
        """False when it stopped before one of them, which comes first the next time."""
        for message in messages:
            if endpoint_of(message) == self.endpoint and not await self._take(message):
                return False
            self._position = message.offset() + 1
        return True

    async def _take(self, message: Message) -> bool:
        await self._await_room()
        if self.stopping:
            return False
        try:
            task = self._task_of(message)
        except UnknownSchemaError as error:
            self.needs_newer = error
            self.stop()
            return False
        except (PoisonError, UntrustedTaskError) as error:
            if self._begin(message):
                self._give.bury(self.held, message, error)
            return True
        return self._sort(message, task)

    def _task_of(self, message: Message) -> DeliveryTask:
        task: DeliveryTask = self._decode(message.value() or b"")[1]
        check(task, None)
        if task["endpoint"] != self.endpoint:
            raise UntrustedTaskError("a task of another endpoint than its key")
        return task

    def _sort(self, message: Message, task: DeliveryTask) -> bool:
        """Deliver or expire one task; False where it stays."""
        expired = self._give.is_expired(task, message)
        if not expired and (self.purpose == "expire" or (self.purpose == "drain" and not self._give.may_go_on())):
            self.met_young = True
            self._seen_at = message.timestamp()[1]
            self.stop()
            return False
        if not self._begin(message):
            return True
        size = len(task["body"]) + RECORD_BYTES
        probe = self.purpose == "probe"
        ticket = Ticket(self.held, message.offset(), task, size, mono_s(), in_hold=True, probe=probe)
        (self._give.expire if expired else self._give.deliver)(ticket)
        self._fed = probe
        return not probe

    def _begin(self, message: Message) -> bool:
        self._seen_at = message.timestamp()[1]
        if not self.held.window.begin(message.offset()):
            return False
        self.held.begun(message, 1)
        return True

    async def _await_room(self) -> None:
        while not self.stopping and (
            len(self.held.left) >= OPEN_MAX or self.held.window.full or not self._give.roomy()
        ):
            await self._await_move()

    async def _await_move(self) -> None:
        self._moved.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_AGAIN_S):
                await self._moved.wait()


def endpoint_of(message: Message) -> str:
    """The endpoint whose held task a record is."""
    return (message.key() or b"").decode("utf-8", "replace")


def _log_error(name: str) -> None:
    _LOG.warning("hold log: %s", name)
