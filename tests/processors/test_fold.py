"""The fold, fact by fact: what changes, what is told, what a repeat does. Pure, no broker."""

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from processors.aggregate import SEEN_MAX, Aggregate, UnknownVersionError, decode, encode, key_of, state_of
from processors.brake import ListWindow
from processors.classify import classify
from processors.facts import Fact, Folded, MessageFact, Origin, ReportFact, SubmittedFact
from processors.fold import fold
from schemas.providers.callback import DeliveryReport, InboundMessage, Part
from schemas.records import DeliveryStatus, FailureClass

PHONE, LIST = "+14155550001", "+18005551234"
DAY = 86_400_000
T0 = 1_705_314_600_000


def origin(
    name: str,
    at: int = T0,
    *,
    list_hint: str | None = LIST,
    weak: bool = False,
    provider: str = "infobip",
    redriven: bool = False,
) -> Origin:
    key = key_of("infobip", name)
    return Origin("acme", provider, PHONE, at, 0, 1, list_hint, key, weak, name, redriven=redriven)


def report(
    name: str,
    status: DeliveryStatus = "delivered",
    failure: FailureClass = "none",
    at: int = T0,
    *,
    list_hint: str | None = LIST,
    **extra: Any,
) -> ReportFact:
    values = {"handset": status == "delivered", "final": status != "pending", **extra}
    found = DeliveryReport(PHONE, None, status, status.upper(), failure, status, None, name, at, name, name, **values)
    return ReportFact(origin(f"dlr:{name}:{status}", at, list_hint=list_hint), found)


def message(text: str, name: str, at: int = T0, *, sent: int | None = None, **extra: Any) -> MessageFact:
    found = InboundMessage(PHONE, LIST, text, name, sent if sent is not None else at, name)
    return MessageFact(origin(f"mo:{name}", at, **extra), found, classify(text))


def part(text: str, number: int, total: int, at: int = T0, *, reference: str = "7") -> MessageFact:
    fact = message(text, f"part{reference}-{number}-{at}", at)
    cut = replace(fact.message, part=Part(reference, number, total))
    return replace(fact, message=cut)


def run(*facts: Fact, start: Aggregate | None = None) -> tuple[Aggregate, list[Folded]]:
    aggregate, answers = start or Aggregate(), []
    now = 0
    for fact in facts:
        now = max(now, fact.origin.received_at)
        folded = fold(aggregate, lambda _: ListWindow(), fact, now)
        aggregate = decode(encode(folded.aggregate or aggregate))
        answers.append(folded)
    return aggregate, answers


def events(folded: Folded) -> list[str]:
    return [event for event, _ in folded.events]


def test_a_stop_makes_the_contact_inactive_once_and_every_stop_emits() -> None:
    aggregate, (first, second) = run(message("STOP", "a"), message("QUIT", "b", T0 + 5))
    assert events(first) == events(second) == ["unsubscribe"]
    assert [state["active"] for state in first.contacts] == [False]
    assert second.contacts == []
    assert aggregate.lists[LIST].unsubscribed_at == T0
    assert [entry["decision"] for entry in first.ledger] == ["opted_out"]


def test_a_repeat_changes_and_emits_nothing() -> None:
    aggregate, (_, repeat) = run(message("STOP", "a"), message("STOP", "a", T0 + DAY))
    assert repeat.repeat
    assert not repeat.events
    assert not repeat.contacts
    assert not repeat.ledger
    assert aggregate.lists[LIST].unsubscribed_at == T0


def test_a_weak_key_never_suppresses_an_opt_out_while_the_contact_is_active() -> None:
    _, answers = run(
        message("STOP", "a", weak=True), message("START", "b", T0 + 1000), message("STOP", "a", T0 + 2000, weak=True)
    )
    assert [events(answer) for answer in answers] == [["unsubscribe"], ["reply"], ["unsubscribe"]]


