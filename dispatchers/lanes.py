"""Fair scheduling: one lane per endpoint with its own queue, concurrency and rate; round robin over lanes. Pure.

N1  Never more tries of an endpoint in flight than its concurrency, nor more in all than the process may have; and while
    slots are scarce no lane takes one unless as many are left as it holds, so that hung endpoints never take the last.
N2  Never two tasks of one contact of one endpoint at once; tasks of one contact start in the order they were offered.
N3  What is queued and in flight is bounded in records and bytes. `offer` tells whose fault it is when there is no room:
    the lane's own, which is full or lags behind the others, or the whole, which is busy.
N4  An idle lane is forgotten once its rest (rate, throttle) is over, so that ten thousand endpoints cost what is
    busy, and no pause between two tasks sets a limit back.
N5  A lane lags when its head waits longer than tasks of this process usually do: slow, hung, rate-limited or flooded.
    What it cannot take goes elsewhere, so that the partitions it shares with others go on.
`now` is monotonic seconds.
"""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, NamedTuple, TypeVar

LANE_RECORDS_MAX: Final = 1000
"""Queued tasks of one endpoint: a minute at 16 a second."""
RECORDS_MAX: Final = 20_000
BYTES_MAX: Final = 64 * 1024 * 1024
"""Queued and in flight of all lanes: bodies are below 4 KiB, so the count is the usual limit."""
LANE_BYTES_MAX: Final = BYTES_MAX // 4
"""Of one endpoint: large bodies for one must not use up the room of the others."""
READ_AHEAD_MAX: Final = 2_000
"""Queued tasks of lanes that keep up, above which nothing fresh is read: half a second of a busy process."""
READ_AHEAD_LOOK_S: Final = 0.1
"""How long an answer about it holds: with ten thousand lanes one takes some milliseconds."""
LAG_S: Final = 1.0
"""A head that waits no longer than this is no sign of anything."""
LAG_FACTOR: Final = 4
"""How much longer than usual in this process a head must wait for its lane to lag."""
LAG_S_MAX: Final = 30.0
"""However busy the process is, a lane whose head waits longer than this lags."""
LAG_TURNS: Final = 2
"""Queued tasks for each slot of a lagging lane: enough to keep its slots busy."""
USUAL_STEP: Final = 1.05
"""How fast the usual wait follows: a step up or down for each start, so that it settles at the median."""
USUAL_S_MIN: Final = LAG_S / LAG_FACTOR
"""Below it the usual wait decides nothing."""
RATE_CATCH_UP_S: Final = 0.1
"""A lane woken late, by a tick or a busy loop, makes up for it up to here; one later than this starts anew."""

Offer = Literal["queued", "lane_full", "whole_full"]
"""What became of an offer."""

T = TypeVar("T")


class _Queued(NamedTuple, Generic[T]):
    contact: str
    task: T
    size: int
    at: float
    """When it was offered."""


@dataclass(slots=True)
class _Lane(Generic[T]):
    endpoint: str
    concurrency: int
    ready: deque[_Queued[T]] = field(default_factory=deque)
    """Tasks whose contact is free: at most one a contact."""
    waiting: dict[str, deque[_Queued[T]]] = field(default_factory=dict)
    """Tasks behind one of the same contact; a contact with a task ready or running has an entry, maybe an empty one."""
    queued: int = 0
    running: int = 0
    size: int = 0
    """Bytes queued and running."""
    place: Literal["out", "order", "asleep", "resting"] = "out"
    """In the round; asleep with tasks until it may start; resting without any until it may be forgotten."""
    wake: float = 0.0
    """When its entry among the sleepers counts; entries of another time are void."""
    not_before: float = float("-inf")
    interval: float = 0.0


