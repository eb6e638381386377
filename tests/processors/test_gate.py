"""The send gate and contact commands over the fold: who is approved, who is blocked, what lifts a block."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.aggregate import Aggregate, decode, encode, key_of
from processors.facts import CommandFact, Fact, Origin, RequestFact
from processors.gate import VALID_MS
from schemas.records import ContactCommandKind
from tests.processors.test_fold import LIST, PHONE, T0, message, report, run

OTHER = "+18005559999"


def request(
    name: str = "m1",
    list_number: str = LIST,
    *,
    at: int = T0,
    phone: str = PHONE,
    known: bool = True,
    ttl_ms: int = 1000,
) -> RequestFact:
    origin = Origin("acme", "", phone, at, 0, 1, list_number, 0, key_is_weak=False, natural_key=name)
    return RequestFact(origin, list_number, name, at + ttl_ms, known)


def command(
    kind: ContactCommandKind, name: str, list_number: str | None = LIST, *, at: int = T0, **extra: Any
) -> CommandFact:
    origin = Origin(
        "acme", "command", PHONE, at, 0, 1, list_number, key_of("command", name), key_is_weak=False, natural_key=name
    )
    return CommandFact(origin, kind, list_number, (LIST, OTHER), "tester", **extra)


def asked(*facts: Fact, **how: Any) -> str | None:
    """What the gate says after these facts."""
    return run(*facts, request(**{"name": "last", "at": T0 + 10_000_000, **how}))[1][-1].decision


@pytest.mark.parametrize(
    "facts, how, decision",
    [
        ([], {}, "approved"),
        ([message("STOP", "a")], {}, "contact_inactive"),
        ([message("STOP", "a")], {"list_number": OTHER}, "approved"),
        ([message("STOP", "a"), message("START", "b", T0 + 1)], {}, "approved"),
        ([message("STOP", "a", list_hint=None)], {}, "optout_without_list"),
        ([message("STOP", "a", list_hint=None)], {"list_number": OTHER}, "optout_without_list"),
        ([message("STOP", "a", list_hint=None), message("START", "b", T0 + 1)], {}, "approved"),
        ([message("STOP", "a", list_hint=None), message("START", "b", T0 + 1)], {"list_number": OTHER},
         "optout_without_list"),
        ([message("STOP", "a", list_hint=None), message("START", "b", T0 + 1),
          message("STOP", "c", T0 + 2, list_hint=None)], {}, "optout_without_list"),
        ([report("m", "rejected", "spam")], {}, "contact_inactive"),
        ([report("m", "undeliverable", "absent")], {}, "approved"),
        ([], {"known": False}, "list_unknown"),
        ([], {"ttl_ms": 0}, "expired"),
        ([], {"phone": "14155550001"}, "phone_invalid"),
        ([command("opt_out", "c")], {}, "contact_inactive"),
        ([command("opt_out", "c")], {"list_number": OTHER}, "approved"),
        ([command("opt_out", "c", None)], {"list_number": "+18005550000"}, "contact_inactive"),
        ([command("opt_out", "c", None), message("START", "b", T0 + 1)], {}, "contact_inactive"),
        ([command("opt_out", "c", None), command("opt_in", "d", at=T0 + 1)], {}, "approved"),
        ([command("opt_out", "c", None), command("opt_in", "d", at=T0 + 1)], {"list_number": "+18005550000"},
         "contact_inactive"),
        ([command("opt_out", "c", None), command("opt_in", "d", None, at=T0 + 1)], {"list_number": "+18005550000"},
         "approved"),
        ([report("m", "rejected", "spam"), command("opt_in", "d", at=T0 + 1)], {}, "approved"),
        ([message("STOP", "a", list_hint=None), command("opt_in", "d", None, at=T0 + 1)], {}, "approved"),
        ([message("STOP", "a"), command("erase", "e", None, at=T0 + 1)], {}, "contact_inactive"),
        ([command("import", "i", reason="message")], {}, "contact_inactive"),
        ([message("START", "b", T0 + 5), message("STOP", "a", T0 + 6), message("START", "d", T0 + 7),
          command("import", "i", at=T0, reason="message")], {}, "approved"),
    ],
)  # fmt: skip
def test_the_gate_knows_what_was_said_before(facts: list[Fact], how: dict[str, Any], decision: str) -> None:
    assert asked(*facts, **how) == decision


def test_a_message_has_one_answer_as_long_as_that_is_valid() -> None:
    _, answers = run(request(), request(at=T0 + VALID_MS - 1), request(at=T0 + VALID_MS))
    assert [answer.decision for answer in answers] == ["approved", None, "approved"]
    assert [answer.repeat for answer in answers] == [False, True, False]


def test_an_approved_send_tells_the_list_of_its_report() -> None:
    _, (_, answer) = run(request("m7"), report("m7", list_hint=None))
    assert answer.list_number == LIST


def test_a_command_counts_once_and_the_ledger_names_who_gave_it() -> None:
    aggregate, (first, second) = run(command("opt_out", "c"), command("opt_out", "c", at=T0 + 1))
    assert ([state["reason"] for state in first.contacts], second.repeat) == (["manual"], True)
    assert [(entry["decision"], entry["actor"]) for entry in first.ledger] == [("opted_out", "tester")]
    assert aggregate.lists[LIST].unsubscribed_at == T0


def test_an_opt_out_for_all_lists_is_told_for_each_that_the_account_has() -> None:
    _, (answer,) = run(command("opt_out", "c", None))
    assert {state["list_number"] for state in answer.contacts} == {LIST, OTHER}


def test_an_erasure_keeps_consent_and_its_key_and_nothing_else() -> None:
    aggregate, answers = run(
        message("STOP", "a"), report("m"), request(at=T0 + 1), command("erase", "e", None, at=T0 + 2)
    )
    assert answers[-1].erased
    assert (aggregate.erased_at, aggregate.messages, len(aggregate.seen)) == (T0 + 2, [], 1)
    assert (aggregate.lists[LIST].active, aggregate.lists[LIST].reason) == (False, "message")
    assert run(message("STOP", "z", T0 + 3), start=aggregate)[1][0].events[0][0] == "unsubscribe"


def test_a_redriven_stop_takes_its_own_block_away_and_is_told() -> None:
    first, second = message("STOP", "a", list_hint=None), message("STOP", "b", T0 + 1, list_hint=None)
    again = message("STOP", "a", redriven=True)
    aggregate, answers = run(first, second, again)
    assert [event for event, _ in answers[-1].events] == ["unsubscribe"]
    assert len(aggregate.unassigned) == 1


@pytest.mark.parametrize("started_later_ms, active", [(-1, False), (1, True)])
def test_for_a_redriven_stop_its_arrival_stands_in_for_the_log(started_later_ms: int, active: bool) -> None:
    start = message("START", "s", T0 + started_later_ms, provider="twilio")
    aggregate, _ = run(start, message("STOP", "a", redriven=True))
    assert aggregate.lists[LIST].active is active


ANY = st.sampled_from(
    [
        *(message(text, f"{text}{number}", T0 + number) for number in range(3) for text in ("STOP", "hello")),
        *(message("STOP", f"u{number}", T0 + number, list_hint=None) for number in range(3)),
        *(report(f"r{number}", "rejected", "spam", T0 + number) for number in range(2)),
        *(report(f"d{number}", "delivered", at=T0 + number) for number in range(2)),
        *(command("opt_out", f"o{number}", at=T0 + number) for number in range(2)),
    ]
)


@given(st.lists(ANY, max_size=12), st.lists(ANY, max_size=12))
def test_no_block_ends_without_an_opt_in(before: list[Fact], after: list[Fact]) -> None:
    aggregate, _ = run(*before)
    blocked = asked_of(aggregate) != "approved"
    later, _ = run(*after, start=aggregate)
    assert not blocked or asked_of(later) != "approved"


@given(st.lists(ANY, max_size=12), st.integers(0, 12))
def test_a_prefix_that_is_read_again_changes_nothing(facts: list[Fact], length: int) -> None:
    aggregate, _ = run(*facts)
    before = encode(aggregate)
    again, answers = run(*facts[:length], start=aggregate)
    assert encode(again) == before
    assert all(not answer.contacts and not answer.events for answer in answers)


def asked_of(aggregate: Aggregate) -> str | None:
    return run(request("probe", at=T0 + 10_000_000), start=decode(encode(aggregate)))[1][-1].decision
