"""`trackly replay`: which dead letters and past events go back, that a kill leaves none out, and that it can be gone on with."""

import json
import re
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dispatchers.replay import events, letters
from dispatchers.replay.command import replay
from dispatchers.replay.letters import Letters, Place
from dispatchers.replay.run import Replay
from dispatchers.replay.selection import (
    NOT_MEANT,
    Left,
    Note,
    Selection,
    Tasks,
    UnreadableNoteError,
    replayed,
)
from dispatchers.replay.sources import Step
from dispatchers.task import unreadable
from runtime.clock import now_ms
from runtime.kafka.admin import Cluster
from runtime.kafka.bookmarks import METADATA_BYTES_MAX
from runtime.kafka.records import Partition
from runtime.secrets import SecretBox
from schemas import ids, topics
from schemas.codec import encoder
from schemas.config import Endpoint, Filters
from schemas.records import DeadLetter, DeliveryTask
from schemas.settings import Settings
from tests.stage import Stage, await_condition

T0 = 1_705_314_600_000
E = "acme/main"
PHONE = "+14155550001"


def task(number: int = 1, **changed: Any) -> DeliveryTask:
    event_id = f"evt_{number:032x}"
    endpoint = changed.get("endpoint", E)
    made: DeliveryTask = {
        "task_id": ids.task_id(event_id, endpoint), "event_id": event_id, "event_type": "reply", "origin": "event",
        "replay_id": None, "endpoint": E, "contact_key": f"acme|{PHONE}", "body": b'{"event":"reply"}', "attempt": 6,
        "created_at": T0, "first_failed_at": T0 + 1, "held_at": T0 + 2,
        "outcomes": [{"attempt": 6, "at": T0, "outcome": "http_5xx", "status_code": 500, "duration_ms": 3}],
    }  # fmt: skip
    return {**made, **changed}  # type: ignore[typeddict-item]


def letter(
    number: int = 1, *, reason: str = "attempts_exhausted", dead_at: int = T0 + 10, **changed: Any
) -> DeadLetter:
    return {
        "task": task(number, **changed), "reason": reason, "dead_at": dead_at, "source_topic": None,
        "source_partition": None, "source_offset": None, "raw_value": None,
    }  # fmt: skip


def resolution(number: int = 1) -> dict[str, Any]:
    return {
        "task_id": "t", "event_id": f"evt_{number:032x}", "endpoint": E, "replay_id": "rpl_x", "resolved_at": T0 + 20,
    }  # fmt: skip


# ---- dead letters ----------------------------------------------------------------------------------------------------
LAST, OLDER, DONE = "last", "superseded", "resolved"
# partition, offset, time of writing, resolution, after the end; then what the letter at (0, 5) is
STANDINGS = [
    ([], LAST),
    ([(0, 4, 0, False, False)], LAST),
    ([(0, 6, 0, False, False)], OLDER),
    ([(0, 6, 0, True, False)], DONE),
    ([(0, 4, 0, True, False)], LAST),
    ([(0, 6, 0, True, True)], DONE),
    ([(0, 6, 0, False, True)], LAST),
    ([(0, 6, 0, True, True), (0, 7, 0, False, True)], LAST),
    ([(0, 6, 0, False, False), (0, 7, 0, True, False)], OLDER),
    ([(1, 0, 99, False, False)], OLDER),
    ([(1, 9, 11, False, False)], LAST),
    ([(1, 0, 99, True, False)], DONE),
    ([(1, 9, 11, True, False)], LAST),
]


@pytest.mark.parametrize("others, expected", STANDINGS)
@pytest.mark.parametrize("backwards", [False, True])
def test_of_one_event_and_endpoint_the_last_record_counts(others: Any, expected: str, backwards: bool) -> None:
    place = Place(0, 5, 50)
    rows = [(*row,) for row in others] + [(0, 5, 50, False, False)]
    seen = Letters()
    for partition, offset, at, resolved, late in reversed(rows) if backwards else rows:
        seen.note("e", E, Place(partition, offset, at), resolved=resolved, late=late)
    seen.note("e", "acme/other", Place(0, 9, 99), resolved=True, late=False)
    seen.note("another", E, Place(0, 9, 99), resolved=True, late=False)
    assert seen.standing("e", E, place) == expected
    assert len(seen) == 3


