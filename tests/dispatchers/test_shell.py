"""The dispatcher on the real broker against a real endpoint: once, signed, in order, retried when due, never lost."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from standardwebhooks.webhooks import Webhook

from schemas import ids, topics
from tests.dispatchers.receiver import Receiver
from tests.stage import Stage, await_condition

SECRET = "a-signing-secret"
FAST = {"TRACKLY_DISPATCH__TIER_DELAYS_S": "0.5,0.6,0.7,0.8,0.9"}


def config(url: str) -> str:
    return f"""
accounts:
  - id: acme
    lists: [{{number: "+18005551234"}}]
    endpoints:
      - {{id: main, url: "{url}", secret: {SECRET}}}
"""


def event(number: int, status: str = "delivered", phone: str | None = None) -> tuple[str, dict[str, Any]]:
    contact = phone or f"+1415555{number:04d}"
    return f"acme|{contact}", {
        "event_id": ids.event_id("acme", "infobip", "delivery", "+18005551234", f"m{number}"), "account": "acme",
        "message_id": f"m{number}", "to": contact, "list_number": "+18005551234", "status": status,
        "status_detail": "DELIVERED_TO_HANDSET", "provider": "infobip", "timestamp": 1_705_314_600_000,
        "received_at": 1_705_314_600_000, "provider_message_id": None, "failure_class": "none",
    }  # fmt: skip


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    opened = Receiver()
    yield opened
    opened.close()


def produce(stage: Stage, *events: tuple[str, dict[str, Any]]) -> None:
    stage.produce(topics.events_topic("delivery"), "DeliveryEvent", list(events))


@pytest.mark.smoke
def test_an_event_arrives_once_byte_exact_and_signed_both_ways(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(receiver.url))
    role = stage.start("dispatcher", "--event", "all").await_ready()
    produce(stage, event(1))
    await_condition(lambda: receiver.hits, what="the webhook")
    (hit,) = receiver.hits
    assert hit.body == (
        b'{"event":"delivery","message_id":"m1","to":"+14155550001","list_number":"+18005551234",'
        b'"status":"delivered","status_detail":"DELIVERED_TO_HANDSET","provider":"infobip",'
        b'"timestamp":"2024-01-15T10:30:00.000Z"}'
    )
    mac = hmac.new(SECRET.encode(), hit.body, hashlib.sha256).hexdigest()
    assert hit.headers["X-Trackly-Signature"] == f"sha256={mac}"
    assert hit.headers["Content-Type"] == "application/json"
    verified = Webhook(base64.b64encode(SECRET.encode()).decode()).verify(hit.body, dict(hit.headers))
    assert verified["message_id"] == "m1"
    (attempt,) = stage.await_records(topics.ATTEMPTS, 1)
    assert (attempt["outcome"], attempt["attempt"], attempt["verdict"]) == ("success", 1, "delivered")
    assert role.terminate() == 0


@pytest.mark.smoke
def test_a_failed_try_waits_its_tier_and_never_less(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(receiver.url))
    receiver.answer = lambda _hit: 500 if len(receiver.hits) == 1 else 200
    stage.start("dispatcher", "--event", "delivery", **FAST).await_ready()
    produce(stage, event(1))
    await_condition(lambda: len(receiver.hits) == 2, what="the second try")
    first, second = receiver.hits
    assert second.at - first.at >= 0.5
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    (waiting,) = stage.read(topics.tier_topic("delivery", 0))
    assert waiting["attempt"] == 2


def test_an_endpoint_that_always_fails_ends_in_the_dead_letters_after_six_tries(
    stage: Stage, receiver: Receiver
) -> None:
    stage.configure(config(receiver.url))
    receiver.answer = lambda _hit: 503
    stage.start("dispatcher", "--event", "delivery", **FAST).await_ready()
    produce(stage, event(1))
    (dead,) = stage.await_records(topics.DEAD, 1)
    assert dead["reason"] == "attempts_exhausted"
    assert [outcome["attempt"] for outcome in dead["task"]["outcomes"]] == [1, 2, 3, 4, 5, 6]
    assert len(receiver.hits) == 6


def test_one_contacts_events_arrive_in_order(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(receiver.url))
    receiver.delay_s = 0.01
    stage.start("dispatcher", "--event", "delivery").await_ready()
    produce(stage, *(event(number, phone=f"+1415555000{number % 2}") for number in range(40)))
    await_condition(lambda: len(receiver.hits) == 40, what="all webhooks")
    for parity in (0, 1):
        seen = [int(orjson.loads(hit.body)["message_id"][1:]) for hit in receiver.hits]
        assert [number for number in seen if number % 2 == parity] == list(range(parity, 40, 2))


def test_a_killed_dispatcher_loses_nothing_and_repeats_only_what_was_in_flight(
    stage: Stage, receiver: Receiver
) -> None:
    stage.configure(config(receiver.url))
    receiver.delay_s = 0.02
    short = {"TRACKLY_DISPATCH__SESSION_TIMEOUT_S": "2"}
    first = stage.start("dispatcher", "--event", "delivery", **short).await_ready()
    count = 400
    produce(stage, *(event(number) for number in range(count)))
    await_condition(lambda: len(receiver.hits) > count // 4, what="a quarter of the webhooks")
    first.kill()
    stage.start("dispatcher", "--event", "delivery", **short)
    await_condition(lambda: len({hit.headers["webhook-id"] for hit in receiver.hits}) == count, what="every webhook")
    assert len(receiver.hits) - count < 60, "what was acknowledged and committed must not be repeated"


def test_a_poison_record_moves_to_the_dead_letters_and_its_partition_goes_on(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(receiver.url))
    stage.start("dispatcher", "--event", "delivery").await_ready()
    key, good = event(1)
    stage.produce(topics.events_topic("delivery"), "DeliveryEvent", [(key, b"poison"), (key, good)])
    await_condition(lambda: receiver.hits, what="the good record's webhook")
    (dead,) = stage.await_records(topics.DEAD, 1)
    assert (dead["reason"], dead["raw_value"]) == ("undecodable", b"poison")


def test_a_private_address_is_never_called(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(receiver.url))
    stage.start("dispatcher", "--event", "delivery", TRACKLY_EGRESS__ALLOW_CIDRS="").await_ready()
    produce(stage, event(1))
    (dead,) = stage.await_records(topics.DEAD, 1)
    assert dead["reason"] == "blocked_address"
    assert not receiver.hits


def test_two_dispatchers_share_and_take_over(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(receiver.url))
    short = {"TRACKLY_DISPATCH__SESSION_TIMEOUT_S": "2"}
    first = stage.start("dispatcher", "--event", "delivery", **short).await_ready()
    second = stage.start("dispatcher", "--event", "delivery", **short).await_ready()
    produce(stage, *(event(number) for number in range(50)))
    await_condition(lambda: len({h.headers["webhook-id"] for h in receiver.hits}) == 50, what="the first fifty")
    assert first.terminate() == 0
    produce(stage, *(event(number) for number in range(50, 100)))
    await_condition(lambda: len({h.headers["webhook-id"] for h in receiver.hits}) == 100, what="the second fifty")
    assert len(receiver.hits) == 100
    assert second.terminate() == 0
