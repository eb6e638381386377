"""The send gate on the real broker: what was acknowledged before a request was asked is seen by its answer."""

import time
from random import Random
from typing import Any

from confluent_kafka import Producer

from schemas import topics
from schemas.codec import encoder
from tests.processors.test_loop import CONFIG, inbound
from tests.processors.test_loop_trouble import OF_A_NEWER_VERSION, is_live_and_unready, metric, number_of
from tests.stage import Stage, await_condition

LIST = "+18005551234"
CONTACTS = 1000
COMMAND = {
    "command_id": "c1", "account": "acme", "phone_number": "+14155550001", "list_number": LIST, "command": "opt_out",
    "actor": "tester", "reason": "asked by phone", "issued_at": 1_705_314_600_000, "active": False,
    "contact_reason": "unknown", "unsubscribed_at": None,
}  # fmt: skip


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def request(number: int, *, list_number: str = LIST, message_id: str | None = None) -> tuple[str, dict[str, Any]]:
    phone = f"+1415555{number:04d}"
    now = now_ms()
    return f"acme|{phone}", {
        "account": "acme", "list_number": list_number, "phone_number": phone,
        "message_id": message_id or f"send-{number}", "requested_at": now, "expires_at": now + 1_800_000,
    }  # fmt: skip


def decisions(stage: Stage, count: int) -> dict[str, str]:
    """Reasons by message id, once so many were told; each was told once."""

    def enough() -> list[dict[str, Any]] | None:
        found = [*stage.read(topics.SENDS_APPROVED), *stage.read(topics.SENDS_BLOCKED)]
        return found if len(found) >= count else None

    found = await_condition(enough, what=f"{count} decisions")
    assert len(found) == count
    assert len({one["message_id"] for one in found}) == count
    assert all(one["valid_until"] > one["decided_at"] for one in found)
    return {one["message_id"]: one["reason"] for one in found}


def test_requests_are_answered_by_what_is_known_of_the_contact(stage: Stage) -> None:
    stage.configure(CONFIG)
    stage.produce(topics.RAW, "RawCallback", [inbound(2, "STOP", "a")])
    stage.produce(topics.CONTACT_COMMANDS, "ContactCommand", [(f"acme|{COMMAND['phone_number']}", COMMAND)])
    role = stage.start("processor").await_ready()
    asked = [request(1), request(2), request(3), request(3), request(4, list_number="+18005550000")]
    key, misplaced = request(5)
    stage.produce(topics.SENDS_REQUESTED, "SendRequest", [*asked, (f"{key}9", misplaced)])
    assert decisions(stage, 5) == {
        "send-1": "contact_inactive", "send-2": "contact_inactive", "send-3": "approved", "send-4": "list_unknown",
        "send-5": "misrouted",
    }  # fmt: skip
    await_condition(lambda: metric(role, "trackly_gate_repeats_total") == 1, what="the repeat")
    assert metric(role, 'trackly_classify_commands_total{command="opt_out",outcome="done"}') == 1
    (entry,) = [entry for entry in stage.read(topics.LEDGER) if entry["provider"] == "command"]
    assert (entry["actor"], entry["rule_id"]) == ("tester", "command.opt_out")


def test_an_erasure_is_told_by_a_hash_that_holds_no_number(stage: Stage) -> None:
    stage.configure(CONFIG)
    ordered = {**COMMAND, "command": "erase", "command_id": "e1", "list_number": None}
    stage.produce(topics.CONTACT_COMMANDS, "ContactCommand", [(f"acme|{COMMAND['phone_number']}", ordered)])
    stage.start("processor").await_ready()
    (erased,) = stage.await_records(topics.ERASURES, 1)
    assert (erased["account"], len(erased["contact_hash"])) == ("acme", 64)
    assert "4155550001" not in str(erased)


def test_no_send_that_was_asked_after_an_acknowledged_stop_is_approved(stage: Stage) -> None:
    """A thousand contacts, each with its own interleaving of STOP, request and noise, and two kills in between."""
    stage.configure(CONFIG)
    environment = {"TRACKLY_PROCESSOR__SESSION_TIMEOUT_S": "2"}
    role = stage.start("processor", **environment).await_ready()
    rng = Random(7)
    producer = Producer({"bootstrap.servers": stage.bootstrap, "partitioner": "murmur2_random", "linger.ms": 0})
    encode_raw, encode_request = encoder("RawCallback"), encoder("SendRequest")
    stops = set(rng.sample(range(CONTACTS), CONTACTS // 2))
    left = sorted(range(CONTACTS), key=lambda _: rng.random())
    kills = {len(left) // 3, 2 * len(left) // 3}
    done = 0
    while left:
        group = [left.pop() for _ in range(min(len(left), rng.randint(1, 20)))]
        for number in group:
            key, record = inbound(number, "STOP" if number in stops else "thanks", f"in-{number}")
            producer.produce(stage.prefix + topics.RAW, encode_raw(record), key)
        assert producer.flush(30) == 0, "every STOP of the group is acknowledged before its request is asked"
        for number in rng.sample(group, len(group)):
            key, asked = request(number)
            producer.produce(stage.prefix + topics.SENDS_REQUESTED, encode_request(asked), key)
        if any(done < kill <= done + len(group) for kill in kills):
            role.kill()
            role = stage.start("processor", **environment)
        done += len(group)
    assert producer.flush(30) == 0
    found = decisions(stage, CONTACTS)
    wrong = {number for number in range(CONTACTS) if (found[f"send-{number}"] == "approved") is (number in stops)}
    assert not wrong


def test_no_send_is_approved_beside_a_callback_that_only_a_newer_version_can_read(stage: Stage) -> None:
    """The callback may be a STOP; it is held back in the very batch that holds the request."""
    stage.configure(CONFIG)
    here = number_of(1)
    elsewhere = next(number for number in range(2, 60) if number_of(number) != here)
    stage.produce(topics.RAW, "RawCallback", [(request(1)[0], OF_A_NEWER_VERSION)])
    stage.produce(topics.SENDS_REQUESTED, "SendRequest", [request(1), request(elsewhere)])
    role = stage.start("processor")
    assert decisions(stage, 1) == {f"send-{elsewhere}": "approved"}
    await_condition(lambda: is_live_and_unready(role), what="unready, and alive")
    stage.produce(topics.SENDS_REQUESTED, "SendRequest", [request(elsewhere, message_id="again")])
    assert decisions(stage, 2) == {f"send-{elsewhere}": "approved", "again": "approved"}
