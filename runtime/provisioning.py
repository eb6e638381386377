"""Creates and verifies the catalogue's topics; the layout record fixes the partition counts that keys depend on."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from runtime.clock import now_ms
from runtime.config_follower import ConfigFollower
from runtime.kafka.admin import Cluster, ClusterError, NewTopicPlan
from runtime.kafka.one_shot import Write, write_together
from runtime.worker import ConfigurationError
from schemas import topics
from schemas.codec import encoder
from schemas.config import Layout
from schemas.settings import Settings

_LOG = logging.getLogger(__name__)

DEFAULT_PARTITIONS: Final = 12
"""A marker is written per touched partition and transaction, so modest (KAFKA.md: 12 to 24)."""
THREE: Final = 3


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply` did and what it could not."""

    created: tuple[str, ...]
    grown: tuple[str, ...]
    differences: tuple[str, ...]


def partitions_of(topic: topics.Topic, partitions: int) -> int:
    """How many partitions a topic gets."""
    return 1 if topic.scaling == "single" else partitions


def apply(settings: Settings, *, partitions: int | None = None, replication: int | None = None) -> Applied:
    """Create what is missing, grow what may grow, and answer what differs.

    Raises:
        ClusterError: the cluster refused or did not answer.
    """
    cluster = Cluster(settings.kafka)
    have = cluster.partition_counts()
    prefix = settings.topic_prefix
    wanted = partitions or _present_layout(have, prefix) or DEFAULT_PARTITIONS
    copies = replication or (THREE if cluster.brokers() >= THREE else 1)
    safety = {"min.insync.replicas": "2"} if copies >= THREE else {}
    plans = [
        NewTopicPlan(prefix + t.name, partitions_of(t, wanted), copies, {**t.config(), **safety})
        for t in topics.CATALOGUE.values()
        if prefix + t.name not in have
    ]
    cluster.create(plans)
    grow = {
        prefix + t.name: wanted
        for t in topics.CATALOGUE.values()
        if t.scaling == "growing" and 0 < have.get(prefix + t.name, 0) < wanted
    }
    cluster.grow(grow)
    _write_layout(settings, cluster)
    return Applied(tuple(p.name for p in plans), tuple(grow), tuple(check(settings)))


def check(settings: Settings) -> list[str]:
    """Sentences about every difference between the catalogue and the cluster; empty when all is well."""
    cluster = Cluster(settings.kafka)
    have = cluster.partition_counts()
    prefix = settings.topic_prefix
    problems = [
        f"{prefix}{name}: missing; run `trackly topics apply`" for name in topics.CATALOGUE if prefix + name not in have
    ]
    present = [prefix + name for name in topics.CATALOGUE if prefix + name in have]
    configs = cluster.configs(present)
    for name, topic in topics.CATALOGUE.items():
        found = configs.get(prefix + name, {})
        for option, value in topic.config().items() if found else ():
            if found.get(option) != value:
                problems.append(f"{prefix}{name}: {option} is {found.get(option)}, the catalogue says {value}")
    counts = {
        have[prefix + t.name] for t in topics.CATALOGUE.values() if t.scaling == "layout" and prefix + t.name in have
    }
    if len(counts) > 1:
        problems.append(f"topics of one layout differ in partitions: {sorted(counts)}; keys would hash apart")
    return problems


def await_topics(settings: Settings, *, keep_waiting: Callable[[], bool]) -> bool:
    """Wait until the brokers answer, and refuse to go on without the topics; False when `keep_waiting` says no.

    Raises:
        ConfigurationError: topics are missing.
    """
    while True:
        try:
            have = Cluster(settings.kafka).partition_counts()
        except ClusterError as error:
            if not error.retriable:
                raise
            _LOG.warning("waiting for the brokers: %s", error)
            if not keep_waiting():
                return False
        else:
            _refuse_missing(settings.topic_prefix, have)
            return True


def _refuse_missing(prefix: str, have: dict[str, int]) -> None:
    missing = [prefix + name for name in topics.CATALOGUE if prefix + name not in have]
    if missing:
        raise ConfigurationError(f"{len(missing)} topics are missing ({missing[0]}, ...); run `trackly topics apply`")


def verify_layout(settings: Settings, follower: ConfigFollower) -> dict[str, int]:
    """Partition counts by name without prefix; refuses to start on a cluster that differs from its layout.

    Raises:
        ConfigurationError: missing topics, no layout record, or a count that changed.
    """
    prefix = settings.topic_prefix
    have = Cluster(settings.kafka).partition_counts()
    _refuse_missing(prefix, have)
    layout = follower.snapshot.layout
    if layout is None:
        raise ConfigurationError("the layout record is missing; run `trackly topics apply`")
    for name, count in layout.partitions.items():
        if have.get(prefix + name) != count:
            raise ConfigurationError(
                f"{prefix}{name} has {have.get(prefix + name)} partitions, its layout says {count}: half of the "
                "contacts would hash away from their consent; restore the count, never change the layout"
            )
    return {name: have[prefix + name] for name in topics.CATALOGUE}


def _present_layout(have: dict[str, int], prefix: str) -> int | None:
    return have.get(prefix + topics.RAW)


def _write_layout(settings: Settings, cluster: Cluster) -> None:
    """Write the layout once; a later apply leaves it alone."""
    follower = ConfigFollower(settings.model_copy(update={"secret_keys": None}), "topics")
    follower.start()
    try:
        follower.wait_ready(keep_waiting=lambda: True)
        if follower.snapshot.layout is not None:
            return
        have = cluster.partition_counts()
        prefix = settings.topic_prefix
        fixed = {
            name: have[prefix + name]
            for name, topic in topics.CATALOGUE.items()
            if topic.scaling in {"layout", "single"}
        }
        payload = Layout(partitions=fixed).model_dump_json()
        record = {
            "kind": "layout",
            "id": "layout",
            "payload": payload,
            "origin": "command",
            "actor": "topics apply",
            "updated_at": now_ms(),
            "applied_hash": "",
        }
        value = encoder("ConfigRecord")(record)
        write_together(settings.kafka, [Write(prefix + topics.CONFIG, "layout|layout", value)], name=f"{prefix}topics")
    finally:
        follower.close()
