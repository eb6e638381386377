"""Fair scheduling: one lane per endpoint with its own queue, concurrency and rate; round robin over lanes. Pure.

N1  Never more tries of an endpoint in flight than its concurrency, nor more in all than the process may have.
N2  Never two tasks of one contact of one endpoint at once; tasks of one contact start in the order they were offered.
N3  What is queued and in flight is bounded in records and bytes; `offer` says no, and the caller keeps the record.
N4  An idle lane is forgotten once its rest (rate, throttle) is over, so that ten thousand endpoints cost what is
    busy, and no pause between two tasks sets a limit back.
`now` is monotonic seconds.
"""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, TypeVar

LANE_RECORDS_MAX: Final = 1000
"""Queued tasks of one endpoint: a minute at 16 a second; more waits in its partition."""
RECORDS_MAX: Final = 20_000
BYTES_MAX: Final = 64 * 1024 * 1024
"""Queued and in flight of all lanes: bodies are below 4 KiB, so the count is the usual limit."""
LANE_BYTES_MAX: Final = BYTES_MAX // 4
"""Of one endpoint: large bodies for one must not use up the room of the others."""
RATE_CATCH_UP_S: Final = 0.1
"""A lane woken late, by a tick or a busy loop, makes up for it up to here; one later than this starts anew."""

T = TypeVar("T")


@dataclass(slots=True)
class _Lane(Generic[T]):
    endpoint: str
    concurrency: int
    ready: deque[tuple[str, T, int]] = field(default_factory=deque)
    """Tasks whose contact is free: at most one a contact."""
    waiting: dict[str, deque[tuple[T, int]]] = field(default_factory=dict)
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

    def __init__(self, *, inflight_max: int) -> None:
        """Begin empty."""
        self._inflight_max = inflight_max
        self._lanes: dict[str, _Lane[T]] = {}
        self._order: deque[_Lane[T]] = deque()
        self._asleep: list[tuple[float, int, _Lane[T]]] = []
        self._sequence = 0
        self._queued = 0
        self._bytes = 0
        self._now = float("-inf")
        self.running = 0

    def __len__(self) -> int:
        """Lanes that are not idle."""
        return len(self._lanes)

    @property
    def queued(self) -> int:
        """Tasks that have not started."""
        return self._queued

    def has_room(self, endpoint: str) -> bool:
        """Whether `offer` would take a small task of this endpoint."""
        lane = self._lanes.get(endpoint)
        if lane is not None and (lane.queued >= LANE_RECORDS_MAX or lane.size >= LANE_BYTES_MAX):
            return False
        return self._queued + self.running < RECORDS_MAX and self._bytes < BYTES_MAX

    def offer(
        self,
        endpoint: str,
        contact: str,
        task: T,
        size_bytes: int,
        *,
        concurrency: int,
        rate_per_s: float | None = None,
    ) -> bool:
        """Queue a task; False when its lane or the whole is full."""
        if not self.has_room(endpoint):
            return False
        lane = self._lanes.get(endpoint)
        if lane is None:
            lane = self._lanes[endpoint] = _Lane(endpoint, concurrency)
        lane.concurrency = concurrency
        lane.interval = 1.0 / rate_per_s if rate_per_s else 0.0
        lane.queued += 1
        lane.size += size_bytes
        self._queued += 1
        self._bytes += size_bytes
        behind = lane.waiting.get(contact)
        if behind is not None:
            behind.append((task, size_bytes))
            return True
        lane.waiting[contact] = deque()
        lane.ready.append((contact, task, size_bytes))
        self._schedule(lane)
        return True

    def start(self, now: float) -> list[T]:
        """Take every task that may start now, fairly; each must end in `finished`."""
        self._now = max(self._now, now)
        self._wake(now)
        started: list[T] = []
        order = self._order
        while order and self.running < self._inflight_max:
            lane = order.popleft()
            lane.place = "out"
            if not lane.ready or lane.running >= lane.concurrency:
                self._forget(lane)
                continue
            if lane.not_before > now:
                self._sleep(lane, "asleep", lane.not_before)
                continue
            _, task, _ = lane.ready.popleft()
            lane.queued -= 1
            lane.running += 1
            self._queued -= 1
            self.running += 1
            if lane.interval:
                late = now - lane.not_before
                lane.not_before = (lane.not_before if late <= RATE_CATCH_UP_S else now) + lane.interval
            started.append(task)
            self._schedule(lane)
        return started

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
            task, size = behind.popleft()
            lane.ready.append((contact, task, size))
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
        kept: deque[tuple[str, T, int]] = deque()
        freed: list[str] = []
        for contact, task, size in lane.ready:
            if unwanted(task):
                self._forget_task(lane, size)
                freed.append(contact)
            else:
                kept.append((contact, task, size))
        lane.ready = kept
        for contact, behind in lane.waiting.items():
            stays: deque[tuple[T, int]] = deque()
            for task, size in behind:
                if unwanted(task):
                    self._forget_task(lane, size)
                else:
                    stays.append((task, size))
            lane.waiting[contact] = stays
        for contact in freed:
            behind = lane.waiting[contact]
            if behind:
                task, size = behind.popleft()
                lane.ready.append((contact, task, size))
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
