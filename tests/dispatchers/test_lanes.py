"""Lanes against a naive model: limits, order per contact, no starvation, nothing left behind."""

from collections import defaultdict
from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dispatchers import lanes as bounds
from dispatchers.lanes import LAG_S, LANE_BYTES_MAX, LANE_RECORDS_MAX, RATE_CATCH_UP_S, READ_AHEAD_MAX, Lanes


class Task(NamedTuple):
    endpoint: str
    contact: str
    number: int
    partition: int
    size: int


class LanesAgainstLists(RuleBasedStateMachine):
    """Endpoints with and without a rate; partitions come and go; time only moves on."""

    CONCURRENCY = {"a": 1, "b": 2, "c": 3, "d": 2}  # noqa: RUF012 - a table, never written
    RATE = {"d": 4.0}  # noqa: RUF012 - the same

    @initialize(inflight_max=st.integers(1, 5))
    def fresh(self, inflight_max: int) -> None:
        self.inflight_max = inflight_max
        self.lanes: Lanes[Task] = Lanes(inflight_max=inflight_max)
        self.queued: dict[tuple[str, str], list[Task]] = defaultdict(list)
        self.running: list[Task] = []
        self.now = 100.0
        self.number = 0
        self.offered: dict[int, float] = {}
        self.until: dict[str, float] = {}
        self.starts: dict[str, list[float]] = defaultdict(list)

    @rule(
        endpoint=st.sampled_from("abcd"),
        contact=st.sampled_from("xyz"),
        partition=st.integers(0, 2),
        size=st.integers(1, 9),
    )
    def offer(self, endpoint: str, contact: str, partition: int, size: int) -> None:
        self.number += 1
        task = Task(endpoint, contact, self.number, partition, size)
        answer = self.lanes.offer(
            endpoint,
            contact,
            task,
            size,
            now=self.now,
            concurrency=self.CONCURRENCY[endpoint],
            rate_per_s=self.RATE.get(endpoint),
        )
        if answer == "queued":
            self.queued[endpoint, contact].append(task)
        else:
            assert answer == "lane_full"
            oldest = self.offered[min(t.number for key, ts in self.queued.items() if key[0] == endpoint for t in ts)]
            assert self.now - oldest > LAG_S, "a lane with room that keeps up takes what is offered"
        self.offered[self.number] = self.now

    @rule(endpoint=st.sampled_from("abcd"), partition=st.integers(0, 2))
    def take(self, endpoint: str, partition: int) -> None:
        taken = self.lanes.take(endpoint, lambda task: task.partition == partition)
        for key, tasks in self.queued.items():
            if key[0] == endpoint:
                for task in [task for task in tasks if task.partition == partition]:
                    taken.remove(task)
                    tasks.remove(task)
        assert not taken

    @rule(step=st.sampled_from([0.0, 0.025, 0.3, 2.0]))
    def start(self, step: float) -> None:
        self.now += step
        for task in self.lanes.start(self.now):
            assert self.queued[task.endpoint, task.contact].pop(0) == task
            assert self.now >= self.until.get(task.endpoint, 0.0)
            self.starts[task.endpoint].append(self.now)
            self.running.append(task)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), throttle=st.booleans())
    def finish(self, data: st.DataObject, throttle: bool) -> None:
        task = data.draw(st.sampled_from(self.running))
        self.running.remove(task)
        if throttle:
            self.lanes.throttle(task.endpoint, self.now + 1.0)
            self.until[task.endpoint] = self.now + 1.0
        self.lanes.finished(task.endpoint, task.contact, task.size)

    @rule(partition=st.integers(0, 2))
    def revoke(self, partition: int) -> None:
        self.lanes.drop(lambda task: task.partition == partition)
        for key, tasks in self.queued.items():
            self.queued[key] = [task for task in tasks if task.partition != partition]

    @invariant()
    def limits_hold(self) -> None:
        assert len(self.running) <= self.inflight_max
        for endpoint, most in self.CONCURRENCY.items():
            assert sum(task.endpoint == endpoint for task in self.running) <= most
        assert len({task[:2] for task in self.running}) == len(self.running)
        for endpoint, rate in self.RATE.items():
            for first, at in enumerate(self.starts[endpoint]):
                for last in range(first + 1, len(self.starts[endpoint])):
                    span = self.starts[endpoint][last] - at
                    assert last - first <= (span + RATE_CATCH_UP_S) * rate + 1e-6

    @invariant()
    def nothing_is_counted_that_is_not_there(self) -> None:
        queued = [task for tasks in self.queued.values() for task in tasks]
        assert (self.lanes.queued, self.lanes.running) == (len(queued), len(self.running))
        assert self.lanes._bytes == sum(task.size for task in [*queued, *self.running])

    def teardown(self) -> None:
        if not hasattr(self, "lanes"):
            return
        for _ in range(10_000):
            self.start(1.0)
            if not self.running:
                break
            for task in self.running:
                self.lanes.finished(task.endpoint, task.contact, task.size)
            self.running = []
        assert not any(self.queued.values()), "offered and never started"
        self.lanes.start(self.now + 60)
        assert (len(self.lanes), self.lanes._bytes, self.lanes._asleep) == (0, 0, [])


