"""The dispatcher's pure modules: verdict table, offset window, lanes, delay heads, brokers' clock, signatures."""

import base64
import contextlib
import random
import time
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook
from svix.webhooks import Webhook as SvixWebhook

from dispatchers.broker_clock import GONE_MS, SPACING_MS, WINDOW_MS, BrokerClock
from dispatchers.delay import PARKED_HIGH, PARKED_LOW, ParkedHeads
from dispatchers.lanes import LANE_RECORDS_MAX, Lanes
from dispatchers.signature import documented, headers_for, verify
from dispatchers.verdict import (
    OUTCOMES,
    Blocked,
    Dead,
    Delivered,
    Failed,
    Hold,
    Kind,
    Outcome,
    Responded,
    RetryAt,
    Spent,
    Verdict,
    decide,
    label,
    retry_after_s,
)
from dispatchers.window import SPAN_MAX, OffsetWindow

TIERS = (60.0, 300.0, 900.0, 3600.0, 7200.0)
NOW = 1_705_314_600_000

VERDICTS: list[tuple[Outcome, int, Verdict, str]] = [
    (Responded(200), 1, Delivered(), "success"),
    (Responded(204), 6, Delivered(), "success"),
    (Responded(299), 1, Delivered(), "success"),
    (Responded(301), 1, RetryAt(0), "http_3xx"),
    (Responded(400), 2, RetryAt(1), "http_4xx"),
    (Responded(410), 1, Hold(), "http_410"),
    (Responded(429), 1, RetryAt(0, throttle=True), "http_429"),
    (Responded(429, "120"), 1, RetryAt(1, throttle=True), "http_429"),
    (Responded(503, "10"), 4, RetryAt(3, throttle=True), "http_5xx"),
    (Responded(503, "99999999999"), 1, RetryAt(4, throttle=True), "http_5xx"),
    (Responded(503, "Mon, 15 Jan 2024 11:30:00 GMT"), 1, RetryAt(3, throttle=True), "http_5xx"),
    (Responded(503, "yesterday"), 1, RetryAt(0, throttle=True), "http_5xx"),
    (Responded(500, "3600"), 1, RetryAt(0), "http_5xx"),
    (Responded(502), 5, RetryAt(4, throttle=True), "http_5xx"),
    (Responded(500), 6, Dead("attempts_exhausted"), "http_5xx"),
    (Failed("timeout_response"), 1, RetryAt(0), "timeout_response"),
    (Failed("dns"), 6, Dead("attempts_exhausted"), "dns"),
    (Blocked("private"), 1, Dead("blocked_address"), "blocked"),
    (Responded(799), 1, RetryAt(0), "http_5xx"),
    (Responded(100), 1, RetryAt(0), "http_1xx"),
    (Responded(413), 3, RetryAt(2), "http_4xx"),
    (Responded(410), 6, Hold(), "http_410"),
    (Responded(504, "3600"), 1, RetryAt(0, throttle=True), "http_5xx"),
    (Responded(429, "0"), 5, RetryAt(4, throttle=True), "http_429"),
    (Responded(429, "60"), 1, RetryAt(0, throttle=True), "http_429"),
    (Responded(429, "61"), 1, RetryAt(1, throttle=True), "http_429"),
    (Responded(429, "7201"), 2, RetryAt(4, throttle=True), "http_429"),
    (Responded(429, "-5"), 2, RetryAt(1, throttle=True), "http_429"),
    (Responded(429, "1.5"), 2, RetryAt(1, throttle=True), "http_429"),
    (Responded(429, "\u00b2"), 2, RetryAt(1, throttle=True), "http_429"),
    (Responded(429, "Thu, 01 Jan 1970 00:00:00 GMT"), 2, RetryAt(1, throttle=True), "http_429"),
    (Responded(429, "Fri, 31 Dec 9999 23:59:59 GMT"), 1, RetryAt(4, throttle=True), "http_429"),
    (Responded(429, "Fri, 31 Dec 9999 23:59:59 -2359"), 1, RetryAt(4, throttle=True), "http_429"),
    (Responded(429, "Mon, 32 Jan 2024 11:30:00 GMT"), 1, RetryAt(0, throttle=True), "http_429"),
    (Responded(429, "Monday, 15-Jan-24 11:30:00 GMT"), 1, RetryAt(3, throttle=True), "http_429"),
    (Responded(429, "9" * 5000), 6, Dead("attempts_exhausted"), "http_429"),
]


