"""The checker catches each way of breaking each promise, and leaves alone what keeps them."""

import base64
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.codec import encoder
from tests.chaos.checker import check, counts
from tests.chaos.checker.avro import UndecodableError, decode, encode
from tests.chaos.checker.folder import read_folder
from tests.chaos.checker.history import UNDECODABLE, Hit, Violation
from tests.chaos.histories import ANN, BOB, LIST, MAIN, SECRET, SETUP, SLOW, Builder, right

Mistake = Callable[[Builder], None]


def verdicts(build: Builder) -> set[tuple[str, str]]:
    return {(found.promise, found.what) for found in check(build.history())}


def drop(build: Builder, topic: str, **fields: object) -> None:
    """Take records away, as if they had never been written."""
    kept = [one for one in build.records[topic] if not fields.items() <= dict(one.value).items()]
    assert len(kept) < len(build.records[topic]), "there is no such record"
    build.records[topic] = kept


def drop_hits(build: Builder, webhook_id: str, endpoint: str = MAIN) -> None:
    build.hits = [hit for hit in build.hits if (hit.webhook_id, hit.endpoint) != (webhook_id, endpoint)]
    drop(build, "webhooks.attempts", event_id=webhook_id, endpoint=endpoint)


def alter(build: Builder, topic: str, at: int, **fields: object) -> None:
    record = build.records[topic][at]
    build.records[topic][at] = dataclasses.replace(record, value={**record.value, **fields})


# ---- (a) ------------------------------------------------------------------------------------------------------------
def acknowledged_and_lost(build: Builder) -> None:
    build.raw(build.callback("x", "reply"))


def acknowledged_and_never_written(build: Builder) -> None:
    build.callback("x", "delivered")


def stop_told_as_a_reply(build: Builder) -> None:
    made = build.callback("x", "stop", BOB)
    build.raw(made)
    said = dataclasses.replace(made, kind="reply")
    for endpoint in (MAIN, SLOW):
        build.attempt(build.event(said) if endpoint == MAIN else "evt_x", endpoint)


def wrong_status(build: Builder) -> None:
    alter(build, "events.delivery", 0, status="undeliverable")


def of_another_contact(build: Builder) -> None:
    alter(build, "events.delivery", 0, to=BOB)


def question_without_answer(build: Builder) -> None:
    build.ask("x")


def hole_in_the_raw_topic(build: Builder) -> None:
    del build.records["callbacks.raw"][2]  # a repeat: only its offset is missed


def bytes_of_no_schema(build: Builder) -> None:
    build.write("webhooks.hold", UNDECODABLE, "k", {})


# ---- (b) ------------------------------------------------------------------------------------------------------------
def event_committed_twice(build: Builder) -> None:
    build.event(build.callbacks[0])


def callback_with_two_ids(build: Builder) -> None:
    event_id = build.event(build.callbacks[0], "evt_other")
    build.attempt(event_id, MAIN)
    build.attempt(event_id, SLOW)


def event_out_of_nothing(build: Builder) -> None:
    build.whole("x", "delivered")
    build.callbacks.pop()


def two_answers_to_a_question(build: Builder) -> None:
    build.decide(build.requests[-1], approved=True)


# ---- (c) ------------------------------------------------------------------------------------------------------------
def stop_not_applied(build: Builder) -> None:
    build.whole("x", "stop", BOB)


def start_not_applied(build: Builder) -> None:
    del build.records["contacts"][1]


def stop_applied_twice(build: Builder) -> None:
    build.records["contacts"].insert(1, build.records["contacts"][0])


def change_by_another_callback(build: Builder) -> None:
    alter(build, "contacts", 0, source_event_id="evt_s2")


def removed_for_no_reason(build: Builder) -> None:
    value = {"active": False, "reason": "bad_response", "source_event_id": "evt_u1"}
    build.write("contacts", "ContactState", f"acme|{LIST}|{BOB}", value)


# ---- (d) ------------------------------------------------------------------------------------------------------------
def never_tried(build: Builder) -> None:
    drop_hits(build, "evt_d1")


def never_tried_at_one_endpoint(build: Builder) -> None:
    drop_hits(build, "evt_r1", SLOW)


def only_failed(build: Builder) -> None:
    build.hits = [dataclasses.replace(hit, status=500) if hit.webhook_id == "evt_d1" else hit for hit in build.hits]
    alter(build, "webhooks.attempts", _attempt(build, "evt_d1"), outcome="http_5xx", status_code=500)


def claimed_and_not_arrived(build: Builder) -> None:
    build.hits = [hit for hit in build.hits if hit.webhook_id != "evt_d1"]


def sent_where_nobody_subscribed(build: Builder) -> None:
    build.attempt("evt_d1", SLOW)


