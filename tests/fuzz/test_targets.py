"""Every fuzz target a few seconds long, by hypothesis: seeds as they are, seeds that were spoilt, and any bytes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.spoil import spoilt
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_is_taken(name: str) -> None:
    for seed in TARGETS[name].seeds():
        TARGETS[name].check(seed)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_spoilt_seeds_and_for_any_bytes(name: str) -> None:
    seeds = TARGETS[name].seeds()

    @settings(max_examples=100, deadline=2000)
    @given(st.builds(spoilt, st.sampled_from(seeds), st.integers(0, 2**32)) | st.binary(max_size=200))
    def holds(data: bytes) -> None:
        TARGETS[name].check(data)

    holds()