@pytest.mark.parametrize("outcome, attempt, verdict, word", VERDICTS)
def test_an_outcome_has_its_verdict(outcome: Outcome, attempt: int, verdict: Verdict, word: str) -> None:
    assert decide(outcome, attempt=attempt, tier_delays_s=TIERS, now=NOW) == verdict
    assert label(outcome) == word
    assert word in OUTCOMES


@pytest.mark.parametrize("kind, outcome, verdict", [
    ("probe", Responded(200), Delivered()),
    ("probe", Responded(500), Hold()),
    ("probe", Responded(410), Hold()),
    ("probe", Responded(429, "60"), Hold()),
    ("probe", Failed("connect"), Hold()),
    ("probe", Blocked("private"), Dead("blocked_address")),
    ("only", Responded(204), Delivered()),
    ("only", Responded(500), Spent()),
    ("only", Responded(410), Spent()),
    ("only", Failed("dns"), Spent()),
    ("only", Blocked("private"), Spent()),
])  # fmt: skip
def test_a_probe_spends_nothing_and_a_test_event_has_one_try(kind: Kind, outcome: Outcome, verdict: Verdict) -> None:
    for attempt in (1, 6):
        assert decide(outcome, attempt=attempt, tier_delays_s=TIERS, now=NOW, kind=kind) == verdict


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize(
    "date", ["Mon, 15 Jan 2024 11:30:00 GMT", "Mon, 15 Jan 2024 11:30:00 -0000", "Mon Jan 15 11:30:00 2024"]
)
def test_a_date_is_utc_wherever_this_machine_stands(date: str, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        found = retry_after_s(date, now=NOW)
    time.tzset()
    assert found == 3600.0


@given(st.integers(100, 999), st.none() | st.text(max_size=40), st.integers(1, 6))
def test_every_answer_ends_a_try_and_never_waits_less_than_its_turn(
    status: int, retry_after: str | None, attempt: int
) -> None:
    outcome = Responded(status, retry_after)
    assert label(outcome) in OUTCOMES
    match decide(outcome, attempt=attempt, tier_delays_s=TIERS, now=NOW):
        case RetryAt(tier=tier):
            assert attempt - 1 <= tier < len(TIERS)
        case Delivered():
            assert 200 <= status < 300
        case Dead() as dead:
            assert (attempt, dead) == (6, Dead("attempts_exhausted"))


@given(st.text(max_size=60))
def test_any_retry_after_is_read_or_ignored(text: str) -> None:
    found = retry_after_s(text, now=NOW)
    assert found is None or found >= 0


# ---- window ---------------------------------------------------------------------------------------------------------
@given(st.lists(st.integers(1, 3), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_the_floor_is_the_lowest_unfinished_and_survives_a_restart(steps: list[int], rng: random.Random) -> None:
    offsets, at = [], 10
    for step in steps:
        offsets.append(at)
        at += step
    window = OffsetWindow(10)
    for offset in offsets:
        assert window.begin(offset)
    finished: set[int] = set()
    floor = 10
    for offset in rng.sample(offsets, len(offsets)):
        window.finish(offset)
        finished.add(offset)
        open_ones = [one for one in offsets if one not in finished]
        assert window.floor == (open_ones[0] if open_ones else offsets[-1] + 1)
        assert window.floor >= floor
        floor = window.floor
        again = OffsetWindow(window.floor, window.metadata())
        redone = [one for one in offsets if one >= window.floor and again.begin(one)]
        assert redone == open_ones


def test_the_window_is_full_at_its_span_and_its_metadata_fits() -> None:
    window = OffsetWindow(0)
    for offset in range(SPAN_MAX):
        assert not window.full
        window.begin(offset)
    assert window.full
    for offset in range(1, SPAN_MAX):
        window.finish(offset)
    assert window.full
    assert len(window.metadata()) < 4096
    window.finish(0)
    assert (window.floor, window.full, window.metadata()) == (SPAN_MAX, False, "")


@pytest.mark.parametrize("metadata", ["", "2:abcd", "1:***", "garbage"])
def test_unreadable_metadata_counts_as_empty(metadata: str) -> None:
    window = OffsetWindow(5, metadata)
    assert window.begin(5)


# ---- lanes ----------------------------------------------------------------------------------------------------------
@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=80),
    st.integers(1, 4),
    st.integers(1, 8),
    st.randoms(use_true_random=False),
)
def test_lanes_keep_their_promises(
    tasks: list[tuple[int, int]], concurrency: int, inflight_max: int, rng: random.Random
) -> None:
    lanes: Lanes[tuple[str, str, int]] = Lanes(inflight_max=inflight_max)
    for number, (endpoint, contact) in enumerate(tasks):
        task = (f"e{endpoint}", f"c{contact}", number)
        assert lanes.offer(task[0], task[1], task, 1, now=0.0, concurrency=concurrency) == "queued"
    running: list[tuple[str, str, int]] = []
    order: dict[tuple[str, str], list[int]] = defaultdict(list)
    while True:
        for started in lanes.start(0.0):
            running.append(started)
            order[started[:2]].append(started[2])
        assert len(running) <= inflight_max
        assert len({task[:2] for task in running}) == len(running)
        for name in {task[0] for task in running}:
            assert sum(task[0] == name for task in running) <= concurrency
        if not running:
            break
        done = running.pop(rng.randrange(len(running)))
        lanes.finished(done[0], done[1], 1)
    assert sum(len(seen) for seen in order.values()) == len(tasks)
    assert all(seen == sorted(seen) for seen in order.values())
    assert (len(lanes), lanes.queued, lanes.running) == (0, 0, 0)


def test_a_flooding_lane_fills_alone_and_takes_only_its_turn() -> None:
    lanes: Lanes[str] = Lanes(inflight_max=100)
    offered = 0
    while lanes.offer("flood", f"c{offered}", "flood", 1, now=0.0, concurrency=100) == "queued":
        offered += 1
    assert offered == LANE_RECORDS_MAX
    for number in range(10):
        assert lanes.offer("calm", f"c{number}", "calm", 1, now=0.0, concurrency=100) == "queued"
    assert lanes.start(0.0)[:20].count("calm") == 10


def test_a_rate_spaces_starts_and_a_throttle_rests_the_lane() -> None:
    lanes: Lanes[int] = Lanes(inflight_max=10)
    for number in range(3):
        lanes.offer("e", f"c{number}", number, 1, now=0.0, concurrency=10, rate_per_s=2)
    assert lanes.start(0.0) == [0]
    assert lanes.next_wake() == 0.5
    assert lanes.start(0.49) == []
    assert lanes.start(0.5) == [1]
    lanes.throttle("e", 5.0)
    assert lanes.start(4.9) == []
    assert lanes.start(6.0) == [2]


def test_dropping_a_partitions_tasks_frees_contacts_and_room() -> None:
    lanes: Lanes[str] = Lanes(inflight_max=10)
    for task in ("gone", "stays", "gone"):
        lanes.offer("e", "c", task, 1, now=0.0, concurrency=1)
    lanes.drop(lambda task: task == "gone")
    assert lanes.start(0.0) == ["stays"]
    lanes.finished("e", "c", 1)
    assert (len(lanes), lanes.queued) == (0, 0)


# ---- delay and clock ------------------------------------------------------------------------------------------------
def test_a_parked_head_is_released_when_due_and_never_before() -> None:
    heads: ParkedHeads[str] = ParkedHeads(60)
    heads.park(1000, "a")
    heads.park(2000, "b")
    assert heads.next_due() == 61_000
    assert heads.release(60_999) == []
    assert heads.release(61_000) == [(61_000, "a")]
    assert heads.release(10**9) == [(62_000, "b")]


@given(
    st.floats(0.001, 8000, allow_nan=False),
    st.lists(st.tuples(st.integers(-50, 500), st.integers(0, 400)), min_size=1, max_size=40),
)
def test_nothing_is_released_early_whatever_order_append_times_have(
    delay_s: float, steps: list[tuple[int, int]]
) -> None:
    heads: ParkedHeads[int] = ParkedHeads(delay_s)
    appended, now, out = 1_000_000, 1_000_000, []
    for step, passed in steps:
        appended += step  # a new leader's clock may stand behind the old one's
        now += passed
        heads.park(appended, appended)
        for due, item in heads.release(now):
            assert due == item + round(delay_s * 1000) <= now
            out.append(item)
    rest = [item for _, item in heads.release(10**12)]
    assert len(out) + len(rest) == len(steps)
    assert heads.next_due() is None


def test_a_delay_in_parts_of_a_second_is_not_cut_short() -> None:
    heads: ParkedHeads[str] = ParkedHeads(1.001)
    heads.park(0, "a")
    assert heads.release(1000) == []
    assert heads.release(1001) == [(1001, "a")]


def test_parking_is_bounded_and_reading_goes_on_before_it_is_empty() -> None:
    heads: ParkedHeads[int] = ParkedHeads(1)
    reading = []
    for number in range(PARKED_HIGH):
        reading.append(heads.reading)
        heads.park(number, number)
    assert all(reading)
    seen = [heads.reading]
    for now in (1000 + PARKED_HIGH - PARKED_LOW - 2, 1000 + PARKED_HIGH - PARKED_LOW - 1):
        heads.release(now)
        seen.append(heads.reading)
    assert seen == [False, False, True]
    assert len(heads) == PARKED_LOW


def test_the_brokers_clock_is_never_ahead_of_any_broker() -> None:
    clock = BrokerClock()
    assert clock.now(0) is None
    clock.sample(1, 1_000_000, 100)
    clock.sample(1, 1_000_050, 200)
    clock.sample(2, 999_000, 200)
    assert clock.now(300) == 999_100
    assert clock.skew_ms() == 1_100
    assert clock.needs_heartbeat(frozenset({1, 2, 3}), 300) == [3]
    assert clock.needs_heartbeat(frozenset({1, 2}), 40_000) == [1, 2]
    clock.sample(1, 1_000_050 + WINDOW_MS, 200 + WINDOW_MS)
    assert clock.now(GONE_MS + 201) == GONE_MS + 201 + 999_850


def test_nothing_is_released_while_a_leaders_clock_is_unknown() -> None:
    clock = BrokerClock()
    assert clock.needs_heartbeat(frozenset({1, 2}), 0) == [1, 2]
    clock.sample(1, 1_005_000, 0)
    assert clock.now(0) is None
    clock.sample(2, 1_000_000, 0)
    assert clock.now(0) == 1_000_000


def test_a_broker_that_leads_nothing_any_more_counts_for_two_hours_and_is_then_forgotten() -> None:
    clock = BrokerClock()
    clock.sample(1, 1_005_000, 0)
    clock.sample(2, 1_000_000, 0)
    clock.sample(1, 1_005_000 + GONE_MS, GONE_MS)
    assert clock.needs_heartbeat(frozenset({1}), GONE_MS) == []
    assert clock.now(GONE_MS) == 1_000_000 + GONE_MS
    assert clock.needs_heartbeat(frozenset({1}), GONE_MS + 1) == []
    assert clock.now(GONE_MS + 1) == 1_005_000 + GONE_MS + 1
    assert clock.skew_ms() == 0


def test_samples_in_memory_are_few_however_many_tries_there_are() -> None:
    clock = BrokerClock()
    for number in range(100_000):  # acknowledgements get slower and slower: no sample outdoes the one before
        clock.sample(1, 1_000_000 + number, number * 1.001)
    assert len(clock._samples[1]) <= WINDOW_MS / SPACING_MS + 1


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 400)), min_size=1, max_size=60), st.integers(0, 10**6))
def test_the_clock_is_never_ahead_of_the_broker(steps: list[tuple[int, int]], truth: int) -> None:
    clock, mono = BrokerClock(), 0
    for step, ack_delay in steps:
        mono += step
        clock.sample(1, truth + mono, mono + ack_delay)
        now = clock.now(mono + ack_delay)
        assert now is not None
        assert now <= truth + mono + ack_delay


# ---- signatures -----------------------------------------------------------------------------------------------------
@given(st.binary(max_size=300), st.text(min_size=8, max_size=40), st.text(min_size=8, max_size=40))
def test_signatures_verify_by_other_peoples_libraries(body: bytes, old: str, new: str) -> None:
    now_s = int(time.time())
    headers = headers_for(body=body, event_id="evt_1", valid_secrets=(old, new), documented_secret=old, now_s=now_s)
    assert verify(body=body, secret=old, signature=headers["X-Trackly-Signature"])
    assert not verify(body=body + b"x", secret=old, signature=headers["X-Trackly-Signature"])
    assert headers["X-Trackly-Signature"] == documented(body, old)
    for secret in (old, new):
        key = base64.b64encode(secret.encode()).decode()
        for library in (Webhook(key), SvixWebhook(key)):
            with contextlib.suppress(ValueError):  # both parse JSON once the signature was found good
                library.verify(body, headers)