def _attempt(build: Builder, event_id: str) -> int:
    found = build.records["webhooks.attempts"]
    return next(number for number, one in enumerate(found) if one.value["event_id"] == event_id)


# ---- (e) ------------------------------------------------------------------------------------------------------------
def delivered_twice(build: Builder) -> None:
    build.attempt("evt_d1", MAIN)


def delivered_twice_and_recorded_once(build: Builder) -> None:
    build.hits.append(Hit("evt_d1", MAIN, build.at, 200))


def failed_step_tried_twice(build: Builder) -> None:
    found = build.records["webhooks.attempts"]
    found.append(dataclasses.replace(found[_attempt(build, "evt_r2")], offset=len(found)))


def repeated_long_after_a_fault(build: Builder) -> None:
    build.fault()
    build.at += 60_000
    event_id = build.whole("x", "delivered")
    build.at += 60_000
    build.attempt(event_id, MAIN)


def repeated_after_a_processor_was_killed(build: Builder) -> None:
    build.fault(dispatchers=0)
    build.attempt("evt_d1", MAIN)


def repeated_too_often(build: Builder) -> None:
    build.setup = dataclasses.replace(SETUP, inflight_max=1)
    names = [build.whole(f"x{number}", "delivered") for number in range(5)]
    build.fault()
    for name in names:
        build.attempt(name, MAIN)


# ---- (f) ------------------------------------------------------------------------------------------------------------
def before_it_is_due(build: Builder) -> None:
    at = len(build.records["webhooks.attempts"]) - 1
    alter(build, "webhooks.attempts", at, started_at=build.records["webhooks.attempts"][at].value["started_at"] - 990)


def arrives_before_it_is_due(build: Builder) -> None:
    build.hits[-1] = dataclasses.replace(build.hits[-1], arrived_at=build.hits[-1].arrived_at - 990)


def second_try_without_a_tier(build: Builder) -> None:
    build.records.pop("events.reply.retry-1m")


# ---- (g) ------------------------------------------------------------------------------------------------------------
def _two_tries(build: Builder, *, gap_ms: int) -> None:
    first, second = build.callback("x1", "delivered"), build.callback("x2", "delivered")
    for made in (first, second):
        build.raw(made)
        build.event(made)
    build.attempt("evt_x1", MAIN)
    build.at += gap_ms
    build.attempt("evt_x2", MAIN)


def started_before_the_verdict(build: Builder) -> None:
    _two_tries(build, gap_ms=-10)


def started_in_the_wrong_order(build: Builder) -> None:
    _two_tries(build, gap_ms=-200)


def events_in_another_order_than_read(build: Builder) -> None:
    first, second = build.callback("x1", "delivered"), build.callback("x2", "delivered")
    build.raw(second)
    build.raw(first)
    for made in (first, second):
        build.attempt(build.event(made), MAIN)


# ---- (h) ------------------------------------------------------------------------------------------------------------
def approved_after_the_stop(build: Builder) -> None:
    build.whole("x", "stop", BOB)
    build.change(build.callbacks[-1], active=False)
    build.decide(build.ask("mx", BOB), approved=True)


def approved_between_start_and_stop(build: Builder) -> None:
    build.whole("x", "stop")
    build.change(build.callbacks[-1], active=False)
    build.decide(build.ask("mx"), approved=True)


def blocked_for_nothing(build: Builder) -> None:
    build.decide(build.ask("mx", BOB), approved=False)


def blocked_after_the_start(build: Builder) -> None:
    build.decide(build.ask("mx"), approved=False)


# ---- (i) ------------------------------------------------------------------------------------------------------------
def logs(text: str) -> Mistake:
    def mistake(build: Builder) -> None:
        build.logs["dispatcher-0.log"] = f"all is well\n{text}\n"

    return mistake