LanesAgainstLists.TestCase.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
TestLanesAgainstLists = LanesAgainstLists.TestCase


def test_a_rate_counts_also_when_tasks_come_one_at_a_time() -> None:
    lanes: Lanes[int] = Lanes(inflight_max=10)
    started = 0
    for number in range(1000):
        lanes.offer("e", f"c{number}", number, 1, now=10 + number / 100, concurrency=5, rate_per_s=2)
        for task in lanes.start(10 + number / 100):
            started += 1
            lanes.finished("e", f"c{task}", 1)
    assert 20 <= started <= 21


def test_a_throttle_outlives_the_moment_in_which_its_lane_is_idle() -> None:
    lanes: Lanes[str] = Lanes(inflight_max=10)
    lanes.offer("e", "c", "first", 1, now=0.0, concurrency=1)
    assert lanes.start(1.0) == ["first"]
    lanes.throttle("e", 5.0)
    lanes.finished("e", "c", 1)
    lanes.offer("e", "c", "second", 1, now=0.0, concurrency=1)
    assert lanes.start(4.9) == []
    assert lanes.start(5.0) == ["second"]


def test_a_high_rate_is_reached_though_the_shell_looks_only_every_25_ms() -> None:
    lanes: Lanes[int] = Lanes(inflight_max=1000)
    for number in range(900):
        lanes.offer("e", f"c{number}", number, 1, now=0.0, concurrency=900, rate_per_s=200)
    started = sum(len(lanes.start(10 + tick * 0.025)) for tick in range(41))
    assert 190 <= started <= 221


def test_a_revoke_of_everything_leaves_no_lane_behind() -> None:
    lanes: Lanes[int] = Lanes(inflight_max=10)
    for number in range(100):
        lanes.offer(f"e{number}", "c", number, 1, now=0.0, concurrency=1)
    lanes.drop(lambda _: True)
    assert lanes.start(0.0) == []
    assert (len(lanes), lanes.queued, lanes._bytes) == (0, 0, 0)


def test_a_revoke_while_a_contact_runs_keeps_its_place_until_it_ends() -> None:
    lanes: Lanes[str] = Lanes(inflight_max=10)
    lanes.offer("e", "c", "gone", 1, now=0.0, concurrency=5)
    assert lanes.start(0.0) == ["gone"]
    lanes.drop(lambda task: task == "gone")
    lanes.offer("e", "c", "next", 1, now=0.0, concurrency=5)
    assert lanes.start(0.0) == []
    lanes.finished("e", "c", 1)
    assert lanes.start(0.0) == ["next"]


def test_large_bodies_of_one_endpoint_leave_room_for_the_others() -> None:
    lanes: Lanes[int] = Lanes(inflight_max=10)
    half = LANE_BYTES_MAX // 2
    assert [lanes.offer("big", f"c{n}", n, half, now=0.0, concurrency=1) for n in range(3)] == [
        "queued",
        "queued",
        "lane_full",
    ]
    assert lanes.offer("small", "c", 9, 100, now=0.0, concurrency=1) == "queued"
    assert lanes.start(0.0) == [0, 9]
    assert lanes.room("big") == "lane_full", "what is in flight still counts"
    lanes.finished("big", "c0", half)
    assert lanes.room("big") == "queued"


def test_one_task_larger_than_a_lane_is_taken_when_it_is_alone() -> None:
    lanes: Lanes[int] = Lanes(inflight_max=1)
    assert lanes.offer("e", "c", 1, LANE_BYTES_MAX * 2, now=0.0, concurrency=1) == "queued"
    assert lanes.start(0.0) == [1]


def test_the_whole_is_bounded_with_what_is_in_flight() -> None:
    lanes: Lanes[int] = Lanes(inflight_max=bounds.RECORDS_MAX)
    offered = 0
    while (
        lanes.offer(f"e{offered // LANE_RECORDS_MAX}", f"c{offered}", offered, 1, now=0.0, concurrency=LANE_RECORDS_MAX)
        == "queued"
    ):
        offered += 1
    assert offered == bounds.RECORDS_MAX
    started = lanes.start(0.0)
    assert lanes.room("e9999") == "whole_full", "in flight counts as well"
    lanes.finished(f"e{started[-1] // LANE_RECORDS_MAX}", f"c{started[-1]}", 1)
    assert lanes.room("e9999") == "queued"


def test_ten_thousand_lanes_take_turns() -> None:
    lanes: Lanes[int] = Lanes(inflight_max=10_000)
    for turn in range(2):
        for number in range(10_000):
            assert lanes.offer(f"e{number}", f"c{turn}", number, 1, now=0.0, concurrency=1) == "queued"
    assert lanes.start(0.0) == list(range(10_000))
    for number in range(10_000):
        lanes.finished(f"e{number}", "c0", 1)
    assert sorted(lanes.start(0.0)) == list(range(10_000))


