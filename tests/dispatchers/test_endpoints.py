"""`trackly endpoints`: state as records say it, orders, rotation with overlap, a test event and its answer."""

import base64
import json
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dispatchers.endpoints import rotation, trial
from dispatchers.endpoints.command import endpoints
from dispatchers.endpoints.held import Held
from dispatchers.endpoints.pauses import Unchanged, line, order, shown
from dispatchers.endpoints.rotation import Active, Refused, activate
from dispatchers.window import OffsetWindow
from runtime.config_apply import plan
from runtime.config_topic import current_records
from runtime.kafka.bookmarks import Bookmarks
from runtime.kafka.records import Partition
from runtime.secrets import SecretBox
from schemas import ids, topics
from schemas.codec import encoder
from schemas.config import Endpoint, SealedSecret
from schemas.config_file import read
from schemas.partitioner import partition_of
from schemas.providers.registry import credential_names
from schemas.records import EndpointState
from tests.stage import Stage

NOW, HOUR = 1_705_314_600_000, 3_600_000
E = "acme/main"
ENDPOINT = E, "https://u:p@example.com:8443/hook?token=hush#x", ("delivery", "unsubscribe", "reply")


def state(kind: str, **changed: Any) -> EndpointState:
    made: EndpointState = {
        "endpoint": E, "kind": "manual", "paused": True, "reason": "manual", "since": NOW, "next_probe_at": None,
        "probes": 0, "hold_partition": None, "done_below": None, "done_beyond": None, "url_hash": None, "actor": "x",
        "updated_at": NOW,
    }  # fmt: skip
    return {**made, "kind": kind, **changed}  # type: ignore[typeddict-item]


def pauses(*, manual: bool | None = None, auto: str | None = None, over: bool = False) -> dict[str, EndpointState]:
    found = {}
    if manual is not None:
        found[topics.manual_key(E)] = state("manual", paused=manual)
    if auto is not None:
        found[topics.auto_key(E)] = state("auto", paused=not over, reason=auto, next_probe_at=NOW + HOUR)
    return found


# ---- what is shown ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("states, expected, probe", [
    (pauses(), "active", None),
    (pauses(manual=False), "active", None),
    (pauses(manual=False, auto="failing", over=True), "active", None),
    (pauses(manual=True), "paused by hand", None),
    (pauses(auto="failing"), "paused: failing", "2024-01-15T11:30:00.000Z"),
    (pauses(manual=False, auto="gone"), "paused: gone", "2024-01-15T11:30:00.000Z"),
    (pauses(manual=True, auto="gone"), "paused by hand", None),
])  # fmt: skip
def test_an_endpoint_is_paused_where_either_kind_says_so(
    states: dict[str, EndpointState], expected: str, probe: str | None
) -> None:
    one = shown(*ENDPOINT, states)
    assert (one["state"], one["next_probe_at"]) == (expected, probe)
    assert one["since"] == (None if expected == "active" else "2024-01-15T10:30:00.000Z")


def test_a_line_has_neither_query_nor_credentials_of_the_url() -> None:
    found = line({**shown(*ENDPOINT, pauses(auto="failing")), "held": 3}, width=12)
    assert found == (
        "acme/main     paused: failing since 2024-01-15T10:30:00.000Z, next probe 2024-01-15T11:30:00.000Z  3 held  "
        "delivery,unsubscribe,reply  https://example.com:8443/hook"
    )


# ---- orders ----------------------------------------------------------------------------------------------------------
ORDERS = [
    ("pause", pauses(), True),
    ("pause", pauses(manual=False), True),
    ("pause", pauses(auto="failing"), True),
    ("pause", pauses(manual=True), f"{E} is paused by hand already since 2024-01-15T10:30:00.000Z"),
    ("resume", pauses(manual=True), False),
    ("resume", pauses(auto="gone"), False),
    ("resume", pauses(manual=False, auto="failing"), False),
    ("resume", pauses(), f"{E} is not paused"),
    ("resume", pauses(manual=False, auto="failing", over=True), f"{E} is not paused"),
]


@pytest.mark.parametrize("kind, states, expected", ORDERS)
def test_an_order_is_a_record_or_says_why_it_changes_nothing(
    kind: Any, states: dict[str, EndpointState], expected: bool | str
) -> None:
    found = order(kind, E, states, actor="tester", now=NOW + 1)
    if isinstance(expected, str):
        assert found == Unchanged(expected)
        return
    assert found == state(
        "manual", paused=expected, reason="manual" if expected else None, since=NOW + 1 if expected else None,
        actor="tester", updated_at=NOW + 1,
    )  # fmt: skip
    assert not isinstance(found, Unchanged)
    encoder("EndpointState")(found)


