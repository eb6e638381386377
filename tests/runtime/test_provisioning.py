"""The catalogue on a real broker: created once, grown only where it may, refused where keys would hash apart."""

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public names that the package does not list
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)

from runtime import provisioning
from runtime.config_follower import ConfigFollower
from runtime.kafka.admin import Cluster, ClusterError, NewTopicPlan
from runtime.kafka.one_shot import Write, write_together
from runtime.kafka.records import Partition
from runtime.provisioning import await_topics, durability_problems, verify_layout
from runtime.worker import ConfigurationError
from schemas import topics
from tests.stage import Stage, await_condition

SAFE = {"min.insync.replicas": "2", "unclean.leader.election.enable": "false"}


def grow_behind_our_back(stage: Stage, topic: str, count: int) -> None:
    client = AdminClient({"bootstrap.servers": stage.bootstrap})
    for future in client.create_partitions([NewPartitions(stage.prefix + topic, count)]).values():
        future.result(10)


def alter(stage: Stage, topic: str, option: str, value: str) -> None:
    client = AdminClient({"bootstrap.servers": stage.bootstrap})
    entry = ConfigEntry(option, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, stage.prefix + topic, incremental_configs=[entry])
    for future in client.incremental_alter_configs([resource]).values():
        future.result(10)


def verified(stage: Stage) -> dict[str, int]:
    follower = ConfigFollower(stage.settings(), "test")
    follower.start()
    try:
        assert follower.read_to_end(keep_waiting=lambda: True)
        return verify_layout(stage.settings(), follower)
    finally:
        follower.close()


def test_the_catalogue_is_created_as_it_says_and_a_second_apply_does_nothing(stage: Stage) -> None:
    counts = verified(stage)
    assert counts.keys() == topics.CATALOGUE.keys()
    for name, count in counts.items():
        assert count == (1 if topics.CATALOGUE[name].scaling == "single" else 3), name
    assert provisioning.check(stage.settings()) == []
    again = provisioning.apply(stage.settings())
    assert (again.created, again.grown, again.differences) == ((), (), ())


def test_more_partitions_are_given_only_to_what_may_grow(stage: Stage) -> None:
    before = verified(stage)
    applied = provisioning.apply(stage.settings(), partitions=5)
    growing = {name for name, topic in topics.CATALOGUE.items() if topic.scaling == "growing"}
    assert {topics.TASKS, topics.DEAD, "events.reply.retry-2h"} <= growing
    assert {name.removeprefix(stage.prefix) for name in applied.grown} == growing
    assert applied.differences == ()
    assert verified(stage) == {name: 5 if name in growing else count for name, count in before.items()}
    assert provisioning.apply(stage.settings(), partitions=2).grown == (), "nothing ever shrinks"


def test_a_count_that_changed_is_a_difference_and_stops_every_role(stage: Stage) -> None:
    grow_behind_our_back(stage, topics.RAW, 4)
    differences = provisioning.apply(stage.settings()).differences
    assert f"{stage.prefix}callbacks.raw has 4 partitions, its layout says 3" in " ".join(differences)
    assert any("keys would hash apart" in line for line in differences)
    with pytest.raises(ConfigurationError, match="half of the contacts would hash away from their consent"):
        verified(stage)


def test_a_single_topic_stays_single(stage: Stage) -> None:
    grow_behind_our_back(stage, topics.AUDIT, 2)
    with pytest.raises(ConfigurationError, match="audit has 2 partitions, its layout says 1"):
        verified(stage)


@pytest.mark.parametrize(
    "topic, option, value",
    [
        (topics.RAW, "retention.ms", "1000"),
        (topics.RAW, "max.message.bytes", "1000000"),
        ("events.reply.retry-2h", "message.timestamp.type", "CreateTime"),
        (topics.CONTACTS, "cleanup.policy", "delete"),
        (topics.CONTACTS, "max.compaction.lag.ms", "9223372036854775807"),
    ],
)
def test_an_option_that_differs_is_told_with_both_values(stage: Stage, topic: str, option: str, value: str) -> None:
    alter(stage, topic, option, value)
    says = topics.CATALOGUE[topic].config()[option]
    assert provisioning.check(stage.settings()) == [
        f"{stage.prefix}{topic}: {option} is {value}, the catalogue says {says}"
    ]


