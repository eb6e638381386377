"""`trackly replay --quarantine`: what was set aside is tried again once its cause is mended."""

import base64
import json
import subprocess
import sys
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.replay.quarantine import Left, Selection, again, arrival_of
from runtime.clock import now_ms
from schemas import topics
from schemas.codec import encoder
from schemas.providers import registry
from schemas.records import Quarantined
from tests.processors.test_loop import CONFIG, inbound
from tests.processors.test_loop_trouble import metric
from tests.stage import Stage, await_condition

PHONE, T0, DAY = "+14155550001", 1_705_314_600_000, 86_400_000
TEXT = {"messageId": "1", "from": PHONE, "text": "STOP", "receivedAt": "2024-01-15T10:35:00.000+0000"}
BODY = orjson.dumps({"results": [TEXT]})


def quarantined(**changed: Any) -> Quarantined:
    made: Quarantined = {
        "account": "acme", "provider": "infobip", "kind": "inbound", "phone": PHONE, "body": BODY,
        "content_type": "application/json", "headers": {"user-agent": "x"}, "query": {"a": "b"}, "mid": "AbC12345",
        "list": None, "received_at": T0, "reason": "list_unknown", "detail": "d", "stage": "processor", "split": True,
        "source_topic": None, "source_partition": None, "source_offset": None, "quarantined_at": T0 + 5,
    }  # fmt: skip
    return {**made, **changed}  # type: ignore[typeddict-item]


def test_a_fragment_keeps_its_arrival_and_says_that_it_comes_again() -> None:
    (found,) = again(quarantined(), registry.adapters())  # type: ignore[misc]  # it is a sequence here
    assert found == {
        "account": "acme", "provider": "infobip", "kind": "inbound", "phone": PHONE, "body": BODY,
        "content_type": "application/json", "headers": {"user-agent": "x"}, "query": {"a": "b"}, "mid": "AbC12345",
        "list": None, "received_at": T0, "redriven": True,
    }  # fmt: skip
    encoder("RawCallback")(found)


@pytest.mark.parametrize("changed, same", [
    ({}, True), ({"quarantined_at": T0 + DAY, "reason": "other", "source_offset": 9}, True),
    ({"received_at": T0 + DAY}, False), ({"list": "+18005550001"}, False), ({"query": {}}, False),
    ({"body": b"{}"}, False), ({"account": "other"}, False),
])  # fmt: skip
def test_a_body_that_came_back_goes_once_and_equal_bodies_of_two_arrivals_both_go(
    changed: dict[str, Any], same: bool
) -> None:
    assert (arrival_of(quarantined()) == arrival_of(quarantined(**changed))) is same


@pytest.mark.parametrize("changed, expected", [
    ({"provider": "carrier-pigeon"}, Left("provider_unknown")),
    ({"split": False, "phone": None, "body": b"{"}, Left("malformed")),
    ({"split": False, "phone": None, "body": b'{"results":[]}'}, Left("tells_nothing")),
    ({"phone": None, "body": b'{"results":[{"from":"x","text":"hi"}]}'}, Left("phone_invalid")),
])  # fmt: skip
def test_what_still_cannot_be_used_stays_with_its_reason(changed: dict[str, Any], expected: Left) -> None:
    assert again(quarantined(**changed), registry.adapters()) == expected


def test_a_request_that_was_never_split_is_split() -> None:
    two = orjson.dumps({"results": [TEXT, {**TEXT, "messageId": "2", "from": "+14155550002"}]})
    found = again(quarantined(split=False, phone=None, kind="unknown", body=two), registry.adapters())
    assert not isinstance(found, Left)
    assert [one["phone"] for one in found] == [PHONE, "+14155550002"]
    by_get = quarantined(
        provider="lime", split=False, phone=None, body=b"", content_type="",
        query={"action": "optout", "mobile_number": "14155550001"},
    )  # fmt: skip
    (one,) = again(by_get, registry.adapters())  # type: ignore[misc]  # it is a sequence here
    assert (one["phone"], one["body"]) == (PHONE, b"action=optout&mobile_number=14155550001")


