"""The exactly-once loop on the real broker: what goes in comes out once, whatever happens in between."""

from typing import Any

import orjson
import pytest

from schemas import topics
from tests.stage import Stage, await_condition

CONFIG = """
accounts:
  - id: acme
    providers: {infobip: {secret: path-secret}}
    lists: [{number: "+18005551234", provider: infobip}]
"""


def raw(body: dict[str, Any], phone: str, kind: str, at: int = 1_705_314_600_000) -> tuple[str, dict[str, Any]]:
    return f"acme|{phone}", {
        "account": "acme", "provider": "infobip", "kind": kind, "phone": phone,
        "body": orjson.dumps({"results": [body]}), "content_type": "application/json", "headers": {}, "query": {},
        "mid": None, "list": None, "received_at": at, "redriven": False,
    }  # fmt: skip


def report(number: int, name: str = "DELIVERED_TO_HANDSET", group: str = "DELIVERED") -> tuple[str, dict[str, Any]]:
    phone = f"+1415555{number:04d}"
    body = {
        "messageId": f"m{number}", "to": phone, "sender": "18005551234", "doneAt": "2024-01-15T10:30:00.000+0000",
        "status": {"groupName": group, "name": name, "id": 5},
    }  # fmt: skip
    return raw(body, phone, "delivery")


def inbound(number: int, text: str, message_id: str) -> tuple[str, dict[str, Any]]:
    phone = f"+1415555{number:04d}"
    body = {
        "messageId": message_id, "from": phone, "to": "18005551234", "text": text,
        "receivedAt": "2024-01-15T10:35:00.000+0000",
    }  # fmt: skip
    return raw(body, phone, "inbound")


@pytest.mark.smoke
def test_reports_replies_and_stops_become_events_and_state(stage: Stage) -> None:
    stage.configure(CONFIG)
    stage.produce(
        topics.RAW,
        "RawCallback",
        [
            report(1),
            report(1),
            report(2, "REJECTED_SPAM", "REJECTED"),
            inbound(3, "Stop.", "a"),
            inbound(3, "Stop.", "a"),
            inbound(4, "yes please", "b"),
        ],
    )
    stage.produce(topics.RAW, "RawCallback", [("acme|+14155550009", b"garbage")])
    role = stage.start("processor").await_ready()
    deliveries = stage.await_records(topics.events_topic("delivery"), 2)
    assert sorted((event["to"], event["status"], event["status_detail"]) for event in deliveries) == [
        ("+14155550001", "delivered", "DELIVERED_TO_HANDSET"),
        ("+14155550002", "rejected", "REJECTED_SPAM"),
    ]
    (stop,) = stage.await_records(topics.events_topic("unsubscribe"), 1)
    assert (stop["phone_number"], stop["list_number"], stop["keyword"]) == ("+14155550003", "+18005551234", "STOP")
    (reply,) = stage.await_records(topics.events_topic("reply"), 1)
    assert reply["body"] == "yes please"
    states = stage.await_records(topics.CONTACTS, 2)
    assert {(s["phone_number"], s["active"], s["reason"]) for s in states} == {
        ("+14155550002", False, "complaint"),
        ("+14155550003", False, "message"),
    }
    (poison,) = stage.await_records(topics.QUARANTINE, 1)
    assert (poison["reason"], poison["body"]) == ("undecodable", b"garbage")
    assert {entry["decision"] for entry in stage.read(topics.LEDGER)} == {"opted_out", "removed"}
    assert "trackly_classify_repeats_total 2.0" in role.metrics()
    await_condition(
        lambda: 'trackly_kafka_consumer_lag_seconds{input="callbacks"} 0.0' in role.metrics(), what="no lag"
    )
    assert role.terminate() == 0


def test_a_killed_processor_loses_nothing_and_repeats_nothing(stage: Stage) -> None:
    stage.configure(CONFIG)
    count = 3000
    stage.produce(topics.RAW, "RawCallback", [report(number) for number in range(count)])
    environment = {"TRACKLY_PROCESSOR__BATCH_RECORDS_MAX": "100", "TRACKLY_PROCESSOR__SESSION_TIMEOUT_S": "2"}
    first = stage.start("processor", **environment)
    stage.await_records(topics.events_topic("delivery"), 1)
    first.kill()
    stage.start("processor", **environment)
    events = stage.await_records(topics.events_topic("delivery"), count)
    assert len(events) == count
    assert len({event["event_id"] for event in events}) == count