def test_topics_that_are_missing_are_told_and_made_with_the_counts_of_the_others(stage: Stage) -> None:
    client = AdminClient({"bootstrap.servers": stage.bootstrap})
    for future in client.delete_topics([stage.prefix + topics.LEDGER]).values():
        future.result(10)
    assert f"{stage.prefix}contacts.ledger: missing; run `trackly topics apply`" in provisioning.check(stage.settings())
    with pytest.raises(ConfigurationError, match=r"1 topics are missing .*run `trackly topics apply`"):
        verified(stage)
    applied = provisioning.apply(stage.settings(), partitions=7)
    assert applied.created == (stage.prefix + topics.LEDGER,)
    assert verified(stage)[topics.LEDGER] == 3


def test_a_role_waits_for_the_brokers_but_not_for_topics_that_nobody_made(stage: Stage) -> None:
    assert await_topics(stage.settings(), keep_waiting=lambda: False)
    with pytest.raises(ConfigurationError, match=r"topics are missing \(nowhere.callbacks.raw"):
        await_topics(stage.settings(TRACKLY_TOPIC_PREFIX="nowhere."), keep_waiting=lambda: True)
    away = stage.settings(TRACKLY_KAFKA__BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert not await_topics(away, keep_waiting=lambda: False)


def test_a_lost_layout_record_stops_every_role_until_it_is_written_again(stage: Stage) -> None:
    tombstone = Write(stage.prefix + topics.CONFIG, "layout|layout", None)
    write_together(stage.settings().kafka, [tombstone], name="test")
    assert provisioning.check(stage.settings()) == ["the layout record is missing; run `trackly topics apply`"]
    with pytest.raises(ConfigurationError, match="the layout record is missing"):
        verified(stage)
    assert provisioning.apply(stage.settings()).differences == ()
    assert verified(stage)[topics.RAW] == 3


def test_more_copies_than_brokers_are_refused_for_good(stage: Stage) -> None:
    settings = stage.settings(TRACKLY_TOPIC_PREFIX=f"{stage.prefix}three.")
    with pytest.raises(ClusterError, match="INVALID_REPLICATION_FACTOR") as refused:
        provisioning.apply(settings, partitions=1, replication=3)
    assert not refused.value.retriable


@pytest.mark.parametrize(
    "copies, config, brokers, problems",
    [
        (1, {}, 1, []),
        (1, {}, 2, []),
        (3, SAFE, 3, []),
        (5, {**SAFE, "min.insync.replicas": "3"}, 5, []),
        (1, {}, 3, ["t: 1 copies where 3 brokers exist; 3 are needed"]),
        (3, {**SAFE, "min.insync.replicas": "1"}, 3, ["t: min.insync.replicas is 1, promise 1 needs 2"]),
        (3, {}, 0, ["t: min.insync.replicas is 1, promise 1 needs 2"]),
        (
            3,
            {**SAFE, "unclean.leader.election.enable": "true"},
            3,
            ["t: unclean.leader.election.enable is true, promise 1 needs false"],
        ),
    ],
)
def test_what_lets_one_broker_lose_an_acknowledged_record_is_told(
    copies: int, config: dict[str, str], brokers: int, problems: list[str]
) -> None:
    assert durability_problems({"t": copies}, {"t": config}, brokers=brokers) == problems


# --- the admin face --------------------------------------------------------------------------------------------------


def test_ends_count_what_is_not_committed_and_low_watermarks_what_is_kept(stage: Stage) -> None:
    cluster = Cluster(stage.settings().kafka)
    partition = Partition(stage.prefix + topics.ERASURES, 0)
    assert cluster.end_offsets([partition]) == {partition: 0}
    write_together(stage.settings().kafka, [Write(partition.topic, "k", b"v")], name="test")
    # the coordinator answers a commit before every marker is written
    await_condition(lambda: cluster.end_offsets([partition]) == {partition: 2}, what="the record and its marker")
    assert cluster.low_watermarks([partition]) == {partition: 0}
    assert cluster.end_offsets([]) == {}
    assert cluster.brokers() == 1
    assert cluster.replication()[partition.topic] == 1
    assert set(cluster.leaders([partition.topic])) == {partition}
    assert cluster.configs([]) == {}


def test_creating_what_exists_leaves_it_as_it_is(stage: Stage) -> None:
    cluster = Cluster(stage.settings().kafka)
    cluster.create([NewTopicPlan(stage.prefix + topics.RAW, 3, 1, {"retention.ms": "1"})])
    assert provisioning.check(stage.settings()) == []
