"""The command `trackly replay` without `--quarantine`: dead letters or past events back to their endpoints."""

import json
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from runtime.cli.options import actor, cluster_errors, fail, settings
from runtime.clock import now_ms
from runtime.worker import EXIT_CONFIGURATION
from schemas import topics
from schemas.settings import Settings
from schemas.timestamps import from_text

if TYPE_CHECKING:
    from dispatchers.replay.run import Replay
    from dispatchers.replay.selection import Selection, Source
    from dispatchers.replay.sources import Known
    from runtime.kafka.bookmarks import Bookmarks
    from schemas.records import AuditEntry

_ID: Final = re.compile(r"rpl_[0-9a-f]{16}")
_ID_BYTES: Final = 8


@click.command(
    epilog="Quarantined callbacks are put back by `trackly replay --quarantine`; it has a --help of its own."
)
@click.option("--source", type=click.Choice(["dead", "events"]), help="Dead letters (the default), or past events.")
@click.option("--endpoint", metavar="E", help="To this endpoint only, account/endpoint.")
@click.option("--account", help="Of this account only.")
@click.option("--event", type=click.Choice(topics.EVENTS), help="Of this type only.")
@click.option("--since", help="Dead, or received, at or after this UTC time.")
@click.option("--until", help="Dead, or received, before this UTC time.")
@click.option("--reason", help="Dead for this reason only, as `trackly cat webhooks.dead` shows it.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Tasks a second; by default no limit.")
@click.option("--dry-run", is_flag=True, help="Say what would be replayed, by endpoint, and write nothing.")
@click.option("--resume", metavar="ID", help="Go on with a replay that was interrupted, for what it was begun for.")
def replay(
    *, since: str | None, until: str | None, rate: float | None, dry_run: bool, resume: str | None, **chosen: Any
) -> None:
    """Put dead letters, or past events, back to be delivered under their old `webhook-id`; one JSON object of counts.

    A dead letter that was delivered since is left out. Past events need --since and --endpoint or --account, and go to
    whoever subscribes now. Attempts start again at 1. An interrupted replay goes on with --resume.
    """
    selection = None
    if resume is None:
        selection = _selection(_time("--since", since), _time("--until", until), chosen)
    elif not _ID.fullmatch(resume):
        fail("--resume takes the id that a replay printed when it began", EXIT_CONFIGURATION)
    elif since or until or any(chosen.values()):
        fail("--resume goes on with what the replay was begun for; leave the selection out", EXIT_CONFIGURATION)
    with cluster_errors():
        _replay(selection, resume, rate=rate, dry_run=dry_run)


def _selection(since: int | None, until: int | None, chosen: dict[str, Any]) -> "Selection":
    from dispatchers.replay.selection import Selection  # noqa: PLC0415 - help comes without it

    source: Source = chosen.pop("source") or "dead"
    if source == "events":
        if since is None or not (chosen["endpoint"] or chosen["account"]):
            fail("--source events needs --since and one of --endpoint, --account", EXIT_CONFIGURATION)
        if chosen["reason"] is not None:
            fail("--reason is of dead letters; past events have none", EXIT_CONFIGURATION)
    if since is not None and until is not None and until <= since:
        fail("--until is not later than --since", EXIT_CONFIGURATION)
    return Selection(source=source, since=since, until=until, **chosen)


def _replay(selection: "Selection | None", resumed: str | None, *, rate: float | None, dry_run: bool) -> None:
    from dispatchers.replay.run import begun, bookmarks, gone_on_with  # noqa: PLC0415 - refusals come without Kafka
    from dispatchers.replay.sources import steps  # noqa: PLC0415 - the same

    effective, left = settings(), Counter[str]()
    replay_id = resumed or f"rpl_{secrets.token_hex(_ID_BYTES)}"
    known = _known(effective, selection)
    marks = bookmarks(effective, replay_id)
    try:
        if selection is None:
            one = gone_on_with(effective, marks, replay_id)
        else:
            one = begun(effective, selection, replay_id)
            if not dry_run:
                _announce(effective, one, marks)
        found = steps(effective, one.selection, known, starts=dict(one.positions), ends=one.ends, left=left)
        if one.is_finished:
            click.echo(f"nothing is left of replay {replay_id}", err=True)
        elif dry_run:
            one.count(found)
        else:
            with _progress(one) as moved:
                one.run(effective, found, marks, rate=rate, moved=moved)
    finally:
        marks.close()
    told = {"replay_id": None} if dry_run and resumed is None else {"replay_id": replay_id}
    by_endpoint = {"endpoints": dict(sorted(one.by_endpoint.items()))} if dry_run else {}
    counts = {"replayed": one.replayed, "left": dict(sorted(left.items())), **by_endpoint, "dry_run": dry_run}
    click.echo(json.dumps({**told, **counts}))


def _known(effective: Settings, selection: "Selection | None") -> "Known":
    """The configuration of now; what is named and not configured is a slip of the pen."""
    from dispatchers.replay.sources import Known  # noqa: PLC0415 - refusals come without Kafka
    from runtime.config_topic import current_records, snapshot_from  # noqa: PLC0415 - the same
    from runtime.erasures import erasures  # noqa: PLC0415 - the same

    snapshot = snapshot_from(current_records(effective).values())
    if selection is not None and selection.endpoint is not None and selection.endpoint not in snapshot.endpoints:
        fail(f"no endpoint {selection.endpoint!r}; `trackly endpoints list` shows them", EXIT_CONFIGURATION)
    if selection is not None and selection.account is not None and selection.account not in snapshot.accounts:
        fail(f"no account {selection.account!r}; `trackly config show` shows them", EXIT_CONFIGURATION)
    return Known(snapshot, erasures(effective))


def _announce(effective: Settings, one: "Replay", marks: "Bookmarks") -> None:
    """Say how it is gone on with, before anything is written; then keep where it begins, and the trail of who began."""
    from runtime.kafka.one_shot import Write, write_each  # noqa: PLC0415 - refusals come without Kafka
    from schemas.codec import encoder  # noqa: PLC0415 - the same

    go_on = f"after an interruption `trackly replay --resume {one.replay_id}` goes on"
    click.echo(f"replay {one.replay_id} begins; {go_on}", err=True)
    one.keep(marks)
    chosen = {name: value for name, value in asdict(one.selection).items() if value is not None}
    entry: AuditEntry = {
        "account": next(iter(sorted(one.selection.accounts)), ""),
        "actor": actor(),
        "origin": "command",
        "action": "replay.begin",
        "target": one.replay_id,
        "before": None,
        "after": json.dumps(chosen),
        "at": now_ms(),
    }
    audit = effective.topic_prefix + topics.AUDIT
    write_each(effective.kafka, [Write(audit, entry["account"], encoder("AuditEntry")(entry))])


@contextmanager
def _progress(one: "Replay") -> Iterator[Callable[[int], None]]:
    """A bar on stderr that follows the records behind us."""
    from rich.console import Console  # noqa: PLC0415 - a dry run starts without it
    from rich.progress import Progress  # noqa: PLC0415 - the same

    total = sum(end - one.positions[partition] for partition, end in one.ends.items())
    with Progress(console=Console(stderr=True)) as progress:
        shown = progress.add_task("replaying", total=total)
        yield lambda records: progress.advance(shown, records)


def _time(option: str, text: str | None) -> int | None:
    at = None if text is None else from_text(text)
    if text is not None and at is None:
        fail(f"{option} is a time such as 2024-01-15T10:30:00Z", EXIT_CONFIGURATION)
    return at
