"""Hostile histories of one contact: late, repeated, re-driven and reordered facts. Pure, no broker."""

import hashlib
from typing import Any

import pytest
from msgspec.structs import replace

from processors import unassigned
from processors.aggregate import SEEN_MAX, Aggregate, Unassigned, encode, state_of
from processors.classify import RULESET_VERSION
from processors.facts import Fact, Folded, MessageFact, SubmittedFact
from tests.processors.test_failures import late
from tests.processors.test_fold import DAY, LIST, T0, events, message, origin, part, report, run
from tests.processors.test_gate import OTHER, asked_of, command, request

HOUR = 3_600_000
LATER = "+18005550003"


def everywhere(text: str, name: str, at: int = T0, **extra: Any) -> MessageFact:
    return replace(message(text, name, at, **extra), every_list=(LIST, OTHER))


def weak(text: str, at: int, *, list_hint: str | None = LIST, redriven: bool = False) -> MessageFact:
    """As a provider without ids and times sends it: equal words are equal bodies."""
    fact = message(text, text, at, weak=True, list_hint=list_hint, redriven=redriven)
    return replace(fact, message=replace(fact.message, at=None))


def active(aggregate: Aggregate, number: str = LIST) -> bool:
    return state_of(aggregate, number).active


# ---- repeats ---------------------------------------------------------------------------------------------------------
def test_a_repeat_beyond_every_memory_carries_the_same_event_id_and_changes_nothing() -> None:
    others = [message("hi", f"n{number}", T0 + 1 + number) for number in range(SEEN_MAX)]
    aggregate, answers = run(message("STOP", "a"), *others, message("STOP", "a", T0 + 3 * DAY, sent=T0))
    (_, first), (_, again) = answers[0].events[0], answers[-1].events[0]
    assert first["event_id"] == again["event_id"]
    assert answers[-1].contacts == []
    assert aggregate.lists[LIST].unsubscribed_at == T0


def test_a_repeat_beyond_every_memory_does_not_undo_a_newer_start() -> None:
    others = [message("hi", f"n{number}", T0 + 3 * HOUR + number) for number in range(SEEN_MAX)]
    start = message("START", "b", T0 + 2 * HOUR)
    aggregate, answers = run(message("STOP", "a"), start, *others, message("STOP", "a", T0 + 3 * DAY, sent=T0))
    assert (active(aggregate), answers[-1].contacts) == (True, [])


def test_equal_words_of_long_before_that_are_re_driven_are_no_repeat() -> None:
    _, (_, answer) = run(weak("thanks", T0 + DAY), weak("thanks", T0, redriven=True))
    assert events(answer) == ["reply"]


def test_equal_words_are_heard_again_after_any_opt_in() -> None:
    for back in (message("START", "b", T0 + 1), command("opt_in", "c", at=T0 + 1), command("opt_in", "c", None, at=T0 + 1),
                 command("import", "i", at=T0 + 1, active=True, reason="resubscribed")):  # fmt: skip
        aggregate, answers = run(weak("STOP", T0), back, weak("STOP", T0 + 2), weak("STOP", T0 + 3))
        assert (events(answers[2]), active(aggregate)) == (["unsubscribe"], False)
        assert answers[3].repeat
        _, answers = run(weak("thanks", T0), back, weak("thanks", T0 + 2))
        assert events(answers[2]) == ["reply"]


def test_a_key_of_content_alone_suppresses_no_opt_out_of_a_contact_that_is_active() -> None:
    lost = replace(weak("STOP", T0), message=replace(weak("STOP", T0).message, at=T0))
    aggregate, (_, first, second) = run(message("START", "b", T0 + 9000), lost, weak("STOP", T0 + 1))
    assert (events(first), events(second), active(aggregate)) == (["reply"], ["unsubscribe"], False)


