"""The dispatcher on the real broker when things go wrong: nothing lost, nothing stuck, repeats only where they must be."""

import asyncio
import base64
import re
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from dispatchers.drain import OPEN_MAX
from dispatchers.hold_turns import DRAINS_MAX
from dispatchers.lanes import LANE_RECORDS_MAX
from runtime.kafka.positions import Position
from runtime.kafka.properties import consumer
from runtime.kafka.reader import Reader, ReaderFailedError
from runtime.kafka.records import Committed, Message, Partition
from runtime.kafka.scan import scan
from schemas import ids, topics
from tests.dispatchers.receiver import Receiver
from tests.dispatchers.test_shell import FAST, SECRET, config, event, produce
from tests.stage import Role, Stage, await_condition

SHORT = {"TRACKLY_DISPATCH__SESSION_TIMEOUT_S": "6"}
"""The broker's shortest session."""
UNKNOWN_SCHEMA = b"\xc3\x01" + b"\x07" * 8 + b"whatever a newer version writes"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    opened = Receiver()
    yield opened
    opened.close()


def value_of(role: Role, name: str) -> float:
    found = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)", role.metrics(), re.MULTILINE)
    return sum(float(value) for value in found)


def distinct(receiver: Receiver) -> int:
    return len({hit.headers["webhook-id"] for hit in receiver.hits})


def task(number: int, **fields: Any) -> tuple[str, dict[str, Any]]:
    event_id = ids.event_id("acme", "infobip", "delivery", "+18005551234", f"m{number}")
    made: dict[str, Any] = {
        "task_id": ids.task_id(event_id, "acme/main"), "event_id": event_id, "event_type": "delivery",
        "origin": "event", "replay_id": None, "endpoint": "acme/main", "contact_key": f"acme|{number}",
        "body": b"{}", "attempt": 2, "created_at": 1_705_314_600_000, "first_failed_at": 1_705_314_600_500,
        "held_at": None, "outcomes": [], **fields,
    }  # fmt: skip
    return made["endpoint"], made


def committed(stage: Stage, group: str, topic: str) -> list[TopicPartition]:
    asked = Consumer({"bootstrap.servers": stage.bootstrap, "group.id": stage.prefix + group})
    try:
        return list(asked.committed([TopicPartition(stage.prefix + topic, number) for number in range(3)], timeout=10))
    finally:
        asked.close()


class _Handler:
    """Takes records until it is told to fail."""

    def __init__(self) -> None:
        self.held: dict[Partition, Committed] = {}
        self.joined = asyncio.Event()
        self.seen = 0
        self.failing = False

    def start_offset(self, *_: object) -> int | None:
        return None

    def assigned(self, partitions: Mapping[Partition, Committed]) -> None:
        self.held.update(partitions)
        self.joined.set()

    def records(self, messages: Sequence[Message]) -> None:
        if self.failing:
            raise ValueError("a defect of the role")
        self.seen += len(messages)

    async def revoked(self, _partitions: Sequence[Partition]) -> Mapping[Partition, Position]:
        return {}

    def lost(self, _partitions: Sequence[Partition]) -> None:
        """Not in these tests."""


async def _reader(stage: Stage, topic: str, name: str) -> tuple[Reader, _Handler]:
    kafka = stage.settings().kafka
    handler = _Handler()
    properties = consumer(kafka, "test", group=f"{stage.prefix}test", session_timeout_s=6)
    reader = Reader(properties, [stage.prefix + topic], handler, name=name)
    reader.start()
    await asyncio.wait_for(handler.joined.wait(), 30)
    return reader, handler


async def test_a_handler_that_raises_ends_the_reader_and_gets_nothing_more(stage: Stage) -> None:
    reader, handler = await _reader(stage, topics.events_topic("delivery"), "failing")
    handler.failing = True
    produce(stage, event(1))
    with pytest.raises(ReaderFailedError):
        await asyncio.wait_for(asyncio.shield(reader.done), 30)
    handler.failing = False
    assert handler.seen == 0
    with pytest.raises(ReaderFailedError):
        await reader.close()
    assert await reader.verify() is False


