"""Creates and verifies the catalogue's topics; the layout record fixes the partition counts that keys depend on.

A count that is fixed is never changed here, and no existing topic's configuration: differences are told, not mended.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runtime.clock import now_ms
from runtime.config_apply import current_records
from runtime.config_follower import ConfigFollower
from runtime.kafka.admin import Cluster, ClusterError, NewTopicPlan
from runtime.kafka.one_shot import Write, write_together
from runtime.worker import ConfigurationError
from schemas import topics
from schemas.codec import encoder
from schemas.config import Layout
from schemas.settings import Settings

if TYPE_CHECKING:
    from schemas.records import ConfigRecord

_LOG = logging.getLogger(__name__)

DEFAULT_PARTITIONS: Final = 12
"""A marker is written per touched partition and transaction, so modest (KAFKA.md: 12 to 24)."""
COPIES: Final = 3
"""Copies where three brokers exist; with two of them in sync an acknowledged callback outlives a broker (promise 1)."""
IN_SYNC_MIN: Final = 2
_SAFETY: Final = {"min.insync.replicas": str(IN_SYNC_MIN), "unclean.leader.election.enable": "false"}
_LAYOUT_KEY: Final = "layout|layout"
_APPLY: Final = "run `trackly topics apply`"


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply` did and what it could not."""

    created: tuple[str, ...]
    grown: tuple[str, ...]
    differences: tuple[str, ...]


def apply(settings: Settings, *, partitions: int | None = None, replication: int | None = None) -> Applied:
    """Create what is missing, grow what may grow, and answer what differs.

    `partitions` counts for keyed topics only while there are none; later it is what tiers, tasks, dead letters and
    forwards grow to.

    Raises:
        ClusterError: the cluster refused or did not answer.
    """
    cluster = Cluster(settings.kafka)
    have = cluster.partition_counts()
    prefix = settings.topic_prefix
    fixed = have.get(prefix + topics.RAW) or partitions or DEFAULT_PARTITIONS
    growing = max(partitions or 0, fixed)
    wanted = {"single": 1, "layout": fixed, "growing": growing}
    copies = replication or (COPIES if cluster.brokers() >= COPIES else 1)
    safety = _SAFETY if copies >= COPIES else {}
    plans = [
        NewTopicPlan(prefix + topic.name, wanted[topic.scaling], copies, {**topic.config(), **safety})
        for topic in topics.CATALOGUE.values()
        if prefix + topic.name not in have
    ]
    cluster.create(plans)
    grow = {
        prefix + topic.name: growing
        for topic in topics.CATALOGUE.values()
        if topic.scaling == "growing" and 0 < have.get(prefix + topic.name, 0) < growing
    }
    cluster.grow(grow)
    counts = _counts(settings, cluster)
    if not _apart(counts):
        _write_layout(settings, counts)
    return Applied(tuple(plan.name for plan in plans), tuple(grow), tuple(check(settings)))


def check(settings: Settings) -> list[str]:
    """Sentences about every difference between the catalogue and the cluster; empty when all is well.

    Raises:
        ClusterError: the cluster refused or did not answer.
    """
    cluster = Cluster(settings.kafka)
    counts = _counts(settings, cluster)
    prefix = settings.topic_prefix
    problems = [f"{prefix}{name}: missing; {_APPLY}" for name in topics.CATALOGUE if name not in counts]
    configs = cluster.configs(prefix + name for name in counts)
    for name in counts:
        found = configs[prefix + name]
        problems += [
            f"{prefix}{name}: {option} is {found.get(option)}, the catalogue says {value}"
            for option, value in topics.CATALOGUE[name].config().items()
            if found.get(option) != value
        ]
    problems += _apart(counts)
    problems += durability_problems(_copies(settings, cluster), configs, brokers=cluster.brokers())
    if topics.CONFIG in counts:
        layout = _layout(settings)
        if layout is None:
            problems.append(f"the layout record is missing; {_APPLY}")
        else:
            problems += [_changed(prefix + name, counts.get(name), was) for name, was in layout.items()
                         if counts.get(name, was) != was]  # fmt: skip
    return problems


def await_topics(settings: Settings, *, keep_waiting: Callable[[], bool]) -> bool:
    """Wait until the brokers answer, and refuse to go on without the topics; False when `keep_waiting` says no.

    Raises:
        ConfigurationError: topics are missing.
    """
    while True:
        try:
            _refuse_missing(settings, _counts(settings, Cluster(settings.kafka)))
        except ClusterError as error:
            if not error.retriable:
                raise
            _LOG.warning("waiting for the brokers: %s", error)
            if not keep_waiting():
                return False
        else:
            return True


