"""The command `trackly gateway`."""

import sys

import click


@click.command()
def gateway() -> None:
    """Take providers' callbacks and write them to Kafka."""
    from producers.gateway.role import main  # noqa: PLC0415 - help must not load the stage
    from runtime.worker import run_async  # noqa: PLC0415 - the same

    sys.exit(run_async("gateway", main))
