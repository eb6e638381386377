"""Looks after the hold partitions that are ours: what waits in them, who is drained, probed or expired. On the loop.

K1  Nothing of a partition is indexed before the claims of earlier owners are read to an end taken after it came to us.
K2  The committed position is the lowest held task that is not done; what is done above it is claimed per endpoint on
    `endpoints.state`, so that neither a takeover nor one paused endpoint repeats or blocks what others have waiting.
K3  A few drains run at a time, each for a while where others wait; an endpoint has one at most.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from dispatchers import metrics
from dispatchers.auto_pause import AutoPause
from dispatchers.broker_clock import BrokerClock
from dispatchers.drain import Drain, Give, Purpose
from dispatchers.endpoint_states import EndpointStates
from dispatchers.flow import REVOKE_S, THROTTLE_S
from dispatchers.hold_index import HoldIndex, Waiting
from dispatchers.hops import Hop
from dispatchers.intake import Intake
from dispatchers.lanes import Lanes
from dispatchers.partitions import Held, Ticket
from dispatchers.pause_owner import PauseOwner
from dispatchers.task import dead_letter
from dispatchers.tries import Tries
from runtime.clock import mono_ms, mono_s, now_ms
from runtime.config_follower import ConfigFollower
from runtime.kafka.positions import Position
from runtime.kafka.reader import Reader
from runtime.kafka.records import Message, Partition
from schemas import topics
from schemas.codec import encoder
from schemas.records import DeliveryTask, EndpointState
from schemas.settings import Settings

_LOG = logging.getLogger(__name__)

DRAINS_MAX: Final = 8
"""Drains at a time: each has a consumer of its own."""
SLICE_S: Final = 5.0
"""How long a drain goes on while others wait for their turn."""
REST_S: Final = 2.0
"""After a drain that could not go on: by then its endpoint is known to be paused."""
PROBE_AGAIN_S: Final = 10.0
"""A probe whose outcome was not seen by then is made again."""
SCHEDULE_S: Final = 0.1
CLAIM_S: Final = 1.0
"""How often claims are raised and the position is committed."""
CLAIMS_S: Final = 1.5
"""Longest that a revocation waits for the brokers to take its claims; without them the next owner repeats."""
CLAIMS_LOOK_S: Final = 0.01
EXPIRE_CHECKS: Final = 10
"""How often within the longest holding it is looked for what is too old; hourly at most."""
EXPIRE_CHECK_S_MAX: Final = 3600.0
UNREAD_MAX: Final = 5000
"""Records of a partition that wait for its claims; above it the partition is paused."""


@dataclass(slots=True)
class _Owned:
    """One hold partition for as long as one assignment lasts."""

    place: Partition
    committed: int
    index: HoldIndex | None = None
    """None until the claims are known."""
    unread: list[Message] = field(default_factory=list)
    drains: dict[str, Drain] = field(default_factory=dict)
    claimed: dict[str, tuple[int, str]] = field(default_factory=dict)
    served_s: dict[str, float] = field(default_factory=dict)
    """When a drain of an endpoint last ended, or may begin again."""
    alive: bool = True


class HoldOwner:
    """Every hold partition of this process."""

    def __init__(
        self,
        settings: Settings,
        follower: ConfigFollower,
        states: EndpointStates,
        pauses: PauseOwner,
        tries: Tries,
        clock: BrokerClock,
        pool: ThreadPoolExecutor,
    ) -> None:
        """Begin with no partition."""
        self._settings = settings
        self._follower = follower
        self._states = states
        self._pauses = pauses
        self._tries = tries
        self._clock = clock
        self._pool = pool
        self._lanes: Lanes[Ticket] = Lanes(inflight_max=max(1, settings.dispatch.inflight_max // 4))
        self._owned: dict[Partition, _Owned] = {}
        self._drain_of: dict[int, Drain] = {}
        """By the id of its Held."""
        self._running: set[asyncio.Task[None]] = set()
        self._probed: dict[str, tuple[int, float]] = {}
        """The probe that was begun last, by when it was due, and when it began."""
        self._scheduled_s = self._claimed_s = self._expired_s = float("-inf")
        self._encode = encoder("EndpointState")
        self._intake = Intake(follower)
        self._halted = False
        self._claims_open = 0
        self.may_start: Callable[[], bool] = lambda: True
        """Whether the group has confirmed us since the loop last stood still."""
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        states.on_pause(self._pause_changed)

    # ---- records and partitions -------------------------------------------------------------------------------------
    def assigned(self, partitions: Mapping[Partition, int]) -> None:
        """Partitions are ours, with their committed offsets (-1 for none)."""
        for place, committed in partitions.items():
            owned = self._owned[place] = _Owned(place, committed)
            self._spawn(self._take_over(owned))

    async def _take_over(self, owned: _Owned) -> None:
        await self._states.read_to_end()
        if not owned.alive:
            return
        owned.index = HoldIndex(self._states.book.claims(owned.place.number))
        unread, owned.unread = owned.unread, []
        for message in unread:
            self._index(owned, message)
        await self._pauses.take_over(owned.place.number)

    def records(self, messages: Sequence[Message]) -> None:
        """Held tasks were read; only their keys count."""
        for message in messages:
            owned = self._owned.get(Partition(message.topic(), message.partition()))
            if owned is None:
                continue
            if owned.index is None:
                owned.unread.append(message)
            else:
                self._index(owned, message)

    def _index(self, owned: _Owned, message: Message) -> None:
        assert owned.index is not None
        if message.value() is None:
            owned.index.skip(message.offset())
        else:
            endpoint = (message.key() or b"").decode("utf-8", "replace")
            owned.index.add(endpoint, message.offset(), message.timestamp()[1])

    def blocked(self) -> set[Partition]:
        """Partitions of which no more can be taken now."""
        return {place for place, owned in self._owned.items() if len(owned.unread) > UNREAD_MAX}

    async def revoked(self, partitions: Sequence[Partition]) -> Mapping[Partition, Position]:
        """End the drains, claim what they did, answer what to commit."""
        leaving = [self._owned[place] for place in partitions if place in self._owned]
        for owned in leaving:
            for drain in owned.drains.values():
                drain.stop()
        self._pauses.give_away(owned.place.number for owned in leaving)
        positions: dict[Partition, Position] = {}
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REVOKE_S):
                    for owned in leaving:
                        for drain in owned.drains.values():
                            await drain.held.settled()
        finally:
            for owned in leaving:
                self._claim(owned)
                floor = None if owned.index is None else owned.index.floor()
                if floor is not None:
                    positions[owned.place] = (floor, "")
            self._forget(leaving)
        await self._claims_taken()
        return positions

    async def _claims_taken(self) -> None:
        """Wait a little until the brokers have every claim: the next owner reads them before it begins."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLAIMS_S):
                while self._claims_open:  # noqa: ASYNC110 - at a rebalance only
                    await asyncio.sleep(CLAIMS_LOOK_S)

    def lost(self, partitions: Sequence[Partition]) -> None:
        """They belong to somebody else already."""
        leaving = [self._owned[place] for place in partitions if place in self._owned]
        self._pauses.give_away(owned.place.number for owned in leaving)
        for owned in leaving:
            for drain in owned.drains.values():
                drain.stop()
        self._forget(leaving)

    def _forget(self, leaving: Sequence[_Owned]) -> None:
        for owned in leaving:
            owned.alive = False
            for drain in owned.drains.values():
                drain.held.alive = False
            if self._owned.get(owned.place) is owned:
                del self._owned[owned.place]

    # ---- what runs --------------------------------------------------------------------------------------------------
    def tick(self, reader: Reader) -> None:
        """Start what may start, choose who is drained, claim and commit what is done."""
        now = mono_s()
        self._start_ready()
        if self._halted:
            return
        if now - self._scheduled_s >= SCHEDULE_S:
            self._scheduled_s = now
            self._schedule(now)
        if now - self._claimed_s >= CLAIM_S:
            self._claimed_s = now
            for owned in self._owned.values():
                self._claim(owned)
                floor = None if owned.index is None else owned.index.floor()
                if floor is not None and floor != owned.committed:
                    owned.committed = floor
                    reader.commit(owned.place, floor)

    def halt(self) -> None:
        """Begin nothing more."""
        self._halted = True
        for owned in self._owned.values():
            for drain in owned.drains.values():
                drain.stop()

    async def settle(self) -> None:
        """Wait for what is in flight, within REVOKE_S."""
        if self._running:
            await asyncio.wait(self._running, timeout=REVOKE_S)
        if self.failure.done():
            self.failure.result()

    def measure(self) -> None:
        """Set the gauges."""
        metrics.INFLIGHT.labels("drain").set(self._lanes.running)
        metrics.QUEUED.labels("drain").set(self._lanes.queued)
        metrics.LANES.labels("drain").set(len(self._lanes))
        metrics.WAITING.set(sum(len(owned.index) for owned in self._owned.values() if owned.index is not None))
        metrics.DRAINS.set(len(self._drain_of))

    def _schedule(self, now: float) -> None:
        probes_at = self._clock.now(mono_ms())
        expire = now - self._expired_s >= self._expire_check_s()
        if expire:
            self._expired_s = now
        for owned in list(self._owned.values()):
            if owned.index is None:
                continue
            wanted = [
                (owned.served_s.get(endpoint, 0.0), endpoint, waiting, purpose)
                for endpoint, waiting in owned.index.endpoints()
                if endpoint not in owned.drains
                and owned.served_s.get(endpoint, 0.0) <= now
                and (purpose := self._purpose(endpoint, waiting, probes_at, now, expire=expire)) is not None
            ]
            for _, endpoint, waiting, purpose in sorted(wanted, key=lambda one: one[0]):
                if len(self._drain_of) >= DRAINS_MAX:
                    self._end_a_long_one(now)
                    return
                self._begin(owned, endpoint, waiting, purpose)

    def _purpose(
        self, endpoint: str, waiting: Waiting, probes_at: int | None, now: float, *, expire: bool
    ) -> Purpose | None:
        if not self._must_wait(endpoint):
            return "drain"
        pause = self._pauses.pauses.get(endpoint)
        due = pause is not None and probes_at is not None and pause.next_probe_at <= probes_at
        manual = self._states.book.manual(endpoint)
        by_hand = manual is not None and manual["paused"]
        if due and self._is_new_probe(endpoint, pause, now) and not by_hand and self._pauses.owns(endpoint):
            return "probe"
        return "expire" if expire and self._is_old(waiting.at) else None

    def _is_new_probe(self, endpoint: str, pause: AutoPause | None, now: float) -> bool:
        """Whether it was not begun yet, or its outcome has not been seen for long."""
        due, began = self._probed.get(endpoint, (-1, 0.0))
        return pause is not None and (pause.next_probe_at != due or now - began >= PROBE_AGAIN_S)

    def _end_a_long_one(self, now: float) -> None:
        oldest = min(self._drain_of.values(), key=lambda drain: drain.started_s)
        if now - oldest.started_s > SLICE_S:
            oldest.stop()

    def _begin(self, owned: _Owned, endpoint: str, waiting: Waiting, purpose: Purpose) -> None:
        if purpose == "probe":
            pause = self._pauses.pauses.get(endpoint)
            self._probed[endpoint] = (0 if pause is None else pause.next_probe_at, mono_s())
            metrics.PROBES.inc()
        give = Give(
            deliver=self._deliver,
            expire=lambda ticket: self._bury(ticket.held, ticket.offset, ticket.task, "hold_expired"),
            bury=self._bury_poison,
            forget=lambda held: self._lanes.drop(lambda ticket: ticket.held is held),
            may_go_on=lambda: not self._must_wait(endpoint),
            is_expired=lambda task, message: self._is_old(task["held_at"] or message.timestamp()[1]),
            roomy=lambda: self._tries.hops.roomy,
        )
        drain = Drain(self._settings.kafka, owned.place, endpoint, waiting, purpose, give)
        owned.drains[endpoint] = drain
        self._drain_of[id(drain.held)] = drain
        self._spawn(self._run(owned, drain))

    async def _run(self, owned: _Owned, drain: Drain) -> None:
        try:
            await drain.run(self._pool)
        finally:
            del self._drain_of[id(drain.held)]
            if owned.alive:
                self._progress(owned, drain)
            del owned.drains[drain.endpoint]
        through = owned.index is None or owned.index.of(drain.endpoint) is None
        owned.served_s[drain.endpoint] = mono_s() + (0.0 if through else REST_S)
        if through:
            del owned.served_s[drain.endpoint]

    def _must_wait(self, endpoint: str) -> bool:
        """An endpoint that is configured no more waits for nothing: its tasks end as dead letters."""
        return self._states.book.is_paused(endpoint) and endpoint in self._follower.snapshot.endpoints

    def _pause_changed(self, endpoint: str) -> None:
        """A pause ends what is drained; its end begins a drain at once."""
        for owned in self._owned.values():
            drain = owned.drains.get(endpoint)
            if drain is not None and drain.purpose == "drain" and self._must_wait(endpoint):
                drain.stop()
            owned.served_s.pop(endpoint, None)
        self._probed.pop(endpoint, None)

    def _is_old(self, held_at: int) -> bool:
        return now_ms() - held_at > self._settings.dispatch.hold_age_max_s * 1000

    def _expire_check_s(self) -> float:
        return min(EXPIRE_CHECK_S_MAX, self._settings.dispatch.hold_age_max_s / EXPIRE_CHECKS)

    # ---- tries ------------------------------------------------------------------------------------------------------
    def _deliver(self, ticket: Ticket) -> None:
        endpoint = self._follower.snapshot.endpoints.get(ticket.task["endpoint"])
        limit = self._settings.dispatch.concurrency
        rate_per_s = None
        if endpoint is not None:
            limit, rate_per_s = endpoint.concurrency or limit, endpoint.rate_per_s
        self._lanes.admit(
            ticket.task["endpoint"],
            ticket.task["contact_key"],
            ticket,
            ticket.size,
            now=ticket.read_s,
            concurrency=max(1, limit // 2),
            rate_per_s=rate_per_s / 2 if rate_per_s else None,
        )
        self._start_ready()

    def _start_ready(self) -> None:
        if not self._tries.hops.roomy or not self.may_start():
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
        self._end(ticket.held, ticket.offset, done=done)

    def _end(self, held: Held, offset: int, *, done: bool) -> None:
        drain = self._drain_of.get(id(held))
        if drain is not None:
            drain.ended(offset, done=done)

    def _bury(self, held: Held, offset: int, task: DeliveryTask, reason: str) -> None:
        held.inflight += 1
        where = (held.partition.topic, held.partition.number, offset)
        letter = dead_letter(task, task["outcomes"], reason, now=now_ms(), source=where)
        self._tries.hops.send(
            [self._tries.letter(letter, task["endpoint"])], lambda: self._end(held, offset, done=True)
        )

    def _bury_poison(self, held: Held, message: Message, error: Exception) -> None:
        held.inflight += 1
        offset = message.offset()
        letter = self._intake.letter(message, error, now=now_ms())
        where = {"partition": held.partition.number, "offset": offset}
        _LOG.error("poison record moved to the dead letters", extra={**where, "reason": letter["reason"]})
        key = (message.key() or b"").decode("utf-8", "replace")
        self._tries.hops.send([self._tries.letter(letter, key)], lambda: self._end(held, offset, done=True))

    # ---- claims -----------------------------------------------------------------------------------------------------
    def _claim(self, owned: _Owned) -> None:
        for drain in owned.drains.values():
            self._progress(owned, drain)

    def _progress(self, owned: _Owned, drain: Drain) -> None:
        """Take over how far a drain has come, and claim it."""
        if owned.index is None:
            return
        below, beyond, finished, oldest_at = drain.progress()
        owned.index.done(drain.endpoint, below=below, beyond=beyond, finished=finished, oldest_at=oldest_at)
        if owned.claimed.get(drain.endpoint) == (below, beyond):
            return
        owned.claimed[drain.endpoint] = (below, beyond)
        record: EndpointState = {
            "endpoint": drain.endpoint,
            "kind": "hold",
            "paused": False,
            "reason": None,
            "since": None,
            "next_probe_at": None,
            "probes": 0,
            "hold_partition": owned.place.number,
            "done_below": below,
            "done_beyond": beyond or None,
            "url_hash": None,
            "actor": "dispatcher",
            "updated_at": now_ms(),
        }
        key = topics.claim_key(drain.endpoint, owned.place.number)
        self._claims_open += 1
        self._tries.hops.send([Hop(topics.ENDPOINT_STATE, key, self._encode(record))], self._claim_taken)

    def _claim_taken(self) -> None:
        self._claims_open -= 1

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._reap)

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not self.failure.done():
            self.failure.set_exception(error)
