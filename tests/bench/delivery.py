"""The dispatcher alone: from an event on its topic to its webhook, memory with many endpoints, and many webhooks each once."""

from typing import NamedTuple

import psutil

from tests.bench.traffic import (
    arrived,
    await_idle,
    configuration,
    customers,
    drive,
    gauge,
    make,
    percentile,
    pour,
)
from tests.stage import Role, Stage, await_condition

ENDPOINTS = 20
WARM_S = 5
SECONDS = 10
COUNT_S_MAX = 300.0
MEGABYTE = 1_000_000


def latency(stage: Stage, rate: int) -> tuple[float, float]:
    """From an event's produce to the arrival of its webhook at a fixed rate: p50 and p99 in milliseconds."""
    with customers() as known:
        stage.configure(configuration([known.url(f"well/e{number}") for number in range(ENDPOINTS)]))
        role = stage.start("dispatcher", "--event", "delivery").await_ready()
        took: list[float] = []
        for seconds in (WARM_S, SECONDS):  # what the first has left behind is through before the second begins
            events = make(number % ENDPOINTS for number in range(rate * seconds))
            meant = {one.event_id: at for one, at in zip(events, drive(stage, events, rate), strict=True)}
            came = arrived(known, meant, COUNT_S_MAX)
            took = [(came[name] - at) * 1000 for name, at in meant.items()]
        assert role.terminate() == 0
    return percentile(took, 0.5), percentile(took, 0.99)


def rss(role: Role) -> float:
    """Resident megabytes."""
    return float(psutil.Process(role.process.pid).memory_info().rss) / MEGABYTE


class Footprint(NamedTuple):
    """Resident megabytes."""

    configured: float
    in_flight: float


def footprint(stage: Stage, endpoints: int, tries: int) -> Footprint:
    """Memory with so many endpoints configured, and with so many tries in flight that get no answer."""
    with customers() as known:
        stage.configure(configuration([known.url(f"hang/e{number}") for number in range(endpoints)]))
        role = stage.start(
            "dispatcher",
            "--event",
            "delivery",
            TRACKLY_DISPATCH__INFLIGHT_MAX=str(tries),
            TRACKLY_DISPATCH__ATTEMPT_TIMEOUT_S="120",
        ).await_ready()
        configured = rss(role)
        pour(stage, make(range(tries)))
        highest = 0.0

        def all_in_flight() -> bool:
            nonlocal highest
            highest = max(highest, rss(role))
            return gauge(role.metrics(), "trackly_dispatch_inflight") >= tries and known.counts()[0] >= tries

        await_condition(all_in_flight, what=f"{tries} tries in flight", timeout_s=COUNT_S_MAX)
        highest = max(highest, rss(role))
        role.kill()
    return Footprint(configured, highest)


class Delivered(NamedTuple):
    """What arrived of what was sent."""

    lost: int
    repeated: int
    per_s: float


def crowd(stage: Stage, webhooks: int, endpoints: int) -> Delivered:
    """So many webhooks to so many endpoints, from a backlog."""
    with customers() as known:
        stage.configure(configuration([known.url(f"well/e{number}") for number in range(endpoints)]))
        events = make(number % endpoints for number in range(webhooks))
        pour(stage, events)
        role = stage.start("dispatcher", "--event", "delivery")
        known.await_count(webhooks, COUNT_S_MAX)
        await_idle(role)
        assert role.terminate() == 0
        first, (_, requests) = known.first(), known.counts()
    lost = sum(one.event_id not in first for one in events)
    took_s = max(first.values()) - min(first.values())
    return Delivered(lost, requests - len(first), len(first) / took_s)