# ---- secrets ---------------------------------------------------------------------------------------------------------
def secret(name: str, until: int | None = None) -> SealedSecret:
    return SealedSecret(key_id="k", sealed=name, valid_until=until)


def names(found: Any) -> list[tuple[str, int | None]]:
    return [(one.sealed, one.valid_until) for one in found]


@pytest.mark.parametrize("before, overlap, expected", [
    ([("a", None)], 24, [("a", 24), ("new", None)]),
    ([("a", None)], 0, [("new", None)]),
    ([("a", 3), ("b", None)], 24, [("a", 3), ("b", 24), ("new", None)]),
    ([("a", 3), ("b", None)], 1, [("a", 1), ("b", 1), ("new", None)]),
    ([("a", 0), ("b", -1), ("c", None)], 24, [("c", 24), ("new", None)]),
    ([("b", None), ("a", 3)], 24, [("b", 24), ("a", 3), ("new", None)]),
    ([], 24, [("new", None)]),
])  # fmt: skip
def test_a_rotation_keeps_the_order_and_ends_what_is_older(
    before: list[tuple[str, int | None]], overlap: int, expected: list[tuple[str, int | None]]
) -> None:
    def at(hours: int | None) -> int | None:
        return None if hours is None else NOW + hours * HOUR

    secrets = [secret(name, at(until)) for name, until in before]
    found = rotation.rotate(secrets, secret("new"), now=NOW, overlap_ms=overlap * HOUR)
    assert names(found) == [(name, at(until)) for name, until in expected]


def test_too_many_valid_secrets_are_refused_until_they_are_ended() -> None:
    many = [secret(str(number), NOW + HOUR) for number in range(rotation.SECRETS_MAX)]
    assert isinstance(rotation.rotate(many, secret("new"), now=NOW, overlap_ms=HOUR), Refused)
    assert names(rotation.rotate(many, secret("new"), now=NOW, overlap_ms=0)) == [("new", None)]


def test_activating_puts_the_newest_first_once() -> None:
    before = [secret("a", NOW + 1), secret("b", NOW + 2), secret("c")]
    after = activate(before, now=NOW)
    assert isinstance(after, tuple)
    assert names(after) == [("c", None), ("a", NOW + 1), ("b", NOW + 2)]
    assert activate(after, now=NOW) == Active()
    assert activate(before, now=NOW + 2) == Active(), "the older ones have ended by themselves"
    assert activate([secret("a")], now=NOW) == Active()
    then = rotation.rotate(after, secret("d"), now=NOW, overlap_ms=HOUR)
    assert names(then) == [("c", NOW + HOUR), ("a", NOW + 1), ("b", NOW + 2), ("d", None)]


@pytest.mark.parametrize("before", [[secret("a"), secret("b")], [secret("a", NOW + 1)], []])
def test_without_a_rotation_there_is_nothing_to_activate(before: list[SealedSecret]) -> None:
    assert isinstance(activate(before, now=NOW), Refused)


# ---- what is held ----------------------------------------------------------------------------------------------------
def test_held_tasks_are_counted_above_the_claims() -> None:
    window = OffsetWindow(10)
    for offset in (10, 11, 12, 13):
        window.begin(offset)
    window.finish(12)
    claims = {
        topics.claim_key("a/1", 0): state("hold", done_below=10, done_beyond=window.metadata()),
        topics.claim_key("a/2", 0): state("hold", done_below=20),
        topics.claim_key("a/3", 1): state("hold", done_below=99),
    }
    held = Held(claims)
    for offset in (8, 9, 10, 11, 12, 13):
        held.note("a/1", 0, offset)
    for offset in (14, 20, 21):
        held.note("a/2", 0, offset)
    held.note("a/3", 0, 22)
    assert held.counts == {"a/1": 3, "a/2": 2, "a/3": 1}


# ---- the test event --------------------------------------------------------------------------------------------------
def test_a_test_event_is_a_delivery_as_documented_with_numbers_of_nobody() -> None:
    task = trial.task_of("acme", E, "cmd_1", now=NOW)
    assert task["event_id"] == ids.test_event_id("acme", E, "cmd_1")
    assert task["task_id"] == ids.task_id(task["event_id"], E)
    assert (task["origin"], task["event_type"], task["attempt"], task["contact_key"]) == (
        "test", "delivery", 1, "acme|test",
    )  # fmt: skip
    assert json.loads(task["body"]) == {
        "event": "delivery", "message_id": "test0001", "to": "+15555550100", "list_number": "+15555550199",
        "status": "delivered", "status_detail": "DELIVERED_TO_HANDSET", "provider": "infobip",
        "timestamp": "2024-01-15T10:30:00.000Z",
    }  # fmt: skip
    encoder("DeliveryTask")(task)


