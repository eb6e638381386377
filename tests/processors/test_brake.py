"""The removal brake and the mass-failure guard: one bad hour of a list removes nobody."""

import pytest

from processors.aggregate import Aggregate, decode_window, encode_window
from processors.brake import Hour, ListWindow, count, finals_min, hour_of, ignores_operator, withholds_removal
from processors.facts import FailurePolicy
from processors.fold import fold
from tests.processors.test_fold import LIST, T0, report

MINUTE = 60_000


@pytest.mark.parametrize("partitions, finals", [(1, 50), (3, 16), (12, 5), (48, 5)])
def test_a_partition_needs_its_share_of_finals(partitions: int, finals: int) -> None:
    assert finals_min(partitions) == finals


@pytest.mark.parametrize(
    "hour, withheld",
    [
        (Hour(100, spam=5), False),
        (Hour(100, spam=6), True),
        (Hour(100, destination=6), True),
        (Hour(100, spam=3, destination=3), False),
        (Hour(49, spam=49), False),
        (Hour(50, spam=2), False),
        (Hour(50, spam=3), True),
        (Hour(100, operator=100), False),
    ],
)
def test_the_brake_needs_a_share_a_count_and_a_sample(hour: Hour, withheld: bool) -> None:
    assert withholds_removal(hour, 50) is withheld


@pytest.mark.parametrize("hour, ignored", [(Hour(50, operator=10), True), (Hour(50, operator=9), False),
                                           (Hour(49, operator=49), False)])  # fmt: skip
def test_operators_that_refuse_a_fifth_count_against_nobody(hour: Hour, ignored: bool) -> None:
    assert ignores_operator(hour, 50) is ignored


def test_a_window_forgets_after_an_hour_and_survives_its_bytes() -> None:
    window = ListWindow()
    for minute in range(90):
        count(window, "spam" if minute < 30 else "none", T0 + minute * MINUTE)
    window = decode_window(encode_window(window))
    assert hour_of(window, T0 + 89 * MINUTE) == Hour(final=60)
    assert len(window.minutes) == 60
    assert hour_of(window, T0 + 300 * MINUTE) == Hour()


def test_a_withheld_removal_is_a_ledger_entry_and_nothing_more() -> None:
    window, policy = ListWindow(), FailurePolicy(finals_min=5)
    removed, withheld = 0, 0
    for number in range(20):
        fact = report(f"m{number}", "rejected", "spam", T0 + number)
        folded = fold(Aggregate(), lambda _: window, fact, T0 + number, policy_of=lambda _: policy)
        removed += len(folded.contacts)
        withheld += sum(entry["decision"] == "removal_withheld" for entry in folded.ledger)
        assert [event for event, _ in folded.events] == ["delivery"]
        assert folded.aggregate is not None
        assert (folded.aggregate.lists.get(LIST) is None) is (number >= 4)
    assert (removed, withheld) == (4, 16), "the first four are below the sample of five"


def test_an_opt_out_told_by_a_report_is_no_removal_and_is_never_withheld() -> None:
    window, policy = ListWindow(), FailurePolicy(finals_min=1)
    for number in range(10):
        count(window, "spam", T0 + number)
    fact = report("m", "rejected", "other", T0 + 20, opted_out=True)
    folded = fold(Aggregate(), lambda _: window, fact, T0 + 20, policy_of=lambda _: policy)
    assert [state["active"] for state in folded.contacts] == [False]
