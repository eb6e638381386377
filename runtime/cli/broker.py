"""`trackly broker`: the embedded Kafka in the foreground."""

import sys
from pathlib import Path

import click

from runtime.cli.options import settings


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=9092, show_default=True, help="0 takes a free one.")
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder; default in the state directory."
)
def broker(port: int, data: Path | None) -> None:
    """Run Apache Kafka from the `local` extra; prints `ready bootstrap=...`."""
    from runtime.broker import run_foreground  # noqa: PLC0415 - help must not need the extra

    sys.exit(run_foreground(port, data or Path(settings().state_dir) / "broker"))