class Lanes(Generic[T]):
    """All lanes of one event type in one process."""

    def __init__(self, *, inflight_max: int, lane_records_max: int = LANE_RECORDS_MAX) -> None:
        """Begin empty."""
        self._inflight_max = inflight_max
        self._lane_records_max = lane_records_max
        self._lanes: dict[str, _Lane[T]] = {}
        self._order: deque[_Lane[T]] = deque()
        self._asleep: list[tuple[float, int, _Lane[T]]] = []
        self._sequence = 0
        self._queued = 0
        self._bytes = 0
        self._now = float("-inf")
        self._usual_s = USUAL_S_MIN
        """How long tasks of this process usually wait in their lanes."""
        self._ahead = False
        self._look_again = float("-inf")
        self.running = 0

    def __len__(self) -> int:
        """Lanes that are not idle."""
        return len(self._lanes)

    @property
    def queued(self) -> int:
        """Tasks that have not started."""
        return self._queued

    def room(self, endpoint: str) -> Offer:
        """What `offer` would answer for a small task of this endpoint, that it lags aside."""
        lane = self._lanes.get(endpoint)
        if lane is not None and (lane.queued >= self._lane_records_max or lane.size >= LANE_BYTES_MAX):
            return "lane_full"
        return "queued" if self._queued + self.running < RECORDS_MAX and self._bytes < BYTES_MAX else "whole_full"

    def offer(
        self,
        endpoint: str,
        contact: str,
        task: T,
        size_bytes: int,
        *,
        now: float,
        concurrency: int,
        rate_per_s: float | None = None,
    ) -> Offer:
        """Queue a task, or say what has no room for it."""
        room = self.room(endpoint)
        if room != "queued":
            return room
        lane = self._lanes.get(endpoint)
        if lane is not None and lane.queued >= LAG_TURNS * concurrency and self._lags(lane, now):
            return "lane_full"
        self.admit(endpoint, contact, task, size_bytes, now=now, concurrency=concurrency, rate_per_s=rate_per_s)
        return "queued"

    def admit(
        self,
        endpoint: str,
        contact: str,
        task: T,
        size_bytes: int,
        *,
        now: float,
        concurrency: int,
        rate_per_s: float | None = None,
    ) -> None:
        """Queue a task whatever room there is; for whoever bounds by himself what he offers."""
        lane = self._lanes.get(endpoint)
        if lane is None:
            lane = self._lanes[endpoint] = _Lane(endpoint, concurrency)
        lane.concurrency = concurrency
        lane.interval = 1.0 / rate_per_s if rate_per_s else 0.0
        lane.queued += 1
        lane.size += size_bytes
        self._queued += 1
        self._bytes += size_bytes
        queued = _Queued(contact, task, size_bytes, now)
        behind = lane.waiting.get(contact)
        if behind is not None:
            behind.append(queued)
            return
        lane.waiting[contact] = deque()
        lane.ready.append(queued)
        self._schedule(lane)

    def reads_ahead(self, now: float) -> bool:
        """Whether lanes that keep up have enough queued, so that nothing fresh need be read."""
        if self._queued < READ_AHEAD_MAX:
            return False
        if now >= self._look_again:
            self._look_again = now + READ_AHEAD_LOOK_S
            ahead = sum(lane.queued for lane in self._lanes.values() if not self._lags(lane, now))
            self._ahead = ahead >= READ_AHEAD_MAX
        return self._ahead

    def slowest(self, now: float) -> str | None:
        """The endpoint whose head has waited longest, where that is long enough to make room by it."""
        heads = [(at, lane.endpoint) for lane in self._lanes.values() if (at := _oldest(lane)) is not None]
        at, endpoint = min(heads, default=(now, None))
        return endpoint if now - at > LAG_S else None

    def take(self, endpoint: str, wanted: Callable[[T], bool] = lambda _: True) -> list[T]:
        """Take every queued task of an endpoint that is wanted out of its lane; what runs goes on."""
        lane = self._lanes.get(endpoint)
        if lane is None:
            return []
        taken: list[T] = []

        def is_taken(task: T) -> bool:
            if wanted(task):
                taken.append(task)
                return True
            return False

        self._drop_from(lane, is_taken)
        self._forget(lane)
        return taken

    def _lags(self, lane: _Lane[T], now: float) -> bool:
        oldest = _oldest(lane)
        return oldest is not None and now - oldest > min(max(LAG_S, LAG_FACTOR * self._usual_s), LAG_S_MAX)

    def start(self, now: float) -> list[T]:
        """Take every task that may start now, fairly; each must end in `finished`."""
        self._now = max(self._now, now)
        self._wake(now)
        started: list[T] = []
        order, scarce = self._order, []
        while order and self.running < self._inflight_max:
            lane = order.popleft()
            lane.place = "out"
            if not lane.ready or lane.running >= lane.concurrency:
                self._forget(lane)
            elif lane.not_before > now:
                self._sleep(lane, "asleep", lane.not_before)
            elif lane.running and lane.running >= self._inflight_max - self.running:
                scarce.append(lane)
            else:
                started.append(self._begin(lane, now))
        for lane in scarce:
            lane.place = "order"
            order.append(lane)
        return started

    def _begin(self, lane: _Lane[T], now: float) -> T:
        queued = lane.ready.popleft()
        lane.queued -= 1
        lane.running += 1
        self._queued -= 1
        self.running += 1
        step = USUAL_STEP if now - queued.at > self._usual_s else 1 / USUAL_STEP
        self._usual_s = max(USUAL_S_MIN, self._usual_s * step)
        if lane.interval:
            late = now - lane.not_before
            lane.not_before = (lane.not_before if late <= RATE_CATCH_UP_S else now) + lane.interval
        self._schedule(lane)
        return queued.task

    def next_wake(self) -> float | None:
        """When a sleeping lane may go on."""
        return self._asleep[0][0] if self._asleep else None

    def finished(self, endpoint: str, contact: str, size_bytes: int) -> None:
        """A started task's try has ended."""
        lane = self._lanes[endpoint]
        lane.running -= 1
        lane.size -= size_bytes
        self.running -= 1
        self._bytes -= size_bytes
        behind = lane.waiting[contact]
        if behind:
            lane.ready.append(behind.popleft())
        else:
            del lane.waiting[contact]
        self._schedule(lane)
        self._forget(lane)

    def throttle(self, endpoint: str, until: float) -> None:
        """Start nothing of an endpoint before a time; said before its `finished`, while its lane is sure to exist."""
        lane = self._lanes.get(endpoint)
        if lane is not None:
            lane.not_before = max(lane.not_before, until)

    def drop(self, unwanted: Callable[[T], bool]) -> None:
        """Forget queued tasks (of partitions that are gone); what runs is finished by its owner."""
        for lane in list(self._lanes.values()):
            self._drop_from(lane, unwanted)
            self._forget(lane)

    def _drop_from(self, lane: _Lane[T], unwanted: Callable[[T], bool]) -> None:
        kept: deque[_Queued[T]] = deque()
        freed: list[str] = []
        for queued in lane.ready:
            if unwanted(queued.task):
                self._forget_task(lane, queued.size)
                freed.append(queued.contact)
            else:
                kept.append(queued)
        lane.ready = kept
        for contact, behind in lane.waiting.items():
            stays: deque[_Queued[T]] = deque()
            for queued in behind:
                if unwanted(queued.task):
                    self._forget_task(lane, queued.size)
                else:
                    stays.append(queued)
            lane.waiting[contact] = stays
        for contact in freed:
            behind = lane.waiting[contact]
            if behind:
                lane.ready.append(behind.popleft())
            else:
                del lane.waiting[contact]
        self._schedule(lane)

    def _forget_task(self, lane: _Lane[T], size: int) -> None:
        lane.queued -= 1
        lane.size -= size
        self._queued -= 1
        self._bytes -= size

    def _schedule(self, lane: _Lane[T]) -> None:
        if lane.place in {"out", "resting"} and lane.ready and lane.running < lane.concurrency:
            lane.place = "order"
            self._order.append(lane)

    def _sleep(self, lane: _Lane[T], place: Literal["asleep", "resting"], until: float) -> None:
        lane.place = place
        lane.wake = until
        self._sequence += 1
        heapq.heappush(self._asleep, (until, self._sequence, lane))

    def _wake(self, now: float) -> None:
        while self._asleep and self._asleep[0][0] <= now:
            until, _, lane = heapq.heappop(self._asleep)
            if lane.place not in {"asleep", "resting"} or lane.wake != until:
                continue
            lane.place = "out"
            self._schedule(lane)
            self._forget(lane)

    def _forget(self, lane: _Lane[T]) -> None:
        """Drop an idle lane, but not what it has used of its rate, nor its throttle."""
        if lane.waiting or lane.running or lane.place != "out":
            return
        rested = lane.not_before + RATE_CATCH_UP_S
        if rested > self._now:
            self._sleep(lane, "resting", rested)
        else:
            del self._lanes[lane.endpoint]


def _oldest(lane: _Lane[T]) -> float | None:
    """When the oldest queued task of a lane was offered; None where none is queued."""
    if lane.ready:
        return lane.ready[0].at
    if not lane.queued:
        return None
    return min(behind[0].at for behind in lane.waiting.values() if behind)
