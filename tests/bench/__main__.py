"""`make bench`: every figure beside a raw loop or a peer, in one run, as a table; eight minutes.

`python -m tests.bench processor gateway` runs only those that are named. LONGER ones run only so: each fault of an
endpoint beside a run without, and an endpoint that is too slow for a minute, or as long as `--slow-s` says.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runtime.broker import EmbeddedBroker
from tests.bench import delay, delivery, dispatcher, gateway, isolation, latency, optout, processor
from tests.bench.table import Results, Row, against, alone, at_least, below, exactly
from tests.stage import Stage, open_stage

LATENCIES = {200: (40, 120), 500: (60, 250)}
"""Rate to the targets of p50 and p99, milliseconds."""
EVENT_RATE, EVENT_MS = 200, (10, 25)
"""From an event on its topic: rate, and the targets of p50 and p99."""
CPU_US_MAX = 330
FOOTPRINT_ENDPOINTS, FOOTPRINT_TRIES, FOOTPRINT_MB_MAX = 10_000, 5_000, 200
CROWD_WEBHOOKS, CROWD_ENDPOINTS = 100_000, 1_000
PARKED, DUE = 1_000_000, 2_000
PARKED_MB_MAX, LATE_MS_MAX, WAITING_CPU_S_MAX = 150, 1_000, 1.0
PUT_ASIDE_MAX = 1.2
"""Records produced to tiers and hold for each event of an endpoint that is too slow."""


@dataclass(frozen=True)
class Options:
    """How long the longer ones take."""

    pairs: int = 5
    slow_s: float = 60.0


def of_processor(stage: Stage, options: Options) -> Iterator[Row]:
    what = "processor, callbacks/s a core"
    ours = processor.ours(stage)
    yield alone(what, ours, 20_000)
    yield against(what, ours, "raw loop", processor.raw(stage))
    peer = processor.peer(stage)
    missing = Row(what, ours.per_core, "Quix Streams not run: `make bench` installs it", target="ratio ≥ 2")
    yield missing if peer is None else against(what, ours, "Quix Streams", peer, 2)


def of_mixed(stage: Stage, options: Options) -> Iterator[Row]:
    yield alone(
        "processor, every provider's reports and texts, callbacks/s a core", processor.ours_mixed(stage), 18_000
    )


def of_gateway(stage: Stage, options: Options) -> Iterator[Row]:
    single, batch = gateway.ours(stage)
    what = "gateway, acknowledged/s a core"
    yield alone(what, single, 10_000)
    yield against(what, single, "bare ASGI", gateway.bare(stage))
    yield Row(f"gateway, reports/s a core, {gateway.BATCH} a request", batch.per_core)


def of_dispatcher(stage: Stage, options: Options) -> Iterator[Row]:
    sent, raw = dispatcher.ours(stage)
    what = "dispatcher, webhooks/s a core"
    yield alone(what, sent, 3_000)
    yield below("dispatcher, CPU µs a webhook", sent.cpu_s / sent.records * 1e6, CPU_US_MAX)
    yield against(what, sent, "aiohttp", raw, 0.5)


def of_events(stage: Stage, options: Options) -> Iterator[Row]:
    for label, value, limit in zip(("p50", "p99"), delivery.latency(stage, EVENT_RATE), EVENT_MS, strict=True):
        yield below(f"event to webhook at {EVENT_RATE}/s, {label} ms", value, limit)


def of_footprint(stage: Stage, options: Options) -> Iterator[Row]:
    found = delivery.footprint(stage, FOOTPRINT_ENDPOINTS, FOOTPRINT_TRIES)
    what = f"dispatcher, MB with {FOOTPRINT_ENDPOINTS:,} endpoints and {FOOTPRINT_TRIES:,} tries in flight"
    yield below(what, found.in_flight, FOOTPRINT_MB_MAX, f"none in flight {found.configured:,.0f}")


def of_crowd(stage: Stage, options: Options) -> Iterator[Row]:
    found = delivery.crowd(stage, CROWD_WEBHOOKS, CROWD_ENDPOINTS)
    what = f"{CROWD_WEBHOOKS:,} webhooks to {CROWD_ENDPOINTS:,} endpoints"
    yield exactly(f"{what}, lost", found.lost, 0)
    yield exactly(f"{what}, repeated", found.repeated, 0)
    yield Row(f"{what}, arrivals/s", found.per_s)


def of_delay(stage: Stage, options: Options) -> Iterator[Row]:
    found = delay.measure(stage, PARKED, DUE)
    what = f"{PARKED:,} tasks in a tier"
    yield below(f"{what}, MB more than with none", found.more_mb, PARKED_MB_MAX)
    waiting = f"{what}, CPU s over {delay.WAITING_S:g} s of waiting"
    yield below(waiting, found.waiting_cpu_s, WAITING_CPU_S_MAX, f"empty tiers {found.idle_cpu_s:.2f}")
    yield at_least("due tasks released within 1 s, share", found.released_in_time, 0.99)
    yield below("from due to arrival, p99 ms", found.late_p99_ms, LATE_MS_MAX)
    yield at_least("from due to arrival, earliest ms", found.earliest_ms, 0)
    yield exactly("due tasks repeated", found.repeated, 0)


def of_isolation(stage: Stage, options: Options) -> Iterator[Row]:
    found = isolation.hung(stage, options.pairs)
    yield from unmoved("one of 20 hangs with half of 1,000/s", found)


def of_faults(stage: Stage, options: Options) -> Iterator[Row]:
    for what, found in isolation.faults(stage):
        yield from unmoved(f"one of 20 {what}", found)


def of_slow(stage: Stage, options: Options) -> Iterator[Row]:
    found = isolation.slow(stage, options.slow_s)
    what = f"one is too slow for {options.slow_s:g} s"
    yield from unmoved(what, found)
    yield below(f"{what}: put aside for each of its events", found.put_aside, PUT_ASIDE_MAX)


def unmoved(what: str, found: isolation.Beside) -> Iterator[Row]:
    """What the others may notice of one."""
    beside = f"all well {found.p99_well_ms:,.3g}, with it {found.p99_ms:,.3g}"
    ratio = found.p99_ms / found.p99_well_ms
    yield below(f"{what}: others' p99 ms moved by", found.p99_moved_ms, found.p99_limit_ms, beside, ratio)
    lost = found.throughput_lost * 100
    yield below(f"{what}: others' webhooks/s lost, %", lost, isolation.THROUGHPUT_SHARE * 100)
    spent = f"all well {found.cpu_well_s:.2f}"
    yield Row(f"{what}: dispatcher's CPU s a run", found.cpu_s, spent, found.cpu_s / found.cpu_well_s)


def of_latency(stage: Stage, options: Options) -> Iterator[Row]:
    for rate, found in latency.measure(stage, tuple(LATENCIES)).items():
        for label, value, limit in zip(("p50", "p99"), found, LATENCIES[rate], strict=True):
            what = f"callback to webhook at {rate}/s, {label} ms"
            yield Row(what, value, target=f"< {limit}", good=value < limit)


Bench = Callable[[Stage, Options], Iterator[Row]]
BENCHES: dict[str, Bench] = {
    "processor": of_processor,
    "mixed": of_mixed,
    "gateway": of_gateway,
    "dispatcher": of_dispatcher,
    "latency": of_latency,
    "events": of_events,
    "footprint": of_footprint,
    "crowd": of_crowd,
    "delay": of_delay,
    "isolation": of_isolation,
}
LONGER: dict[str, Bench] = {"faults": of_faults, "slow": of_slow}
"""Left out of `make bench`: five minutes, and two."""


@contextmanager
def running() -> Iterator[tuple[EmbeddedBroker, Path]]:
    """A broker with Java's full compiler and a folder; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="trackly-bench-", ignore_cleanup_errors=True) as name:
        broker = EmbeddedBroker(Path(name) / "broker", bench=True)
        broker.start()
        try:
            yield broker, Path(name)
        finally:
            broker.kill()