def test_a_report_of_an_opt_out_that_came_too_late_suppresses_no_later_one_of_equal_content() -> None:
    told = report("m", "rejected", "other", opted_out=True)
    told = replace(told, report=replace(told.report, at=None), origin=replace(told.origin, key_is_weak=True))
    redriven = replace(told, origin=replace(told.origin, redriven=True))
    aggregate, (_, first, second) = run(message("START", "b", T0 + 1000), redriven, late(told, T0 + 2000))
    assert (first.contacts, active(aggregate)) == ([], False)
    assert [state["reason"] for state in second.contacts] == ["bad_response"]


def test_times_of_two_providers_are_not_compared() -> None:
    stop = message("STOP", "a", T0 + 9000, sent=T0 + 9000)
    aggregate, _ = run(stop, message("START", "b", T0 + 9001, sent=T0, provider="twilio"))
    assert active(aggregate)
    start = message("START", "c", T0 + 9002, sent=T0 + 9002, provider="twilio")
    aggregate, _ = run(start, message("STOP", "d", T0 + 9003, sent=T0))
    assert not active(aggregate)


@pytest.mark.parametrize("started, again", [(False, []), (True, ["delivery"])])
def test_an_opt_out_that_a_report_tells_without_id_or_time_is_a_repeat_once_the_contact_is_inactive(
    started: bool, again: list[str]
) -> None:
    told = report("m", "rejected", "other", opted_out=True)
    told = replace(told, origin=replace(told.origin, key_is_weak=True))
    told = replace(told, report=replace(told.report, at=None))
    between = [message("START", "b", T0 + 1)] if started else []
    aggregate, answers = run(told, *between, late(told, T0 + 2))
    assert (events(answers[-1]), active(aggregate)) == (again, False)


# ---- STOP, START and orders, re-driven -------------------------------------------------------------------------------
LATE_STOP = message("STOP", "a", T0, redriven=True)
LATE_START = message("START", "b", T0, redriven=True)
BACK = command("import", "i", at=T0 + 1, active=True, reason="resubscribed")


@pytest.mark.parametrize(
    "facts, is_active",
    [
        ([command("opt_in", "c", at=T0 + 1), LATE_STOP], True),
        ([command("opt_in", "c", None, at=T0 + 1), LATE_STOP], True),
        ([message("STOP", "x", T0 - 9), BACK, LATE_STOP], True),
        ([command("opt_in", "c", at=T0 - 1), LATE_STOP], False),
        ([command("opt_in", "c", at=T0 + 1), replace(LATE_STOP, origin=replace(LATE_STOP.origin, redriven=False))], False),
        ([report("m", "undeliverable", "destination", T0 + 1), LATE_START], False),
        ([report("m", "undeliverable", "destination", T0 - 1), LATE_START], True),
        ([command("import", "i", at=T0 + 1, reason="message"), LATE_START], False),
        ([command("import", "i", at=T0 - 1, reason="message"), LATE_START], True),
        ([message("STOP", "x", T0 + 5, provider="twilio"), message("STOP", "y", T0 - 5, provider="cm", redriven=True),
          message("START", "z", T0, provider="vonage", redriven=True)], False),
        ([message("STOP", "x", T0 + 1), LATE_START], False),
        ([message("STOP", "x", T0 - 1), LATE_START], True),
    ],
)  # fmt: skip
def test_what_is_re_driven_takes_its_place_by_its_arrival(facts: list[Fact], is_active: bool) -> None:
    aggregate, _ = run(*facts)
    assert active(aggregate) is is_active


@pytest.mark.parametrize("first, second, is_active", [("STOP", "START", False), ("START", "STOP", False)])
def test_stop_and_start_of_one_time_in_one_batch_leave_the_contact_inactive_in_both_orders(
    first: str, second: str, is_active: bool
) -> None:
    aggregate, _ = run(message(first, "a", T0 + 9, sent=T0), message(second, "b", T0 + 9, sent=T0))
    assert active(aggregate) is is_active


