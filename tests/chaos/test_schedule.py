"""The schedule of faults is decided by the seed alone, and breaks everything."""

import itertools

import pytest

from tests.chaos.faults import FIRST_S, LAST_S, ROLES, SPARES, schedule

SESSION_S = 6.0
KINDS = {
    "kill", "freeze", "restart", "scale_up", "scale_down", "broker_restart", "broker_kill", "store_delete",
    "store_corrupt", "broker_cut", "broker_hang", "broker_slow",
}  # fmt: skip


def test_a_seed_gives_the_same_faults_again_and_another_one_others() -> None:
    first = schedule(7, 300, session_s=SESSION_S)
    assert schedule(7, 300, session_s=SESSION_S) == first
    assert schedule(8, 300, session_s=SESSION_S) != first


def test_a_longer_run_begins_as_the_shorter_one_did() -> None:
    short, long = schedule(7, 90, session_s=SESSION_S), schedule(7, 300, session_s=SESSION_S)
    assert short
    assert long[: len(short)] == short


@pytest.mark.parametrize("seed", range(20))
def test_ten_minutes_make_every_kind_of_fault_one_after_the_other_within_the_load(seed: int) -> None:
    planned = schedule(seed, 600, session_s=SESSION_S)
    assert {one.kind for one in planned} == KINDS
    assert planned[0].at_s == FIRST_S
    assert planned[-1].at_s + planned[-1].for_s <= 600 - LAST_S
    assert all(later.at_s > one.at_s + one.for_s for one, later in itertools.pairwise(planned))


@pytest.mark.parametrize("seed", range(20))
def test_what_is_frozen_loses_its_session_and_only_spares_are_scaled(seed: int) -> None:
    for one in schedule(seed, 600, session_s=SESSION_S):
        assert one.kind != "freeze" or one.for_s > SESSION_S
        assert set(one.targets) <= set(SPARES if one.kind.startswith("scale") else ROLES)


def test_a_run_too_short_for_a_fault_has_none() -> None:
    assert schedule(7, 8, session_s=SESSION_S) == []