# ---- on the broker ---------------------------------------------------------------------------------------------------
FILE = """
accounts:
  - id: acme
    notify: {url: https://example.com/notices, secret: a-notice-secret}
    endpoints:
      - {id: main, url: "https://example.com/hook?token=hush", secret: a-signing-secret, events: [reply]}
      - {id: other, url: "https://example.com/other", secret: another-secret}
"""


def on(stage: Stage, *arguments: str) -> Result:
    env = {name: value for name, value in stage.env().items() if name.startswith("TRACKLY_")}
    return CliRunner().invoke(endpoints, list(arguments), env=env)


def configured(stage: Stage) -> Endpoint:
    return Endpoint.model_validate_json(current_records(stage.settings())[f"endpoint|{E}"]["payload"])


def opened(stage: Stage) -> list[str]:
    box = SecretBox.from_settings(stage.settings().secret_keys)
    return [box.open(one, f"endpoint|{E}") for one in configured(stage).secrets]


def test_an_endpoint_is_paused_listed_and_resumed_with_a_trail(stage: Stage) -> None:
    stage.configure(FILE)
    for arguments in (("pause", "acme/nobody"), ("resume", "main"), ("rotate", "acme/notify"), ("test", "x/y")):
        refused = on(stage, *arguments)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert "is configured; `trackly endpoints list` shows them" in refused.stderr
    assert on(stage, "resume", E).stdout == f"{E} is not paused\n"
    assert on(stage, "pause", E, "--reason", "they asked").exit_code == 0
    again = on(stage, "pause", E)
    assert again.exit_code == 0
    assert again.stdout.startswith(f"{E} is paused by hand already since ")
    assert on(stage, "pause", "acme/notify").exit_code == 0

    auto = state("auto", endpoint="acme/other", reason="failing", next_probe_at=NOW + HOUR)
    stage.produce(topics.ENDPOINT_STATE, "EndpointState", [(topics.auto_key("acme/other"), auto)])
    first, notices, second = on(stage, "list").stdout.splitlines()
    assert first.startswith("acme/main    paused by hand since 20")
    assert notices.startswith("acme/notify  paused by hand since 20")
    assert notices.endswith("  notice  https://example.com/notices")
    assert first.endswith("  reply  https://example.com/hook")
    assert "  paused: failing since 2024-01-15T10:30:00.000Z, next probe 2024-01-15T11:30:00.000Z  " in second
    objects = [json.loads(text) for text in on(stage, "list", "--json").stdout.splitlines()]
    assert [(one["id"], one["state"], one["events"]) for one in objects] == [
        (E, "paused by hand", ["reply"]), ("acme/notify", "paused by hand", ["notice"]),
        ("acme/other", "paused: failing", ["delivery", "unsubscribe", "reply"]),
    ]  # fmt: skip

    assert on(stage, "resume", E).stdout == f"{E} is resumed\n"
    assert on(stage, "resume", "acme/other").stdout == "acme/other is resumed\n"
    records = {one["_key"].decode(): one for one in stage.read(topics.ENDPOINT_STATE)}
    assert {key: one["paused"] for key, one in records.items()} == {
        f"{E}|manual": False, "acme/notify|manual": True, "acme/other|manual": False, "acme/other|auto": True,
    }  # fmt: skip
    trail = [one for one in stage.read(topics.AUDIT) if one["origin"] == "command"]
    assert [(one["action"], one["target"]) for one in trail] == [
        ("endpoint.pause", E), ("endpoint.pause", "acme/notify"), ("endpoint.resume", E),
        ("endpoint.resume", "acme/other"),
    ]  # fmt: skip
    assert json.loads(trail[0]["after"])["reason"] == "they asked"


def test_held_tasks_are_counted_from_the_groups_position_and_the_claims(stage: Stage) -> None:
    stage.configure(FILE)
    task = trial.task_of("acme", E, "c", now=NOW)
    stage.produce(topics.HOLD, "DeliveryTask", [(E, {**task}) for _ in range(6)])
    held = json.loads(on(stage, "list", "--json", "--held").stdout.splitlines()[0])
    assert held["held"] == 6
    number = partition_of(E.encode(), 3)
    claim = state("hold", reason=None, since=None, paused=False, hold_partition=number, done_below=4)
    stage.produce(topics.ENDPOINT_STATE, "EndpointState", [(topics.claim_key(E, number), claim)])
    assert "  active  2 held  " in on(stage, "list", "--held").stdout
    marks = Bookmarks(stage.settings().kafka, f"{stage.prefix}trackly.dispatcher.hold")
    marks.write({Partition(stage.prefix + topics.HOLD, number): (5, "")})
    marks.close()
    assert "  active  1 held  " in on(stage, "list", "--held").stdout


