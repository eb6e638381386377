"""`trackly topics apply|check`: the catalogue on the cluster."""

import sys

import click

from runtime import provisioning
from runtime.cli.options import cluster_errors, settings
from runtime.worker import EXIT_FAILED


@click.group()
def topics() -> None:
    """Create and verify the topics of the catalogue."""


@topics.command()
@click.option("--partitions", type=click.IntRange(1, 1000), help="Of keyed topics, at creation only; 12 by default.")
@click.option("--replication", type=click.IntRange(1, 9), help="Copies; 3 where three brokers exist, else 1.")
def apply(partitions: int | None, replication: int | None) -> None:
    """Create what is missing, grow what may grow, print what differs."""
    with cluster_errors():
        done = provisioning.apply(settings(), partitions=partitions, replication=replication)
    for name in done.created:
        click.echo(f"created {name}")
    for name in done.grown:
        click.echo(f"grown {name}")
    _report(list(done.differences))


@topics.command()
def check() -> None:
    """Print every difference between catalogue and cluster; exit 1 where there is one."""
    with cluster_errors():
        found = provisioning.check(settings())
    _report(found)


def _report(differences: list[str]) -> None:
    for line in differences:
        click.echo(line)
    if differences:
        sys.exit(EXIT_FAILED)
    click.echo("topics are as the catalogue says", err=True)
