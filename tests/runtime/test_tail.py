"""A tail leaves no record out: what waiting mends is told, everything else ends it."""

import threading
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import OFFSET_BEGINNING, KafkaError, Producer
from confluent_kafka import TopicPartition as At
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from runtime.broker import EmbeddedBroker
from runtime.kafka.records import Message, Partition
from runtime.kafka.tail import Tail, TailEndedError
from schemas.settings import KafkaSettings
from tests.stage import await_condition


class Log:
    """One topic of the test's own, its records and a tail of it."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.topic = topic
        self.told: list[str] = []
        self._kafka = KafkaSettings(bootstrap_servers=bootstrap)
        self._admin = AdminClient({"bootstrap.servers": bootstrap})
        self._producer = Producer({"bootstrap.servers": bootstrap})
        self._tails: list[Tail] = []

    def create(self) -> None:
        """Create the topic; right after a removal the broker may still say that it exists."""
        await_condition(self._create_once, what="the topic")

    def _create_once(self) -> bool:
        created = self._admin.create_topics([NewTopic(self.topic, 1, 1)])[self.topic]
        return created.exception(10) is None

    def remove(self) -> None:
        for future in self._admin.delete_topics([self.topic]).values():
            future.result(10)

    def cut(self, offset: int) -> None:
        """Let the log begin at an offset."""
        for future in self._admin.delete_records([At(self.topic, 0, offset)]).values():
            future.result(10)

    def write(self, *values: bytes) -> None:
        for value in values:
            self._producer.produce(self.topic, value)
        assert self._producer.flush(30) == 0

    def tail(self, *, skips_gone: bool = False) -> Tail:
        partitions = [Partition(self.topic, 0)]
        made = Tail(self._kafka, "test", partitions, on_error=self.told.append, skips_gone=skips_gone)
        self._tails.append(made)
        return self._tails[-1]

    def close(self) -> None:
        for tail in self._tails:
            tail.close()


@pytest.fixture
def log(kafka: EmbeddedBroker, topic_prefix: str) -> Iterator[Log]:
    made = Log(kafka.bootstrap, f"{topic_prefix}tail")
    try:
        yield made
    finally:
        made.close()


class _Event:
    """What the client hands out: a record, or an error in its place."""

    def __init__(self, offset: int, error: KafkaError | None = None) -> None:
        self._offset, self._error = offset, error

    def offset(self) -> int:
        return self._offset

    def topic(self) -> str:
        return "config"

    def partition(self) -> int:
        return 0

    def error(self) -> KafkaError | None:
        return self._error


class _Client:
    """Stands in for librdkafka, for errors that a healthy broker never gives."""

    def __init__(self, *events: _Event) -> None:
        self._events = list(events)
        self.assigned: list[int] = []

    def assign(self, partitions: list[At]) -> None:
        self.assigned += [at.offset for at in partitions]

    def poll(self, _timeout_s: float) -> _Event | None:
        return self._events.pop(0) if self._events else None

    def consume(self, _count: int, _timeout_s: float) -> list[_Event]:
        rest, self._events = self._events, []
        return rest


def given(monkeypatch: pytest.MonkeyPatch, *events: _Event) -> tuple[Tail, _Client, list[str]]:
    """A tail whose client hands out these events, the client, and what was told."""
    client, told = _Client(*events), list[str]()
    monkeypatch.setattr("runtime.kafka.tail.Consumer", lambda _properties: client)
    return Tail(KafkaSettings(), "test", [Partition("config", 0)], on_error=told.append), client, told


def read(tail: Tail, count: int) -> list[bytes | None]:
    """Read so many records."""
    found: list[Message] = []

    def enough() -> bool:
        found.extend(tail.read(0.1))
        return len(found) >= count

    await_condition(enough, what=f"{count} records")
    return [message.value() for message in found]


def test_an_error_that_mends_itself_is_told_and_the_records_around_it_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = _Event(-1001, KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    tail, client, told = given(monkeypatch, _Event(0), unknown, _Event(1))
    assert [message.offset() for message in tail.read(0)] == [0, 1]
    assert (told, tail.positions) == (["UNKNOWN_TOPIC_OR_PART"], {Partition("config", 0): 2})
    assert client.assigned == [OFFSET_BEGINNING]


@pytest.mark.parametrize("code", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError._AUTO_OFFSET_RESET])
def test_an_error_that_ends_it_is_raised(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    tail, _, told = given(monkeypatch, _Event(0), _Event(1, KafkaError(code)))
    with pytest.raises(TailEndedError, match="config: "):
        tail.read(0)
    assert told == []


def test_before_anything_was_seen_the_beginning_is_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = _Event(-1001, KafkaError(KafkaError._AUTO_OFFSET_RESET))
    tail, client, told = given(monkeypatch, lost)
    assert tail.read(0) == []
    assert client.assigned == [OFFSET_BEGINNING, OFFSET_BEGINNING]
    assert told == ["_AUTO_OFFSET_RESET"]


def test_it_reads_from_where_the_log_begins_and_counts_what_is_gone(log: Log) -> None:
    log.create()
    log.write(b"a", b"b", b"c")
    log.cut(2)
    tail = log.tail()
    assert read(tail, 1) == [b"c"]
    assert list(tail.positions.values()) == [3]


def test_an_offset_that_is_gone_ends_it_instead_of_reading_on_elsewhere(log: Log) -> None:
    log.create()
    log.write(b"a", b"b", b"c")
    tail = log.tail()
    assert read(tail, 3) == [b"a", b"b", b"c"]
    log.remove()
    log.create()
    log.write(b"d")
    with pytest.raises(TailEndedError, match="tail: _AUTO_OFFSET_RESET"):
        read(tail, 1)


def test_partitions_are_read_from_where_one_says_and_left_again(log: Log) -> None:
    log.create()
    log.write(b"a", b"b", b"c")
    tail = log.tail()
    assert read(tail, 3) == [b"a", b"b", b"c"]
    place = Partition(log.topic, 0)
    tail.leave([place])
    log.write(b"d")
    assert (tail.read(0.2), tail.positions) == ([], {})
    tail.follow({place: 1})
    assert read(tail, 3) == [b"b", b"c", b"d"]


def test_one_that_skips_what_is_gone_goes_on_with_the_oldest_there_is(log: Log) -> None:
    log.create()
    log.write(b"a", b"b", b"c")
    log.cut(2)
    tail = log.tail(skips_gone=True)
    tail.follow({Partition(log.topic, 0): 1})
    assert read(tail, 1) == [b"c"]


def test_a_tail_is_closed_once_the_read_under_way_has_ended() -> None:
    tail = Tail(KafkaSettings(bootstrap_servers="127.0.0.1:9"), "test", on_error=lambda _: None)
    ended = threading.Event()

    def read() -> None:
        tail.read(1.0)
        ended.set()

    reading = threading.Thread(target=read)
    reading.start()
    time.sleep(0.2)
    tail.close()
    assert ended.wait(0.1), "the client was taken from under its reader"
    assert tail.read(0.0) == []
    reading.join()
