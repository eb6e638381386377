"""`trackly doctor`: connects, shows the effective settings, says what is missing and what to do."""

import json
import sys
from typing import Final

import click

from runtime import provisioning
from runtime.cli.options import cluster_errors
from runtime.cli.options import settings as read_settings
from runtime.config_reseal import reseal
from runtime.config_topic import current_records
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
    with cluster_errors():
        problems = [*_secrets(settings), *_cluster(settings)]
    for line in problems:
        click.echo(f"problem: {line}")
    if problems:
        sys.exit(EXIT_FAILED)
    click.echo("nothing found", err=True)


def _secrets(settings: Settings) -> list[str]:
    try:
        SecretBox.from_settings(settings.secret_keys)
    except ConfigurationError as error:
        return [str(error)]
    return []


def _sealed(settings: Settings) -> list[str]:
    """What a rotation of the sealing keys has left to do; topics or keys that are missing are told elsewhere."""
    if _secrets(settings):
        return []
    box = SecretBox.from_settings(settings.secret_keys)
    try:
        found = reseal(current_records(settings), box)
    except ClusterError:
        return []
    except ConfigurationError as error:
        return [str(error)]
    if not found.changes:
        return found.closed
    left = (
        f"{len(found.changes)} entries of the configuration are under a key that is not the first ({box.first!r}); "
        "run `trackly config reseal` before that key goes"
    )
    return [*found.closed, left]


def _cluster(settings: Settings) -> list[str]:
    try:
        cluster = Cluster(settings.kafka, "doctor")
        brokers = cluster.brokers()
    except ClusterError as error:
        return [f"{settings.kafka.bootstrap_servers} does not answer ({error}); `trackly broker` starts one here"]
    click.echo(f"{brokers} brokers answer", err=True)
    try:
        retention = int(cluster.broker_config().get("offsets.retention.minutes") or 0)
        differences = provisioning.check(settings)
    except ClusterError as error:
        return [f"{error}; reading the topics and describing their configuration must be allowed"]
    if retention < OFFSETS_RETENTION_MIN:
        differences.append(
            f"offsets.retention.minutes is {retention}; set it to {OFFSETS_RETENTION_MIN} or more on every broker, "
            "or a group that is away for longer begins anew"
        )
    return [*differences, *_sealed(settings)]
