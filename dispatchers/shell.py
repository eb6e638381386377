"""The dispatcher of one event type: its fresh events and its five tiers, through one set of lanes. All on the loop.

S1  A record is begun in its window, fanned out or taken as a task, and offered to the lanes; what finds no room waits
    in its partition's backlog, and the partition is paused. Nothing is ever put aside without a bound.
S2  Only the contiguous finished prefix is committed; the done-beyond set rides in the metadata.
S3  A tier's record is parked until the brokers' clock says that it is due.
S4  After a gap of the loop nothing starts until the group confirms that we are still a member.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dispatchers import metrics
from dispatchers.broker_clock import BrokerClock
from dispatchers.delay import ParkedHeads
from dispatchers.lanes import Lanes
from dispatchers.partitions import Held, Pending, Ticket
from dispatchers.task import UntrustedTaskError, check, dead_letter, fan_out, unreadable
from dispatchers.tries import Tries
from dispatchers.window import OffsetWindow
from runtime.clock import mono_ms, mono_s, now_ms
from runtime.config_follower import ConfigFollower
from runtime.kafka.metrics import CONSUMER_LAG, OLDEST_UNPROCESSED, UNKNOWN_SCHEMA
from runtime.kafka.properties import consumer
from runtime.kafka.reader import Position, Reader
from runtime.kafka.records import Committed, Message, Partition
from runtime.worker import Life
from schemas import topics
from schemas.codec import PoisonError, UnknownSchemaError, decoder
from schemas.events import RECORDS
from schemas.records import DeliveryTask, EventType
from schemas.settings import Settings

_LOG = logging.getLogger(__name__)

TICK_S: Final = 0.025
"""How often positions are committed, backlogs offered again and gauges set."""
REVOKE_S: Final = 5.5
"""Longest wait for tries in flight and their acknowledgements when a partition goes away (DESIGN.md 4.4)."""
THROTTLE_S: Final = 1.0
"""How long a lane rests after 429, 502, 503 or 504."""
SCHEMA_RETRY_S: Final = 1.0
RECORD_BYTES: Final = 512
"""Cost of a task beside its body, for the lanes' bound."""