async def test_a_member_is_confirmed_by_the_broker_and_so_is_one_without_a_share(stage: Stage) -> None:
    readers = [await _reader(stage, topics.CONFIG, name) for name in ("first", "second")]
    try:
        empty = [reader for reader, handler in readers if not handler.held]
        assert len(empty) == 1, "one partition, two members"
        assert all(reader.joined for reader, _ in readers)
        for reader, handler in readers:
            for partition in handler.held:
                reader.commit(partition, 0, "kept")
            assert await asyncio.wait_for(reader.verify(), 30) is True
    finally:
        for reader, _ in readers:
            await reader.close()
    asked = Consumer({"bootstrap.servers": stage.bootstrap, "group.id": f"{stage.prefix}test"})
    (found,) = asked.committed([TopicPartition(stage.prefix + topics.CONFIG, 0)], timeout=10)
    asked.close()
    assert (found.offset, found.metadata) == (0, "kept")


def test_a_loop_that_stood_still_starts_nothing_before_the_group_confirms_it(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(receiver.url))
    receiver.delay_s = 0.05
    role = stage.start("dispatcher", "--event", "delivery", **SHORT).await_ready()
    count = 300
    produce(stage, *(event(number) for number in range(count)))
    await_condition(lambda: len(receiver.hits) > 20, what="the first webhooks")
    role.process.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    await_condition(lambda: time.monotonic() - stopped > 4, what="more than half a session")
    role.process.send_signal(signal.SIGCONT)
    await_condition(lambda: "the group confirmed us" in role.log_text(), what="the confirmation")
    await_condition(lambda: distinct(receiver) == count, what="every webhook")
    assert len(receiver.hits) == count
    assert role.terminate() == 0


def test_one_that_lost_its_session_drops_its_queue_and_comes_back(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(receiver.url))
    receiver.delay_s = 0.2
    first = stage.start("dispatcher", "--event", "delivery", **SHORT).await_ready()
    count = 200
    produce(stage, *(event(number) for number in range(count)))
    await_condition(lambda: len(receiver.hits) > 20, what="the first webhooks")
    first.process.send_signal(signal.SIGSTOP)
    receiver.delay_s = 0.0
    stage.start("dispatcher", "--event", "delivery", **SHORT).await_ready()
    await_condition(lambda: distinct(receiver) == count, what="the second to deliver everything")
    before = {hit.headers["webhook-id"] for hit in receiver.hits}
    repeats = len(receiver.hits) - count
    first.process.send_signal(signal.SIGCONT)
    await_condition(lambda: "stood still" in first.log_text() or "SESSTMOUT" in first.log_text(), what="its waking")
    more = 60
    produce(stage, *(event(number) for number in range(count, count + more)))
    await_condition(lambda: distinct(receiver) == count + more, what="both to go on")
    await_condition(first.is_ready, what="the first to be a member again")
    old = sum(hit.headers["webhook-id"] in before for hit in receiver.hits)
    assert old == count + repeats, "nothing that was queued at the first may leave it"
    assert repeats <= 3 * 8, "tries in flight, tries just answered, and a commit under way: eight each"


