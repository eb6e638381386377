"""Looks after the hold partitions that are ours: what waits in them, who is drained, probed or expired. On the loop.

K1  Nothing of a partition is indexed before the claims of earlier owners are read to an end taken after it came to us.
K2  The committed position is the lowest held task that is not done; what is done above it is claimed per endpoint on
    `endpoints.state`, so that neither a takeover nor one paused endpoint repeats or blocks what others have waiting.
K3  A few drains run at a time, each for a while where others wait; an endpoint has one at most.
K4  What is too old is looked for now and then; who was found then is seen to, however many there are.
"""

import asyncio
import contextlib
import functools
import logging
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from dispatchers import metrics
from dispatchers.broker_clock import BrokerClock
from dispatchers.drain import Drain, Give, endpoint_of
from dispatchers.endpoint_states import EndpointStates
from dispatchers.flow import REVOKE_S
from dispatchers.hold_claims import Claims
from dispatchers.hold_index import HoldIndex, Waiting, speak_of_this_log
from dispatchers.hold_tries import HeldTries
from dispatchers.hold_turns import Purpose, Running, Turns, Wish, purpose_of, turns
from dispatchers.partitions import Ticket
from dispatchers.pause_owner import PauseOwner
from dispatchers.pauses import Claim
from dispatchers.tries import Tries
from runtime.clock import mono_ms, mono_s, now_ms
from runtime.config_follower import ConfigFollower
from runtime.kafka.metrics import UNKNOWN_SCHEMA
from runtime.kafka.positions import Position
from runtime.kafka.reader import Reader
from runtime.kafka.records import Message, Partition
from schemas.settings import Settings

_LOG = logging.getLogger(__name__)

REST_S: Final = 2.0
"""After a drain that could not go on: by then its endpoint is known to be paused."""
PROBE_AGAIN_S: Final = 10.0
"""A probe whose outcome was not seen by then is made again."""
SCHEDULE_S: Final = 0.1
SCHEDULE_REST: Final = 20
"""Choosing rests so many times as long as it took: with ten thousand paused endpoints it is a twentieth of the loop."""
CLAIM_S: Final = 1.0
"""How often claims are raised and the position is committed."""
EXPIRE_CHECKS: Final = 10
"""How often within the longest holding it is looked for what is too old; hourly at most."""
EXPIRE_CHECK_S_MAX: Final = 3600.0
UNREAD_MAX: Final = 5000
"""Records of a partition that wait for its claims; above it the partition is paused."""


class _Read(NamedTuple):
    """What counts of a record of the hold log."""

    endpoint: str
    offset: int
    at: int


