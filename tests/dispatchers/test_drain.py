"""Drains without a broker: whose records they take, what they claim, and takeovers that are cut short."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dispatchers.broker_clock import BrokerClock
from dispatchers.drain import Drain, Give
from dispatchers.endpoint_states import EndpointStates
from dispatchers.hold_index import Waiting
from dispatchers.hold_turns import Purpose
from dispatchers.hops import Hops
from dispatchers.partitions import Ticket
from dispatchers.pause_owner import PauseOwner
from dispatchers.window import OffsetWindow, done_beyond
from runtime.config_follower import ConfigFollower
from runtime.kafka.producer import AsyncProducer
from runtime.kafka.properties import producer
from runtime.kafka.records import Partition
from runtime.secrets import load_or_create
from runtime.settings import load
from schemas.codec import encoder
from schemas.settings import KafkaSettings, Settings
from tests.dispatchers.test_hold import task

NOBODY = "127.0.0.1:9"
PLACE = Partition("webhooks.hold", 0)
E = "acme/main"


@dataclass
class Record:
    """A record of the hold log."""

    at: int
    name: bytes
    body: bytes
    appended_at: int = 100

    def key(self) -> bytes:
        return self.name

    def value(self) -> bytes:
        return self.body

    def offset(self) -> int:
        return self.at

    def timestamp(self) -> tuple[int, int]:
        return 1, self.appended_at


@dataclass
class Desk:
    """Takes what a drain hands out."""

    delivered: list[Ticket] = field(default_factory=list)
    expired: list[Ticket] = field(default_factory=list)
    buried: list[int] = field(default_factory=list)

    def give(self, *, oldest_at: int = 0) -> Give:
        return Give(
            deliver=self.delivered.append,
            expire=self.expired.append,
            bury=lambda _held, message, _error: self.buried.append(message.offset()),
            forget=lambda _held: None,
            may_go_on=lambda: True,
            is_expired=lambda _task, message: message.timestamp()[1] < oldest_at,
            roomy=lambda: True,
        )


def record(offset: int, key: bytes = E.encode(), appended_at: int = 100, **fields: Any) -> Record:
    return Record(offset, key, encoder("DeliveryTask")(task(offset, **fields)[1]), appended_at)


def drain(desk: Desk, waiting: Waiting, purpose: Purpose = "drain", *, endpoint: str = E, oldest_at: int = 0) -> Drain:
    kafka = KafkaSettings(bootstrap_servers=NOBODY)
    return Drain(kafka, PLACE, endpoint, waiting, purpose, desk.give(oldest_at=oldest_at))


def take(made: Drain, *records: Record) -> bool:
    return asyncio.run(made._take_all(list(records)))  # type: ignore[arg-type]  # what counts of a message


def test_a_claim_raised_while_others_are_passed_by_says_no_more_than_what_was_done() -> None:
    earlier = OffsetWindow(7)
    for offset in (7, 20, 30):
        earlier.begin(offset)
    earlier.finish(20)
    desk = Desk()
    made = drain(desk, Waiting(7, 30, 100, 2, earlier.metadata()))
    assert take(made, record(7), record(8, b"acme/other"), record(14, b"acme/other"))
    made.held.inflight += 1
    made.ended(7, done=True)
    below, beyond, finished, _ = made.progress()
    assert (below, done_beyond(below, beyond), finished) == (15, {20}, 1)


@pytest.mark.parametrize("key", [b"", b"acme/\xff\xfe"])
def test_a_record_whose_key_is_no_endpoint_is_found_and_given_up(key: bytes) -> None:
    desk = Desk()
    made = drain(desk, Waiting(3, 3, 100, 1), endpoint=key.decode("utf-8", "replace"))
    take(made, record(3, key))
    assert (desk.buried, desk.delivered) == ([3], [])


def test_a_task_of_another_endpoint_than_its_key_is_given_up() -> None:
    desk = Desk()
    take(drain(desk, Waiting(0, 1, 100, 2)), record(0), record(1, endpoint="acme/other"))
    assert ([ticket.offset for ticket in desk.delivered], desk.buried) == ([0], [1])


def test_who_looks_for_what_is_too_old_stops_at_the_first_that_is_not_and_remembers_its_age() -> None:
    desk = Desk()
    made = drain(desk, Waiting(0, 3, 10, 3), "expire", oldest_at=50)
    assert not take(made, record(0, appended_at=10), record(1, appended_at=60), record(2, appended_at=61))
    made.held.inflight += 1
    made.ended(0, done=True)
    assert ([ticket.offset for ticket in desk.expired], made.met_young) == ([0], True)
    assert made.progress()[::3] == (1, 60)


def test_a_drain_of_a_partition_that_is_gone_waits_for_nothing() -> None:
    made = drain(Desk(), Waiting(0, 0, 100, 1))

    async def lost_while_in_flight() -> None:
        made.held.inflight += 1
        waiting = asyncio.create_task(made.held.settled())
        await asyncio.sleep(0)
        made.held.abandon()
        await asyncio.wait_for(waiting, 5)
        await asyncio.wait_for(made.held.settled(), 5)

    asyncio.run(lost_while_in_flight())


class Ends:
    """Answers for a cluster, once it may."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.answers = threading.Event()

    def end_offsets(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        self.asked.set()
        self.answers.wait(10)
        return dict.fromkeys(partitions, 5)

    def offsets_since(self, partitions: Iterable[Partition], _at_ms: int) -> dict[Partition, int]:
        return self.end_offsets(partitions)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(
        {
            "TRACKLY_KAFKA__BOOTSTRAP_SERVERS": NOBODY,
            "TRACKLY_STATE_DIR": str(tmp_path),
            "TRACKLY_SECRET_KEYS": load_or_create(tmp_path),
        }
    )


def run(scenario: Callable[[EndpointStates, PauseOwner], Awaitable[None]], settings: Settings, ends: Ends) -> None:
    async def body() -> None:
        with ThreadPoolExecutor(2) as pool:
            cluster: Any = ends
            states = EndpointStates(settings, cluster, 1, pool)
            hops = Hops("", AsyncProducer(producer(settings.kafka, "test", message_timeout_ms=0)), BrokerClock())
            follower = ConfigFollower(settings, "test")
            owner = PauseOwner(settings, follower, states, hops, cluster, 1, pool)
            await scenario(states, owner)

    asyncio.run(body())


def test_a_partition_given_away_while_it_is_taken_over_is_not_decided_about(settings: Settings) -> None:
    ends = Ends()

    async def scenario(_states: EndpointStates, owner: PauseOwner) -> None:
        taking = asyncio.create_task(owner.take_over(0))
        await asyncio.to_thread(ends.asked.wait, 10)
        owner.give_away([0])
        ends.answers.set()
        await asyncio.wait_for(taking, 5)
        assert not owner.owns(E)

    run(scenario, settings, ends)


def test_the_book_is_read_to_the_end_once_it_knows_the_records_and_not_when_they_are_fetched(
    settings: Settings,
) -> None:
    ends = Ends()
    ends.answers.set()

    async def scenario(states: EndpointStates, _owner: PauseOwner) -> None:
        for name in states._tail.positions:
            states._tail.positions[name] = 5
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(states.read_to_end(), 0.3)

    run(scenario, settings, ends)