@pytest.mark.parametrize("later_ms, is_repeat", [(60_000, True), (599_999, True), (600_001, False)])
def test_a_weak_key_lives_ten_minutes(later_ms: int, is_repeat: bool) -> None:
    _, (_, second) = run(message("hello", "a", weak=True), message("hello", "a", T0 + later_ms, weak=True))
    assert second.repeat is is_repeat


def test_start_brings_back_who_left_by_message_and_nobody_else() -> None:
    aggregate, answers = run(message("STOP", "a"), message("START", "b", T0 + 1000))
    assert aggregate.lists[LIST].active
    assert answers[1].contacts[0]["reason"] == "resubscribed"
    aggregate, answers = run(report("m", "rejected", "spam"), message("START", "b", T0 + 1000))
    assert not aggregate.lists[LIST].active
    assert answers[1].contacts == []


ORDER: list[tuple[str, int, str, int, bool]] = [
    ("STOP", 0, "START", 1000, True),
    ("STOP", 1000, "START", 1000, False),
    ("STOP", 1000, "START", 500, False),
    ("START", 0, "STOP", 1000, False),
    ("START", 3000, "STOP", 1000, False),
    ("START", 3001, "STOP", 1000, True),
]


@pytest.mark.parametrize("first, first_sent, second, second_sent, active", ORDER)
def test_the_log_decides_but_for_the_two_exceptions_by_time(
    first: str, first_sent: int, second: str, second_sent: int, active: bool
) -> None:
    arrived = T0 + 10_000
    aggregate, _ = run(
        message(first, "a", arrived, sent=T0 + first_sent), message(second, "b", arrived + 1, sent=T0 + second_sent)
    )
    state = aggregate.lists.get(LIST)
    assert (state is None or state.active) is active


@pytest.mark.parametrize(
    "failure, status, reason",
    [("spam", "rejected", "complaint"), ("destination", "undeliverable", "invalid_contact")],
)
def test_spam_and_destination_remove_at_once(
    failure: FailureClass, status: Literal["rejected", "undeliverable"], reason: str
) -> None:
    aggregate, (answer,) = run(report("m", status, failure))
    assert not aggregate.lists[LIST].active
    assert answer.contacts[0]["reason"] == reason
    assert events(answer) == ["delivery"]
    assert [entry["decision"] for entry in answer.ledger] == ["removed"]


def failures(count: int, *, step: int = DAY, start: int = T0) -> list[ReportFact]:
    return [report(f"m{start}{number}", "undeliverable", "absent", start + number * step) for number in range(count)]


def test_five_spaced_failures_in_a_row_remove() -> None:
    aggregate, answers = run(*failures(5))
    assert [bool(answer.contacts) for answer in answers] == [False] * 4 + [True]
    assert aggregate.lists[LIST].reason == "bad_response"


def test_failures_within_a_day_count_as_one() -> None:
    aggregate, _ = run(*failures(20, step=3_600_000))
    assert aggregate.lists[LIST].active
    assert aggregate.lists[LIST].failures == 1


def test_a_report_that_another_may_follow_counts_and_removes_nothing() -> None:
    aggregate, answers = run(
        report("m", "expired", "absent", final=False), report("n", "rejected", "spam", T0 + 1, final=False)
    )
    assert [events(answer) for answer in answers] == [["delivery"], ["delivery"]]
    assert all(state.active and not state.failures for state in aggregate.lists.values())


@pytest.mark.parametrize("reset", [report("ok", "delivered", at=T0 + 4 * DAY), message("hi", "x", T0 + 4 * DAY)])
def test_a_delivery_to_the_handset_or_any_message_sets_the_count_to_zero(reset: Fact) -> None:
    aggregate, _ = run(*failures(4), reset, *failures(1, start=T0 + 5 * DAY))
    assert aggregate.lists[LIST].active
    assert aggregate.lists[LIST].failures == 1


def test_a_report_older_than_the_newest_of_its_message_emits_and_counts_nothing() -> None:
    late = replace(report("m", "undeliverable", "destination", T0), origin=origin("late", T0 + 100))
    aggregate, (_, answer) = run(report("m", "delivered", at=T0 + 50), late)
    assert events(answer) == ["delivery"]
    assert aggregate.lists.get(LIST) is None or aggregate.lists[LIST].active


