"""What reports of failure and delivery do to a contact, in whatever order they come. Pure, no broker."""

from typing import Any

import pytest
from msgspec.structs import replace

from processors.aggregate import Aggregate, state_of
from processors.brake import ListWindow, count
from processors.facts import Fact, FailurePolicy, ReportFact, SubmittedFact
from processors.fold import fold
from tests.processors.test_fold import DAY, LIST, T0, events, message, origin, report, run
from tests.processors.test_gate import OTHER, command

HOUR = 3_600_000


def late(fact: ReportFact, received_at: int) -> ReportFact:
    """A report that arrives long after what it tells."""
    return replace(fact, origin=replace(fact.origin, received_at=received_at))


def active(aggregate: Aggregate) -> bool:
    return state_of(aggregate, LIST).active


def failed(name: str, day: float) -> ReportFact:
    return report(name, "undeliverable", "absent", T0 + int(day * DAY))


def told_again(fact: ReportFact) -> ReportFact:
    """Another report of the same message, no copy of one before."""
    at = fact.origin.received_at
    return replace(fact, origin=origin(f"dlr:{at}", at))


def count_of(*facts: Fact) -> int:
    aggregate, _ = run(*facts)
    return aggregate.lists[LIST].failures


@pytest.mark.parametrize(
    "facts, count",
    [
        ([failed("a", 0), report("a", "delivered", at=T0 + 1)], 0),
        ([failed("a", 1), late(report("a", "delivered", at=T0), T0 + DAY)], 1),
        ([failed("a", 0), report("a", "delivered", at=T0 + 1), told_again(failed("a", 2))], 1),
        ([failed("a", 0), failed("b", 2), report("b", "delivered", at=T0 + 3 * DAY), told_again(failed("b", 4))], 1),
        ([failed("a", 0), failed("b", 2), late(report("a", "delivered", at=T0 + HOUR), T0 + 2 * DAY + 1)], 1),
        ([failed("a", 0), failed("b", 2), failed("c", 4), late(report("x", "delivered", at=T0 + DAY), T0 + 5 * DAY)], 2),
        ([failed("a", 0), failed("b", 2), late(report("x", "delivered", at=T0 - 1), T0 + 3 * DAY)], 2),
        ([failed("a", 0), failed("b", 2), late(report("x", "delivered", at=T0 + 3 * DAY), T0 + 3 * DAY)], 0),
        ([report("x", "delivered", at=T0 + DAY), late(failed("a", 0), T0 + 2 * DAY)], 0),
        ([failed("a", 0), report("x", "delivered", at=T0 + 1, handset=False, final=False)], 1),
        ([failed("a", 0), told_again(report("a", "delivered", at=T0 + 4 * HOUR, handset=False, final=False)),
          told_again(late(report("a", "delivered", at=T0 + 3 * HOUR), T0 + 5 * HOUR))], 0),
        ([failed("a", 0), message("STOP", "s", T0 + 1)], 0),
        ([failed("a", 0), message("START", "s", T0 + 1)], 0),
        ([failed("a", 0), command("opt_in", "c", at=T0 + 1)], 0),
        ([failed("a", 0), report("b", "expired", "absent", T0 + 2 * DAY)], 2),
        ([failed("a", 0), report("b", "expired", "other", T0 + 2 * DAY)], 1),
        ([failed("a", 0), late(failed("b", 89), T0 + 200 * DAY)], 2),
        ([failed("a", 0), failed("b", 91)], 1),
    ],
)  # fmt: skip
def test_failures_count_by_the_providers_time(facts: list[Fact], count: int) -> None:
    assert count_of(*facts) == count


@pytest.mark.parametrize("earlier", [
    report("a", "rejected", "spam", T0 + HOUR), report("a", "undeliverable", "destination", T0 + HOUR),
    report("a", "rejected", "spam", T0 + 3 * HOUR, final=False), report("a", "pending", at=T0 + 3 * HOUR),
])  # fmt: skip
def test_a_report_that_the_newest_of_its_message_overtook_is_told_and_changes_nothing(earlier: ReportFact) -> None:
    newest = report("a", "undeliverable", "absent", T0 + 2 * HOUR)
    before, _ = run(newest)
    after, (_, answer) = run(newest, told_again(late(earlier, T0 + 4 * HOUR)))
    assert after.lists == before.lists
    assert (events(answer), answer.contacts, answer.ledger) == (["delivery"], [], [])