@given(st.integers(T0, T0 + 10), st.none() | st.integers(T0, T0 + 10), st.sampled_from([None, "acme", "other"]))
def test_a_selection_holds_what_is_of_its_account_and_time(since: int, until: int | None, account: str | None) -> None:
    chosen = Selection(since=since, until=until, account=account).holds(quarantined())
    assert chosen is (since <= T0 + 5 and (until is None or until > T0 + 5) and account in {None, "acme"})


# ---- on the broker ---------------------------------------------------------------------------------------------------
LISTS = """
accounts:
  - id: acme
    lists: [{number: "+18005550001"}, {number: "+18005550002"}]
"""


def run(stage: Stage, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "runtime.cli", "replay", "--quarantine", *arguments],
        env=stage.env(), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "415555" not in done.stdout + done.stderr
    return dict(json.loads(done.stdout))


def test_an_opt_out_without_a_list_blocks_until_its_own_replay_and_is_then_told(stage: Stage) -> None:
    """The list cannot be told, so every list is blocked; once one list is the provider's only one, the replay tells it."""
    stage.configure(LISTS)
    key, record = inbound(1, "STOP", "a")
    item = orjson.loads(record["body"])["results"][0]
    del item["to"]
    record = {**record, "body": orjson.dumps({"results": [item]}), "received_at": now_ms()}
    stage.produce(topics.RAW, "RawCallback", [(key, record)])
    role = stage.start("processor").await_ready()
    (kept,) = stage.await_records(topics.QUARANTINE, 1)
    assert kept["reason"] == "list_unknown"
    assert run(stage, "--dry-run")["replayed"] == 1
    assert run(stage, "--account", "other")["replayed"] == 0
    stage.configure(LISTS.replace('"+18005550001"', '"+18005550001", provider: infobip'))
    await_condition(lambda: run(stage)["replayed"] >= 1 and stage.read("events.unsubscribe"), what="the unsubscribe")
    (event,) = stage.read("events.unsubscribe")
    assert (event["list_number"], event["keyword"]) == ("+18005550001", "STOP")
    decisions = [entry["decision"] for entry in stage.read(topics.LEDGER)]
    assert decisions == ["blocked_unassigned", "opted_out"]
    repeats = metric(role, "trackly_classify_repeats_total")
    run(stage)
    await_condition(lambda: metric(role, "trackly_classify_repeats_total") > repeats, what="the repeat is known")
    assert len(stage.read("events.unsubscribe")) == 1


def test_what_a_contact_wrote_before_its_erasure_is_not_put_back(stage: Stage) -> None:
    stage.configure(LISTS)
    kept = quarantined(received_at=now_ms(), quarantined_at=now_ms())
    stage.produce(topics.QUARANTINE, "Quarantined", [("x", kept)])
    assert run(stage, "--dry-run")["replayed"] == 1
    stage.start("processor").await_ready()
    ordered = {
        "command_id": "e1", "account": "acme", "phone_number": PHONE, "list_number": None, "command": "erase",
        "actor": "tester", "reason": "asked", "issued_at": now_ms(), "active": False, "contact_reason": "unknown",
        "unsubscribed_at": None,
    }  # fmt: skip
    stage.produce(topics.CONTACT_COMMANDS, "ContactCommand", [(f"acme|{PHONE}", ordered)])
    stage.await_records(topics.ERASURES, 1)
    found = run(stage, "--dry-run")
    assert (found["replayed"], found["left"]) == (0, {"erased": 1})
    rotated = "new:" + base64.b64encode(bytes(32)).decode() + "," + stage.env()["TRACKLY_SECRET_KEYS"]
    stage.environment["TRACKLY_SECRET_KEYS"] = rotated
    assert run(stage, "--dry-run")["left"] == {"erased": 1}, "hashed before the rotation"


def test_bad_times_and_providers_are_refused(stage: Stage) -> None:
    stage.configure(CONFIG)
    for arguments in (("--since", "soon"), ("--provider", "carrier-pigeon"), ("--rate", "0")):
        done = subprocess.run(
            [sys.executable, "-m", "runtime.cli", "replay", "--quarantine", *arguments],
            env=stage.env(), capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (2, "")