MISTAKES: list[tuple[str, str, Mistake]] = [
    ("a", "lost", acknowledged_and_lost),
    ("a", "lost", acknowledged_and_never_written),
    ("a", "wrong_outcome", stop_told_as_a_reply),
    ("a", "wrong_outcome", wrong_status),
    ("a", "wrong_outcome", of_another_contact),
    ("a", "request_undecided", question_without_answer),
    ("a", "raw_records_missing", hole_in_the_raw_topic),
    ("a", "undecodable_record", bytes_of_no_schema),
    ("b", "event_twice", event_committed_twice),
    ("b", "callback_told_twice", callback_with_two_ids),
    ("b", "event_of_no_callback", event_out_of_nothing),
    ("b", "decided_twice", two_answers_to_a_question),
    ("c", "wrong_state", stop_not_applied),
    ("c", "wrong_state", start_not_applied),
    ("c", "wrong_history", stop_applied_twice),
    ("c", "wrong_history", change_by_another_callback),
    ("c", "wrong_state", removed_for_no_reason),
    ("d", "undelivered", never_tried),
    ("d", "undelivered", never_tried_at_one_endpoint),
    ("d", "undelivered", only_failed),
    ("d", "delivered_to_nobody", claimed_and_not_arrived),
    ("d", "sent_without_event", sent_where_nobody_subscribed),
    ("e", "repeated_without_fault", delivered_twice),
    ("e", "repeated_without_fault", delivered_twice_and_recorded_once),
    ("e", "repeated_without_fault", failed_step_tried_twice),
    ("e", "repeated_without_fault", repeated_long_after_a_fault),
    ("e", "repeated_without_fault", repeated_after_a_processor_was_killed),
    ("e", "too_many_repeats", repeated_too_often),
    ("f", "early", before_it_is_due),
    ("f", "arrived_early", arrives_before_it_is_due),
    ("f", "try_of_no_tier", second_try_without_a_tier),
    ("g", "overtaken", started_before_the_verdict),
    ("g", "overtaken", started_in_the_wrong_order),
    ("g", "events_out_of_order", events_in_another_order_than_read),
    ("h", "approved_after_stop", approved_after_the_stop),
    ("h", "approved_after_stop", approved_between_start_and_stop),
    ("h", "blocked_without_stop", blocked_for_nothing),
    ("h", "blocked_without_stop", blocked_after_the_start),
    ("i", "phone_number_in_log", logs(f"to={ANN}")),
    ("i", "phone_number_in_log", logs('{"key": "acme|4155550002"}')),
    ("i", "secret_in_log", logs(f"GET /api/{SECRET}?account=acme")),
    ("i", "text_in_log", logs("body: see you at five, my")),
]


@pytest.mark.parametrize(
    ("promise", "what", "mistake"), MISTAKES, ids=[f"{m[0]}-{m[1]}-{getattr(m[2], '__name__', '')}" for m in MISTAKES]
)
def test_each_mistake_is_found_and_is_all_that_is_found_of_its_kind(promise: str, what: str, mistake: Mistake) -> None:
    build = right()
    mistake(build)
    found = verdicts(build)
    assert (promise, what) in found
    beside = {("a", "wrong_outcome"): {"c"}, ("b", "event_of_no_callback"): {"h"}, ("d", "sent_without_event"): set()}
    allowed = {promise, *beside.get((promise, what), set[str]())}
    assert {letter for letter, _ in found} <= allowed | _follows(mistake)


def _follows(mistake: Mistake) -> set[str]:
    """Letters that a mistake breaks as well, because one thing that happened is against two promises."""
    return {"g"} if mistake in {event_committed_twice, callback_with_two_ids} else set()


# ---- what is right --------------------------------------------------------------------------------------------------
def nothing(_build: Builder) -> None:
    pass


def quarantined(build: Builder) -> None:
    made = build.callback("x", "reply")
    build.raw(made)
    build.write("callbacks.quarantine", "Quarantined", "hash", {"body": b'{"messageId": "x"}'})


def unacknowledged_and_classified(build: Builder) -> None:
    made = build.callback("x", "reply", acked=False)
    build.raw(made)
    for endpoint in (MAIN, SLOW):
        build.attempt(build.event(made) if endpoint == MAIN else "evt_x", endpoint)


def written_late_by_a_frozen_gateway(build: Builder) -> None:
    build.raw(build.callbacks[1])


def dead_letter(build: Builder) -> None:
    made = build.callback("x", "delivered")
    build.raw(made)
    build.dead(build.event(made), MAIN)


def answer_that_was_not_seen(build: Builder) -> None:
    made = build.callback("x", "reply")
    build.raw(made)
    event_id = build.event(made)
    build.attempt(event_id, SLOW)
    build.attempt(event_id, MAIN, status=None)
    build.hits[-1] = dataclasses.replace(build.hits[-1], status=200)
    build.tier(event_id, MAIN, 2)
    build.at += 1000
    build.attempt(event_id, MAIN, 2)


def repeated_by_a_kill(build: Builder) -> None:
    build.fault()
    build.attempt("evt_d1", MAIN)


def whole_ladder_repeated_by_a_kill(build: Builder) -> None:
    build.fault()
    build.attempt("evt_r2", MAIN, status=503)
    build.tier("evt_r2", MAIN, 2)
    build.at += 60_000
    build.attempt("evt_r2", MAIN, 2)


def probe_of_a_paused_endpoint(build: Builder) -> None:
    made = build.callback("x", "delivered")
    build.raw(made)
    event_id = build.event(made)
    build.hold(event_id, MAIN)
    build.attempt(event_id, MAIN, status=503, verdict="hold")
    build.attempt(event_id, MAIN, status=503, verdict="hold")
    build.attempt(event_id, MAIN)


def overtaken_while_held(build: Builder) -> None:
    _two_tries(build, gap_ms=-200)
    build.hold("evt_x1", MAIN)


