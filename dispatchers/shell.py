"""The dispatcher of one event type: its fresh events and its five tiers, through one set of lanes. All on the loop.

S1  A record is begun in its window, fanned out or taken as a task, and offered to the lanes; what finds no room waits
    in its partition's backlog, and the partition is paused. Nothing is ever put aside without a bound.
S2  Only the contiguous finished prefix is committed; the done-beyond set rides in the metadata.
S3  A tier's record is parked until the brokers' clock says that it is due.
S4  After a gap of the loop nothing starts until the group confirms that we are still a member.
S5  What is in flight refers to the Held of its assignment; once that is not alive its result counts for nothing.
"""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Final

from dispatchers import metrics
from dispatchers.broker_clock import BrokerClock
from dispatchers.intake import Intake
from dispatchers.lanes import Lanes
from dispatchers.membership import Membership
from dispatchers.partitions import Held, Pending, Ticket
from dispatchers.task import UntrustedTaskError
from dispatchers.tiers import Tiers
from dispatchers.tries import Tries
from dispatchers.window import OffsetWindow
from runtime.clock import mono_s, now_ms
from runtime.config_follower import ConfigFollower
from runtime.kafka.metrics import CONSUMER_LAG, OLDEST_UNPROCESSED, UNKNOWN_SCHEMA
from runtime.kafka.positions import Position
from runtime.kafka.properties import consumer
from runtime.kafka.reader import Reader
from runtime.kafka.records import Committed, Message, Partition
from runtime.worker import Life
from schemas import topics
from schemas.codec import PoisonError, UnknownSchemaError
from schemas.records import DeliveryTask, EventType
from schemas.settings import Settings

_LOG = logging.getLogger(__name__)

TICK_S: Final = 0.025
"""How often positions are committed, backlogs offered again and lanes woken."""
REVOKE_S: Final = 5.5
"""Longest wait for tries in flight and their acknowledgements when a partition goes away (DESIGN.md 4.4)."""
THROTTLE_S: Final = 1.0
"""How long a lane rests after 429, 502, 503 or 504."""
SCHEMA_RETRY_S: Final = 1.0
RECORD_BYTES: Final = 512
"""Cost of a task beside its body, for the lanes' bound."""
CLOCK_STEP_S: Final = 0.001
"""The brokers' clock counts whole milliseconds: woken a hair too early, a head would wait for the next tick."""
WIDE_WINDOW: Final = 1024
"""Open records above which writing the done-beyond set costs more than a tick should."""
WIDE_COMMIT_S: Final = 0.25
"""How often the position of a wide window is committed."""