JUDGED: list[tuple[DeadLetter, Selection, Any]] = [
    (letter(), Selection("dead"), None),
    (letter(), Selection("dead", endpoint=E, account="acme", event="reply", since=T0 + 10, until=T0 + 11), None),
    (letter(), Selection("dead", reason="attempts_exhausted"), None),
    (letter(origin="resend"), Selection("dead"), None),
    (letter(origin="replay", replay_id="rpl_y"), Selection("dead"), None),
    (letter(), Selection("dead", reason="hold_expired"), NOT_MEANT),
    (letter(), Selection("dead", endpoint="acme/other"), NOT_MEANT),
    (letter(), Selection("dead", account="acm"), NOT_MEANT),
    (letter(), Selection("dead", event="delivery"), NOT_MEANT),
    (letter(), Selection("dead", since=T0 + 11), NOT_MEANT),
    (letter(), Selection("dead", until=T0 + 10), NOT_MEANT),
    (letter(origin="test"), Selection("dead"), Left("test")),
    (letter(origin="notice"), Selection("dead"), Left("notice")),
    (letter(endpoint="acme/gone"), Selection("dead"), Left("endpoint_removed")),
    (letter(contact_key="acme|erased"), Selection("dead"), Left("erased")),
    (letter(contact_key="acme|erased", created_at=T0 + 1), Selection("dead"), None),
    (letter(event_id="a\r\nb: c"), Selection("dead"), Left("untrusted")),
    (letter(attempt=9), Selection("dead"), None),
    ({**letter(), "task": unreadable("reply")}, Selection("dead"), Left("unreadable")),
    ({**letter(), "task": unreadable("reply")}, Selection("dead", endpoint=E), Left("unreadable")),
    ({**letter(), "task": unreadable("reply")}, Selection("dead", until=T0), NOT_MEANT),
]  # fmt: skip


@pytest.mark.parametrize("one, chosen, expected", JUDGED)
def test_a_letter_is_replayed_left_out_with_its_reason_or_not_meant(
    one: DeadLetter, chosen: Selection, expected: Any
) -> None:
    def erased_at(key: str) -> int:
        return T0 if key == "acme|erased" else 0

    found = letters.judge(one, chosen, "last", configured={E}, erased_at=erased_at)
    assert found == (Tasks([one["task"]]) if expected is None else expected)


@pytest.mark.parametrize("standing", ["superseded", "resolved"])
def test_a_letter_that_is_not_the_last_is_left_out(standing: Any) -> None:
    assert letters.judge(letter(), Selection("dead"), standing, configured={E}, erased_at=lambda _: 0) == Left(standing)


# ---- past events -----------------------------------------------------------------------------------------------------
def reply_event(number: int = 1, **changed: Any) -> dict[str, Any]:
    return {
        "event_id": f"evt_{number:032x}", "account": "acme", "phone_number": PHONE, "list_number": "+18005550001",
        "body": "hi", "timestamp": T0, "received_at": T0, "provider": "infobip", "provider_message_id": None,
        "label": "reply", "rule_id": None, "tags": [], **changed,
    }  # fmt: skip


def endpoint(name: str, **changed: Any) -> Endpoint:
    return Endpoint(account="acme", id=name, url="https://example.com/", secrets=(), **changed)


ENDPOINTS = [
    endpoint(E),
    endpoint("acme/replies", events=("reply",)),
    endpoint("acme/reports", events=("delivery",)),
    endpoint("acme/filtered", filters=Filters(list_numbers=("+18005550009",))),
]