def test_a_providers_clock_that_is_ahead_makes_nothing_later_than_its_arrival() -> None:
    ahead = message("STOP", "a", T0, sent=T0 + 30 * DAY)
    aggregate, _ = run(ahead, message("START", "b", T0 + 5000, sent=T0 + 5000))
    assert active(aggregate)
    aggregate, _ = run(replace(ahead, every_list=(LIST, OTHER)))
    assert aggregate.stopped is not None
    assert aggregate.stopped.at == T0


# ---- opt-outs without a list -----------------------------------------------------------------------------------------
def test_words_said_again_after_an_opt_in_block_again_and_their_old_copy_lifts_nothing() -> None:
    first, again = weak("STOP", T0, list_hint=None), weak("STOP", T0 + 2 * HOUR, list_hint=None)
    start = message("START", "s", T0 + HOUR)
    aggregate, answers = run(first, start, again)
    assert unassigned.blocks(aggregate, LIST)
    assert [entry["decision"] for entry in answers[2].ledger] == ["blocked_unassigned"]
    aggregate, _ = run(weak("STOP", T0, redriven=True), start=aggregate)
    assert unassigned.blocks(aggregate, LIST)
    aggregate, _ = run(weak("STOP", T0 + 2 * HOUR, redriven=True), start=aggregate)
    assert (unassigned.blocks(aggregate, LIST), active(aggregate)) == (False, False)


def test_a_repeat_with_an_id_does_not_block_again_after_an_opt_in() -> None:
    stop = message("STOP", "a", list_hint=None)
    aggregate, (*_, answer) = run(stop, message("START", "b", T0 + 1), message("STOP", "a", T0 + 9, list_hint=None))
    assert (asked_of(aggregate), answer.ledger) == ("approved", [])


@pytest.mark.parametrize(
    "facts, answer",
    [
        ([message("STOP", "a", T0 + 9, sent=T0 + 5, list_hint=None), message("START", "b", T0 + 10, sent=T0 + 4)],
         "optout_without_list"),
        ([message("START", "b", T0 + 9000, sent=T0 + 8000), message("STOP", "a", T0 + 9001, sent=T0, list_hint=None)],
         "approved"),
        ([message("START", "b", T0 + 9000, sent=T0 + 1000), message("STOP", "a", T0 + 9001, sent=T0, list_hint=None)],
         "optout_without_list"),
        ([message("STOP", "a", T0 + 1, list_hint=None), LATE_START], "optout_without_list"),
        ([message("START", "b", T0 + 1, provider="cm"), message("STOP", "a", list_hint=None, redriven=True)],
         "approved"),
        ([message("STOP", "a", list_hint=None), command("opt_in", "c", None, at=T0 + 1),
          message("STOP", "a", list_hint=None, redriven=True)], "approved"),
        ([command("opt_in", "c", None, at=T0 - 1), message("STOP", "a", list_hint=None, redriven=True)],
         "optout_without_list"),
    ],
)  # fmt: skip
def test_an_opt_out_without_a_list_is_compared_with_an_opt_in_as_any_other(facts: list[Fact], answer: str) -> None:
    aggregate, _ = run(*facts)
    assert asked_of(aggregate) == answer


def test_a_repeat_with_an_id_does_not_block_again_after_a_command_for_all_lists() -> None:
    lost = [message("STOP", f"u{number}", T0 + number, list_hint=None) for number in range(8)]
    aggregate, (*_, answer) = run(*lost, command("opt_in", "c", None, at=T0 + HOUR),
                                  message("STOP", "u3", T0 + DAY, list_hint=None))  # fmt: skip
    assert (asked_of(aggregate), answer.ledger) == ("approved", [])
    aggregate, _ = run(message("STOP", "u8", T0 + DAY, list_hint=None), start=aggregate)
    assert (asked_of(aggregate), len(unassigned.standing(aggregate))) == ("optout_without_list", 1)


