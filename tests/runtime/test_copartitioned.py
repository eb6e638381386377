"""Inputs that belong together are read together, or not at all."""

from collections.abc import Iterator, Sequence

import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from runtime.broker import EmbeddedBroker
from runtime.kafka import copartitioned
from runtime.kafka.copartitioned import CoPartitionedInputs, NotCoPartitionedError
from runtime.kafka.records import Message, Partition
from tests.stage import await_condition


class Group:
    """Two topics of the test's own and one member that reads them."""

    def __init__(self, bootstrap: str, prefix: str, *, partitions: Sequence[int], member: str | None = None) -> None:
        self.topics = [f"{prefix}{number}" for number in range(len(partitions))]
        self._bootstrap = bootstrap
        admin = AdminClient({"bootstrap.servers": bootstrap})  # its futures fail when it is collected
        created = admin.create_topics(
            [NewTopic(topic, count, 1) for topic, count in zip(self.topics, partitions, strict=True)]
        )
        for future in created.values():
            future.result(10)
        self._properties = {
            "bootstrap.servers": bootstrap, "group.id": f"{prefix}group", "enable.auto.commit": False,
            "auto.offset.reset": "earliest", **({"group.instance.id": member, "heartbeat.interval.ms": 100} if member else {}),
        }  # fmt: skip
        self.inputs = CoPartitionedInputs(
            self._properties, self.topics, lambda held: dict.fromkeys(held, 0), lambda: None
        )
        self.inputs.subscribe()

    def ticks(self) -> bool:
        """Let it look after its membership; what it reads is dropped. Never true."""
        self.inputs.gather(records_max=9, little_s=0, most_s=1)
        return False

    def join_as_its_twin(self) -> None:
        """Another client of the same id joins, and is gone again without leaving: what a client does to itself."""
        twin = Consumer({**self._properties, "partition.assignment.strategy": "range"})
        twin.subscribe(self.topics)
        await_condition(lambda: [twin.poll(0.05), twin.assignment()][1], what="the twin's assignment")
        twin.close()

    def write(self, topic: int, partition: int, *values: bytes) -> None:
        producer = Producer({"bootstrap.servers": self._bootstrap})
        for value in values:
            producer.produce(self.topics[topic], value, partition=partition)
        assert producer.flush(30) == 0

    def read(self, count: int) -> list[bytes]:
        found: list[Message] = []

        def enough() -> bool:
            found.extend(self.inputs.gather(records_max=100, little_s=0.05, most_s=1))
            return len(found) >= count

        await_condition(enough, what=f"{count} records")
        return sorted(message.value() or b"" for message in found)


@pytest.fixture
def prefix(topic_prefix: str) -> str:
    return f"{topic_prefix}inputs-"


@pytest.fixture
def uneven(kafka: EmbeddedBroker, prefix: str) -> Iterator[Group]:
    group = Group(kafka.bootstrap, prefix, partitions=(2, 1))
    yield group
    group.inputs.close()


def test_a_partition_without_its_half_is_not_read(uneven: Group) -> None:
    uneven.write(0, 1, b"waits")
    uneven.write(0, 0, b"a")
    uneven.write(1, 0, b"b")
    assert uneven.read(2) == [b"a", b"b"]
    assert uneven.inputs.halves == {1}
    assert uneven.inputs.held == [Partition(topic, 0) for topic in uneven.topics]


def test_a_half_that_stays_away_for_too_long_ends_the_process(uneven: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    await_condition(
        lambda: uneven.inputs.gather(records_max=1, little_s=0, most_s=1) or uneven.inputs.halves, what="a half"
    )
    monkeypatch.setattr(copartitioned, "HALF_S", 0.0)
    with pytest.raises(NotCoPartitionedError, match="1 co-partitions lack a half"):
        uneven.read(1)


def test_a_partition_that_was_left_out_is_not_read_again(kafka: EmbeddedBroker, prefix: str) -> None:
    group = Group(kafka.bootstrap, prefix, partitions=(2, 2))
    try:
        group.write(0, 0, b"a")
        assert group.read(1) == [b"a"]
        group.inputs.leave_out(Partition(group.topics[0], 0))
        group.inputs.read_from(dict.fromkeys(group.inputs.held, 0))
        group.write(0, 1, b"b")
        assert group.read(1) == [b"b"]
    finally:
        group.inputs.close()


@pytest.fixture
def member(kafka: EmbeddedBroker, prefix: str) -> Iterator[Group]:
    """A static member that reads."""
    group = Group(kafka.bootstrap, prefix, partitions=(2, 2), member="one")
    group.write(0, 0, b"a")
    assert group.read(1) == [b"a"]
    yield group
    group.inputs.close()


def test_a_member_that_is_fenced_joins_anew_and_reads_on(member: Group) -> None:
    epoch = member.inputs.epoch
    member.join_as_its_twin()
    member.write(0, 1, b"b")
    await_condition(
        lambda: member.ticks() or member.inputs.epoch > epoch,
        what="the fence",
    )
    assert set(member.read(2)) == {b"a", b"b"}
    assert len(member.inputs.held) == 4


def test_a_member_that_is_fenced_again_and_again_has_a_twin_and_ends(
    member: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copartitioned, "FENCED_MAX", 1)
    epoch = member.inputs.epoch
    member.join_as_its_twin()
    await_condition(
        lambda: member.ticks() or member.inputs.epoch > epoch,
        what="the fence",
    )
    await_condition(lambda: member.ticks() or member.inputs.held, what="the return")
    member.join_as_its_twin()
    with pytest.raises(KafkaException, match="fenced"):
        await_condition(member.ticks, what="the end")