def test_the_list_is_known_from_an_earlier_report_or_from_the_sending_service() -> None:
    sent = SubmittedFact(origin("s"), LIST, "ours", "m")
    _, answers = run(sent, report("m", list_hint=None))
    assert answers[1].list_number == LIST
    event = answers[1].events[0][1]
    assert event["list_number"] == LIST


def test_a_report_without_a_list_goes_to_quarantine_and_leaves_no_key() -> None:
    lost = report("m", list_hint=None)
    aggregate, (answer,) = run(lost)
    assert answer.refusal is not None
    assert answer.refusal.reason == "list_unknown"
    assert aggregate.seen == []


def test_an_opt_out_without_a_list_blocks_every_list_at_once() -> None:
    aggregate, (answer,) = run(message("STOP", "a", list_hint=None))
    assert len(aggregate.unassigned) == 1
    assert answer.refusal is not None
    assert [entry["decision"] for entry in answer.ledger] == ["blocked_unassigned"]


def test_the_dedupe_memory_is_bounded() -> None:
    aggregate, _ = run(*(message("hi", f"n{number}", T0 + number) for number in range(SEEN_MAX * 2)))
    assert len(aggregate.seen) <= SEEN_MAX


def test_an_aggregate_of_another_version_is_refused() -> None:
    with pytest.raises(UnknownVersionError):
        decode(b"\x02" + encode(Aggregate())[1:])


FACTS = st.lists(
    st.one_of(
        st.builds(
            lambda n, s, f, at: report(f"m{n}", s, f, T0 + at),
            st.integers(0, 4),
            st.sampled_from(["delivered", "undeliverable", "rejected", "expired", "pending"]),
            st.sampled_from(["none", "spam", "destination", "absent", "operator", "other"]),
            st.integers(0, DAY),
        ),
        st.builds(
            lambda n, text, at: message(text, f"x{n}", T0 + at),
            st.integers(0, 6),
            st.sampled_from(["STOP", "START", "hello", "QUIT", "help"]),
            st.integers(0, DAY),
        ),
    ),
    max_size=25,
)


@given(FACTS)
def test_folding_every_fact_twice_is_folding_it_once(facts: list[Fact]) -> None:
    once, _ = run(*facts)
    twice, _ = run(*(fact for fact in facts for _ in range(2)))
    assert once == twice


@given(FACTS)
def test_every_change_of_activity_is_told_and_every_event_id_is_unique(facts: list[Fact]) -> None:
    aggregate, answers = run(*facts)
    told = [state["active"] for answer in answers for state in answer.contacts]
    final = aggregate.lists[LIST].active if LIST in aggregate.lists else True
    assert (told[-1] if told else True) == final
    assert all(before != after for before, after in zip([True, *told], told, strict=False))
    ids = [record["event_id"] for answer in answers for _, record in answer.events]
    assert len(ids) == len(set(ids))


def test_a_stop_that_comes_late_does_not_move_the_mark_back() -> None:
    aggregate, _ = run(
        message("STOP", "a", T0, sent=T0 - 1000),
        message("STOP", "b", T0 + 1, sent=T0 - 9000),
        message("START", "c", T0 + 2, sent=T0 - 5000),
    )
    assert not aggregate.lists[LIST].active


def test_a_weak_key_counts_from_its_newest_use() -> None:
    minute = 60_000
    _, answers = run(*(message("yes", "a", T0 + at * minute, weak=True) for at in (0, 20, 21)))
    assert [answer.repeat for answer in answers] == [False, False, True]


def test_an_opt_out_that_a_report_tells_late_does_not_undo_a_newer_start() -> None:
    late = report("m", "rejected", at=T0 - 5000, opted_out=True, emit_unsubscribe=True)
    aggregate, (_, answer) = run(message("START", "b", T0), replace(late, origin=origin("dlr:m", T0 + 10)))
    assert (events(answer), answer.contacts) == (["delivery"], [])
    assert LIST not in aggregate.lists or aggregate.lists[LIST].active
    aggregate, (_, answer) = run(
        message("START", "b", T0), report("m", "rejected", at=T0 + 5000, opted_out=True, emit_unsubscribe=True)
    )
    assert events(answer) == ["delivery", "unsubscribe"]
    assert not aggregate.lists[LIST].active