def test_beyond_eight_a_re_drive_that_still_tells_no_list_blocks_nothing_anew() -> None:
    lost = [message("STOP", f"u{number}", T0 + number, list_hint=None) for number in range(9)]
    aggregate, _ = run(*lost, message("START", "b", T0 + HOUR))
    assert (aggregate.unassigned_overflow, asked_of(aggregate)) == (True, "approved")
    aggregate, (answer,) = run(message("STOP", "u8", T0 + 8, list_hint=None, redriven=True), start=aggregate)
    assert (asked_of(aggregate), answer.ledger) == ("approved", [])
    aggregate, _ = run(message("STOP", "u9", T0 + 2 * HOUR, list_hint=None), start=aggregate)
    assert asked_of(aggregate) == "optout_without_list"


def test_a_re_drive_that_its_list_reads_as_an_answer_ends_its_own_block() -> None:
    asked = message("STOP", "a", list_hint=None)
    plain = replace(message("hello", "a", redriven=True), message=asked.message)
    aggregate, (_, answer) = run(asked, plain)
    assert (aggregate.unassigned, events(answer)) == ([], ["reply"])


def test_an_entry_of_before_marks_were_kept_is_lifted_by_an_opt_in() -> None:
    old = Aggregate(unassigned=[Unassigned(1, T0)])
    aggregate, _ = run(message("START", "b", T0 + 1), start=old)
    assert asked_of(aggregate) == "approved"


# ---- the whole account -----------------------------------------------------------------------------------------------
def test_a_list_that_the_account_did_not_have_yet_is_ended_too_where_the_contact_was_met_on_it() -> None:
    aggregate, answers = run(report("m", list_hint=LATER), everywhere("STOP", "a", T0 + 1))
    assert not active(aggregate, LATER)
    assert {state["list_number"] for state in answers[-1].contacts} == {LIST, OTHER, LATER}


def test_an_opt_out_for_the_account_that_loses_on_one_list_ends_the_others() -> None:
    start, stop = message("START", "b", T0 + 9000, sent=T0 + 8000), everywhere("STOP", "a", T0 + 9001, sent=T0)
    aggregate, (_, answer) = run(start, stop)
    assert [active(aggregate, one) for one in (LIST, OTHER, LATER)] == [True, False, False]
    assert events(answer) == ["reply", "unsubscribe"]


def test_an_opt_out_for_the_account_from_before_an_opt_in_to_all_of_it_ends_nothing() -> None:
    aggregate, _ = run(command("opt_in", "c", None, at=T0 + 1), everywhere("STOP", "a", redriven=True))
    assert [active(aggregate, one) for one in (LIST, OTHER, LATER)] == [True, True, True]


def test_an_opt_out_for_the_account_that_was_cut_in_parts_ends_every_list() -> None:
    halves = [replace(part(text, number, 2, T0 + number), every_list=(LIST, OTHER))
              for number, text in ((1, "please do not"), (2, " text me any more"))]  # fmt: skip
    aggregate, _ = run(*halves)
    assert [active(aggregate, one) for one in (LIST, OTHER, LATER)] == [False, False, False]


# ---- orders ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("before", [message("STOP", "a"), report("m", "undeliverable", "destination")])
@pytest.mark.parametrize("list_number", [LIST, None])
def test_a_persons_order_outlasts_start_also_where_the_contact_had_left_before(
    before: Fact, list_number: str | None
) -> None:
    aggregate, (first, second, third) = run(
        before, command("opt_out", "c", list_number, at=T0 + 1), message("START", "s", T0 + 2)
    )
    assert aggregate.lists[LIST].reason == "manual"
    assert aggregate.lists[LIST].unsubscribed_at == first.contacts[0]["unsubscribed_at"], "the first time stays"
    assert [state["reason"] for state in second.contacts if state["list_number"] == LIST] == ["manual"]
    assert third.contacts == []


def test_a_persons_order_for_the_account_outlasts_start_on_a_list_that_is_added_later() -> None:
    aggregate, _ = run(everywhere("STOP", "a"), command("opt_out", "c", None, at=T0 + 1),
                       message("START", "s", T0 + 2, list_hint=LATER))  # fmt: skip
    assert not active(aggregate, LATER)


