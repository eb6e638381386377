"""The offset window against a naive model, and every way in which windows of this kind are known to have failed."""

import base64

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dispatchers.window import SPAN_MAX, OffsetWindow, done_beyond


class WindowAgainstSets(RuleBasedStateMachine):
    """The model: two sets of offsets; restarts keep only what a commit would have kept."""

    @initialize(start=st.integers(0, 1000))
    def fresh(self, start: int) -> None:
        self.window = OffsetWindow(start)
        self.start = self.at = self.lowest = start
        self.known: list[int] = []
        self.here: list[int] = []  # read under the present assignment
        self.begun: set[int] = set()
        self.done: set[int] = set()

    @rule(gap=st.integers(0, 3))
    def begin(self, gap: int) -> None:
        offset = self.at + gap
        self.at = offset + 1
        self.known.append(offset)
        self.here.append(offset)
        assert self.window.begin(offset)
        self.begun.add(offset)

    @precondition(lambda self: self.begun - self.done)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        offset = data.draw(st.sampled_from(sorted(self.begun - self.done)))
        self.window.finish(offset)
        self.done.add(offset)

    @precondition(lambda self: self.done)
    @rule(data=st.data())
    def finish_again(self, data: st.DataObject) -> None:
        self.window.finish(data.draw(st.sampled_from(sorted(self.done))))

    @rule(ahead=st.integers(0, 5))
    def finish_what_was_not_begun(self, ahead: int) -> None:
        self.window.finish(self.at + ahead)

    @precondition(lambda self: self.here)
    @rule(data=st.data())
    def begin_again(self, data: st.DataObject) -> None:
        assert not self.window.begin(data.draw(st.sampled_from(self.here)))

    @rule(read=st.integers(0, 8))
    def restart_twice(self, read: int) -> None:
        """The second restart comes after only some of what was above the floor has been read again."""
        for count in (read, None):
            floor = self.window.floor
            assert floor is not None
            self.window = OffsetWindow(floor, self.window.metadata())
            self.here = [offset for offset in self.known if offset >= floor][:count]
            for offset in self.here:
                assert self.window.begin(offset) == (offset not in self.done)

    @invariant()
    def the_floor_is_the_lowest_unfinished_and_never_goes_back(self) -> None:
        floor = self.window.floor
        unfinished = sorted(self.begun - self.done)
        assert floor == (unfinished[0] if unfinished else self.at)
        assert floor >= self.lowest
        self.lowest = floor

    @invariant()
    def memory_holds_only_what_is_above_the_floor(self) -> None:
        assert self.window.open == sum(1 for offset in self.begun if offset >= (self.window.floor or 0))


WindowAgainstSets.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestWindowAgainstSets = WindowAgainstSets.TestCase


def begun(*offsets: int, floor: int = 0) -> OffsetWindow:
    window = OffsetWindow(floor)
    for offset in offsets:
        assert window.begin(offset)
    return window


# ---- known failures of the same design (KAFKA.md, Out-of-order completion) -------------------------------------------
def test_transaction_markers_leave_gaps_that_hold_nothing_up() -> None:
    window = begun(0, 2, 5)
    for offset in (5, 0, 2):
        window.finish(offset)
    assert (window.floor, window.open, window.metadata()) == (6, 0, "")


def test_consumption_goes_on_after_a_rebalance_with_what_was_done_ahead() -> None:
    before = begun(0, 1, 2, 3)
    before.finish(1)
    before.finish(3)
    after = OffsetWindow(before.floor, before.metadata())
    assert [after.begin(offset) for offset in (0, 1, 2, 3, 4)] == [True, False, True, False, True]
    for offset in (0, 2, 4):
        after.finish(offset)
    assert (after.floor, after.full) == (5, False)


def test_a_record_skipped_as_done_never_stalls_the_floor() -> None:
    before = begun(0, 1)
    before.finish(1)
    after = OffsetWindow(before.floor, before.metadata())
    assert after.begin(0)
    after.finish(0)
    assert not after.begin(1)
    assert after.floor == 2


