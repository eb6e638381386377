"""The command `trackly replay --quarantine`: quarantined callbacks back to be classified."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import click

from producers.replay.quarantine import Left, Selection, again, arrival_of
from runtime.cli.options import cluster_errors, fail, settings
from runtime.clock import now_ms
from runtime.pacing import paced
from runtime.worker import EXIT_CONFIGURATION
from schemas import topics
from schemas.codec import PoisonError, UnknownSchemaError, decoder, encoder
from schemas.providers import registry
from schemas.records import Quarantined
from schemas.settings import Settings
from schemas.timestamps import from_text

SINCE_DEFAULT_MS: Final = 48 * 3_600_000
"""As long as the processor remembers what it has applied: within it a body replayed twice changes nothing twice."""
BODIES_MAX: Final = 1_000_000
"""Bodies of one run, whose hashes are kept so that copies of one arrival go once; more need --until."""


@click.command()
@click.option("--quarantine", is_flag=True, required=True, help="Quarantined callbacks, to be classified again.")
@click.option("--account", help="Of this account only.")
@click.option("--provider", help="Of this provider only.")
@click.option("--reason", help="With this reason only, as `trackly cat callbacks.quarantine` shows it.")
@click.option("--since", help="Put there at or after this UTC time; by default 48 hours ago.")
@click.option("--until", help="Put there before this UTC time.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Records a second; by default no limit.")
@click.option("--dry-run", is_flag=True, help="Say what would be replayed, and write nothing.")
def replay(
    *, since: str | None, until: str | None, rate: float | None, dry_run: bool, quarantine: bool, **chosen: Any
) -> None:
    """Put quarantined callbacks back on callbacks.raw, once their cause is mended; one JSON object with counts.

    They keep the time of their arrival. What still cannot be used returns to quarantine or stays there. Replaying twice
    within 48 hours changes nothing twice; what is older is asked for with --since.
    """
    del quarantine  # the flag says which of several kinds is meant
    chosen["provider"] = _provider(chosen["provider"])
    begin = _time("--since", since)
    selection = Selection(
        since=now_ms() - SINCE_DEFAULT_MS if begin is None else begin, until=_time("--until", until), **chosen
    )
    counts: Counter[str] = Counter()
    left: Counter[str] = Counter()
    effective = settings()
    with cluster_errors():
        writes = _writes(effective, selection, counts, left)
        if dry_run:
            counts["replayed"] = sum(1 for _ in writes)
        else:
            _write(effective, paced(writes, rate), counts)
    told = {"replayed": counts["replayed"], "bodies": counts["bodies"], "copies": counts["copies"]}
    click.echo(json.dumps({**told, "left": dict(sorted(left.items())), "dry_run": dry_run}))


def _writes(effective: Settings, selection: Selection, counts: Counter[str], left: Counter[str]) -> Iterator[Any]:
    from runtime.erasures import erasures  # noqa: PLC0415 - refusals come without Kafka
    from runtime.kafka.one_shot import Write  # noqa: PLC0415 - the same

    encode, topic = encoder("RawCallback"), effective.topic_prefix + topics.RAW
    erased_at = erasures(effective)
    for one in _bodies(effective, selection, counts, left):
        found = again(one, registry.adapters())
        if isinstance(found, Left):
            left[found.reason] += 1
            continue
        for record in found:
            key = topics.contact_key(record["account"], record["phone"])
            if record["received_at"] <= erased_at(key):
                left["erased"] += 1
            else:
                yield Write(topic, key, encode(record))


def _bodies(
    effective: Settings, selection: Selection, counts: Counter[str], left: Counter[str]
) -> Iterator[Quarantined]:
    """Every arrival of a body once: one that was replayed and came back lies there twice."""
    from runtime.kafka.scan import scan  # noqa: PLC0415 - refusals come without Kafka

    read, seen = decoder("Quarantined"), set[str]()
    for message in scan(effective.kafka, effective.topic_prefix + topics.QUARANTINE):
        value = message.value()
        if value is None:
            continue
        try:
            one: Quarantined = read(value)[1]
        except (PoisonError, UnknownSchemaError):
            left["undecodable"] += 1
            continue
        if not selection.holds(one):
            continue
        counts["bodies"] += 1
        name = arrival_of(one)
        if name in seen:
            counts["copies"] += 1
            continue
        if len(seen) >= BODIES_MAX:
            fail(f"more than {BODIES_MAX} bodies; take a part of them with --until", EXIT_CONFIGURATION)
        seen.add(name)
        yield one


def _write(effective: Settings, writes: Iterator[Any], counts: Counter[str]) -> None:
    from rich.console import Console  # noqa: PLC0415 - a dry run starts without it
    from rich.progress import Progress  # noqa: PLC0415 - the same

    from runtime.kafka.one_shot import write_each  # noqa: PLC0415 - refusals come without Kafka

    with Progress(console=Console(stderr=True)) as progress:
        shown = progress.add_task("replaying", total=None)

        def acked() -> None:
            counts["replayed"] += 1
            progress.advance(shown)

        write_each(effective.kafka, writes, acked=acked)


def _provider(name: str | None) -> str | None:
    adapter = None if name is None else registry.get(name)
    if name is not None and adapter is None:
        fail(f"no provider {name!r}; one of {', '.join(registry.names())}", EXIT_CONFIGURATION)
    return None if adapter is None else adapter.name


def _time(option: str, text: str | None) -> int | None:
    at = None if text is None else from_text(text)
    if text is not None and at is None:
        fail(f"{option} is a time such as 2024-01-15T10:30:00Z", EXIT_CONFIGURATION)
    return at