class DelayNotKeptError(Exception):
    """A delay topic has no committed position and has lost records."""


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
        self._clock = clock
        self._dispatch = settings.dispatch
        self._partitions = partitions
        self._lanes: Lanes[Ticket] = Lanes(inflight_max=settings.dispatch.inflight_max)
        self._held: dict[Partition, Held] = {}
        self._parked: dict[Partition, ParkedHeads[Message]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._read_event = decoder(RECORDS[event])
        self._read_task = decoder("DeliveryTask")
        self._events_topic = settings.topic_prefix + topics.events_topic(event)
        self._tier_of = {settings.topic_prefix + topics.tier_topic(event, i): i for i in range(len(topics.TIERS))}
        self._events, self._tiers = self._make_readers(settings)
        self._last_tick_s = mono_s()
        self._suspended = False
        self._draining = False
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
        return (
            Reader(fresh, [self._events_topic], _Handler(self, delayed=False), name=f"{self._event}"),
            Reader(
                delayed, list(self._tier_of), _Handler(self, delayed=True), name=f"{self._event}.tiers", watermarks=True
            ),
        )

    @property
    def readers(self) -> tuple[Reader, Reader]:
        """Both readers."""
        return self._events, self._tiers

    @property
    def ready(self) -> bool:
        """Whether any partition is ours and none waits for a newer version of this process."""
        return bool(self._held) and not any(held.waiting_for_schema for held in self._held.values())

    def start(self) -> None:
        """Begin to read."""
        self._events.start()
        self._tiers.start()

    async def tick(self) -> None:
        """Release what is due, offer what waited, start what may start, commit what is done. Runs every TICK_S."""
        now = mono_s()
        if now - self._last_tick_s > self._dispatch.session_timeout_s / 2 and self._held and not self._suspended:
            self._suspended = True
            self._spawn(self._confirm_membership())
        self._last_tick_s = now
        self._release_due()
        self._offer_backlogs()
        self._start_ready()
        self._commit()
        self._pause()
        self._measure()

    async def drain(self) -> None:
        """Leave both groups: what is in flight ends first, within REVOKE_S."""
        self._draining = True
        await asyncio.gather(self._events.close(), self._tiers.close())
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=REVOKE_S)

    # ---- records ----------------------------------------------------------------------------------------------------
    def take(self, messages: Sequence[Message]) -> None:
        """Records of either reader."""
        for message in messages:
            partition = Partition(message.topic(), message.partition())
            held = self._held.get(partition)
            if held is None or not held.alive or held.closing:
                continue
            parked = self._parked.get(partition)
            if parked is not None:
                parked.park(message.timestamp()[1], message)
            elif held.backlog or held.window.full:
                held.backlog.append(Pending(message))
            else:
                self._accept(held, Pending(message))
        self._start_ready()
        self._pause()

    def _accept(self, held: Held, pending: Pending) -> bool:
        """Begin a record and offer its tasks; False when some found no room and wait in the backlog."""
        message = pending.message
        offset = message.offset()
        tasks = pending.tasks
        if tasks is None:
            tasks = self._tasks_of(held, pending)
            if tasks is None:
                return not held.waiting_for_schema
        tier = self._tier_of.get(held.partition.topic)
        while tasks:
            task = tasks[0]
            size = len(task["body"]) + RECORD_BYTES
            if not self._offer(Ticket(held, offset, task, size, tier)):
                metrics.OVERFLOW.inc()
                held.backlog.appendleft(Pending(message, tasks, pending.due))
                return False
            tasks = tasks[1:]
        return True

    def _tasks_of(self, held: Held, pending: Pending) -> list[DeliveryTask] | None:
        """Tasks of a record that was begun; None where there is nothing to try."""
        message = pending.message
        offset, value = message.offset(), message.value() or b""
        is_tier = held.partition.topic in self._tier_of
        try:
            _, record = (self._read_task if is_tier else self._read_event)(value)
            if is_tier:
                check(record)
        except UnknownSchemaError as error:
            self._wait_for_upgrade(held, pending, error)
            return None
        except (PoisonError, UntrustedTaskError) as error:
            if held.window.begin(offset):
                held.left[offset] = 1
                self._spawn(self._bury_poison(held, message, error))
            return None
        held.waiting_for_schema = False
        if not held.window.begin(offset):
            held.dirty = True
            return None
        tasks = [record] if is_tier else fan_out(self._event, record, self._endpoints_of(record["account"]))
        if not tasks:
            held.left[offset] = 1
            held.task_done(offset)
            return None
        held.left[offset] = len(tasks)
        return tasks

    def _endpoints_of(self, account: str) -> Any:
        return self._follower.snapshot.endpoints_of(account)

    def _offer(self, ticket: Ticket) -> bool:
        endpoint = self._follower.snapshot.endpoints.get(ticket.task["endpoint"])
        limit = endpoint.concurrency if endpoint is not None and endpoint.concurrency else self._dispatch.concurrency
        return self._lanes.offer(
            ticket.task["endpoint"],
            ticket.task["contact_key"],
            ticket,
            ticket.size,
            concurrency=max(1, limit * self._own_share() // self._partitions),
            rate_per_s=endpoint.rate_per_s if endpoint is not None else None,
        )

    def _own_share(self) -> int:
        """How many of the event's partitions are ours: limits are for the fleet."""
        return sum(1 for partition in self._held if partition.topic == self._events_topic) or 1

    def _wait_for_upgrade(self, held: Held, pending: Pending, error: UnknownSchemaError) -> None:
        UNKNOWN_SCHEMA.inc()
        self._life.not_ready = f"a record needs a newer version: {error}"
        _LOG.error("a record needs a newer version of this process: %s", error)
        held.wait_for_schema(mono_s() + SCHEMA_RETRY_S)
        held.backlog.appendleft(pending)

    async def _bury_poison(self, held: Held, message: Message, error: Exception) -> None:
        reason = "untrusted" if isinstance(error, UntrustedTaskError) else "undecodable"
        where = (held.partition.topic, held.partition.number, message.offset())
        letter = dead_letter(
            unreadable(self._event), [], reason, now=now_ms(), source=where, raw_value=message.value() or b""
        )
        key = (message.key() or b"").decode("utf-8", "replace") if held.partition.topic in self._tier_of else ""
        await self._tries.bury(letter, key)
        metrics.DEAD.labels(self._event, reason).inc()
        _LOG.error("poison record moved to the dead letters", extra={"where": where, "reason": reason})
        held.task_done(message.offset())

    # ---- lanes ------------------------------------------------------------------------------------------------------
    def _start_ready(self) -> None:
        if self._suspended or self._draining:
            return
        for ticket in self._lanes.start(mono_s()):
            ticket.held.inflight += 1
            self._spawn(self._run(ticket))

    async def _run(self, ticket: Ticket) -> None:
        held, task = ticket.held, ticket.task
        freed = False

        def released(*, throttle: bool) -> None:
            nonlocal freed
            if freed:
                return
            freed = True
            if throttle:
                self._lanes.throttle(task["endpoint"], mono_s() + THROTTLE_S)
            self._lanes.finished(task["endpoint"], task["contact_key"], ticket.size)

        try:
            await self._tries.run(ticket, released=released)
        finally:
            released(throttle=False)
            held.inflight -= 1
            if not held.inflight:
                held.idle.set()
        if held.alive:
            held.task_done(ticket.offset)
        self._start_ready()

    def _offer_backlogs(self) -> None:
        for held in self._held.values():
            while held.backlog and held.may_look(mono_s()) and not held.closing:
                if held.backlog[0].tasks is None and held.window.full:
                    break
                if not self._accept(held, held.backlog.popleft()):
                    break

    def _release_due(self) -> None:
        now = self._clock.now(mono_ms())
        if now is None:
            return
        for partition, parked in self._parked.items():
            held = self._held.get(partition)
            if held is None or held.backlog or held.closing:
                continue
            tier = topics.TIERS[self._tier_of[partition.topic]]
            for due, message in parked.release(now):
                metrics.LATENESS.labels(tier).observe((now - due) / 1000)
                if held.backlog or held.window.full:
                    held.backlog.append(Pending(message))
                else:
                    self._accept(held, Pending(message))

    def _pause(self) -> None:
        paused = frozenset(
            partition
            for partition, held in self._held.items()
            if held.backlog
            or held.window.full
            or not (partition not in self._parked or self._parked[partition].reading)
        )
        self._events.pause(paused)
        self._tiers.pause(paused)

    def _commit(self) -> None:
        for partition, held in self._held.items():
            floor = held.window.floor
            if held.dirty and floor is not None and not held.closing:
                held.dirty = False
                reader = self._tiers if partition in self._parked else self._events
                reader.commit(partition, floor, held.window.metadata())

    def _measure(self) -> None:
        metrics.INFLIGHT.labels(self._event).set(self._lanes.running)
        metrics.QUEUED.labels(self._event).set(self._lanes.queued)
        metrics.LANES.labels(self._event).set(len(self._lanes))
        now = self._clock.now(mono_ms())
        parked = [0] * len(topics.TIERS)
        overdue = [0.0] * len(topics.TIERS)
        for partition, heads in self._parked.items():
            tier = self._tier_of[partition.topic]
            parked[tier] += len(heads)
            due = heads.next_due()
            if due is not None and now is not None:
                overdue[tier] = max(overdue[tier], (now - due) / 1000)
        for index, name in enumerate(topics.TIERS):
            metrics.PARKED.labels(name).set(parked[index])
            metrics.DUE_LAG.labels(name).set(overdue[index])
        oldest = [
            h.backlog[0].message.timestamp()[1] for p, h in self._held.items() if h.backlog and p not in self._parked
        ]
        CONSUMER_LAG.labels(self._event).set((now_ms() - min(oldest)) / 1000 if oldest else 0)
        OLDEST_UNPROCESSED.labels(self._event).set(min(oldest) / 1000 if oldest else 0)

    # ---- assignment -------------------------------------------------------------------------------------------------
    def start_offset(self, partition: Partition, committed: Committed, low: int, high: int) -> int | None:
        """A delay partition begins at 0 and nowhere else: a hole would be lost tries (KAFKA.md, Delay topics)."""
        if committed.offset >= 0:
            return None
        if low == 0:
            return 0
        raise DelayNotKeptError(
            f"{partition.topic}[{partition.number}] has no committed position and begins at {low} (end {high})"
        )

    def assigned_now(self, partitions: Mapping[Partition, Committed], *, delayed: bool) -> None:
        """Fresh state for partitions that are ours now."""
        for partition, committed in partitions.items():
            floor = committed.offset if committed.offset >= 0 else None
            self._held[partition] = Held(partition, OffsetWindow(floor, committed.metadata))
            if delayed:
                self._parked[partition] = ParkedHeads(self._dispatch.tier_delays_s[self._tier_of[partition.topic]])

    async def revoked(self, partitions: Sequence[Partition]) -> Mapping[Partition, Position]:
        """Drop what is queued, wait for what is in flight, answer what to commit."""
        leaving = [self._held[partition] for partition in partitions if partition in self._held]
        for held in leaving:
            held.closing = True
            held.backlog.clear()
        self._lanes.drop(lambda ticket: ticket.held.closing)
        deadline = mono_s() + REVOKE_S
        for held in leaving:
            while held.inflight and mono_s() < deadline:
                held.idle.clear()
                try:
                    await asyncio.wait_for(held.idle.wait(), max(0.01, deadline - mono_s()))
                except TimeoutError:
                    break
        positions: dict[Partition, Position] = {}
        for held in leaving:
            floor = held.window.floor
            if floor is not None:
                positions[held.partition] = (floor, held.window.metadata())
        self._forget(leaving)
        return positions

    def lost(self, partitions: Sequence[Partition]) -> None:
        """They belong to somebody else already: drop everything, commit nothing."""
        leaving = [self._held[partition] for partition in partitions if partition in self._held]
        for held in leaving:
            held.closing = True
        self._lanes.drop(lambda ticket: ticket.held.closing)
        self._forget(leaving)

    def _forget(self, leaving: Sequence[Held]) -> None:
        for held in leaving:
            held.alive = False
            self._held.pop(held.partition, None)
            self._parked.pop(held.partition, None)

    async def _confirm_membership(self) -> None:
        _LOG.warning("the loop stood still; nothing starts until the group confirms %s", self._event)
        answers = await asyncio.gather(self._events.verify(), self._tiers.verify())
        if not all(answers):
            self.lost(list(self._held))
        self._suspended = False

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._reap)

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not self.failure.done():
            self.failure.set_exception(error)


class _Handler:
    """One reader's side of the shell."""

    def __init__(self, shell: EventShell, *, delayed: bool) -> None:
        self._shell = shell
        self._delayed = delayed

    def start_offset(self, partition: Partition, committed: Committed, low: int, high: int) -> int | None:
        """Delay topics have a rule of their own."""
        return self._shell.start_offset(partition, committed, low, high) if self._delayed else None

    def assigned(self, partitions: Mapping[Partition, Committed]) -> None:
        """Partitions are ours."""
        self._shell.assigned_now(partitions, delayed=self._delayed)

    def records(self, messages: Sequence[Message]) -> None:
        """Records came."""
        self._shell.take(messages)

    async def revoked(self, partitions: Sequence[Partition]) -> Mapping[Partition, Position]:
        """Partitions go away in good order."""
        return await self._shell.revoked(partitions)

    def lost(self, partitions: Sequence[Partition]) -> None:
        """Partitions are gone."""
        self._shell.lost(partitions)