@pytest.mark.parametrize("changed, chosen, expected", [
    ({}, Selection("events", account="acme", since=T0), [E, "acme/replies"]),
    ({}, Selection("events", endpoint="acme/replies", since=T0, until=T0 + 1), ["acme/replies"]),
    ({"list_number": "+18005550009"}, Selection("events", endpoint="acme/filtered", since=T0), ["acme/filtered"]),
    ({}, Selection("events", endpoint="acme/filtered", since=T0), Left("not_subscribed")),
    ({}, Selection("events", endpoint="acme/reports", since=T0), Left("not_subscribed")),
    ({}, Selection("events", account="acme", since=T0 + 1), NOT_MEANT),
    ({}, Selection("events", account="acme", since=T0 - 9, until=T0), NOT_MEANT),
    ({"account": "other"}, Selection("events", account="acme", since=T0), NOT_MEANT),
    ({"account": "other"}, Selection("events", endpoint=E, since=T0), NOT_MEANT),
    ({"phone_number": "erased"}, Selection("events", account="acme", since=T0), Left("erased")),
    ({"body": "x" * 600_000}, Selection("events", account="acme", since=T0), Left("untrusted")),
])  # fmt: skip
def test_an_event_goes_to_whoever_subscribes_now(changed: dict[str, Any], chosen: Selection, expected: Any) -> None:
    found = events.judge(
        "reply", reply_event(**changed), chosen, endpoints_of=lambda _: ENDPOINTS,
        erased_at=lambda key: T0 if key == "acme|erased" else 0,
    )  # fmt: skip
    if isinstance(expected, list):
        assert isinstance(found, Tasks)
        assert [one["endpoint"] for one in found.tasks] == expected
        assert {one["created_at"] for one in found.tasks} == {T0}
    else:
        assert found == expected


# ---- what is written -------------------------------------------------------------------------------------------------
def test_a_replayed_task_keeps_its_event_and_begins_anew() -> None:
    before = task()
    after = replayed(before, "rpl_1")
    assert after == {
        **before, "task_id": ids.task_id(before["event_id"], E, "rpl_1"), "origin": "replay", "replay_id": "rpl_1",
        "attempt": 1, "first_failed_at": None, "held_at": None, "outcomes": [],
    }  # fmt: skip
    assert replayed(after, "rpl_2")["task_id"] != after["task_id"] != before["task_id"]
    encoder("DeliveryTask")(after)


def test_a_note_is_read_back_and_fits_beside_a_position() -> None:
    chosen = Selection("dead", "a" * 129, "b" * 64, "unsubscribe", T0, T0 + 1, "attempts_exhausted")
    text = Note(chosen, 2**62).text()
    assert Note.read(text) == Note(chosen, 2**62)
    assert len(text) < METADATA_BYTES_MAX
    assert Note.read(Note(Selection("events"), 3).text()) == Note(Selection("events"), 3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1:AA==",
        "[]",
        "{}",
        '{"v":2}',
        '{"v":1,"end":"9","selection":{"source":"dead"}}',
        '{"v":1,"end":true,"selection":{"source":"dead"}}',
        '{"v":1,"end":1,"selection":{"source":"everything"}}',
        '{"v":1,"end":1,"selection":{"source":"dead","since":"today"}}',
        '{"v":1,"end":1,"selection":{"source":"dead","account":7}}',
        '{"v":1,"end":1,"selection":{"colour":1}}',
    ],
)
def test_what_is_no_note_of_ours_is_refused(text: str) -> None:
    with pytest.raises(UnreadableNoteError):
        Note.read(text)


def test_a_record_is_behind_us_only_when_more_is_asked_for() -> None:
    here = Partition("t", 0)
    one = Replay("rpl_1", Selection("dead"), {here: 0}, {here: 9})
    steps = [Step(here, 3, [task(1), task(2)]), Step(here, 5, []), Step(here, 6, [task(3)])]
    moved: list[int] = []
    positions = [one.positions[here] for _ in one._writes(Settings(), steps, moved.append)]
    assert positions == [0, 0, 5]
    assert (one.positions[here], moved) == (6, [3, 2, 1])
    assert one.by_endpoint == {E: 3}