def test_what_was_done_beyond_an_unfinished_record_is_not_repeated_after_a_kill(
    stage: Stage, receiver: Receiver
) -> None:
    slow = Receiver(delay_s=3.5)
    try:
        stage.configure(
            "accounts:\n  - id: acme\n    endpoints:\n"
            f'      - {{id: fast, url: "{receiver.url}", secret: {SECRET}, filters: {{statuses: [delivered]}}}}\n'
            f'      - {{id: slow, url: "{slow.url}", secret: {SECRET}, filters: {{statuses: [expired]}}}}\n'
        )
        role = stage.start("dispatcher", "--event", "delivery", **SHORT).await_ready()
        phone = "+14155550001"
        count = 60
        produce(stage, event(0, "expired", phone), *(event(n, phone=phone) for n in range(1, count + 1)))
        await_condition(lambda: len(receiver.hits) == count, what="the fast endpoint's webhooks")
        topic = topics.events_topic("delivery")

        def all_told() -> bool:
            """Sixty done bits beyond the first record, which is still being tried."""
            found = committed(stage, "trackly.dispatcher.delivery", topic)
            return any(
                at.offset == 0 and sum(byte.bit_count() for byte in base64.b64decode(at.metadata[2:])) == count
                for at in found
                if at.metadata
            )

        await_condition(all_told, what="the done-beyond set to be committed")
        role.kill()
        stage.start("dispatcher", "--event", "delivery", **SHORT)
        produce(stage, event(count + 1, phone=phone))
        await_condition(lambda: len(slow.hits) == 2, what="the unfinished record to be tried again")
        await_condition(lambda: distinct(receiver) == count + 1, what="the record after all")
        assert len(receiver.hits) == count + 1
    finally:
        slow.close()


def test_a_member_that_joins_while_tries_are_in_flight_causes_no_repeat(stage: Stage, receiver: Receiver) -> None:
    count = 150
    stage.configure(
        f'accounts:\n  - id: acme\n    endpoints: [{{id: main, url: "{receiver.url}", secret: {SECRET}, '
        f"concurrency: {count}}}]\n"
    )
    receiver.delay_s = 4.5
    first = stage.start("dispatcher", "--event", "delivery", **SHORT).await_ready()
    second = stage.start("dispatcher", "--event", "delivery", **SHORT)
    produce(stage, *(event(number) for number in range(count)))
    await_condition(lambda: len(receiver.hits) == count, what="every try to be in flight, of every partition")
    second.await_ready()
    await_condition(lambda: len(stage.read(topics.ATTEMPTS)) == count, what="every try to be told")
    assert first.terminate() == 0
    assert second.terminate() == 0
    assert len(receiver.hits) == count
    assert len(stage.read(topics.ATTEMPTS)) == count


def test_a_lane_that_cannot_keep_up_overflows_to_the_hold_log_and_loses_nothing(
    stage: Stage, receiver: Receiver
) -> None:
    stage.configure(config(receiver.url))
    receiver.delay_s = 0.5
    role = stage.start("dispatcher", "--event", "delivery").await_ready()
    count = LANE_RECORDS_MAX + 400
    produce(stage, *(event(number) for number in range(count)))
    await_condition(lambda: value_of(role, "trackly_dispatch_held_total") > 0, what="the overflow")
    assert value_of(role, "trackly_dispatch_queued") <= LANE_RECORDS_MAX + DRAINS_MAX * OPEN_MAX
    receiver.delay_s = 0.0
    await_condition(lambda: distinct(receiver) == count, what="every webhook")
    assert len(receiver.hits) == count
    assert role.terminate() == 0
    ends = committed(stage, "trackly.dispatcher.delivery", topics.events_topic("delivery"))
    assert sum(at.offset for at in ends) == count


def test_a_record_of_a_newer_version_stops_its_partition_and_nothing_else(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(receiver.url))
    role = stage.start("dispatcher", "--event", "delivery").await_ready()
    key, _ = event(1)
    count = 30
    stage.produce(topics.events_topic("delivery"), "DeliveryEvent", [(key, UNKNOWN_SCHEMA)])
    await_condition(lambda: value_of(role, "trackly_kafka_unknown_schema_total") == 1, what="the record to be counted")
    assert not role.is_ready()
    produce(stage, event(1), *(event(number) for number in range(2, count)))
    behind = {
        message.key()
        for message in scan(stage.settings().kafka, stage.prefix + topics.events_topic("delivery"))
        if message.partition() == _partition_of(stage, key)
    }
    others = sum(1 for number in range(1, count) if event(number)[0].encode() not in behind)
    assert 0 < others < count - 1
    await_condition(lambda: distinct(receiver) == others, what="the other partitions' webhooks")
    assert value_of(role, "trackly_kafka_unknown_schema_total") == 1, "looked at again, counted once"
    assert role.terminate() == 0
    waiting = committed(stage, "trackly.dispatcher.delivery", topics.events_topic("delivery"))
    assert waiting[_partition_of(stage, key)].offset <= 0, "not lost: the next version reads it"
    assert not stage.read(topics.DEAD)