def test_a_hung_endpoint_never_takes_the_turn_of_another() -> None:
    lanes: Lanes[str] = Lanes(inflight_max=5)
    for number in range(50):
        lanes.offer("hung", f"c{number}", "hung", 1, now=0.0, concurrency=2)
    assert lanes.start(0.0) == ["hung", "hung"]
    for number in range(50):
        lanes.offer("well", f"c{number}", "well", 1, now=0.0, concurrency=2)
    for number in range(0, 50, 2):
        assert lanes.start(0.0) == ["well", "well"]
        lanes.finished("well", f"c{number}", 1)
        lanes.finished("well", f"c{number + 1}", 1)


def test_a_limit_lowered_meanwhile_holds_for_what_has_not_started() -> None:
    lanes: Lanes[int] = Lanes(inflight_max=10)
    for number in range(2):
        lanes.offer("e", f"c{number}", number, 1, now=0.0, concurrency=3)
    lanes.throttle("e", 1.0)
    assert lanes.start(0.0) == []
    lanes.offer("e", "c2", 2, 1, now=0.0, concurrency=1)
    assert lanes.start(1.0) == [0]
    lanes.offer("e", "c3", 3, 1, now=0.0, concurrency=3)
    lanes.offer("e", "c4", 4, 1, now=0.0, concurrency=1)
    assert lanes.start(1.0) == []


def test_a_lane_whose_head_waits_takes_no_more_than_keeps_its_slots_busy() -> None:
    lanes: Lanes[int] = Lanes(inflight_max=10)
    for number in range(100):
        assert lanes.offer("slow", f"c{number}", number, 1, now=0.0, concurrency=2) == "queued"
    assert lanes.offer("slow", "c", 100, 1, now=LAG_S, concurrency=2) == "queued"
    assert lanes.offer("slow", "c", 101, 1, now=LAG_S + 0.1, concurrency=2) == "lane_full"
    assert lanes.offer("well", "c", 102, 1, now=LAG_S + 0.1, concurrency=2) == "queued"
    assert len(lanes.take("slow")) == 101
    for number in range(4):
        assert lanes.offer("slow", f"c{number}", number, 1, now=2.0, concurrency=2) == "queued"
    assert lanes.offer("slow", "c", 9, 1, now=3.5, concurrency=2) == "lane_full"


def test_where_every_lane_waits_none_of_them_lags() -> None:
    lanes: Lanes[int] = Lanes(inflight_max=1)
    now = 0.0
    for number in range(300):
        assert lanes.offer(f"e{number % 3}", f"c{number}", number, 1, now=now, concurrency=8) == "queued"
    for turn in range(200):
        now += 0.05
        (started,) = lanes.start(now)
        lanes.finished(f"e{started % 3}", f"c{started}", 1)
        number = 300 + turn
        assert lanes.offer(f"e{number % 3}", f"c{number}", number, 1, now=now, concurrency=8) == "queued"


def test_only_lanes_that_keep_up_count_as_read_ahead() -> None:
    lanes: Lanes[int] = Lanes(inflight_max=10)
    for number in range(READ_AHEAD_MAX):
        lanes.offer(f"e{number % 4}", f"c{number}", number, 1, now=0.0, concurrency=8)
    assert lanes.reads_ahead(0.5)
    assert not lanes.reads_ahead(LAG_S + 0.1)
    assert lanes.slowest(0.5) is None
    assert lanes.slowest(LAG_S + 0.1) == "e0"


def test_hung_endpoints_never_take_the_last_slot() -> None:
    lanes: Lanes[str] = Lanes(inflight_max=64)
    for number in range(40 * 8):
        lanes.offer(f"hung{number % 40}", f"c{number}", "hung", 1, now=0.0, concurrency=8)
    assert lanes.start(0.0)
    assert lanes.running < 64
    lanes.offer("well", "c", "well", 1, now=0.0, concurrency=8)
    assert "well" in lanes.start(0.0)
    for endpoint, contact in (("well", "c"), ("hung0", "c0"), ("hung0", "c40")):
        lanes.finished(endpoint, contact, 1)
    assert lanes.start(0.0), "a lane that found slots scarce takes part again"


def test_a_contact_that_waits_for_itself_is_the_head_of_its_lane() -> None:
    lanes: Lanes[int] = Lanes(inflight_max=10)
    for number in range(9):
        assert lanes.offer("e", "one", number, 1, now=0.0, concurrency=4) == "queued"
    assert lanes.start(0.0) == [0]
    assert lanes.offer("e", "two", 9, 1, now=LAG_S + 0.1, concurrency=4) == "lane_full"
    assert lanes.take("e") == [1, 2, 3, 4, 5, 6, 7, 8]
