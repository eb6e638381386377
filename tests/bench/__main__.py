"""`make bench`: every figure beside a raw loop or a peer, in one run, as a table. Two minutes."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from runtime.broker import EmbeddedBroker
from tests.bench import dispatcher, gateway, latency, processor
from tests.stage import Stage, open_stage

PARTITIONS = 12
LATENCIES = {200: (40, 120), 500: (60, 250)}


@contextmanager
def fresh(broker: EmbeddedBroker, folder: Path, name: str) -> Iterator[Stage]:
    place = folder / name
    place.mkdir()
    with open_stage(broker.bootstrap, f"{name}.", place) as stage:
        yield stage.provision(PARTITIONS)


def main() -> None:
    table = Table(title="per core = records ÷ CPU seconds of that process with its threads")
    for column in ("what", "measured", "beside it", "ratio", "target", ""):
        table.add_column(column)

    def row(what: str, measured: float, beside: str, ratio: float | None, target: str, *, good: bool) -> None:
        shown = "" if ratio is None else f"{ratio:.2f}"
        table.add_row(what, f"{measured:,.0f}", beside, shown, target, "met" if good else "missed")

    with tempfile.TemporaryDirectory(prefix="trackly-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        broker = EmbeddedBroker(folder / "broker", bench=True)
        broker.start()
        try:
            with fresh(broker, folder, "processor") as stage:
                ours, peer = processor.ours(stage), processor.peer(stage)
            row("processor, callbacks/s a core", ours.per_core, "", None, "≥ 20,000", good=ours.per_core >= 20_000)
            if peer is None:
                table.add_row("processor beside Quix Streams", "", "make bench installs it", "", "≥ 2", "not run")
            else:
                ratio = ours.per_core / peer.per_core
                beside = f"Quix Streams {peer.per_core:,.0f}"
                row("processor, callbacks/s a core", ours.per_core, beside, ratio, "≥ 2", good=ratio >= 2)
            with fresh(broker, folder, "gateway") as stage:
                single, batch = gateway.ours(stage)
                bare = gateway.bare(stage)
            beside, ratio = f"bare ASGI {bare.per_core:,.0f}", single.per_core / bare.per_core
            row(
                "gateway, requests/s a core", single.per_core, beside, ratio, "≥ 10,000", good=single.per_core >= 10_000
            )
            row("gateway, reports/s a core, 50 a request", batch.per_core, "", None, "", good=True)
            with fresh(broker, folder, "dispatcher") as stage:
                sent, raw = dispatcher.ours(stage)
            ratio = sent.per_core / raw.per_core
            row("dispatcher, webhooks/s a core", sent.per_core, "", None, "≥ 2,000", good=sent.per_core >= 2_000)
            row("the same", sent.per_core, f"aiohttp {raw.per_core:,.0f}", ratio, "≥ 0.4", good=ratio >= 0.4)
            with fresh(broker, folder, "latency") as stage:
                for rate, (p50, p99) in latency.measure(stage, tuple(LATENCIES)).items():
                    for label, value, limit in (("p50", p50, LATENCIES[rate][0]), ("p99", p99, LATENCIES[rate][1])):
                        row(
                            f"callback to webhook at {rate}/s, {label} ms",
                            value,
                            "",
                            None,
                            f"< {limit}",
                            good=value < limit,
                        )
        finally:
            broker.kill()
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
