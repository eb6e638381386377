"""`trackly doctor`: connects, shows the effective settings, says what is missing and what to do."""

import json
import sys
from typing import Final

import click

from runtime import provisioning
from runtime.cli.options import settings as read_settings
from runtime.kafka.admin import Cluster, ClusterError
from runtime.secrets import SecretBox
from runtime.settings import masked
from runtime.worker import EXIT_FAILED, ConfigurationError
from schemas.settings import Settings

OFFSETS_RETENTION_MIN: Final = 30 * 24 * 60
"""Committed positions must outlive a long outage: 30 days in minutes (KAFKA.md, Delay topics)."""


@click.command()
def doctor() -> None:
    """Look for what would keep the workers from running; exit 1 where anything is found."""
    settings = read_settings()
    click.echo(json.dumps(masked(settings), default=str, indent=2))
    problems = [*_secrets(settings), *_cluster(settings)]
    for line in problems:
        click.echo(f"problem: {line}")
    if problems:
        sys.exit(EXIT_FAILED)
    click.echo("nothing found", err=True)


def _secrets(settings: Settings) -> list[str]:
    if settings.secret_keys is None:
        return ["TRACKLY_SECRET_KEYS is not set; workers cannot open the configuration's secrets"]
    try:
        SecretBox(settings.secret_keys.get_secret_value())
    except ConfigurationError as error:
        return [str(error)]
    return []


def _cluster(settings: Settings) -> list[str]:
    cluster = Cluster(settings.kafka, "doctor")
    try:
        brokers = cluster.brokers()
        config = cluster.broker_config()
        differences = provisioning.check(settings)
    except ClusterError as error:
        return [f"{settings.kafka.bootstrap_servers} does not answer ({error}); `trackly broker` starts one here"]
    found = list(differences)
    retention = int(config.get("offsets.retention.minutes") or 0)
    if retention < OFFSETS_RETENTION_MIN:
        found.append(f"offsets.retention.minutes is {retention}; at least {OFFSETS_RETENTION_MIN} is needed")
    if config.get("unclean.leader.election.enable") == "true":
        found.append("unclean.leader.election.enable is true; an acknowledged callback could be lost")
    click.echo(f"{brokers} brokers answer", err=True)
    return found