IMPORTS: list[tuple[list[Fact], dict[str, Any], tuple[bool, str]]] = [
    ([], {"reason": "message", "unsubscribed_at": T0 - DAY}, (False, "message")),
    ([message("STOP", "a")], {"reason": "unknown"}, (False, "message")),
    ([message("STOP", "a")], {"reason": "bad_response"}, (False, "message")),
    ([message("STOP", "a")], {"reason": "manual"}, (False, "manual")),
    ([message("STOP", "a")], {"reason": "manual", "unsubscribed_at": T0 - 1}, (False, "message")),
    ([command("import", "z", reason="unknown")], {"reason": "message"}, (False, "message")),
    ([command("opt_out", "c")], {"reason": "message"}, (False, "manual")),
    ([message("STOP", "a"), message("START", "b", T0 + 5)], {"reason": "message", "unsubscribed_at": T0},
     (True, "resubscribed")),
    ([message("START", "b", T0 + 5)], {"reason": "message", "unsubscribed_at": T0}, (True, "unknown")),
    ([message("STOP", "a", T0 + 5)], {"active": True, "reason": "resubscribed", "changed_at": T0 + 4},
     (False, "message")),
    ([message("STOP", "a"), message("STOP", "b", T0 + 5)],
     {"active": True, "reason": "resubscribed", "changed_at": T0 + 4}, (False, "message")),
    ([message("STOP", "a", T0 + 5)], {"active": True, "reason": "resubscribed", "changed_at": T0 + 6},
     (True, "resubscribed")),
    ([], {"reason": "message", "unsubscribed_at": T0 + 900 * DAY}, (False, "message")),
]  # fmt: skip


@pytest.mark.parametrize("facts, row, expected", IMPORTS)
def test_an_import_changes_only_what_nothing_later_is_known_of(
    facts: list[Fact], row: dict[str, Any], expected: tuple[bool, str]
) -> None:
    aggregate, answers = run(*facts, command("import", "i", at=T0 + DAY, **row))
    state = state_of(aggregate, LIST)
    assert (state.active, state.reason) == expected
    assert state.changed_at <= T0 + DAY
    assert bool(answers[-1].contacts) is bool(answers[-1].ledger)


@pytest.mark.parametrize("reason, is_active", [
    ("message", True), ("bad_response", True), ("invalid_contact", True), ("manual", False), ("complaint", False),
    ("api", False), ("unknown", False),
])  # fmt: skip
def test_start_undoes_an_import_by_its_reason(reason: Any, is_active: bool) -> None:
    aggregate, _ = run(command("import", "i", reason=reason), message("START", "s", T0 + 1))
    assert active(aggregate) is is_active


# ---- what changes nothing --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("text", ["HELP", "👍", "Loved “Sale today”", "YES", "hello"])
@pytest.mark.parametrize("before", [[], [message("STOP", "a")]])
def test_an_answer_changes_no_consent(text: str, before: list[Fact]) -> None:
    aggregate, _ = run(*before)
    known = encode(Aggregate(lists=aggregate.lists))
    after, (answer,) = run(message(text, "x", T0 + 1), start=aggregate)
    assert encode(Aggregate(lists=after.lists)) == known
    assert (events(answer), answer.contacts, answer.ledger) == (["reply"], [], [])


@pytest.mark.parametrize("facts, number, answer", [
    ([message("STOP", "a", list_hint=None)], OTHER, "optout_without_list"),
    ([message("STOP", "a", list_hint=None), message("START", "b", T0 + 1)], LIST, "approved"),
    ([message("STOP", f"u{n}", T0 + n, list_hint=None) for n in range(9)], OTHER, "optout_without_list"),
    ([everywhere("STOP", "a")], LATER, "contact_inactive"),
    ([message("STOP", "a")], LIST, "contact_inactive"),
    ([report("m", "rejected", "spam"), message("START", "b", T0 + 1)], LIST, "contact_inactive"),
    ([message("hello", "a")], LIST, "approved"),
])  # fmt: skip
def test_an_erasure_keeps_every_kind_of_consent_and_no_word_of_the_contact(
    facts: list[Fact], number: str, answer: str
) -> None:
    words = part("my name is", 1, 2, T0 + 50)
    aggregate, _ = run(*facts, words, request("r", at=T0 + 60), command("erase", "e", None, at=T0 + HOUR))
    assert (aggregate.parts, aggregate.messages, len(aggregate.seen)) == ([], [], 1)
    assert run(request("last", number, at=T0 + DAY), start=aggregate)[1][-1].decision == answer


