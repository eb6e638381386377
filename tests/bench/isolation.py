"""What the others see while one of twenty endpoints behaves badly and gets half of all traffic, beside the same load to all well.

One dispatcher, runs of a few seconds; a run differs from the next by the URL of one endpoint alone. Every webhook is
timed from its event's produce to its arrival, in another process.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from statistics import median

from runtime.broker import free_port
from tests.bench.cpu import cpu_s
from tests.bench.traffic import (
    PUT_ASIDE,
    Customers,
    appended,
    arrived,
    await_configured,
    await_idle,
    configuration,
    customers,
    drive,
    make,
    percentile,
)
from tests.stage import Role, Stage

ENDPOINTS = 20
MARK = ENDPOINTS
"""The account after them, which tells that a configuration was read."""
BAD = 0
RATE = 1000
SECONDS = 8.0
WARM_S = 1.0
"""Connections are opened in it; what goes wrong at the bad one begins after it, when its lane lags."""
LATE_S = 60.0
"""Longest wait for the last of the others' webhooks."""
P99_MS, P99_SHARE, THROUGHPUT_SHARE = 5.0, 0.10, 0.05
"""How much the others may notice."""


@dataclass(frozen=True)
class Load:
    """What is offered: `bad_share` of all to the one, the rest to the others in turn."""

    rate: float = RATE
    bad_share: float = 0.5
    seconds: float = SECONDS

    def accounts(self) -> Iterator[int]:
        """Whose turn it is, for the warm-up and the run."""
        others, owed = count(), 0.0
        for _ in range(round(self.rate * (WARM_S + self.seconds))):
            owed += self.bad_share
            if owed >= 1:
                owed -= 1
                yield BAD
            else:
                yield 1 + next(others) % (ENDPOINTS - 1)


WARM = Load(seconds=4.0)
"""Before the first run: Java compiles what it runs often."""


@dataclass(frozen=True)
class Seen:
    """What the others saw in one run, and what became of the bad one's."""

    p50_ms: float
    p99_ms: float
    per_s: float
    cpu_s: float
    """CPU seconds of the dispatcher."""
    put_aside: float
    """Records produced to tiers and hold, for each event of the bad one."""


@dataclass(frozen=True)
class Beside:
    """Runs with a fault, each beside one without."""

    well: list[Seen]
    bad: list[Seen]

    @property
    def p99_ms(self) -> float:
        return median(one.p99_ms for one in self.bad)

    @property
    def p99_well_ms(self) -> float:
        return median(one.p99_ms for one in self.well)

    @property
    def cpu_s(self) -> float:
        return median(one.cpu_s for one in self.bad)

    @property
    def cpu_well_s(self) -> float:
        return median(one.cpu_s for one in self.well)

    @property
    def p99_moved_ms(self) -> float:
        """The median of the pairs' differences."""
        return median(bad.p99_ms - well.p99_ms for well, bad in zip(self.well, self.bad, strict=True))

    @property
    def p99_limit_ms(self) -> float:
        return max(P99_MS, P99_SHARE * self.p99_well_ms)

    @property
    def throughput_lost(self) -> float:
        return 1 - median(bad.per_s / well.per_s for well, bad in zip(self.well, self.bad, strict=True))

    @property
    def put_aside(self) -> float:
        return max(one.put_aside for one in self.bad)


