"""The exactly-once loop when a transaction ends otherwise than well, in this process, on the real broker."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from processors import role
from runtime.kafka.admin import Cluster, ClusterError
from runtime.kafka.changelog import read_to_end
from runtime.kafka.properties import consumer, transactional
from runtime.kafka.records import Message, Partition
from runtime.kafka.transactions import OutcomeUnknownError, TransactionalProducer
from runtime.worker import Life
from schemas import topics
from tests.processors.test_loop import CONFIG, inbound, report
from tests.stage import Stage, await_condition

COUNT = 200
ROUNDS = 15
Commit = Callable[[TransactionalProducer, Any, Any], None]


class _Abortable:
    """What librdkafka says of a transaction that must be aborted."""

    def fatal(self) -> bool:
        return False

    def retriable(self) -> bool:
        return False

    def txn_requires_abort(self) -> bool:
        return True

    def name(self) -> str:
        return "ABORTABLE"


def happens_unknown(producer: TransactionalProducer, really: Callable[[], None]) -> None:
    really()
    producer.discard()
    raise OutcomeUnknownError("the answer was lost")


def does_not_happen_unknown(producer: TransactionalProducer, really: Callable[[], None]) -> None:
    del really
    producer._client.abort_transaction(10)
    producer.discard()
    raise OutcomeUnknownError("the answer was lost")


def is_refused(producer: TransactionalProducer, really: Callable[[], None]) -> None:
    del really
    producer._client.flush(10)
    producer._fail("commit", KafkaException(_Abortable()))


ENDS = {"happens, unknown": happens_unknown, "does not happen, unknown": does_not_happen_unknown, "refused": is_refused}


@contextlib.contextmanager
def running(stage: Stage, **extra: str) -> Iterator[None]:
    """A processor in a thread of this process."""
    life = Life(stage.settings(**extra), "processor")
    failed: list[BaseException] = []

    def run() -> None:
        try:
            assert role.main(life) == 0
        except BaseException as error:  # noqa: BLE001 - a thread has nobody above it
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        life.stop()
        thread.join(60)
    assert not failed, failed
    assert not thread.is_alive()


def sabotage(monkeypatch: pytest.MonkeyPatch, how: Callable[..., None]) -> Callable[[], int]:
    """Let the first commit end so, every later one well; answers how many were made."""
    original, made = TransactionalProducer.commit, list[int]()

    def commit(self: TransactionalProducer, positions: Any, group_metadata: Any) -> None:
        made.append(len(positions))
        if len(made) > 1:
            original(self, positions, group_metadata)
        else:
            how(self, lambda: original(self, positions, group_metadata))

    monkeypatch.setattr(TransactionalProducer, "commit", commit)
    return lambda: len(made)


@pytest.mark.parametrize("end", ENDS)
def test_however_the_first_transaction_ends_everything_is_decided_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """The same callbacks come again afterwards, so that state that was lost or kept by mistake shows."""
    stage.configure(CONFIG)
    made = sabotage(monkeypatch, ENDS[end])
    reports = [report(number) for number in range(COUNT)]
    stops = [inbound(number, "STOP", f"stop{number}") for number in range(COUNT // 4)]
    stage.produce(topics.RAW, "RawCallback", [*reports, *stops])
    with running(stage):
        stage.await_records(topics.events_topic("delivery"), COUNT)
        stage.produce(topics.RAW, "RawCallback", [*reports, *stops, report(COUNT)])
        delivered = stage.await_records(topics.events_topic("delivery"), COUNT + 1)
        stopped = stage.await_records(topics.events_topic("unsubscribe"), COUNT // 4)
    assert made() >= 2
    assert sorted(event["message_id"] for event in delivered) == sorted(f"m{number}" for number in range(COUNT + 1))
    assert len({event["event_id"] for event in stopped}) == len(stopped) == COUNT // 4
    states = [(state["phone_number"], state["active"]) for state in stage.read(topics.CONTACTS)]
    assert len(states) == len(set(states)) == COUNT // 4


def test_what_is_known_of_contacts_comes_back_on_another_machine(stage: Stage) -> None:
    stage.configure(CONFIG)
    reports = [report(number) for number in range(COUNT)]
    with running(stage):
        stage.produce(topics.RAW, "RawCallback", reports)
        stage.await_records(topics.events_topic("delivery"), COUNT)
    stage.produce(topics.RAW, "RawCallback", [*reports, report(COUNT)])
    with running(stage, TRACKLY_STATE_DIR=str(stage.folder / "another")):
        await_condition(
            lambda: any(event["message_id"] == f"m{COUNT}" for event in stage.read(topics.events_topic("delivery"))),
            what="what came last",
        )
    assert len(stage.read(topics.events_topic("delivery"))) == COUNT + 1


def test_committed_positions_are_told_to_whoever_asks_but_not_while_a_transaction_is_pending(stage: Stage) -> None:
    """Also to one whose consumer has lost its membership; asking that consumer would wait for ever."""
    kafka, group = stage.settings().kafka, f"{stage.prefix}positions"
    place = Partition(stage.prefix + topics.RAW, 0)
    cluster = Cluster(kafka)
    assert cluster.committed(group, [place]) == {place: -1}
    member = Consumer(consumer(kafka, "test", group=group, session_timeout_s=6))
    producer = Producer(transactional(kafka, "test", transactional_id=group))
    producer.init_transactions(10)
    producer.begin_transaction()
    producer.send_offsets_to_transaction(
        [TopicPartition(place.topic, place.number, 7)], member.consumer_group_metadata(), 10
    )
    with pytest.raises(ClusterError, match="UNSTABLE_OFFSET_COMMIT") as refused:
        cluster.committed(group, [place])
    assert refused.value.retriable
    producer.commit_transaction(10)
    assert await_condition(lambda: _told(cluster, group, place), what="the position") == {place: 7}
    member.close()


def _told(cluster: Cluster, group: str, place: Partition) -> dict[Partition, int] | None:
    with contextlib.suppress(ClusterError):
        return cluster.committed(group, [place])
    return None


def test_a_restore_reads_what_was_committed_a_moment_ago(stage: Stage) -> None:
    """EndTxn is answered before the markers are written: the last stable offset may still be below the last record."""
    kafka = stage.settings().kafka
    changelog = stage.prefix + topics.AGGREGATE
    count = Cluster(kafka).partition_counts()[changelog]
    logs = [Partition(changelog, number) for number in range(count)]
    producer = TransactionalProducer(transactional(kafka, "test", transactional_id=f"{stage.prefix}restore"))
    assert producer.init(while_waiting=lambda: True)
    cluster, starts = Cluster(kafka), dict.fromkeys(logs, 0)
    properties = consumer(kafka, "test", group=f"{stage.prefix}restore", session_timeout_s=6)
    for turn in range(ROUNDS):
        producer.begin()
        for log in logs:
            producer.produce(changelog, b"contact", b"%d" % turn, log.number)
        producer._client.commit_transaction(10)
        producer._open = False
        found: dict[Partition, bytes] = {}

        def apply(log: Partition, messages: list[Message], position: int, found: Any = found) -> None:
            starts[log] = position
            for message in messages:
                found[log] = message.value()

        ends = cluster.end_offsets(logs)
        read_to_end(properties, starts=dict(starts), ends=ends, apply=apply, keep_waiting=lambda: True)
        assert found == dict.fromkeys(logs, b"%d" % turn)