def test_a_report_after_an_erasure_is_told_and_brings_nobody_back() -> None:
    erase = command("erase", "e", None, at=T0 + 1)
    aggregate, (*_, answer) = run(
        message("STOP", "a"), command("opt_in", "c", None, at=T0), message("STOP", "b", T0 + 1), erase,
        report("m", at=T0 + 2),
    )  # fmt: skip
    assert (events(answer), active(aggregate), aggregate.erased_at) == (["delivery"], False, T0 + 1)
    aggregate, _ = run(message("STOP", "old", T0 - 1, list_hint=None, redriven=True), start=aggregate)
    assert not aggregate.unassigned, "an order for all lists is remembered"


# ---- correlation -----------------------------------------------------------------------------------------------------
def test_a_question_that_is_asked_again_for_another_list_tells_that_list_of_its_report() -> None:
    first, second = request("m7"), request("m7", OTHER, at=T0 + HOUR)
    _, (*_, answer) = run(first, second, report("m7", at=T0 + 2 * HOUR, list_hint=None))
    assert answer.list_number == OTHER
    blocked: list[Fact] = [first, message("STOP", "a", T0 + 1, list_hint=OTHER), second]
    _, (*_, answer) = run(*blocked, report("m7", at=T0 + 2 * HOUR, list_hint=None))
    assert answer.list_number == LIST


def test_our_id_in_the_callback_url_finds_a_message_that_was_submitted_without_the_providers() -> None:
    sent = SubmittedFact(origin("s"), OTHER, "ours", "")
    told = report("p1", list_hint=None)
    _, (_, answer) = run(sent, replace(told, origin=replace(told.origin, message_id="ours")))
    assert answer.list_number == OTHER


def test_a_report_that_no_list_can_be_told_of_is_used_once_its_message_is_known() -> None:
    lost = report("m", "rejected", "spam", list_hint=None)
    again = replace(lost, origin=replace(lost.origin, redriven=True))
    aggregate, answers = run(lost, SubmittedFact(origin("s"), OTHER, "ours", "m"), again)
    assert [folded.refusal is not None for folded in answers] == [True, False, False]
    assert not active(aggregate, OTHER)


def all_ledgers(answers: list[Folded]) -> list[dict[str, Any]]:
    return [dict(entry) for folded in answers for entry in folded.ledger]


def test_the_ledger_says_what_decided() -> None:
    _, answers = run(message("STOP", "a", T0 + 9, sent=T0), report("m", "rejected", "spam", T0 + 20, list_hint=OTHER))
    by_text, by_report = all_ledgers(answers)
    expected = {
        "decision": "opted_out", "reason": "message", "label": "opt_out", "keyword": "STOP", "match_type": "exact",
        "rule_id": "exact.stop", "ruleset_version": RULESET_VERSION, "provider": "infobip", "provider_message_id": "a",
        "provider_time": T0, "received_at": T0 + 9, "decided_at": T0 + 9,
        "text_hash": hashlib.sha256(b"STOP").hexdigest(), "event_id": answers[0].contacts[0]["source_event_id"],
    }  # fmt: skip
    assert {name: by_text[name] for name in expected} == expected
    assert (by_report["rule_id"], by_report["reason"], by_report["provider_message_id"]) == (
        "failure.spam", "complaint", "m",
    )  # fmt: skip
    assert by_report["event_id"] == answers[1].contacts[0]["source_event_id"]