@pytest.mark.parametrize("failure", ["spam", "destination"])
def test_a_message_that_expired_removes_nobody_whatever_its_code_says(failure: Any) -> None:
    aggregate, (answer,) = run(report("a", "expired", failure))
    assert (active(aggregate), events(answer)) == (True, ["delivery"])


def test_a_report_that_claims_to_be_of_tomorrow_is_of_its_arrival() -> None:
    ahead = late(report("x", "delivered", at=T0 + 30 * DAY), T0)
    assert count_of(ahead, failed("a", 1)) == 1


def test_failures_are_not_counted_while_operators_refuse_a_fifth_of_the_list() -> None:
    window, policy = ListWindow(), FailurePolicy(finals_min=5)
    for number in range(5):
        count(window, "operator", T0 + number)
    for name, counted in (("operator", 0), ("absent", 1)):
        refused = report("m", "undeliverable", name, T0 + 9)  # type: ignore[arg-type]  # one of the classes
        folded = fold(Aggregate(), lambda _: window, refused, T0 + 9, policy_of=lambda _: policy)
        assert folded.aggregate is not None
        assert state_of(folded.aggregate, LIST).failures == counted


def test_one_message_counts_once_whatever_is_reported_of_it() -> None:
    assert count_of(*(told_again(failed("a", day)) for day in (0, 2, 4, 6, 8, 10))) == 1


@pytest.mark.parametrize("came_back", [
    message("START", "s", T0 + DAY), command("opt_in", "c", at=T0 + DAY), command("opt_in", "c", None, at=T0 + DAY),
    command("import", "i", at=T0 + DAY, active=True, reason="resubscribed"),
])  # fmt: skip
@pytest.mark.parametrize("told, opted_out", [("destination", False), ("spam", False), ("other", True)])
def test_a_report_of_the_time_before_an_opt_in_removes_nobody(came_back: Fact, told: Any, opted_out: bool) -> None:
    gone = report("m1", "rejected", "destination", T0)
    old = late(report("m2", "rejected", told, T0 + HOUR, opted_out=opted_out), T0 + 2 * DAY)
    aggregate, (*_, answer) = run(gone, came_back, old)
    assert (active(aggregate), events(answer)) == (True, ["delivery"])
    newer = report("m3", "rejected", told, T0 + 3 * DAY, opted_out=opted_out)
    aggregate, _ = run(gone, came_back, old, newer)
    assert not active(aggregate)


def test_a_delivery_older_or_newer_than_a_removal_brings_nobody_back() -> None:
    for at in (T0 - HOUR, T0 + HOUR):
        aggregate, answers = run(report("m", "rejected", "spam"), late(report("n", "delivered", at=at), T0 + 2 * HOUR))
        assert not active(aggregate)
        assert answers[-1].contacts == []


def test_an_imported_opt_in_starts_with_no_failures() -> None:
    gone = [failed(f"m{day}", day) for day in range(5)]
    back = command("import", "i", at=T0 + 6 * DAY, active=True, reason="resubscribed")
    assert count_of(*gone, back, failed("n", 8)) == 1


def test_what_a_list_made_of_a_filter_or_block_list_holds_also_where_a_message_id_tells_the_list() -> None:
    sent = SubmittedFact(origin("s"), OTHER, "ours", "m")
    strict = FailurePolicy(filtered_is_spam=True, blocklist_is_optout=True)
    for marks, reason in (({"filtered": True}, "complaint"), ({"blocklisted": True}, "bad_response")):
        aggregate, _ = run(sent)
        told = report("m", "rejected", "other", list_hint=None, **marks)
        folded = fold(aggregate, lambda _: ListWindow(), told, T0, policy_of={OTHER: strict}.__getitem__)
        assert [(state["list_number"], state["reason"]) for state in folded.contacts] == [(OTHER, reason)]