def test_a_message_submitted_after_its_first_report_is_known_by_our_id_from_then_on() -> None:
    other = "+18005559999"
    sent = SubmittedFact(origin("s", T0 + 1), other, "ours-1", "m")
    _, (_, taught, again, second) = run(
        report("m", "pending"), sent, sent, report("m", "delivered", at=T0 + 9, list_hint=None)
    )
    assert (taught.repeat, again.repeat) == (False, True)
    ((_, event),) = second.events
    assert (event["message_id"], second.list_number) == ("ours-1", other)  # type: ignore[typeddict-item]  # a delivery


def test_the_only_list_of_a_provider_is_the_last_to_be_asked() -> None:
    only = replace(origin("x", list_hint=None), only_list="+18005550000")
    sent = SubmittedFact(origin("s"), LIST, "ours-1", "m")
    fact = replace(report("m", "rejected", "spam", list_hint=None), origin=only)
    aggregate, (_, answer) = run(sent, fact)
    assert (answer.list_number, list(aggregate.lists)) == (LIST, [LIST])
    aggregate, _ = run(fact)
    assert list(aggregate.lists) == ["+18005550000"]


def test_an_opt_out_for_the_whole_account_ends_every_list_also_unknown_ones_and_start_gives_one_back() -> None:
    other, later = "+18005550002", "+18005550003"
    everywhere = replace(message("STOP", "a"), every_list=(LIST, other))
    aggregate, (stop, start) = run(everywhere, message("START", "b", T0 + DAY))
    assert [event["list_number"] for _, event in stop.events] == [LIST, other]
    assert len({event["event_id"] for _, event in stop.events}) == 2
    assert [state["list_number"] for state in stop.contacts] == [LIST, other]
    assert [entry["list_number"] for entry in stop.ledger] == [LIST, other]
    assert [state["list_number"] for state in start.contacts] == [LIST]
    assert [state_of(aggregate, one).active for one in (LIST, other, later)] == [True, False, False]


def test_a_request_that_was_cut_in_parts_is_understood_when_the_last_is_there_in_any_order() -> None:
    halves = [part("please do not", 1, 2), part(" text me any more", 2, 2, T0 + 1)]
    for first, second in (halves, halves[::-1]):
        aggregate, answers = run(first, second)
        assert [events(answer) for answer in answers] == [["reply"], ["unsubscribe"]]
        assert not aggregate.lists[LIST].active
        assert aggregate.parts == []
        assert answers[1].ledger[0]["rule_id"] == "phrase.do_not_text"


def test_parts_that_ask_for_nothing_are_answers_one_by_one_and_a_stop_in_one_is_enough() -> None:
    aggregate, answers = run(part("we will be there", 1, 2), part(" at five", 2, 2, T0 + 1))
    assert [events(answer) for answer in answers] == [["reply"], ["reply"]]
    assert aggregate.parts == []
    _, answers = run(part("stop texting me", 1, 2), part(" you people", 2, 2, T0 + 1))
    assert [events(answer) for answer in answers] == [["unsubscribe"], ["reply"]]


def test_parts_of_another_text_or_of_long_ago_do_not_join() -> None:
    for other in (part(" text me", 2, 2, T0 + 1, reference="8"), part(" text me", 2, 2, T0 + 3_600_001)):
        aggregate, answers = run(part("please do not", 1, 2), other)
        assert [events(answer) for answer in answers] == [["reply"], ["reply"]]
        assert len(aggregate.parts) in {1, 2}
    aggregate, _ = run(*(part("x" * 500, 1, 12, T0 + number, reference=str(number)) for number in range(40)))
    assert len(aggregate.parts) == 12
    assert len(encode(aggregate)) < 8192