def test_a_rotation_overlaps_is_shown_once_and_survives_an_apply_of_the_file(stage: Stage) -> None:
    stage.configure(FILE)
    first = on(stage, "rotate", E)
    assert first.exit_code == 0, first.stderr
    fresh = first.stdout.strip()
    assert fresh.startswith("whsec_")
    assert len(base64.b64decode(fresh.removeprefix("whsec_"))) == 24
    assert opened(stage) == ["a-signing-secret", fresh]
    second = on(stage, "rotate", E, "--overlap", "1h").stdout.strip()
    assert opened(stage) == ["a-signing-secret", fresh, second]
    assert [one.valid_until is None for one in configured(stage).secrets] == [False, False, True]
    activated = on(stage, "rotate", E, "--activate")
    assert (activated.exit_code, activated.stdout) == (0, "")
    assert opened(stage) == [second, "a-signing-secret", fresh]
    assert "signs already" in on(stage, "rotate", E, "--activate").stderr
    assert configured(stage).url == "https://example.com/hook?token=hush"

    present = current_records(stage.settings())
    box = SecretBox.from_settings(stage.settings().secret_keys)
    file = read(FILE, name="t", credential_names=credential_names, url_refusal=lambda _: None)
    made = plan(file, present, box, prune=False, force=False)
    assert (made.put, made.protected) == ([], [f"endpoint|{E}"])

    third = on(stage, "rotate", E, "--overlap", "0")
    assert opened(stage) == [third.stdout.strip()]
    trail = [one for one in stage.read(topics.AUDIT) if one["origin"] == "command"]
    assert [one["action"] for one in trail] == [
        "endpoint.rotate", "endpoint.rotate", "endpoint.activate", "endpoint.rotate",
    ]  # fmt: skip
    everything = str(trail) + str(present) + first.stderr + third.stderr
    for hidden in (fresh, second, third.stdout.strip(), "a-signing-secret"):
        assert hidden not in everything


@pytest.mark.parametrize("overlap", ["soon", "-1h", "31d", ""])
def test_an_overlap_that_is_none_is_refused(overlap: str) -> None:
    refused = CliRunner().invoke(endpoints, ["rotate", E, "--overlap", overlap])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "--overlap" in refused.stderr


@pytest.mark.parametrize("status, code", [(204, 0), (500, 1), (None, 1)])
def test_a_test_event_waits_for_its_own_attempt_and_prints_it(stage: Stage, status: int | None, code: int) -> None:
    stage.configure(FILE)
    command = [sys.executable, "-c", "from dispatchers.endpoints.command import endpoints; endpoints()", "test", E]
    with subprocess.Popen(command, env=stage.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        (task,) = stage.await_records(topics.TASKS, 1)
        attempt = {
            "task_id": task["task_id"], "event_id": task["event_id"], "event_type": "delivery", "origin": "test",
            "endpoint": E, "attempt": 1, "outcome": "success", "status_code": status, "started_at": NOW,
            "connect_ms": 3, "duration_ms": 12, "response_excerpt": b"h\xc3\xa9\xff", "next_tier": None,
            "next_try_at": None, "verdict": "delivered",
        }  # fmt: skip
        stage.produce(topics.ATTEMPTS, "Attempt", [
            (E, b"junk"), (E, {**attempt, "task_id": "another", "status_code": 418}), ("acme/other", attempt), (E, attempt),
        ])  # fmt: skip
        out, errors = process.communicate(timeout=30)
    assert process.returncode == code, errors
    assert json.loads(out) == {
        "endpoint": E, "event_id": task["event_id"], "outcome": "success", "status_code": status, "connect_ms": 3,
        "duration_ms": 12, "response_excerpt": "hé\ufffd",
    }  # fmt: skip
    assert task["_key"] == E.encode()


def test_without_a_dispatcher_a_test_event_says_so_and_can_be_tried_again(stage: Stage) -> None:
    stage.configure(FILE)
    found = on(stage, "test", E, "--timeout", "0.5")
    assert (found.exit_code, found.stdout) == (75, "")
    assert "no try was seen in 0.5 s; is a dispatcher running?" in found.stderr
