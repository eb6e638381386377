"""`make bench`: every figure beside a raw loop or a peer, in one run, as a table. Two minutes.

`python -m tests.bench processor gateway` runs only those that are named.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from runtime.broker import EmbeddedBroker
from tests.bench import dispatcher, gateway, latency, optout, processor
from tests.bench.cpu import Measured
from tests.stage import Stage, open_stage

LATENCIES = {200: (40, 120), 500: (60, 250)}
"""Rate to the targets of p50 and p99, milliseconds."""


@dataclass(frozen=True)
class Row:
    """One line of the table; `good` is None where there is no target or nothing ran."""

    what: str
    measured: float
    beside: str = ""
    ratio: float | None = None
    target: str = ""
    good: bool | None = None


def against(what: str, ours: Measured, name: str, other: Measured, least: float | None = None) -> Row:
    ratio = ours.per_core / other.per_core
    good = None if least is None else ratio >= least
    target = "" if least is None else f"ratio ≥ {least:g}"
    return Row(what, ours.per_core, f"{name} {other.per_core:,.0f}", ratio, target, good)


def alone(what: str, ours: Measured, least: float) -> Row:
    return Row(what, ours.per_core, target=f"≥ {least:,.0f}", good=ours.per_core >= least)


def of_processor(stage: Stage) -> Iterator[Row]:
    what = "processor, callbacks/s a core"
    ours = processor.ours(stage)
    yield alone(what, ours, 20_000)
    yield against(what, ours, "raw loop", processor.raw(stage))
    peer = processor.peer(stage)
    missing = Row(what, ours.per_core, "Quix Streams not run: `make bench` installs it", target="ratio ≥ 2")
    yield missing if peer is None else against(what, ours, "Quix Streams", peer, 2)


def of_mixed(stage: Stage) -> Iterator[Row]:
    yield alone(
        "processor, every provider's reports and texts, callbacks/s a core", processor.ours_mixed(stage), 18_000
    )


def of_gateway(stage: Stage) -> Iterator[Row]:
    single, batch = gateway.ours(stage)
    what = "gateway, acknowledged/s a core"
    yield alone(what, single, 10_000)
    yield against(what, single, "bare ASGI", gateway.bare(stage))
    yield Row(f"gateway, reports/s a core, {gateway.BATCH} a request", batch.per_core)


def of_dispatcher(stage: Stage) -> Iterator[Row]:
    sent, raw = dispatcher.ours(stage)
    what = "dispatcher, webhooks/s a core"
    yield alone(what, sent, 2_000)
    yield against(what, sent, "aiohttp", raw, 0.4)


def of_latency(stage: Stage) -> Iterator[Row]:
    for rate, found in latency.measure(stage, tuple(LATENCIES)).items():
        for label, value, limit in zip(("p50", "p99"), found, LATENCIES[rate], strict=True):
            what = f"callback to webhook at {rate}/s, {label} ms"
            yield Row(what, value, target=f"< {limit}", good=value < limit)


BENCHES: dict[str, Callable[[Stage], Iterator[Row]]] = {
    "processor": of_processor,
    "mixed": of_mixed,
    "gateway": of_gateway,
    "dispatcher": of_dispatcher,
    "latency": of_latency,
}


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


def main(names: list[str]) -> None:
    if OPTOUT in names:
        sys.stdout.write(optout.show(optout.measure()) + "\n\n")
    staged = [name for name in names if name != OPTOUT]
    if staged:
        of_roles(staged)


def of_roles(names: list[str]) -> None:
    load = os.getloadavg()[0]
    table = Table(
        title="per core = records ÷ CPU seconds of that process with its threads",
        caption=f"{os.cpu_count()} cores; load average before the run {load:.1f} (others' load makes every figure worse)",
    )
    for column in ("what", "measured", "beside it", "ratio", "target", ""):
        table.add_column(column)
    with running() as (broker, folder):
        for name in names:
            place = folder / name
            place.mkdir()
            with open_stage(broker.bootstrap, f"{name}.", place) as stage:
                for row in BENCHES[name](stage.provision(processor.PARTITIONS)):
                    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
                    verdict = {True: "met", False: "missed", None: ""}[row.good]
                    table.add_row(row.what, f"{row.measured:,.0f}", row.beside, ratio, row.target, verdict)
    Console(width=120).print(table)


if __name__ == "__main__":
    main(sys.argv[1:] or [OPTOUT, *BENCHES])
