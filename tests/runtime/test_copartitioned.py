"""Inputs that belong together are read together, or not at all."""

from collections.abc import Iterator, Sequence

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from runtime.broker import EmbeddedBroker
from runtime.kafka import copartitioned
from runtime.kafka.copartitioned import CoPartitionedInputs, NotCoPartitionedError
from runtime.kafka.records import Message, Partition
from tests.stage import await_condition


class Group:
    """Two topics of the test's own and one member that reads them."""

    def __init__(self, bootstrap: str, prefix: str, *, partitions: Sequence[int]) -> None:
        self.topics = [f"{prefix}{number}" for number in range(len(partitions))]
        self._bootstrap = bootstrap
        admin = AdminClient({"bootstrap.servers": bootstrap})  # its futures fail when it is collected
        created = admin.create_topics(
            [NewTopic(topic, count, 1) for topic, count in zip(self.topics, partitions, strict=True)]
        )
        for future in created.values():
            future.result(10)
        self.inputs = CoPartitionedInputs(
            {"bootstrap.servers": bootstrap, "group.id": f"{prefix}group", "enable.auto.commit": False,
             "auto.offset.reset": "earliest"},
            self.topics, lambda held: dict.fromkeys(held, 0), lambda: None
        )  # fmt: skip
        self.inputs.subscribe()

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
