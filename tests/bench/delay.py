"""A million tasks parked in one tier, some due in another: memory and CPU while they wait, and how late the due ones go.

A task is due at the append time of its record and the tier's delay: one machine, so the receiver's clock is the
broker's.
"""

import re
import time
from typing import NamedTuple

from runtime.kafka.admin import Cluster
from runtime.kafka.records import Partition
from runtime.kafka.scan import scan
from schemas import topics
from schemas.codec import decoder
from tests.bench.cpu import cpu_s
from tests.bench.delivery import rss
from tests.bench.traffic import (
    Made,
    arrived,
    configuration,
    customers,
    drive,
    gauge,
    make,
    make_tasks,
    percentile,
    pour,
)
from tests.stage import Role, Stage, await_condition

ENDPOINTS = 20
SHORT_S = 10.0
SHORT = topics.tier_topic("delivery", 0)
LONG = topics.tier_topic("delivery", 4)
DELAYS = {"TRACKLY_DISPATCH__TIER_DELAYS_S": f"{SHORT_S:g},300,900,3600,7200"}
WAITING_S = 10.0
DUE_RATE = 200
WARM = 1000
PARKED_AT_LEAST = 512
"""Heads that a partition parks before it is paused (dispatchers/delay.py)."""
WAIT_S = 120.0


class Parked(NamedTuple):
    """What waiting costs, and how late the due ones were."""

    more_mb: float
    """Resident memory above that of the same process with empty tiers, at its highest."""
    idle_cpu_s: float
    waiting_cpu_s: float
    """CPU seconds over WAITING_S, with empty tiers and with full ones."""
    released_in_time: float
    """Share of the due ones released within a second, by the dispatcher's own metric."""
    late_p99_ms: float
    earliest_ms: float
    """From due to arrival, by the receiver's clock; below 0 is early."""
    repeated: int


def measure(stage: Stage, parked: int, due: int) -> Parked:
    with customers() as known:
        stage.configure(configuration([known.url(f"well/e{number}") for number in range(ENDPOINTS)]))
        role = stage.start("dispatcher", "--event", "delivery", **DELAYS).await_ready()
        pour(stage, make(number % ENDPOINTS for number in range(WARM)))
        known.await_count(WARM, WAIT_S)
        empty_mb, idle_cpu_s = rss(role), waited_cpu_s(role)
        pour(stage, make_tasks(number % ENDPOINTS for number in range(parked)), LONG)
        await_parked(stage, role)
        highest_mb, waiting_cpu_s = rss(role), waited_cpu_s(role)
        tasks = list(make_tasks(number % ENDPOINTS for number in range(due)))
        drive(stage, tasks, DUE_RATE, SHORT)
        late = lateness_ms(stage, arrived(known, {one.event_id for one in tasks}, WAIT_S))
        highest_mb = max(highest_mb, rss(role))
        in_time = share_released_within(role, "1.0")
        different, requests = known.counts()
        assert role.terminate() == 0
    assert different == WARM + due
    return Parked(
        highest_mb - empty_mb,
        idle_cpu_s,
        waiting_cpu_s,
        in_time,
        percentile(late, 0.99),
        min(late),
        requests - different,
    )


def waited_cpu_s(role: Role) -> float:
    """CPU seconds over WAITING_S in which nobody asks anything of the process."""
    used = cpu_s(role.process.pid)
    time.sleep(WAITING_S)
    return cpu_s(role.process.pid) - used


def await_parked(stage: Stage, role: Role) -> None:
    """Wait until every partition of the long tier has parked what it will."""
    cluster = Cluster(stage.settings().kafka, "bench")
    name = stage.prefix + LONG
    ends = cluster.end_offsets([Partition(name, number) for number in range(cluster.partition_counts()[name])])
    wanted = sum(min(end, PARKED_AT_LEAST) for end in ends.values())
    await_condition(
        lambda: gauge(role.metrics(), "trackly_dispatch_parked") >= wanted, what="parked heads", timeout_s=WAIT_S
    )


def lateness_ms(stage: Stage, came: dict[str, float]) -> list[float]:
    """Of every task on the short tier, from due to arrival."""
    decode = decoder("DeliveryTask")
    late = []
    for message in scan(stage.settings().kafka, stage.prefix + SHORT):
        task = decode(message.value() or b"")[1]
        late.append(came[task["event_id"]] * 1000 - message.timestamp()[1] - SHORT_S * 1000)
    return late


def share_released_within(role: Role, bucket: str) -> float:
    name, text = "trackly_dispatch_retry_lateness_seconds", role.metrics()
    counts = {
        le: float(value)
        for le, value in re.findall(rf'^{name}_bucket\{{le="([^"]+)",tier="1m"\}} (\S+)', text, re.MULTILINE)
    }
    return counts[bucket] / counts["+Inf"]


def restarted(stage: Stage, count: int) -> tuple[list[Made], dict[str, float], int]:
    """Due tasks over a restart in the middle of their release: the tasks, when each came, and how many requests there were."""
    with customers() as known:
        stage.configure(configuration([known.url(f"well/e{number}") for number in range(ENDPOINTS)]))
        role = stage.start("dispatcher", "--event", "delivery", **DELAYS).await_ready()
        tasks = list(make_tasks(number % ENDPOINTS for number in range(count)))
        pour(stage, tasks, SHORT)
        known.await_count(count // 4, WAIT_S)
        assert role.terminate() == 0
        assert known.counts()[0] < count, "the restart came after all was released"
        stage.start("dispatcher", "--event", "delivery", **DELAYS)
        came = arrived(known, {one.event_id for one in tasks}, WAIT_S)
        return tasks, came, known.counts()[1]