def overtaken_in_a_crash(build: Builder) -> None:
    build.fault()
    _two_tries(build, gap_ms=-200)


def approved_while_the_stop_was_on_its_way(build: Builder) -> None:
    asked = build.ask("mx", BOB)
    build.whole("x", "stop", BOB)
    build.change(build.callbacks[-1], active=False)
    build.decide(asked, approved=True)


def blocked_while_the_stop_was_on_its_way(build: Builder) -> None:
    asked = build.ask("mx", BOB)
    build.whole("x", "stop", BOB)
    build.change(build.callbacks[-1], active=False)
    build.decide(asked, approved=False)


def numbers_that_are_no_phones(build: Builder) -> None:
    logs('{"list": "acme/+18005550101", "at": 1700000000123, "text": "STOP"}')(build)


RIGHT: list[Mistake] = [
    nothing, quarantined, unacknowledged_and_classified, written_late_by_a_frozen_gateway, dead_letter,
    answer_that_was_not_seen, repeated_by_a_kill, whole_ladder_repeated_by_a_kill, probe_of_a_paused_endpoint,
    overtaken_while_held, overtaken_in_a_crash, approved_while_the_stop_was_on_its_way,
    blocked_while_the_stop_was_on_its_way, numbers_that_are_no_phones,
]  # fmt: skip


@pytest.mark.parametrize("change", RIGHT, ids=lambda change: change.__name__)
def test_what_keeps_the_promises_is_left_alone(change: Mistake) -> None:
    build = right()
    change(build)
    assert check(build.history()) == []


# ---- evidence, decoder, folder --------------------------------------------------------------------------------------
def test_a_violation_names_the_records_that_show_it() -> None:
    build = right()
    event_committed_twice(build)
    (found,) = [one for one in check(build.history()) if one.promise == "b"]
    assert found == Violation(
        "b", "event_twice", {"event_id": "evt_r1", "records": ["events.reply[0]@0", "events.reply[0]@3"]}
    )


def test_evidence_of_a_leak_does_not_leak() -> None:
    build = right()
    logs(f"to={ANN} by {SECRET}")(build)
    found = repr(check(build.history()))
    assert "dispatcher-0.log" in found
    assert SECRET not in found
    assert ANN.lstrip("+") not in found


def test_an_empty_history_breaks_nothing_and_counts_nothing() -> None:
    assert check(Builder().history()) == []
    assert counts(Builder().history())["hits"] == 0


STATE = {
    "account": "acme", "list_number": LIST, "phone_number": ANN, "active": False, "reason": "message",
    "source_event_id": "evt_1", "unsubscribed_at": 1, "changed_at": 2,
}  # fmt: skip


def test_the_naive_decoder_reads_what_the_product_writes() -> None:
    assert decode(encoder("ContactState")(STATE)) == ("ContactState", STATE)
    assert encode("ContactState", STATE) == encoder("ContactState")(STATE)


@pytest.mark.parametrize("value", [b"", b"\xc3\x01", b"\xc3\x01" + bytes(8), b"\x00\x00\x00\x00\x01", b"{}"])
def test_the_naive_decoder_refuses_what_is_no_record(value: bytes) -> None:
    with pytest.raises(UndecodableError):
        decode(value)


def test_a_history_is_read_from_the_folder_of_a_run(tmp_path: Path) -> None:
    setup = {
        "endpoints": {MAIN: ["delivery"]}, "delays_ms": {}, "session_ms": 1, "inflight_max": 1, "secrets": ["s"],
    }  # fmt: skip
    place = {"topic": "contacts", "partition": 0, "timestamp": 1, "key": "k"}
    records = [
        {**place, "offset": 1, "value": base64.b64encode(encode("ContactState", STATE)).decode()},
        {**place, "offset": 0, "value": None},
        {**place, "offset": 2, "value": base64.b64encode(b"nonsense").decode()},
    ]
    hit = {"webhook_id": "evt_1", "endpoint": MAIN, "arrived_at": 5, "status": None}
    (tmp_path / "setup.json").write_text(json.dumps(setup))
    (tmp_path / "records.jsonl").write_text("".join(json.dumps(line) + "\n" for line in records))
    (tmp_path / "hits.jsonl").write_text(json.dumps(hit) + "\n")
    (tmp_path / "gateway-0.log").write_text("started\n")
    history = read_folder(tmp_path)
    assert history.setup.endpoints == {MAIN: frozenset({"delivery"})}
    assert [record.name for record in history.records["contacts"]] == ["", "ContactState", UNDECODABLE]
    assert history.of("contacts")[0].value == STATE
    assert history.hits == [Hit(**hit)]  # type: ignore[arg-type]  # values of several types
    assert history.logs == {"gateway-0.log": "started\n"}