class EventShell:
    """Delivers the events of one type."""

    def __init__(
        self, event: EventType, life: Life, follower: ConfigFollower, tries: Tries, clock: BrokerClock, partitions: int
    ) -> None:
        """Make the readers; nothing is read before `start`."""
        settings = life.settings
        self._event = event
        self._life = life
        self._follower = follower
        self._tries = tries
        self._dispatch = settings.dispatch
        self._partitions = partitions
        self._own_partitions = 1
        """How many of the event's partitions are ours: limits are for the fleet. At least 1."""
        self._lanes: Lanes[Ticket] = Lanes(inflight_max=settings.dispatch.inflight_max)
        self._held: dict[Partition, Held] = {}
        self.tiers = Tiers(event, settings, clock)
        self._running: set[asyncio.Task[None]] = set()
        self._intake = Intake(event, follower)
        self._fresh, self._delayed = self._make_readers(settings)
        self._membership = Membership(
            self.readers, session_s=settings.dispatch.session_timeout_s, ask_for_positions=self._ask_for_positions
        )
        self._draining = False
        self._timer: asyncio.TimerHandle | None = None
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def _make_readers(self, settings: Settings) -> tuple[Reader, Reader]:
        group = f"{settings.topic_prefix}trackly.dispatcher.{self._event}"
        session_s = self._dispatch.session_timeout_s
        fresh = consumer(settings.kafka, "dispatcher", group=group, session_timeout_s=session_s)
        delayed = {
            **consumer(settings.kafka, "dispatcher", group=f"{group}.tiers", session_timeout_s=session_s),
            "auto.offset.reset": "error",
            "queued.min.messages": 1000,
            "queued.max.messages.kbytes": 4096,
        }
        events_topic = settings.topic_prefix + topics.events_topic(self._event)
        return (
            Reader(fresh, [events_topic], self, name=f"{self._event}"),
            Reader(delayed, self.tiers.topics, self, name=f"{self._event}.tiers", watermarks=True),
        )

    @property
    def readers(self) -> tuple[Reader, Reader]:
        """Both readers."""
        return self._fresh, self._delayed

    @property
    def ready(self) -> bool:
        """Whether both groups have given us our share, be it empty, and none of it waits for a newer version."""
        joined = all(reader.joined for reader in self.readers)
        return joined and not any(held.waiting_for_schema for held in self._held.values())

    def start(self) -> None:
        """Begin to read."""
        self._fresh.start()
        self._delayed.start()

    def tick(self) -> None:
        """Release what is due, offer what waited, start what may start, commit what is done. Runs every TICK_S."""
        self._membership.beat()
        self._release_due()
        self._offer_backlogs()
        self._start_ready()
        self._commit(mono_s())
        self._pause()

    def halt(self) -> None:
        """Start nothing more."""
        self._draining = True
        if self._timer is not None:
            self._timer.cancel()

    async def drain(self) -> None:
        """Leave both groups: what is in flight ends first, within REVOKE_S."""
        self.halt()
        await asyncio.gather(self._fresh.close(), self._delayed.close())
        if self._running:
            await asyncio.wait(self._running, timeout=REVOKE_S)
        if self.failure.done():
            self.failure.result()

    # ---- records ----------------------------------------------------------------------------------------------------
    def records(self, messages: Sequence[Message]) -> None:
        """Records of either reader."""
        for message in messages:
            held = self._held.get(Partition(message.topic(), message.partition()))
            if held is None or held.closing:
                continue
            if self.tiers.is_tier(held.partition):
                self.tiers.park(held.partition, message)
            else:
                self._take_one(held, message)
        self._release_due()
        self._start_ready()
        self._pause()

    def _take_one(self, held: Held, message: Message) -> None:
        if held.backlog or held.window.full:
            held.backlog.append(Pending(message))
        else:
            self._accept(held, Pending(message))

    def _accept(self, held: Held, pending: Pending) -> bool:
        """Begin a record and offer its tasks; False when it waits at the head of the backlog, whole or in part."""
        if pending.tasks is None:
            try:
                tasks = self._intake.tasks(pending.message, is_tier=self.tiers.is_tier(held.partition))
            except UnknownSchemaError as error:
                self._wait_for_upgrade(held, pending, error)
                return False
            except (PoisonError, UntrustedTaskError) as error:
                self._bury_poison(held, pending.message, error)
                return True
            pending.tasks = self._begin(held, pending.message, tasks)
        tasks, now = pending.tasks, mono_s()
        for index, task in enumerate(tasks):
            if not self._offer(Ticket(held, pending.message.offset(), task, len(task["body"]) + RECORD_BYTES, now)):
                pending.tasks = tasks[index:]
                if not pending.overflowed:
                    pending.overflowed = True
                    metrics.OVERFLOW.inc()
                held.backlog.appendleft(pending)
                return False
        return True

    def _begin(self, held: Held, message: Message, tasks: list[DeliveryTask]) -> list[DeliveryTask]:
        """Tasks that are really to be tried: none of a record that was done before this assignment."""
        held.waiting_for_schema = False
        if not held.window.begin(message.offset()):
            held.dirty = True
            return []
        if tasks:
            held.begun(message, len(tasks))
        else:
            held.window.finish(message.offset())
            held.dirty = True
        return tasks

    def _offer(self, ticket: Ticket) -> bool:
        endpoint = self._follower.snapshot.endpoints.get(ticket.task["endpoint"])
        limit = endpoint.concurrency if endpoint is not None and endpoint.concurrency else self._dispatch.concurrency
        rate_per_s = endpoint.rate_per_s if endpoint is not None else None
        return self._lanes.offer(
            ticket.task["endpoint"],
            ticket.task["contact_key"],
            ticket,
            ticket.size,
            concurrency=max(1, limit * self._own_partitions // self._partitions),
            rate_per_s=rate_per_s * self._own_partitions / self._partitions if rate_per_s else None,
        )

    def _wait_for_upgrade(self, held: Held, pending: Pending, error: UnknownSchemaError) -> None:
        if not held.waiting_for_schema:
            UNKNOWN_SCHEMA.inc()
            _LOG.error("a record needs a newer version of this process: %s", error)
        self._life.not_ready = f"a record needs a newer version: {error}"
        held.wait_for_schema(mono_s() + SCHEMA_RETRY_S)
        held.backlog.appendleft(pending)

    def _bury_poison(self, held: Held, message: Message, error: Exception) -> None:
        held.waiting_for_schema = False
        offset = message.offset()
        if not held.window.begin(offset):
            held.dirty = True
            return
        held.begun(message, 1)
        held.inflight += 1
        letter = self._intake.letter(message, error, now=now_ms())
        where = {"topic": held.partition.topic, "partition": held.partition.number, "offset": offset}
        _LOG.error("poison record moved to the dead letters", extra={**where, "reason": letter["reason"]})
        key = (message.key() or b"").decode("utf-8", "replace") if self.tiers.is_tier(held.partition) else ""
        self._tries.hops.send([self._tries.letter(letter, key)], lambda: self._settle(held, offset, done=True))

    # ---- lanes ------------------------------------------------------------------------------------------------------
    def _start_ready(self) -> None:
        if self._draining or not self._membership.may_start() or not self._tries.hops.roomy:
            return
        for ticket in self._lanes.start(mono_s()):
            ticket.held.inflight += 1
            self._spawn(self._tries.run(ticket, self))

    def released(self, ticket: Ticket, *, throttle: bool) -> None:
        """The try of a ticket has ended: its lane goes on."""
        endpoint = ticket.task["endpoint"]
        if throttle:
            self._lanes.throttle(endpoint, mono_s() + THROTTLE_S)
        self._lanes.finished(endpoint, ticket.task["contact_key"], ticket.size)
        self._start_ready()

    def ended(self, ticket: Ticket, *, done: bool) -> None:
        """A ticket has come to its end."""
        self._settle(ticket.held, ticket.offset, done=done)

    def _settle(self, held: Held, offset: int, *, done: bool) -> None:
        if done and held.alive:
            held.task_done(offset)
        held.ended()

    def _offer_backlogs(self) -> None:
        for held in self._held.values():
            while held.backlog and held.may_look(mono_s()) and not held.closing:
                if held.backlog[0].tasks is None and held.window.full:
                    break
                if not self._accept(held, held.backlog.popleft()):
                    break

    def _release_due(self) -> None:
        for partition in self.tiers.due():
            held = self._held.get(partition)
            if held is None or held.backlog or held.closing:
                continue
            for message in self.tiers.release(partition):
                self._take_one(held, message)
        self._arm()

    def _arm(self) -> None:
        """Wake exactly when the next head is due, if that is before the next tick."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wait_s = self.tiers.wait_s()
        if wait_s and wait_s <= TICK_S and not self._draining:
            self._timer = asyncio.get_running_loop().call_later(wait_s + CLOCK_STEP_S, self._wake)

    def _wake(self) -> None:
        try:
            self._release_due()
            self._start_ready()
        except Exception as error:  # noqa: BLE001 - a timer has nobody above it; the role ends the process
            self._fail(error)

    def _pause(self) -> None:
        paused = frozenset(
            partition
            for partition, held in self._held.items()
            if held.backlog or held.window.full or self.tiers.paused(partition)
        )
        self._fresh.pause(paused)
        self._delayed.pause(paused)

    def _commit(self, now: float) -> None:
        for held in self._held.values():
            floor = held.window.floor
            if not held.dirty or floor is None or held.closing or now < held.commit_after_s:
                continue
            held.dirty = False
            held.commit_after_s = now + WIDE_COMMIT_S if held.window.open > WIDE_WINDOW else 0.0
            self._reader_of(held).commit(held.partition, floor, held.window.metadata())

    def _ask_for_positions(self) -> None:
        for held in self._held.values():
            floor = held.window.floor
            if floor is not None and not held.closing:
                self._reader_of(held).commit(held.partition, floor, held.window.metadata())

    def _reader_of(self, held: Held) -> Reader:
        return self._delayed if self.tiers.is_tier(held.partition) else self._fresh

    def measure(self) -> None:
        """Set the gauges of this event type."""
        metrics.INFLIGHT.labels(self._event).set(self._lanes.running)
        metrics.QUEUED.labels(self._event).set(self._lanes.queued)
        metrics.LANES.labels(self._event).set(len(self._lanes))
        stamps = [held.oldest_ms() for name, held in self._held.items() if not self.tiers.is_tier(name)]
        oldest = min((stamp for stamp in stamps if stamp is not None), default=None)
        CONSUMER_LAG.labels(self._event).set(max(0.0, (now_ms() - oldest) / 1000) if oldest is not None else 0)
        OLDEST_UNPROCESSED.labels(self._event).set(oldest / 1000 if oldest is not None else 0)

    # ---- assignment -------------------------------------------------------------------------------------------------
    def start_offset(self, partition: Partition, committed: Committed, low: int, high: int) -> int | None:
        """Delay topics have a rule of their own."""
        return self.tiers.start_offset(partition, committed, low, high)

    def assigned(self, partitions: Mapping[Partition, Committed]) -> None:
        """Fresh state for partitions that are ours now."""
        for partition, committed in partitions.items():
            floor = committed.offset if committed.offset >= 0 else None
            self._held[partition] = Held(partition, OffsetWindow(floor, committed.metadata))
            if self.tiers.is_tier(partition):
                self.tiers.assigned(partition)
        self._count_own()

    async def revoked(self, partitions: Sequence[Partition]) -> Mapping[Partition, Position]:
        """Drop what is queued, wait for what is in flight, answer what to commit."""
        leaving = self._close(partitions)
        positions: dict[Partition, Position] = {}
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REVOKE_S):
                    for held in leaving:
                        await held.settled()
        finally:
            for held in leaving:
                if held.window.floor is not None:
                    positions[held.partition] = (held.window.floor, held.window.metadata())
            self._forget(leaving)
        return positions

    def lost(self, partitions: Sequence[Partition]) -> None:
        """They belong to somebody else already: drop everything, commit nothing."""
        self._forget(self._close(partitions))

    def _close(self, partitions: Sequence[Partition]) -> list[Held]:
        leaving = [self._held[partition] for partition in partitions if partition in self._held]
        for held in leaving:
            held.closing = True
            held.backlog.clear()
        self._lanes.drop(lambda ticket: ticket.held.closing)
        return leaving

    def _forget(self, leaving: Sequence[Held]) -> None:
        for held in leaving:
            held.alive = False
            if self._held.get(held.partition) is held:
                del self._held[held.partition]
                self.tiers.gone(held.partition)
        self._count_own()

    def _count_own(self) -> None:
        self._own_partitions = max(1, sum(1 for partition in self._held if not self.tiers.is_tier(partition)))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._reap)

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if not self.failure.done():
            self.failure.set_exception(error)