# ---- the command -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("arguments, sentence", [
    (["--source", "events", "--account", "acme"], "needs --since"),
    (["--source", "events", "--since", "2024-01-15"], "one of --endpoint, --account"),
    (["--source", "events", "--since", "2024-01-15", "--account", "a", "--reason", "x"], "--reason is of dead letters"),
    (["--since", "soon"], "--since is a time such as"),
    (["--since", "2024-01-15", "--until", "2024-01-15"], "--until is not later"),
    (["--rate", "0"], "rate"),
    (["--event", "parcel"], "parcel"),
    (["--resume", "x"], "--resume takes the id"),
    (["--resume", "rpl_0123456789abcdef", "--endpoint", E], "leave the selection out"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused_before_any_broker_is_asked(arguments: list[str], sentence: str) -> None:
    refused = CliRunner().invoke(replay, arguments, env={"TRACKLY_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert sentence in refused.stderr


FILE = """
accounts:
  - id: acme
    endpoints:
      - {id: main, url: "https://example.com/main", secret: a-signing-secret}
      - {id: other, url: "https://example.com/other", secret: another-secret, events: [reply]}
"""


def on(stage: Stage, *arguments: str) -> Result:
    env = {name: value for name, value in stage.env().items() if name.startswith("TRACKLY_")}
    return CliRunner().invoke(replay, list(arguments), env=env)


def told(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    return dict(json.loads(result.stdout))


def dead(stage: Stage, *records: DeadLetter | dict[str, Any]) -> None:
    for record in records:
        kind, about = ("DeadLetter", record["task"]) if "task" in record else ("DeadLetterResolved", record)
        stage.produce(topics.DEAD, kind, [(about["endpoint"], record)])


def process(stage: Stage, *arguments: str) -> "subprocess.Popen[str]":
    code = "from dispatchers.replay.command import replay; replay()"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, env=stage.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_killed_replay_goes_on_and_leaves_none_out(stage: Stage) -> None:
    stage.configure(FILE)
    stage.produce(topics.DEAD, "DeadLetter", [(E, letter(number, body=f"{number}".encode())) for number in range(300)])
    dead(stage, resolution(7))
    with process(stage, "--endpoint", E, "--rate", "40") as first:
        await_condition(lambda: len(stage.read(topics.TASKS)) >= 100, what="a hundred tasks")
        first.kill()
        _, errors = first.communicate()
    found = re.search(r"rpl_[0-9a-f]{16}", errors)
    assert found is not None
    before = len(stage.read(topics.TASKS))
    assert 100 <= before < 299
    dead(stage, letter(299, dead_at=T0 + 99), letter(300), resolution(298))  # after the end of this replay
    assert before <= 290, "the resolved one is among what is left"
    with process(stage, "--resume", found[0]) as second:
        out, errors = second.communicate(timeout=60)
    assert second.returncode == 0, errors
    tasks = stage.read(topics.TASKS)
    sent = Counter(one["event_id"] for one in tasks)
    assert sent.keys() == {f"evt_{number:032x}" for number in range(300)} - {f"evt_{7:032x}", f"evt_{298:032x}"}
    assert sum(sent.values()) - len(sent) <= 30, "what was in one commit's time"
    assert {one["_key"] for one in tasks} == {E.encode()}
    assert {(one["origin"], one["replay_id"], one["attempt"]) for one in tasks} == {("replay", found[0], 1)}
    assert {one["task_id"] for one in tasks} == {ids.task_id(event, E, found[0]) for event in sent}
    assert json.loads(out)["replayed"] == len(tasks) - before
    again = on(stage, "--resume", found[0])
    assert (told(again)["replayed"], len(stage.read(topics.TASKS))) == (0, len(tasks))
    assert f"nothing is left of replay {found[0]}" in again.stderr


def test_a_dry_run_tells_by_endpoint_and_writes_nothing(stage: Stage) -> None:
    stage.configure(FILE)
    dead(
        stage, letter(1), letter(2), letter(2), letter(3), resolution(3), letter(4, endpoint="acme/other"),
        letter(5, endpoint="acme/gone"), letter(6, origin="test"), {**letter(), "task": unreadable("reply")},
    )  # fmt: skip
    stage.produce(topics.DEAD, "DeadLetter", [(E, b"junk"), (E, b"\xc3\x01newer...record")])
    trail = len(stage.read(topics.AUDIT))
    found = told(on(stage, "--dry-run"))
    assert found == {
        "replay_id": None, "replayed": 3, "dry_run": True, "endpoints": {E: 2, "acme/other": 1},
        "left": {
            "endpoint_removed": 1, "newer_version": 1, "resolved": 1, "superseded": 1, "test": 1, "undecodable": 1,
            "unreadable": 1,
        },
    }  # fmt: skip
    assert (stage.read(topics.TASKS), len(stage.read(topics.AUDIT))) == ([], trail)
    done = told(on(stage, "--account", "acme"))
    assert (done["replayed"], done["dry_run"], "endpoints" in done) == (3, False, False)
    assert Counter(one["endpoint"] for one in stage.read(topics.TASKS)) == {E: 2, "acme/other": 1}
    entry = stage.read(topics.AUDIT)[-1]
    assert (entry["action"], entry["target"], entry["account"]) == ("replay.begin", done["replay_id"], "acme")
    assert json.loads(entry["after"]) == {"source": "dead", "account": "acme"}
    for arguments in (["--endpoint", "acme/nobody"], ["--account", "nobody"], ["--resume", "rpl_0123456789abcdef"]):
        refused = on(stage, *arguments)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert refused.stderr.startswith("trackly: ")


def test_past_events_go_to_subscribers_of_now_but_not_of_erased_contacts(stage: Stage) -> None:
    stage.configure(FILE)
    now = now_ms()
    stage.produce(topics.events_topic("reply"), "ReplyEvent", [
        (f"acme|{number}", reply_event(number, received_at=now, phone_number=f"+1415555{number:04d}"))
        for number in range(20)
    ] + [("acme|x", reply_event(50, received_at=now - 3_600_000)), ("b|x", reply_event(51, account="b", received_at=now))])  # fmt: skip
    keys = stage.settings().secret_keys
    assert keys is not None
    erased = SecretBox(keys.get_secret_value()).digest(b"acme|+14155550003")
    erasure = {"contact_hash": erased, "account": "acme", "erased_at": now + 1}
    stage.produce(topics.ERASURES, "Erasure", [(erased, erasure)])
    since = ["--since", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now / 1000 - 60))]
    found = told(on(stage, "--source", "events", "--account", "acme", *since, "--dry-run"))
    assert (found["endpoints"], found["left"]) == ({E: 19, "acme/other": 19}, {"erased": 1})
    done = told(on(stage, "--source", "events", "--endpoint", "acme/other", "--event", "reply", *since))
    assert (done["replayed"], done["left"]) == (19, {"erased": 1})
    tasks = stage.read(topics.TASKS)
    assert {one["endpoint"] for one in tasks} == {"acme/other"}
    assert json.loads(tasks[0]["body"])["event"] == "reply"
    none = told(on(stage, "--source", "events", "--endpoint", E, "--event", "delivery", *since))
    assert none["replayed"] == 0


def test_offsets_are_found_by_time_and_are_the_end_where_nothing_came_since(stage: Stage) -> None:
    dead(stage, letter(1))
    cluster, here = Cluster(stage.settings().kafka), [Partition(stage.prefix + topics.DEAD, n) for n in range(3)]
    ends = cluster.end_offsets(here)
    assert sum(ends.values()) == 1
    assert set(cluster.offsets_since(here, now_ms() - 60_000).values()) == {0}
    assert cluster.offsets_since(here, now_ms() + 60_000) == ends
