"""Posts callbacks to a gateway at a rate, as providers do, and counts the answers. Touches the network and the clock.

Open loop: a latency is counted from the moment a callback was meant to start, so a gateway that stalls cannot hide it.
Prints nothing, and keeps no URL in any error, because a path may hold a secret.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

import aiohttp

from producers.simulator.latency import Latencies
from producers.simulator.scenario import Callback
from runtime.clock import mono_s

ANSWER_S_MAX: Final = 15.0
"""Twilio gives up after this long (PROVIDERS.md section 3.4)."""
INFLIGHT_MAX: Final = 256
"""Most callbacks in flight; above it callbacks start late, which their latency shows."""
UNREACHABLE: Final = "unreachable"
"""Counted in place of a status where no answer came."""
_OK: Final = range(200, 300)


@dataclass(frozen=True, slots=True)
class Pace:
    """How many, how fast, and how often twice."""

    count: int | None = None
    """None: until asked to stop."""
    rate: float | None = None
    """Callbacks a second; None: as fast as the answers come."""
    repeats: float = 0.0
    """Share of accepted callbacks that are sent a second time, as providers do that lost the answer."""
    inflight: int = INFLIGHT_MAX


@dataclass(slots=True)
class Summary:
    """What came of a run."""

    acknowledged: int = 0
    refused: int = 0
    repeated: int = 0
    """Second copies among the acknowledged and refused."""
    facts: int = 0
    """Distinct reports and texts that were acknowledged."""
    seconds: float = 0.0
    answers: Counter[str] = field(default_factory=Counter)
    """By status."""
    latencies: Latencies = field(default_factory=Latencies)


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer, for whoever watches."""

    callback: Callback
    status: int | None
    """None where no answer came."""
    latency_s: float
    repeat: bool

    @property
    def accepted(self) -> bool:
        """Whether the gateway has promised to keep it."""
        return self.status is not None and self.status in _OK


Watcher = Callable[[Answered], None]


class Driver:
    """One run against one gateway."""

    def __init__(self, gateway: str, pace: Pace, *, rng: Random, watcher: Watcher | None = None) -> None:
        """Describe the run; nothing is sent before `run`."""
        self._gateway = gateway.rstrip("/")
        self._pace = pace
        self._rng = rng
        self._watcher = watcher
        self._room = asyncio.Semaphore(pace.inflight)
        self._stop = asyncio.Event()
        self._summary = Summary()

    def stop(self) -> None:
        """Begin no further callback; those in flight are waited for."""
        self._stop.set()

    async def run(self, next_callback: Callable[[], Callback]) -> Summary:
        """Send until the count is reached or `stop` is called, and answer what came of it."""
        connector = aiohttp.TCPConnector(limit=self._pace.inflight)
        timeout = aiohttp.ClientTimeout(total=ANSWER_S_MAX)
        started = mono_s()
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session, asyncio.TaskGroup() as group:
            begun = 0
            while not self._stop.is_set() and (self._pace.count is None or begun < self._pace.count):
                due = await self._turn(started, begun)
                if self._stop.is_set():
                    break
                await self._room.acquire()
                group.create_task(self._deliver(session, next_callback(), due if due is not None else mono_s()))
                begun += 1
        self._summary.seconds = mono_s() - started
        return self._summary

    async def _turn(self, started: float, number: int) -> float | None:
        """Wait until a callback is meant to start; None where no rate is set."""
        if self._pace.rate is None:
            return None
        due = started + number / self._pace.rate
        wait_s = due - mono_s()
        if wait_s > 0:
            try:
                await asyncio.wait_for(self._stop.wait(), wait_s)
            except TimeoutError:
                return due
        return due

    async def _deliver(self, session: aiohttp.ClientSession, callback: Callback, due: float) -> None:
        try:
            first = await self._post(session, callback, due, repeat=False)
            if first.accepted and self._rng.random() < self._pace.repeats:
                await self._post(session, callback, mono_s(), repeat=True)
        finally:
            self._room.release()

    async def _post(self, session: aiohttp.ClientSession, callback: Callback, due: float, *, repeat: bool) -> Answered:
        status: int | None = None
        try:
            async with session.request(
                callback.method, self._gateway + callback.path_and_query, data=callback.body, headers=callback.headers
            ) as response:
                await response.read()
                status = response.status
        except (aiohttp.ClientError, TimeoutError):
            status = None
        answered = Answered(callback, status, mono_s() - due, repeat)
        self._count(answered)
        return answered

    def _count(self, answered: Answered) -> None:
        summary = self._summary
        summary.answers[UNREACHABLE if answered.status is None else str(answered.status)] += 1
        summary.repeated += answered.repeat
        if answered.accepted:
            summary.acknowledged += 1
            summary.facts += 0 if answered.repeat else len(answered.callback.expects)
            summary.latencies.add(answered.latency_s)
        else:
            summary.refused += 1
        if self._watcher is not None:
            self._watcher(answered)