OPTOUT = "optout"
"""Needs no broker."""


def main(names: list[str], options: Options) -> None:
    if OPTOUT in names:
        sys.stdout.write(optout.show(optout.measure()) + "\n\n")
    staged = [name for name in names if name != OPTOUT]
    if staged:
        of_roles(staged, options)


def of_roles(names: list[str], options: Options) -> None:
    results = Results()
    try:
        with running() as (broker, folder):
            for name in names:
                place = folder / name
                place.mkdir()
                with open_stage(broker.bootstrap, f"{name}.", place) as stage:
                    for row in {**BENCHES, **LONGER}[name](stage.provision(processor.PARTITIONS), options):
                        results.add(row)
    finally:  # what was measured before one failed is shown all the same
        results.show()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join((OPTOUT, *BENCHES, *LONGER))}")
    parser.add_argument("--pairs", type=int, default=Options.pairs, help="pairs of runs of `isolation`")
    parser.add_argument("--slow-s", type=float, default=Options.slow_s, help="seconds of a run of `slow`")
    given = parser.parse_args()
    unknown = set(given.names) - {OPTOUT, *BENCHES, *LONGER}
    if unknown:
        parser.error(f"no bench of these names: {', '.join(sorted(unknown))}")
    return given


if __name__ == "__main__":
    asked = arguments()
    main(asked.names or [OPTOUT, *BENCHES], Options(asked.pairs, asked.slow_s))
