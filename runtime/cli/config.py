"""`trackly config apply|show|check`: the configuration file and the config topic."""

import getpass
import json
import sys
from pathlib import Path

import click

from runtime.cli.options import cluster_errors, fail, settings
from runtime.config_apply import current_records, execute, plan, shown
from runtime.secrets import SecretBox
from runtime.worker import EXIT_CONFIGURATION, ConfigurationError
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
    wanted = _read(file)
    effective = settings()
    if effective.secret_keys is None:
        fail("TRACKLY_SECRET_KEYS is needed to seal secrets (kid:base64 of 32 bytes)", EXIT_CONFIGURATION)
    try:
        box = SecretBox(effective.secret_keys.get_secret_value())
    except ConfigurationError as error:
        fail(str(error), EXIT_CONFIGURATION)
    with cluster_errors():
        present = current_records(effective)
        try:
            planned = plan(wanted, present, box, prune=prune, force=force)
        except ConfigFileError as error:
            fail(str(error), EXIT_CONFIGURATION)
        for line in planned.lines:
            click.echo(line)
        if not dry_run:
            execute(effective, planned, present, actor=getpass.getuser())
    click.echo(f"{len(planned.put)} written, {len(planned.remove)} removed", err=True)


@config.command()
def show() -> None:
    """Print the configuration as JSON, one entry a line, secrets left out."""
    with cluster_errors():
        for entry in shown(current_records(settings()).values()):
            click.echo(json.dumps(entry, ensure_ascii=False))


@config.command()
@click.argument("file", type=_FILE)
def check(file: Path) -> None:
    """Check FILE without a broker."""
    found = _read(file)
    click.echo(f"{file}: {len(found.accounts)} accounts, no problem found", err=True)


def _read(file: Path) -> ConfigFile:
    try:
        return read(file.read_text("utf-8"), name=str(file), credential_names=credential_names)
    except (ConfigFileError, UnicodeDecodeError) as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_CONFIGURATION)
