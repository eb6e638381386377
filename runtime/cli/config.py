"""`trackly config apply|show|check`: the configuration file and the config topic."""

import json
import sys
from pathlib import Path

import click

from runtime.cli.options import actor, cluster_errors, fail, settings
from runtime.clock import now_ms
from runtime.config_apply import execute, plan
from runtime.config_names import misled
from runtime.config_reseal import reseal as resealing
from runtime.config_topic import current_records, shown, write_changes
from runtime.egress import EgressPolicy
from runtime.secrets import SecretBox
from runtime.worker import EXIT_CONFIGURATION, EXIT_FAILED
from schemas.config_file import ConfigFile, ConfigFileError, read
from schemas.providers.registry import credential_names

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def config() -> None:
    """Accounts, lists and endpoints."""


@config.command()
@click.argument("file", type=_FILE)
@click.option("--prune", is_flag=True, help="Delete what the file lacks.")
@click.option("--force", is_flag=True, help="Overwrite what the console or a command changed later.")
@click.option("--dry-run", is_flag=True, help="Print the difference only.")
def apply(file: Path, *, prune: bool, force: bool, dry_run: bool) -> None:
    """Bring FILE onto the config topic as one transaction; the difference is printed first."""
    effective = settings()
    policy = EgressPolicy(effective.egress)
    wanted = _read(file, policy)
    with cluster_errors():
        box = SecretBox.from_settings(effective.secret_keys)
        present = current_records(effective)
        try:
            planned = plan(wanted, present, box, prune=prune, force=force)
        except ConfigFileError as error:
            fail(str(error), EXIT_CONFIGURATION)
        for line in planned.lines:
            click.echo(line)
        for sentence in misled(planned.put, policy):
            _warn(sentence)
        if not dry_run:
            execute(effective, planned, present, actor=actor())
    done = "would be " if dry_run else ""
    click.echo(f"{len(planned.put)} {done}written, {len(planned.remove)} {done}removed", err=True)


@config.command()
@click.option("--dry-run", is_flag=True, help="Say what would be sealed anew, and write nothing.")
def reseal(*, dry_run: bool) -> None:
    """Seal secrets that are under another key anew under the first of TRACKLY_SECRET_KEYS, as one transaction.

    Nothing else of an entry changes. Exit 1 where a secret opens with none of the keys; that entry stays as it is.
    """
    effective = settings()
    with cluster_errors():
        box = SecretBox.from_settings(effective.secret_keys)
        present = current_records(effective)
        found = resealing(present, box)
        for change in found.changes:
            click.echo(f"~ {change.key}")
        if not dry_run:
            write_changes(effective, found.changes, present, origin="command", actor=actor(), now=now_ms())
    for sentence in found.closed:
        click.echo(f"trackly: {sentence}", err=True)
    done = "would be " if dry_run else ""
    click.echo(f"{len(found.changes)} {done}sealed anew under {box.first!r}, {len(found.closed)} cannot be", err=True)
    sys.exit(EXIT_FAILED if found.closed else 0)


@config.command()
def show() -> None:
    """Print the configuration as JSON, one entry a line, secrets left out."""
    with cluster_errors():
        for entry in shown(current_records(settings()).values()):
            click.echo(json.dumps(entry, ensure_ascii=False))


@config.command()
@click.argument("file", type=_FILE)
def check(file: Path) -> None:
    """Check FILE without a broker, under the egress settings of this process."""
    found = _read(file, EgressPolicy(settings().egress))
    click.echo(f"{file}: {len(found.accounts)} accounts, no problem found", err=True)


def _read(file: Path, policy: EgressPolicy) -> ConfigFile:
    try:
        return read(
            file.read_text("utf-8"),
            name=str(file),
            credential_names=credential_names,
            url_refusal=policy.refusal,
            warn=_warn,
        )
    except ConfigFileError as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_CONFIGURATION)
    except UnicodeDecodeError:
        fail(f"{file} is not UTF-8 text", EXIT_CONFIGURATION)


def _warn(sentence: str) -> None:
    click.echo(f"warning: {sentence}", err=True)