def test_a_record_finished_before_the_floor_reached_it_is_not_done_again_after_a_second_restart() -> None:
    first = begun(0, 1)
    first.finish(1)
    second = OffsetWindow(first.floor, first.metadata())
    assert second.begin(0)
    second.finish(0)
    third = OffsetWindow(second.floor, second.metadata())
    assert (third.floor, third.begin(1)) == (1, False)


def test_a_revoke_before_anything_was_read_commits_the_old_position_with_its_done_set() -> None:
    before = begun(0, 1, 2)
    before.finish(2)
    carried = OffsetWindow(before.floor, before.metadata())
    assert (carried.floor, carried.metadata()) == (0, before.metadata())


def test_after_expired_records_no_old_offset_is_committed() -> None:
    window = OffsetWindow(10, begun_and_done_at(10, 12))
    assert window.begin(5000)
    assert window.floor == 5000
    window.finish(5000)
    assert (window.floor, window.metadata()) == (5001, "")


def test_done_offsets_that_never_come_again_are_forgotten() -> None:
    window = OffsetWindow(10, begun_and_done_at(10, 12))
    assert window.begin(5000)
    assert not window._done_before


def test_a_log_made_anew_is_read_from_its_beginning() -> None:
    window = OffsetWindow(5000, begun_and_done_at(5000, 5003))
    assert window.begin(0)
    assert window.begin(3)
    window.finish(0)
    assert window.floor == 3
    assert window.begin(5003), "what was done at this offset of the old log is another record"


def test_the_floor_stays_where_it_is_when_records_come_again() -> None:
    window = begun(0, 1, 2)
    for offset in (0, 1, 2):
        window.finish(offset)
    assert not window.begin(1)
    assert (window.floor, window.open) == (3, 0)


def test_a_stray_finish_never_marks_a_record_that_has_still_to_run() -> None:
    window = begun(0)
    window.finish(1)
    assert window.begin(1)
    window.finish(0)
    assert window.floor == 1


def begun_and_done_at(floor: int, done: int) -> str:
    window = begun(floor, done, floor=floor)
    window.finish(done)
    return window.metadata()


@pytest.mark.parametrize(
    "metadata",
    [
        "",
        "1:",
        "2:gA==",
        "1:***",
        "1:\u00e9",
        "garbage",
        "{}",
        "1:" + "A" * 8000,
        "1:" + base64.b64encode(b"\0").decode(),
    ],
)
def test_metadata_that_says_nothing_or_cannot_be_read_costs_no_record(metadata: str) -> None:
    window = OffsetWindow(5, metadata)
    assert window.begin(5)
    assert window.begin(6)


@pytest.mark.parametrize("done", [1, 7, 8, 9, SPAN_MAX - 1])
def test_metadata_of_the_longest_span_is_kept_to_the_last_offset(done: int) -> None:
    window = begun(100, 100 + done, floor=100)
    window.finish(100 + done)
    metadata = window.metadata()
    assert len(metadata) <= 4096
    again = OffsetWindow(100, metadata)
    assert again.begin(100)
    assert not again.begin(100 + done)


def test_a_partition_without_a_position_has_no_floor_until_its_first_record() -> None:
    window = OffsetWindow()
    assert (window.floor, window.metadata(), window.full) == (None, "", False)
    assert window.begin(17)
    assert window.floor == 17


def test_the_window_is_full_by_span_and_not_by_count() -> None:
    assert not begun(0, SPAN_MAX - 2).full
    window = begun(0, SPAN_MAX - 1)
    assert window.full
    window.finish(0)
    assert not window.full


def test_passing_by_what_is_not_ours_moves_the_floor_and_the_done_beyond_set_stays_true() -> None:
    earlier = OffsetWindow(7)
    for offset in (7, 8, 20, 30):
        earlier.begin(offset)
    earlier.finish(20)
    window = OffsetWindow(earlier.floor, earlier.metadata())
    window.begin(7)
    window.pass_by(15)
    assert window.floor == 7, "what is open holds the floor"
    window.finish(7)
    window.pass_by(15)
    assert (window.floor, done_beyond(15, window.metadata())) == (15, {20})
    window.pass_by(20)
    assert (window.floor, done_beyond(20, window.metadata())) == (20, {20})
    assert not window.begin(20)
    assert window.begin(30)
    window.pass_by(10)
    assert window.floor == 30
