"""From a record to its tries and back to its offset: what fresh events, due retries and ready tasks have in common.

S1  A record is begun in its window, becomes tasks, and each is offered to the lanes. One whose endpoint is paused, or
    whose lane is full or lags, goes to the hold log instead, once. Only when the whole process has no room does a
    record wait in its partition's backlog, and the partition is paused. Nothing is ever put aside without a bound.
S2  Only the contiguous finished prefix is committed; the done-beyond set rides in the metadata.
S4  After a gap of the loop nothing starts until the group confirms that we are still a member.
S5  What is in flight refers to the Held of its assignment; once that is not alive its result counts for nothing.
All on the loop.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

from dispatchers import metrics
from dispatchers.intake import Intake
from dispatchers.lanes import Lanes
from dispatchers.membership import Membership
from dispatchers.partitions import Held, Pending, Ticket
from dispatchers.pauses import PauseBook
from dispatchers.task import RECORD_BYTES, UntrustedTaskError
from dispatchers.tries import Tries
from dispatchers.window import OffsetWindow
from runtime.clock import mono_s, now_ms
from runtime.config_follower import ConfigFollower
from runtime.kafka.metrics import CONSUMER_LAG, OLDEST_UNPROCESSED, UNKNOWN_SCHEMA
from runtime.kafka.positions import Position
from runtime.kafka.reader import Reader
from runtime.kafka.records import Committed, Message, Partition
from runtime.worker import Life
from schemas.codec import PoisonError, UnknownSchemaError
from schemas.records import DeliveryTask

_LOG = logging.getLogger(__name__)

REVOKE_S: Final = 5.5
"""Longest wait for tries in flight and their acknowledgements when a partition goes away (DESIGN.md 4.4)."""
THROTTLE_S: Final = 1.0
"""How long a lane rests after 429, 502, 503 or 504."""
SCHEMA_RETRY_S: Final = 1.0
WIDE_WINDOW: Final = 1024
"""Open records above which writing the done-beyond set costs more than a tick should."""
WIDE_COMMIT_S: Final = 0.25
"""How often the position of a wide window is committed."""


class Flow:
    """The tasks of some partitions, through one set of lanes."""

    def __init__(
        self,
        name: str,
        life: Life,
        follower: ConfigFollower,
        tries: Tries,
        pauses: PauseBook,
        intake: Intake,
        share: Callable[[], float],
        reader_of: Callable[[Partition], Reader],
    ) -> None:
        """`name` is the label of the metrics; `share` tells which part of the fleet's limits is ours, up to 1."""
        self._name = name
        self._life = life
        self._follower = follower
        self._tries = tries
        self._pauses = pauses
        self._intake = intake
        self._share = share
        self._reader_of = reader_of
        self._dispatch = life.settings.dispatch
        self._lanes: Lanes[Ticket] = Lanes(inflight_max=self._dispatch.inflight_max)
        self._running: set[asyncio.Task[None]] = set()
        self._membership: Membership | None = None
        self._draining = False
        self.held: dict[Partition, Held] = {}
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def watch(self, readers: Sequence[Reader]) -> None:
        """Start nothing after a gap of the loop until the groups of these readers confirm us."""
        self._membership = Membership(
            readers, session_s=self._dispatch.session_timeout_s, ask_for_positions=self._ask_for_positions
        )

    @property
    def waits_for_schema(self) -> bool:
        """Whether a partition waits for a newer version of this process."""
        return any(held.waiting_for_schema for held in self.held.values())

    def tick(self) -> None:
        """Offer what waited, start what may start, commit what is done."""
        if self._membership is not None:
            self._membership.beat()
        self._offer_backlogs()
        self.start_ready()
        self._commit(mono_s())

    def halt(self) -> None:
        """Start nothing more."""
        self._draining = True

    async def settle(self) -> None:
        """Wait for what is in flight, within REVOKE_S; raises what broke a try."""
        if self._running:
            await asyncio.wait(self._running, timeout=REVOKE_S)
        if self.failure.done():
            self.failure.result()

    # ---- records ----------------------------------------------------------------------------------------------------
    def take(self, held: Held, message: Message, *, is_task: bool) -> None:
        """Take a record: an event, or with `is_task` a task that is due."""
        pending = Pending(message, is_task=is_task)
        if held.backlog or held.window.full:
            held.backlog.append(pending)
        else:
            self._accept(held, pending)

    def _accept(self, held: Held, pending: Pending) -> bool:
        """Begin a record and offer its tasks; False when it waits at the head of the backlog, whole or in part."""
        if pending.tasks is None:
            try:
                tasks = self._intake.tasks(pending.message, is_task=pending.is_task)
            except UnknownSchemaError as error:
                self._wait_for_upgrade(held, pending, error)
                return False
            except (PoisonError, UntrustedTaskError) as error:
                self._bury_poison(held, pending, error)
                return True
            pending.tasks = self._begin(held, pending.message, tasks)
        tasks, now = pending.tasks, mono_s()
        for index, task in enumerate(tasks):
            if not self._offer(Ticket(held, pending.message.offset(), task, len(task["body"]) + RECORD_BYTES, now)):
                pending.tasks = tasks[index:]
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
        """False where the whole process has no room for it now."""
        name = ticket.task["endpoint"]
        endpoint = self._follower.snapshot.endpoints.get(name)
        if endpoint is not None and self.must_wait(ticket.task):
            return self._hold(ticket, "paused")
        limit = endpoint.concurrency if endpoint is not None and endpoint.concurrency else self._dispatch.concurrency
        rate_per_s = endpoint.rate_per_s if endpoint is not None else None
        share = self._share()
        answer = self._lanes.offer(
            name,
            ticket.task["contact_key"],
            ticket,
            ticket.size,
            now=ticket.read_s,
            concurrency=max(1, int(limit * share)),
            rate_per_s=rate_per_s * share if rate_per_s else None,
        )
        if answer == "lane_full":
            return self._hold(ticket, "overflow")
        if answer == "whole_full":
            self._make_room()
        return answer == "queued"

    def must_wait(self, task: DeliveryTask) -> bool:
        """Whether a task waits for its endpoint; a test event is sent whatever its endpoint's state."""
        return task["origin"] != "test" and self._pauses.is_paused(task["endpoint"])

    def _hold(self, ticket: Ticket, why: str) -> bool:
        """Append a task to the hold log; False while the brokers take nothing."""
        if not self._tries.hops.roomy:
            return False
        self._append(ticket, why)
        return True

    def _append(self, ticket: Ticket, why: str) -> None:
        ticket.held.inflight += 1
        metrics.HELD_OF[why].inc()
        self._tries.hops.send([self._tries.held(ticket.task)], lambda: self.ended(ticket, done=True))

    def _make_room(self) -> None:
        """The whole is full: what waits longest in a lane goes to the hold log, so that no slow one blocks the rest."""
        slowest = self._lanes.slowest(mono_s())
        if slowest is not None:
            self.divert(slowest, "overflow")

    def divert(self, endpoint: str, why: str = "paused") -> None:
        """Append everything queued for an endpoint to the hold log, but test events."""
        tickets = self._lanes.take(endpoint, lambda ticket: why != "paused" or self.must_wait(ticket.task))
        for ticket in sorted(tickets, key=lambda ticket: (ticket.held.partition, ticket.offset)):
            self._append(ticket, why)

    def _wait_for_upgrade(self, held: Held, pending: Pending, error: UnknownSchemaError) -> None:
        if not held.waiting_for_schema:
            UNKNOWN_SCHEMA.inc()
            _LOG.error("a record needs a newer version of this process: %s", error)
        self._life.not_ready = f"a record needs a newer version: {error}"
        held.wait_for_schema(mono_s() + SCHEMA_RETRY_S)
        held.backlog.appendleft(pending)

    def _bury_poison(self, held: Held, pending: Pending, error: Exception) -> None:
        held.waiting_for_schema = False
        message = pending.message
        offset = message.offset()
        if not held.window.begin(offset):
            held.dirty = True
            return
        held.begun(message, 1)
        held.inflight += 1
        letter = self._intake.letter(message, error, now=now_ms())
        where = {"topic": held.partition.topic, "partition": held.partition.number, "offset": offset}
        _LOG.error("poison record moved to the dead letters", extra={**where, "reason": letter["reason"]})
        key = (message.key() or b"").decode("utf-8", "replace") if pending.is_task else ""
        self._tries.hops.send([self._tries.letter(letter, key)], lambda: self._settle(held, offset, done=True))

    def may_start(self) -> bool:
        """Whether the groups have confirmed us since the loop last stood still."""
        return self._membership is None or self._membership.may_start()

    # ---- lanes ------------------------------------------------------------------------------------------------------
    def start_ready(self) -> None:
        """Begin every try that may begin."""
        if self._draining or not self._tries.hops.roomy or not self.may_start():
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
        self.start_ready()

    def ended(self, ticket: Ticket, *, done: bool) -> None:
        """A ticket has come to its end."""
        self._settle(ticket.held, ticket.offset, done=done)

    def _settle(self, held: Held, offset: int, *, done: bool) -> None:
        if done and held.alive:
            held.task_done(offset)
        held.ended()

    def _offer_backlogs(self) -> None:
        for held in self.held.values():
            while held.backlog and held.may_look(mono_s()) and not held.closing:
                if held.backlog[0].tasks is None and held.window.full:
                    break
                if not self._accept(held, held.backlog.popleft()):
                    break

    def blocked(self) -> set[Partition]:
        """Partitions of which nothing more can be taken now."""
        return {name for name, held in self.held.items() if held.backlog or held.window.full}

    @property
    def reads_ahead(self) -> bool:
        """Whether enough is queued for endpoints that keep up, so that nothing fresh need be read."""
        return self._lanes.reads_ahead(mono_s())

    # ---- positions --------------------------------------------------------------------------------------------------
    def _commit(self, now: float) -> None:
        for held in self.held.values():
            floor = held.window.floor
            if not held.dirty or floor is None or held.closing or now < held.commit_after_s:
                continue
            held.dirty = False
            held.commit_after_s = now + WIDE_COMMIT_S if held.window.open > WIDE_WINDOW else 0.0
            self._reader_of(held.partition).commit(held.partition, floor, held.window.metadata())

    def _ask_for_positions(self) -> None:
        for held in self.held.values():
            floor = held.window.floor
            if floor is not None and not held.closing:
                self._reader_of(held.partition).commit(held.partition, floor, held.window.metadata())

    def measure(self) -> None:
        """Set the gauges of this flow."""
        metrics.INFLIGHT.labels(self._name).set(self._lanes.running)
        metrics.QUEUED.labels(self._name).set(self._lanes.queued)
        metrics.LANES.labels(self._name).set(len(self._lanes))

    def measure_age(self, *, of: Callable[[Partition], bool]) -> None:
        """Set how old the oldest record is that is read and not done, of the partitions asked for."""
        stamps = [held.oldest_ms() for name, held in self.held.items() if of(name)]
        oldest = min((stamp for stamp in stamps if stamp is not None), default=None)
        CONSUMER_LAG.labels(self._name).set(max(0.0, (now_ms() - oldest) / 1000) if oldest is not None else 0)
        OLDEST_UNPROCESSED.labels(self._name).set(oldest / 1000 if oldest is not None else 0)

    # ---- assignment -------------------------------------------------------------------------------------------------
    def assigned(self, partitions: Mapping[Partition, Committed]) -> None:
        """Fresh state for partitions that are ours now."""
        for partition, committed in partitions.items():
            floor = committed.offset if committed.offset >= 0 else None
            self.held[partition] = Held(partition, OffsetWindow(floor, committed.metadata))

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
        leaving = [self.held[partition] for partition in partitions if partition in self.held]
        for held in leaving:
            held.closing = True
            held.backlog.clear()
        self._lanes.drop(lambda ticket: ticket.held.closing)
        return leaving

    def _forget(self, leaving: Sequence[Held]) -> None:
        for held in leaving:
            held.alive = False
            if self.held.get(held.partition) is held:
                del self.held[held.partition]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._reap)

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Hand an error to the role, which ends the process with it."""
        if not self.failure.done():
            self.failure.set_exception(error)