def verify_layout(settings: Settings, follower: ConfigFollower) -> dict[str, int]:
    """Partition counts by name without prefix; refuses to start on a cluster that differs from its layout.

    Raises:
        ConfigurationError: missing topics, no layout record, a count that changed, or topics of three copies that
            acknowledge what a single broker holds.
        ClusterError: the cluster refused or did not answer.
    """
    cluster = Cluster(settings.kafka)
    prefix = settings.topic_prefix
    counts = _counts(settings, cluster)
    _refuse_missing(settings, counts)
    layout = follower.snapshot.layout
    if layout is None:
        raise ConfigurationError(f"the layout record is missing; {_APPLY}")
    for name, count in layout.partitions.items():
        if counts.get(name) != count:
            raise ConfigurationError(_changed(prefix + name, counts.get(name), count))
    safe = {name: copies for name, copies in _copies(settings, cluster).items() if copies >= COPIES}
    for problem in [*_apart(counts), *durability_problems(safe, cluster.configs(safe))]:
        raise ConfigurationError(problem)
    return counts


def durability_problems(
    copies: Mapping[str, int], configs: Mapping[str, Mapping[str, str]], *, brokers: int = 0
) -> list[str]:
    """What lets an acknowledged record be lost with one broker, by topic."""
    problems = []
    for name, count in copies.items():
        found = configs[name]
        in_sync = int(found.get("min.insync.replicas", "1"))
        if count < COPIES <= brokers:
            problems.append(f"{name}: {count} copies where {brokers} brokers exist; {COPIES} are needed")
        if count >= COPIES and in_sync < IN_SYNC_MIN:
            problems.append(f"{name}: min.insync.replicas is {in_sync}, promise 1 needs {IN_SYNC_MIN}")
        if count >= COPIES and found.get("unclean.leader.election.enable") == "true":
            problems.append(f"{name}: unclean.leader.election.enable is true, promise 1 needs false")
    return problems


def _refuse_missing(settings: Settings, counts: Mapping[str, int]) -> None:
    missing = [settings.topic_prefix + name for name in topics.CATALOGUE if name not in counts]
    if missing:
        raise ConfigurationError(f"{len(missing)} topics are missing ({missing[0]}, ...); {_APPLY}")


def _counts(settings: Settings, cluster: Cluster) -> dict[str, int]:
    """Partition counts of the catalogue's topics that exist, by name without the prefix."""
    have = cluster.partition_counts()
    prefix = settings.topic_prefix
    return {name: have[prefix + name] for name in topics.CATALOGUE if prefix + name in have}


def _copies(settings: Settings, cluster: Cluster) -> dict[str, int]:
    """Fewest copies of any partition of the catalogue's topics that exist, by full name."""
    copies = cluster.replication()
    names = [settings.topic_prefix + name for name in topics.CATALOGUE]
    return {name: copies[name] for name in names if name in copies}


def _apart(counts: Mapping[str, int]) -> list[str]:
    """Keyed topics must have one count: the same key must be the same partition number in every one."""
    keyed = {
        counts[topic.name] for topic in topics.CATALOGUE.values() if topic.scaling == "layout" and topic.name in counts
    }
    if len(keyed) <= 1:
        return []
    return [f"topics of one layout differ in partitions: {sorted(keyed)}; keys would hash apart"]


def _changed(name: str, now: int | None, was: int) -> str:
    return (
        f"{name} has {now} partitions, its layout says {was}: half of the contacts would hash away from their consent; "
        "restore the count, never change the layout"
    )


def _layout(settings: Settings) -> dict[str, int] | None:
    record = current_records(settings).get(_LAYOUT_KEY)
    return None if record is None else Layout.model_validate_json(record["payload"]).partitions


def _write_layout(settings: Settings, counts: Mapping[str, int]) -> None:
    """Fix the counts of topics that the layout does not hold yet; what it holds is left alone."""
    fixed = {name: count for name, count in counts.items() if topics.CATALOGUE[name].scaling != "growing"}
    before = _layout(settings) or {}
    if fixed.keys() <= before.keys():
        return
    record: ConfigRecord = {
        "kind": "layout",
        "id": "layout",
        "payload": Layout(partitions={**fixed, **before}).model_dump_json(),
        "origin": "command",
        "actor": "topics apply",
        "updated_at": now_ms(),
        "applied_hash": "",
    }
    prefix = settings.topic_prefix
    write = Write(prefix + topics.CONFIG, _LAYOUT_KEY, encoder("ConfigRecord")(record))
    write_together(settings.kafka, [write], name=f"{prefix}topics")
