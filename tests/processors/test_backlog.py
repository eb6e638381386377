"""The lag is the age of the oldest record that is not decided, whatever came with it."""

from collections.abc import Sequence

import pytest

from processors.backlog import Backlog

NOW = 1_705_315_000_000


@pytest.mark.parametrize(
    "ages_s, age_s",
    [
        ([60], 60.0),
        ([3, 60, 1], 60.0),
        ([0.5], 0.5),
        ([-5], 0.0),
        ([], 0.0),
    ],
)
def test_the_oldest_of_what_was_gathered_counts_from_now(ages_s: Sequence[float], age_s: float) -> None:
    backlog = Backlog()
    backlog.gathered(NOW - int(age * 1000) for age in ages_s)
    assert backlog.age_s(NOW) == age_s


def test_it_grows_until_the_batch_is_decided() -> None:
    backlog = Backlog()
    backlog.gathered([NOW])
    assert (backlog.age_s(NOW + 1000), backlog.age_s(NOW + 9000)) == (1.0, 9.0)
    backlog.decided()
    assert (backlog.age_s(NOW + 9000), backlog.oldest_ms) == (0.0, None)


def test_what_is_held_back_waits_on_whatever_else_is_decided() -> None:
    backlog = Backlog()
    backlog.gathered([NOW])
    backlog.hold_back(NOW - 5000)
    backlog.hold_back(NOW - 3000)
    backlog.decided()
    assert backlog.age_s(NOW) == 5.0
    backlog.cleared()
    assert backlog.age_s(NOW) == 0.0
