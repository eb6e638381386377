"""Which positions are sent: never back within an assignment, never lost by a refusal."""

from hypothesis import given
from hypothesis import strategies as st

from runtime.kafka.positions import Positions
from runtime.kafka.records import Committed, Partition

ONE, TWO = Partition("events", 0), Partition("events", 1)


def held(*partitions: Partition, offset: int = -1, metadata: str = "") -> Positions:
    positions = Positions()
    positions.assigned(dict.fromkeys(partitions, Committed(offset, metadata)))
    return positions


def test_a_wish_is_sent_once_and_the_newest_wins() -> None:
    positions = held(ONE)
    positions.ask({ONE: (3, "a")})
    positions.ask({ONE: (5, "b")})
    assert positions.take() == {ONE: (5, "b")}
    assert positions.take() == {}


def test_a_refusal_is_sent_again_unless_something_newer_was() -> None:
    positions = held(ONE)
    positions.ask({ONE: (3, "")})
    first = positions.take()
    positions.ask({ONE: (5, "")})
    second = positions.take()
    positions.refused(first)
    assert positions.take() == {}, "3 after 5 would go back"
    positions.refused(second)
    assert positions.take() == {ONE: (5, "")}


def test_an_older_done_beyond_set_of_the_same_offset_is_not_sent_again() -> None:
    positions = held(ONE)
    positions.ask({ONE: (3, "one done")})
    first = positions.take()
    positions.ask({ONE: (3, "two done")})
    positions.take()
    positions.refused(first)
    assert positions.take() == {}


def test_a_refusal_never_replaces_a_wish_that_came_since() -> None:
    positions = held(ONE)
    positions.ask({ONE: (3, "")})
    first = positions.take()
    positions.ask({ONE: (5, "")})
    positions.refused(first)
    assert positions.take() == {ONE: (5, "")}


def test_a_late_refusal_of_an_older_assignment_changes_nothing() -> None:
    positions = held(ONE)
    positions.ask({ONE: (3, "")})
    old = positions.take()
    positions.gone([ONE])
    positions.assigned({ONE: Committed(90, "")})
    positions.refused(old)
    assert positions.take() == {}
    positions.ask({ONE: (50, "")})
    assert positions.take() == {}, "another member had come to 90 already"


def test_nothing_is_sent_of_a_partition_that_is_not_held() -> None:
    positions = held(ONE)
    positions.ask({ONE: (3, ""), TWO: (4, "")})
    positions.gone([ONE])
    assert positions.take() == {}


def test_membership_is_asked_with_every_known_position_and_its_metadata() -> None:
    positions = held(ONE, TWO)
    positions.ask({ONE: (3, "done beyond")})
    positions.take()
    positions.ask_again()
    assert positions.take() == {ONE: (3, "done beyond")}, "TWO has none: nothing of it was begun"


def test_what_was_committed_before_us_is_enough_to_ask_with() -> None:
    positions = held(ONE, offset=7, metadata="m")
    positions.ask_again()
    assert positions.take() == {ONE: (7, "m")}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(0, 50)),
        st.tuples(st.just("take"), st.booleans()),
        st.tuples(st.just("again"), st.none()),
        st.tuples(st.just("answer"), st.booleans()),
    )
)


@given(STEPS)
def test_what_is_sent_never_falls_and_the_last_wish_gets_through(steps: list[tuple[str, object]]) -> None:
    positions = held(ONE)
    sent: list[int] = []
    under_way: list[dict[Partition, tuple[int, str]]] = []
    highest = -1
    for step, value in steps:
        if step == "ask" and isinstance(value, int) and value >= highest:
            highest = value
            positions.ask({ONE: (value, "")})
        elif step == "take":
            taken = positions.take()
            sent += [offset for offset, _ in taken.values()]
            under_way += [taken] if taken else []
        elif step == "again":
            positions.ask_again()
        elif step == "answer" and under_way:
            answered = under_way.pop(0)
            if not value:
                positions.refused(answered)
    for answered in under_way:
        positions.refused(answered)
    sent += [offset for offset, _ in positions.take().values()]
    assert sent == sorted(sent)
    assert highest == -1 or sent[-1] == highest