class Scene:
    """A dispatcher with twenty customers, of whom one may be told to misbehave."""

    def __init__(self, stage: Stage, role: Role, well: Customers, bad: Customers) -> None:
        self.bad = bad
        self._stage, self._role, self._well = stage, role, well
        self._run = count()

    def set_up(self, bad_url: str | None) -> None:
        """Configure the one's URL, None for a good one, and wait until the dispatcher goes by it."""
        configure(self._stage, self._well, bad_url, mark := f"well/mark{next(self._run)}")
        await_configured(self._stage, self._well, MARK, mark)

    def run(self, bad_url: str | None, load: Load) -> Seen:
        """Offer the load; afterwards the one is mended, and what was held for it is delivered."""
        self.set_up(bad_url)
        before, used = appended(self._stage, PUT_ASIDE), cpu_s(self._role.process.pid)
        events = make(load.accounts())
        times = drive(self._stage, events, load.rate)
        begin = times[0] + WARM_S
        others = {one.event_id: at for one, at in zip(events, times, strict=True) if one.account != BAD}
        came = arrived(self._well, others, LATE_S)
        used = cpu_s(self._role.process.pid) - used
        offered = sum(one.account == BAD for one in events)
        aside = (appended(self._stage, PUT_ASIDE) - before) / max(1, offered)
        if bad_url is not None:
            self.set_up(None)
        await_idle(self._role)
        took = [(came[name] - at) * 1000 for name, at in others.items() if at >= begin]
        within = sum(begin <= came[name] < begin + load.seconds for name in others)
        return Seen(percentile(took, 0.5), percentile(took, 0.99), within / load.seconds, used, aside)


def configure(stage: Stage, well: Customers, bad_url: str | None, mark: str) -> None:
    urls = [well.url(f"well/e{number}") for number in range(ENDPOINTS)]
    if bad_url is not None:
        urls[BAD] = bad_url
    stage.configure(configuration([*urls, well.url(mark)]))


@dataclass
class AskingStage(Stage):
    """A stage whose roles look names up at one name server."""

    name_server: str = ""

    def start(self, *arguments: str, **extra: str) -> Role:
        return self.run("tests.bench.asking", self.name_server, *arguments, log_name=arguments[0], **extra)


@contextmanager
def scene(stage: Stage, *, asks_the_bad: bool = False) -> Iterator[Scene]:
    with customers() as well, customers() as bad:
        configure(stage, well, None, "well/mark")
        if asks_the_bad:
            stage = AskingStage(**vars(stage), name_server=f"127.0.0.1:{bad.silent_name_port}")
        role = stage.start("dispatcher", "--event", "delivery").await_ready()
        opened = Scene(stage, role, well, bad)
        opened.run(None, WARM)
        yield opened
        assert role.terminate() == 0


def hung(stage: Stage, pairs: int, load: Load = Load()) -> Beside:
    """One hangs; pairs of runs, the order within a pair alternating."""
    found: dict[bool, list[Seen]] = {True: [], False: []}
    with scene(stage) as opened:
        url = opened.bad.url("hang/e0")
        for pair in range(pairs):
            for fault in (False, True) if pair % 2 == 0 else (True, False):
                found[fault].append(opened.run(url if fault else None, load))
    return Beside(found[False], found[True])


def slow(stage: Stage, seconds: float) -> Beside:
    """One answers in 500 ms, eight at a time, and is offered 50/s: three times what it takes."""
    load = Load(rate=550, bad_share=1 / 11, seconds=seconds)
    with scene(stage) as opened:
        well = opened.run(None, load)
        return Beside([well], [opened.run(opened.bad.url("slow/e0"), load)])


def faults(stage: Stage, load: Load = Load()) -> Iterator[tuple[str, Beside]]:
    """Each of FAULTS beside a run without; the names of the dispatcher are looked up at the bad customers' server."""
    with scene(stage, asks_the_bad=True) as opened:
        for what, url in FAULTS.items():
            well = opened.run(None, load)
            yield what, Beside([well], [opened.run(url(opened.bad), load)])


FAULTS: dict[str, Callable[[Customers], str]] = {
    "drips a byte a second": lambda bad: bad.url("drip/e0"),
    "hangs in the TLS handshake": lambda bad: f"https://127.0.0.1:{bad.silent_port}/e0",
    "answers 1 GB": lambda bad: bad.url("huge/e0"),
    "has a name server that says nothing": lambda bad: f"http://nobody.test:{bad.port}/well/e0",
    "refuses": lambda _bad: f"http://127.0.0.1:{free_port()}/e0",
}
"""Those that fail at once stand last: what they put into a tier comes back after a minute, when nothing is measured."""