@dataclass(slots=True)
class _Owned:
    """One hold partition for as long as one assignment lasts."""

    place: Partition
    committed: int
    claims: Claims
    index: HoldIndex | None = None
    """None until the claims are known."""
    unread: list[_Read] = field(default_factory=list)
    drains: dict[str, Drain] = field(default_factory=dict)
    served_s: dict[str, float] = field(default_factory=dict)
    """When a drain of an endpoint last ended, or may begin again."""
    old: set[str] = field(default_factory=set)
    """Endpoints with tasks that are held too long, found and not seen to."""
    needs_newer: set[str] = field(default_factory=set)
    """Endpoints whose next task a newer version of this process wrote."""
    leaving: bool = False
    """True while it is given back: nothing of it begins, what runs still counts."""
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
        self._hops = tries.hops
        self._clock = clock
        self._pool = pool
        self._owned: dict[Partition, _Owned] = {}
        self._drains: list[Drain] = []
        """Everything that runs, of partitions that are gone too."""
        self._running: set[asyncio.Task[None]] = set()
        self._probed: dict[str, tuple[int, float]] = {}
        """The probe that was begun last, by when it was due, and when it began."""
        self._schedule_after_s = self._claimed_s = self._expired_s = float("-inf")
        self._halted = False
        self._taking: set[asyncio.Task[None]] = set()
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.tries = HeldTries(settings, follower, tries, self._fail)
        states.on_pause(self._pause_changed)

    # ---- records and partitions -------------------------------------------------------------------------------------
    def assigned(self, partitions: Mapping[Partition, int]) -> None:
        """Partitions are ours, with their committed offsets (-1 for none)."""
        for place, committed in partitions.items():
            owned = self._owned[place] = _Owned(place, committed, Claims(self._hops, place.number))
            self._spawn(self._take_over(owned), self._taking)

    async def _take_over(self, owned: _Owned) -> None:
        await self._states.read_to_end()
        claims = self._states.book.claims(owned.place.number)
        ends = await self._states.ends([owned.place])
        if owned.alive and not speak_of_this_log(claims, committed=owned.committed, end=ends[owned.place]):
            if claims:
                _LOG.warning("the claims on hold partition %s are of another log", owned.place.number)
            await owned.claims.take_back(claims)
            claims = {}
        if not owned.alive:
            return
        owned.index = HoldIndex(claims)
        for read in owned.unread:
            owned.index.add(*read)
        owned.unread.clear()
        await self._pauses.take_over(owned.place.number)

    def records(self, messages: Sequence[Message]) -> None:
        """Held tasks were read; only their keys count."""
        for message in messages:
            owned = self._owned.get(Partition(message.topic(), message.partition()))
            if owned is None:
                continue
            read = _Read(endpoint_of(message), message.offset(), message.timestamp()[1])
            if owned.index is None:
                owned.unread.append(read)
            else:
                owned.index.add(*read)

    def blocked(self) -> set[Partition]:
        """Partitions of which no more can be taken now."""
        return {place for place, owned in self._owned.items() if len(owned.unread) > UNREAD_MAX}

    async def revoked(self, partitions: Sequence[Partition]) -> Mapping[Partition, Position]:
        """End the drains, claim what they did, answer what to commit."""
        leaving = self._let_go(partitions)
        positions: dict[Partition, Position] = {}
        settled = False
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REVOKE_S):
                    for drain in [drain for owned in leaving for drain in owned.drains.values()]:
                        await drain.held.settled()
                    settled = True
        finally:
            for owned in leaving:
                self._claim(owned)
                floor = None if owned.index is None else owned.index.floor()
                if floor is not None:
                    positions[owned.place] = (floor, "")
            self._forget(leaving)
        if settled:  # else the brokers take nothing, or it is late
            await asyncio.gather(*(owned.claims.taken() for owned in leaving))
        return positions

    def lost(self, partitions: Sequence[Partition]) -> None:
        """They belong to somebody else already."""
        self._forget(self._let_go(partitions))

    def _let_go(self, partitions: Sequence[Partition]) -> list[_Owned]:
        """Begin nothing more of these."""
        leaving = [self._owned[place] for place in partitions if place in self._owned]
        self._pauses.give_away(owned.place.number for owned in leaving)
        for owned in leaving:
            owned.leaving = True
            for drain in owned.drains.values():
                drain.held.closing = True
                drain.stop()
        return leaving

    def _forget(self, leaving: Sequence[_Owned]) -> None:
        for owned in leaving:
            owned.alive = False
            for drain in owned.drains.values():
                drain.held.abandon()
            if self._owned.get(owned.place) is owned:
                del self._owned[owned.place]

    # ---- what runs --------------------------------------------------------------------------------------------------
    def tick(self, reader: Reader) -> None:
        """Start what may start, choose who is drained, claim and commit what is done."""
        now = mono_s()
        self.tries.start_ready()
        if self._halted:
            return
        if now >= self._schedule_after_s:
            self._schedule(now)
            self._schedule_after_s = now + max(SCHEDULE_S, SCHEDULE_REST * (mono_s() - now))
        if now - self._claimed_s >= CLAIM_S:
            self._claimed_s = now
            for owned in self._owned.values():
                self._claim(owned)
                floor = None if owned.index is None else owned.index.floor()
                if floor is not None and floor != owned.committed:
                    owned.committed = floor
                    reader.commit(owned.place, floor)

    def halt(self) -> None:
        """Begin nothing more, and ask nothing more of the brokers."""
        self._halted = True
        self.tries.halt()
        for task in self._taking:
            task.cancel()
        for owned in self._owned.values():
            for drain in owned.drains.values():
                drain.stop()

    async def settle(self) -> None:
        """Wait for what is in flight, within REVOKE_S."""
        await asyncio.gather(self.tries.settle(), _ended(self._running))
        if self.failure.done():
            self.failure.result()

    def measure(self) -> None:
        """Set the gauges."""
        self.tries.measure()
        metrics.WAITING.set(sum(len(owned.index) for owned in self._owned.values() if owned.index is not None))
        metrics.DRAINS.set(len(self._drains))

    @property
    def waits_for_schema(self) -> bool:
        """Whether a held task waits for a newer version of this process."""
        return any(owned.needs_newer for owned in self._owned.values())

    def _schedule(self, now: float) -> None:
        if now - self._expired_s >= self._expire_check_s():
            self._expired_s = now
            self._find_old()
        running = [
            Running(drain.started_s, drain.held.partition.number, drain.endpoint, drain.stopping)
            for drain in self._drains
        ]
        self._turn(turns(list(self._wishes(now)), running, now=now))

    def _turn(self, now: Turns) -> None:
        of_number = {owned.place.number: owned for owned in self._owned.values()}
        for _, number, endpoint, purpose in now.begin:
            owned = of_number[number]
            waiting = None if owned.index is None else owned.index.of(endpoint)
            if waiting is not None:
                self._begin(owned, endpoint, waiting, purpose)
        for _, number, endpoint, _ in now.stop:
            if number in of_number and endpoint in of_number[number].drains:
                of_number[number].drains[endpoint].stop()

    def _find_old(self) -> None:
        for owned in self._owned.values():
            if owned.index is not None:
                owned.old = {endpoint for endpoint, waiting in owned.index.endpoints() if self._is_old(waiting.at)}

    def _wishes(self, now: float) -> Iterator[Wish]:
        probes_at = self._clock.now(mono_ms())
        for owned in self._owned.values():
            if owned.index is None or owned.leaving:
                continue
            for endpoint, _ in owned.index.endpoints():
                served_s = owned.served_s.get(endpoint, 0.0)
                if endpoint in owned.drains or served_s > now:
                    continue
                purpose = self._purpose(endpoint, probes_at, now, old=endpoint in owned.old)
                if purpose is not None:
                    yield Wish(served_s, owned.place.number, endpoint, purpose)

    def _purpose(self, endpoint: str, probes_at: int | None, now: float, *, old: bool) -> Purpose | None:
        if not self._must_wait(endpoint):
            return "drain"
        manual = self._states.book.manual(endpoint)
        by_hand = manual is not None and manual["paused"]
        return purpose_of(waits=True, probe=self._is_probed(endpoint, probes_at, now), by_hand=by_hand, old=old)

    def _is_probed(self, endpoint: str, probes_at: int | None, now: float) -> bool:
        """Whether a probe is due that was not begun yet, or whose outcome has not been seen for long."""
        pause = self._pauses.pauses.get(endpoint)
        if pause is None or probes_at is None or pause.next_probe_at > probes_at or not self._pauses.owns(endpoint):
            return False
        due, began = self._probed.get(endpoint, (-1, 0.0))
        return pause.next_probe_at != due or now - began >= PROBE_AGAIN_S

    def _begin(self, owned: _Owned, endpoint: str, waiting: Waiting, purpose: Purpose) -> None:
        if purpose == "probe":
            pause = self._pauses.pauses.get(endpoint)
            self._probed[endpoint] = (0 if pause is None else pause.next_probe_at, mono_s())
            metrics.PROBES.inc()
        give = Give(
            deliver=self.tries.deliver,
            expire=self._expire,
            bury=self.tries.bury_poison,
            forget=self.tries.forget,
            may_go_on=lambda: not self._must_wait(endpoint),
            is_expired=lambda task, message: self._is_old(task["held_at"] or message.timestamp()[1]),
            roomy=lambda: self._hops.roomy,
        )
        drain = Drain(self._settings.kafka, owned.place, endpoint, waiting, purpose, give)
        owned.drains[endpoint] = drain
        self._drains.append(drain)
        self.tries.of(drain)
        self._spawn(self._run(owned, drain))

    async def _run(self, owned: _Owned, drain: Drain) -> None:
        try:
            await drain.run(self._pool)
        finally:
            self._drains.remove(drain)
            self.tries.no_more(drain)
            if owned.alive:
                self._progress(owned, drain)
            del owned.drains[drain.endpoint]
        self._note_newer(owned, drain)
        through = owned.index is None or owned.index.of(drain.endpoint) is None
        if through:
            owned.served_s.pop(drain.endpoint, None)
            owned.claims.forget(drain.endpoint)
        else:
            owned.served_s[drain.endpoint] = mono_s() + REST_S
        if through or drain.met_young:
            owned.old.discard(drain.endpoint)

    def _note_newer(self, owned: _Owned, drain: Drain) -> None:
        if drain.needs_newer is None:
            owned.needs_newer.discard(drain.endpoint)
        elif drain.endpoint not in owned.needs_newer:
            owned.needs_newer.add(drain.endpoint)
            UNKNOWN_SCHEMA.inc()
            _LOG.error("a held task needs a newer version of this process: %s", drain.needs_newer)

    def _expire(self, ticket: Ticket) -> None:
        self._pauses.tell_of_dead(ticket.task["endpoint"], now_ms())
        self.tries.bury(ticket, "hold_expired")

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
        owned.claims.say(drain.endpoint, Claim(below, beyond))

    def _spawn(self, work: Coroutine[Any, Any, None], among: set[asyncio.Task[None]] | None = None) -> None:
        tasks = self._running if among is None else among
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(functools.partial(self._reap, tasks))

    def _reap(self, tasks: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
        tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if not self.failure.done():
            self.failure.set_exception(error)


async def _ended(tasks: set[asyncio.Task[None]]) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=REVOKE_S)
