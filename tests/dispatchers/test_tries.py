"""A try and what it leaves behind: an offset counts only once the brokers have every record, whatever the verdict."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from dispatchers.broker_clock import BrokerClock
from dispatchers.hops import HopRefusedError, Hops
from dispatchers.partitions import Held, Ticket
from dispatchers.sender import Sender
from dispatchers.tries import Tries
from dispatchers.window import OffsetWindow
from runtime.config_follower import EndpointSecrets
from runtime.kafka.producer import Sink
from runtime.kafka.records import Ack, Partition, Refused
from schemas import ids, topics
from schemas.config import Endpoint, snapshot_of
from schemas.settings import Settings
from tests.dispatchers.hostile import LOCAL
from tests.dispatchers.receiver import Receiver

PREFIX = "t."


class Brokers:
    """The producer's side of the brokers: takes records and acknowledges them when the test says so."""

    def __init__(self) -> None:
        self.open: list[tuple[str, Sink]] = []

    def check(self) -> None:
        """Nothing is broken."""

    def offer(self, sink: Sink, topic: str, **_record: Any) -> bool:
        self.open.append((topic.removeprefix(PREFIX), sink))
        return True

    def acknowledge(self) -> str:
        topic, sink = self.open.pop(0)
        sink(Ack(PREFIX + topic, 0, 0, 0))
        return topic

    def refuse(self, *, retriable: bool) -> None:
        _, sink = self.open.pop(0)
        sink(Refused("ERROR", retriable=retriable))


class Owner:
    """Keeps what a try tells its owner."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def released(self, ticket: Ticket, *, throttle: bool) -> None:
        del ticket
        self.said.append("released, throttled" if throttle else "released")

    def ended(self, ticket: Ticket, *, done: bool) -> None:
        del ticket
        self.said.append("done" if done else "undone")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    opened = Receiver()
    yield opened
    opened.close()


Run = Callable[..., Any]


async def tried(receiver: Receiver, brokers: Brokers, owner: Owner, **of_ticket: Any) -> tuple[Ticket, Hops]:
    endpoint = Endpoint(account="acme", id="acme/main", url=receiver.url, secrets=())
    follower: Any = SimpleNamespace(
        snapshot=snapshot_of([endpoint]),
        endpoint_secrets=lambda _id: EndpointSecrets(("s",), "s"),
        on_change=lambda _callback: None,
    )
    event_id = ids.event_id("acme", "infobip", "delivery", "+18005551234", "m1")
    task: Any = {
        "task_id": ids.task_id(event_id, "acme/main"), "event_id": event_id, "event_type": "delivery",
        "origin": "event", "replay_id": None, "endpoint": "acme/main", "contact_key": "acme|1", "body": b"{}",
        "attempt": 1, "created_at": 1_705_314_600_000, "first_failed_at": None, "held_at": None, "outcomes": [],
        **of_ticket.pop("task", {}),
    }  # fmt: skip
    held = Held(Partition("t.events.delivery", 0), OffsetWindow(0))
    ticket = Ticket(held, 0, task, 2, 0.0, **of_ticket)
    hops = Hops(PREFIX, brokers, BrokerClock())  # type: ignore[arg-type]  # the edge to the brokers
    async with Sender(LOCAL, timeout_s=5, connections=2) as sender:
        await Tries(Settings(), follower, sender, hops).run(ticket, owner)
    return ticket, hops


TIER = topics.tier_topic("delivery", 0)
LEFT: dict[str, tuple[int, dict[str, Any], list[str], str]] = {
    "delivered": (200, {}, [topics.ATTEMPTS], "done"),
    "to a tier": (500, {}, [TIER, topics.ATTEMPTS], "done"),
    "given up": (500, {"task": {"attempt": 6}}, [topics.DEAD, topics.ATTEMPTS], "done"),
    "held, as it is gone": (410, {}, [topics.HOLD, topics.ATTEMPTS], "done"),
    "gone, out of the hold log": (410, {"in_hold": True}, [topics.ATTEMPTS], "undone"),
    "a probe that fails": (500, {"in_hold": True, "probe": True}, [topics.ATTEMPTS], "undone"),
    "a probe that arrives": (200, {"in_hold": True, "probe": True}, [topics.ATTEMPTS], "done"),
    "a test event that fails": (500, {"task": {"origin": "test"}}, [topics.ATTEMPTS], "done"),
    "a replay that arrives": (
        200,
        {"task": {"origin": "replay", "replay_id": "r"}},
        [topics.DEAD, topics.ATTEMPTS],
        "done",
    ),
    "a notice to a tier": (
        500,
        {"task": {"origin": "notice", "event_type": "notice"}},
        [TIER, topics.ATTEMPTS],
        "done",
    ),
}


@pytest.mark.parametrize("name", LEFT)
async def test_a_ticket_ends_when_the_brokers_have_all_that_its_try_left(receiver: Receiver, name: str) -> None:
    status, of_ticket, left, end = LEFT[name]
    receiver.answer = lambda _hit: status
    brokers, owner = Brokers(), Owner()
    await tried(receiver, brokers, owner, **dict(of_ticket))
    assert len(receiver.hits) == 1
    assert [topic for topic, _ in brokers.open] == left
    for _ in left:
        assert len(owner.said) == 1, "released, and nothing counts yet"
        brokers.acknowledge()
    assert owner.said[1:] == [end]


async def test_what_cannot_be_written_for_ever_ends_the_process_and_counts_for_nothing(receiver: Receiver) -> None:
    receiver.answer = lambda _hit: 500
    brokers, owner = Brokers(), Owner()
    _, hops = await tried(receiver, brokers, owner)
    brokers.refuse(retriable=False)
    brokers.acknowledge()
    assert owner.said == ["released"]
    with pytest.raises(HopRefusedError):
        hops.failure.result()


async def test_of_a_partition_that_is_gone_nothing_is_left_behind(receiver: Receiver) -> None:
    class Losing(Owner):
        """Its partition goes away while the try is under way."""

        def released(self, ticket: Ticket, *, throttle: bool) -> None:
            ticket.held.alive = False
            super().released(ticket, throttle=throttle)

    brokers, owner = Brokers(), Losing()
    receiver.answer = lambda _hit: 500
    await tried(receiver, brokers, owner)
    assert (owner.said, brokers.open) == (["released", "undone"], [])