def _partition_of(stage: Stage, key: str) -> int:
    found = scan(stage.settings().kafka, stage.prefix + topics.events_topic("delivery"))
    return next(message.partition() for message in found if message.key() == key.encode())


def test_a_released_task_is_never_early_by_the_brokers_clock(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(receiver.url))
    receiver.answer = lambda _hit: 200 if len(receiver.hits) > 20 else 500
    stage.start("dispatcher", "--event", "delivery", **FAST).await_ready()
    produce(stage, *(event(number) for number in range(20)))
    await_condition(lambda: len(receiver.hits) == 40, what="the second tries")
    appended = {
        decoded["event_id"]: message.timestamp()[1]
        for decoded, message in _tasks(stage, topics.tier_topic("delivery", 0))
    }
    second = {hit.headers["webhook-id"]: hit.at * 1000 for hit in receiver.hits[20:]}
    assert second.keys() == appended.keys()
    assert all(second[event_id] >= stamp + 500 for event_id, stamp in appended.items())


def _tasks(stage: Stage, topic: str) -> list[tuple[dict[str, Any], Any]]:
    decoded = stage.read(topic)
    return list(zip(decoded, scan(stage.settings().kafka, stage.prefix + topic), strict=True))


def test_a_task_of_an_endpoint_that_is_not_there_is_given_up_by_name(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(receiver.url))
    receiver.answer = lambda _hit: 500
    delays = {"TRACKLY_DISPATCH__TIER_DELAYS_S": "3,3,3,3,3"}
    role = stage.start("dispatcher", "--event", "delivery", **delays).await_ready()
    produce(stage, event(1))
    stage.produce(topics.tier_topic("delivery", 0), "DeliveryTask", [task(2, endpoint="acme/never")])
    await_condition(lambda: receiver.hits, what="the first try")
    stage.configure('accounts:\n  - id: acme\n    lists: [{number: "+18005551234"}]\n')
    dead = stage.await_records(topics.DEAD, 2)
    assert {letter["task"]["endpoint"]: letter["reason"] for letter in dead} == {
        "acme/main": "endpoint_removed",
        "acme/never": "endpoint_unknown",
    }
    assert len(receiver.hits) == 1
    assert role.terminate() == 0


def test_tasks_that_nobody_of_ours_wrote_go_to_the_dead_letters_whole_or_cut(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(receiver.url))
    stage.start("dispatcher", "--event", "delivery", **FAST).await_ready()
    large = b"poison" + b"x" * 900_000
    stage.produce(
        topics.tier_topic("delivery", 0),
        "DeliveryTask",
        [
            task(1, attempt=7),
            task(2, event_id="evt_1\r\nX-Evil: 1"),
            task(3, event_type="reply"),
            ("acme/main", large),
            task(4),
        ],
    )
    await_condition(lambda: receiver.hits, what="the good task's webhook")
    dead = stage.await_records(topics.DEAD, 4)
    assert sorted(letter["reason"] for letter in dead) == ["undecodable", "untrusted", "untrusted", "untrusted"]
    assert all(letter["_key"] == b"acme/main" for letter in dead)
    (cut,) = [letter for letter in dead if letter["reason"] == "undecodable"]
    assert large.startswith(cut["raw_value"])
    assert len(receiver.hits) == 1


def test_a_dispatcher_without_a_share_is_ready_and_takes_over(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(receiver.url))
    roles = [stage.start("dispatcher", "--event", "delivery", **SHORT) for _ in range(4)]
    for role in roles:
        role.await_ready()
    for role in roles[:3]:
        assert role.terminate() == 0
    produce(stage, *(event(number) for number in range(10)))
    await_condition(lambda: distinct(receiver) == 10, what="the last one to deliver")
    assert len(receiver.hits) == 10
