"""Pauses and the hold log, decided without any broker: tables of histories, and models."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchers.auto_pause import AutoPause, PausePolicy, Streak, after_attempt, after_url
from dispatchers.hold_index import HoldIndex, speak_of_this_log
from dispatchers.hold_turns import DRAINS_MAX, SLICE_S, Running, Turns, Wish, purpose_of, turns
from dispatchers.notices import DEAD_LETTERS, PAUSED, WINDOW_MS, is_notices, notice, window_of
from dispatchers.pauses import Claim, PauseBook
from dispatchers.window import OffsetWindow
from schemas.records import EndpointState
from schemas.topics import auto_key, claim_key, manual_key

MINUTE = 60_000
POLICY = PausePolicy(20, 10 * MINUTE, (MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, 60 * MINUTE))
E = "acme/main"


def state(kind: str, **fields: Any) -> EndpointState:
    made: dict[str, Any] = {
        "endpoint": E, "kind": kind, "paused": True, "reason": None, "since": None, "next_probe_at": None, "probes": 0,
        "hold_partition": None, "done_below": None, "done_beyond": None, "url_hash": None, "actor": "t", "updated_at": 1,
        **fields,
    }  # fmt: skip
    return made  # type: ignore[return-value]  # field for field the record


def walk(*attempts: tuple[int, str], pause: AutoPause | None = None) -> AutoPause | None:
    streak = Streak()
    for at, outcome in attempts:
        pause = after_attempt(pause, streak, outcome, at=at, url_hash="u", policy=POLICY)
    return pause


def failures(count: int, *, every: int, first: int = 0) -> list[tuple[int, str]]:
    return [(first + number * every, "http_5xx") for number in range(count)]


HISTORIES: dict[str, tuple[list[tuple[int, str]], tuple[str, int] | None]] = {
    "nineteen failures": (failures(19, every=MINUTE), None),
    "twenty within ten minutes": (failures(20, every=20_000), None),
    "twenty over ten minutes": (failures(20, every=32_000), ("failing", 19 * 32_000)),
    "many within ten minutes and one after": (
        [*failures(500, every=1000), (10 * MINUTE, "timeout_response")],
        ("failing", 10 * MINUTE),
    ),
    "a success between": ([*failures(19, every=MINUTE), (1_200_000, "success"), (1_210_000, "dns")], None),
    "blocked addresses": ([(number * MINUTE, "blocked") for number in range(40)], None),
    "one 410": ([(5, "http_410")], ("gone", 5)),
    "a 410 among successes": ([(1, "success"), (5, "http_410")], ("gone", 5)),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_failures_in_a_row_over_some_time_pause_and_nothing_else_does(name: str) -> None:
    attempts, expected = HISTORIES[name]
    pause = walk(*attempts)
    assert (None if pause is None else (pause.reason, pause.since)) == expected


def test_probes_come_at_1_5_15_30_and_then_every_60_minutes() -> None:
    pause = walk(*failures(20, every=MINUTE))
    assert pause is not None
    at, waits = pause.since, []
    for _ in range(7):
        assert pause is not None
        waits.append((pause.next_probe_at - at) // MINUTE)
        at = pause.next_probe_at
        pause = walk((at, "connect"), pause=pause)
    assert waits == [1, 5, 15, 30, 60, 60, 60]
    assert walk((at + 1, "success"), pause=pause) is None


def test_one_that_is_gone_is_probed_hourly() -> None:
    pause = walk((0, "http_410"))
    assert pause is not None
    assert pause.next_probe_at == 60 * MINUTE
    again = walk((60 * MINUTE, "http_5xx"), pause=pause)
    assert again is not None
    assert (again.reason, again.next_probe_at) == ("gone", 120 * MINUTE)


def test_what_was_under_way_when_the_pause_began_changes_nothing() -> None:
    pause = AutoPause("failing", 1000, 61_000, 0, "u")
    for attempt in ((1000, "success"), (900, "success"), (2000, "http_5xx"), (60_999, "timeout_response")):
        assert walk(attempt, pause=pause) == pause
    assert walk((1001, "success"), pause=pause) is None


@pytest.mark.parametrize("outcome", ["http_5xx", "timeout_connect", "dns", "blocked", "http_429", "http_3xx"])
def test_a_probe_that_fails_in_whatever_way_makes_the_next_one_later(outcome: str) -> None:
    pause = AutoPause("failing", 1000, 61_000, 0, "u")
    after = walk((61_000, outcome), pause=pause)
    assert after is not None
    assert (after.probes, after.next_probe_at, after.since) == (1, 61_000 + 5 * MINUTE, 1000)


def test_another_url_ends_gone_and_probes_a_failing_one_at_once() -> None:
    gone, failing = AutoPause("gone", 0, 9, 0, "u"), AutoPause("failing", 0, 9, 2, "u")
    assert after_url(gone, "u", now=5) is gone
    assert after_url(gone, "v", now=5) is None
    assert after_url(failing, "v", now=5) == AutoPause("failing", 0, 5, 2, "v")


def test_an_endpoint_is_paused_while_either_writer_says_so() -> None:
    book = PauseBook()
    assert book.apply(manual_key(E), state("manual", reason="manual")) == E
    assert book.apply(auto_key(E), state("auto", reason="gone")) is None
    assert (book.is_paused(E), book.reason(E)) == (True, "manual")
    assert book.apply(manual_key(E), state("manual", paused=False, updated_at=7)) is None
    assert (book.is_paused(E), book.reason(E), book.settled_at(E)) == (True, "gone", 7)
    assert book.apply(auto_key(E), None) == E
    assert (book.is_paused(E), book.reason(E), book.paused()) == (False, None, frozenset())


def test_a_claim_says_how_far_and_a_key_that_is_none_of_ours_says_nothing() -> None:
    book = PauseBook()
    book.apply(claim_key(E, 3), state("hold", paused=False, done_below=40, done_beyond="1:AQ=="))
    book.apply(f"{E}|hold|x", state("hold", done_below=40))
    book.apply(f"{E}|other", state("auto"))
    assert book.claims(3) == {E: Claim(40, "1:AQ==")}
    book.apply(claim_key(E, 3), None)
    assert (book.claims(3), book.is_paused(E)) == ({}, False)


def test_a_notice_has_one_id_whoever_tells_it_and_its_own_failures_tell_nothing() -> None:
    first = notice(PAUSED, E, at=1_705_314_600_000, now=1, reason="failing")
    assert first["event_id"] == notice(PAUSED, E, at=1_705_314_600_000, now=99, reason="failing")["event_id"]
    assert first["endpoint"] == "acme/notify"
    assert first["body"] == (
        b'{"event":"endpoint.paused","endpoint":"acme/main","reason":"failing","timestamp":"2024-01-15T10:30:00.000Z"}'
    )
    assert is_notices("acme/notify")
    assert not is_notices("acme/notifying")
    window = window_of(1_705_314_600_000)
    ids = {notice(DEAD_LETTERS, E, at=window_of(window + late), now=1)["event_id"] for late in (0, 1, WINDOW_MS - 1)}
    assert len(ids) == 1


Held = list[tuple[int, bool]]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=60),
    st.integers(0, 3),
    st.integers(0, 60),
)
def test_the_floor_never_passes_a_task_that_is_not_done_whatever_claims_say(
    records: list[tuple[int, bool]], claimed: int, restart: int
) -> None:
    """Some are done by an earlier owner, who claimed one endpoint; the next reads from its own floor on."""
    undone = {offset for offset, (_, done) in enumerate(records) if not done}
    window = OffsetWindow(0)
    for offset, (endpoint, done) in enumerate(records):
        if endpoint == claimed:
            window.begin(offset)
            if done:
                window.finish(offset)
    claim = Claim(window.floor or 0, window.metadata())
    index = HoldIndex({f"e{claimed}": claim})
    begin = min([restart, *(offset for offset in undone)], default=restart)
    for offset in range(begin, len(records)):
        index.add(f"e{records[offset][0]}", offset, offset)
    floor = index.floor()
    waiting = {offset for offset in undone if offset >= begin}
    assert floor is None or all(offset >= floor for offset in waiting)
    of_claimed = index.of(f"e{claimed}")
    expected = sum(1 for offset in waiting if records[offset][0] == claimed)
    assert (0 if of_claimed is None else of_claimed.count) == expected


def test_a_job_that_is_through_leaves_nothing_and_one_that_stops_leaves_the_rest() -> None:
    index = HoldIndex({})
    for offset in range(10):
        index.add(f"e{offset % 2}", offset, 100 + offset)
    assert (len(index), index.floor()) == (10, 0)
    index.done("e0", below=5, beyond="", finished=3, oldest_at=104)
    assert (len(index), index.floor()) == (7, 1)
    index.done("e1", below=10, beyond="", finished=5, oldest_at=109)
    assert (len(index), index.floor(), index.of("e1")) == (2, 5, None)
    index.done("e0", below=9, beyond="", finished=2, oldest_at=108)
    assert (len(index), index.floor()) == (0, 10)


def test_what_a_drain_did_ahead_of_the_index_waits_no_more_when_it_is_read_here() -> None:
    index = HoldIndex({})
    for offset in range(3):
        index.add(E, offset, 100)
    index.done(E, below=5, beyond="", finished=5, oldest_at=100)
    assert (index.of(E), index.floor()) == (None, 3)
    index.add(E, 3, 100)
    index.add(E, 4, 100)
    assert (index.of(E), index.floor()) == (None, 5)
    index.add(E, 5, 100)
    waiting = index.of(E)
    assert waiting is not None
    assert (waiting.first, waiting.count, waiting.beyond) == (5, 1, "")


def test_what_was_done_since_a_takeover_is_not_tried_again_for_the_sake_of_its_old_claim() -> None:
    window = OffsetWindow(10)
    for offset in (10, 11):
        window.begin(offset)
    window.finish(11)
    index = HoldIndex({E: Claim(10, window.metadata())})
    for offset in (10, 11, 12):
        index.add(E, offset, 100)
    assert len(index) == 2
    index.done(E, below=13, beyond="", finished=2, oldest_at=100)
    index.add(E, 99, 100)
    waiting = index.of(E)
    assert waiting is not None
    assert (waiting.first, waiting.beyond) == (99, "")


def test_an_index_keeps_nothing_for_each_record_that_waits() -> None:
    window = OffsetWindow(0)
    for offset in range(3):
        window.begin(offset)
    window.finish(2)
    index = HoldIndex({E: Claim(0, window.metadata())})
    for offset in range(5000):
        index.add(E, offset, 100)
    kept = [value for value in vars(index).values() if isinstance(value, dict)]
    assert all(not isinstance(one, OffsetWindow) for value in kept for one in value.values())
    assert sum(len(one) for value in kept for one in value.values() if isinstance(one, set)) == 0
    assert len(index) == 4999


@pytest.mark.parametrize(
    ("below", "committed", "end", "believed"),
    [(40, 0, 100, True), (40, 100, 100, True), (100, 3, 100, True), (40, -1, 100, False), (101, 3, 100, False),
     (40, 101, 100, False)],
)  # fmt: skip
def test_claims_on_a_log_that_was_made_anew_say_nothing(below: int, committed: int, end: int, believed: bool) -> None:
    assert speak_of_this_log({E: Claim(below, "")}, committed=committed, end=end) is believed


@given(st.integers(1, 40), st.randoms(use_true_random=False))
def test_a_drain_that_is_ahead_or_behind_repeats_nothing_and_loses_nothing(count: int, random: Random) -> None:
    """Records of one endpoint; the index reads at its own pace, drains do some of what they can see, in any order."""
    index, read, done = HoldIndex({}), 0, set[int]()
    while read < count or index.of(E) is not None:
        waiting = index.of(E)
        if read < count and (waiting is None or random.random() < 0.5):
            index.add(E, read, read)
            read += 1
            continue
        assert waiting is not None
        window, seen = OffsetWindow(waiting.first, waiting.beyond), random.randint(waiting.last + 1, count)
        taken = [offset for offset in range(waiting.first, seen) if window.begin(offset)]
        assert not done & set(taken), "tried twice"
        finished = [offset for offset in taken if random.random() < 0.7]
        for offset in finished:
            window.finish(offset)
        done |= set(finished)
        window.pass_by(seen)
        index.done(E, below=window.floor or 0, beyond=window.metadata(), finished=len(finished), oldest_at=0)
        committed = index.floor()
        assert committed is None or done >= set(range(committed))
    assert done == set(range(count))


def test_who_waits_in_one_partition_has_its_turn_beside_a_crowd_in_another() -> None:
    crowd = [Wish(5.0 + number, 0, f"c{number}", "drain") for number in range(20)]
    alone = Wish(1.0, 1, "alone", "drain")
    running = [Running(9.9, 0, f"r{number}", stopping=False) for number in range(DRAINS_MAX - 1)]
    assert turns([*crowd, alone], running, now=10.0) == Turns([alone], [])


def test_as_many_long_drains_make_room_as_others_wait() -> None:
    running = [Running(float(number), 0, f"r{number}", stopping=number == 0) for number in range(DRAINS_MAX)]
    wishes = [Wish(0.0, 1, f"w{number}", "drain") for number in range(3)]
    assert turns(wishes, running, now=SLICE_S + 6.5) == Turns([], running[1:3])
    assert turns(wishes, running, now=SLICE_S) == Turns([], [])
    assert turns(wishes[:1], running, now=100.0) == Turns([], []), "one makes room already"
    assert turns([], running, now=100.0) == Turns([], [])


@pytest.mark.parametrize(
    ("waits", "probe", "by_hand", "old", "expected"),
    [
        (False, True, True, True, "drain"),
        (True, True, False, True, "probe"),
        (True, True, True, True, "expire"),
        (True, True, True, False, None),
        (True, False, False, True, "expire"),
        (True, False, False, False, None),
    ],
)
def test_what_is_done_about_held_tasks(
    waits: bool, probe: bool, by_hand: bool, old: bool, expected: str | None
) -> None:
    assert purpose_of(waits=waits, probe=probe, by_hand=by_hand, old=old) == expected
