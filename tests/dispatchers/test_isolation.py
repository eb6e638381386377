"""One endpoint that behaves badly while it gets much of the traffic: the others see nothing of it, and little is put aside.

The short form of `python -m tests.bench isolation`. Bounds are wide, for a machine that other tests share: whoever waits
for the bad one waits for five seconds and more, time and again.
"""

import pytest

from tests.bench import isolation
from tests.bench.isolation import Beside, Load
from tests.stage import Stage

LOAD = Load(rate=300, seconds=6.0)
MOVED_MS_MAX = 1000.0
WEBHOOKS_LOST_MAX = 0.2
PUT_ASIDE_MAX = 1.2
"""Records produced to tiers and hold for each event of the bad one."""


def check(found: Beside, what: str = "") -> None:
    assert found.p99_moved_ms < MOVED_MS_MAX, (what, found)
    assert found.throughput_lost < WEBHOOKS_LOST_MAX, (what, found)


def test_one_that_hangs_with_half_of_all_traffic_is_not_noticed_by_the_others(stage: Stage) -> None:
    found = isolation.hung(stage, 1, LOAD)
    check(found)
    assert found.put_aside < PUT_ASIDE_MAX


def test_what_one_that_is_too_slow_cannot_take_is_put_aside_once_and_not_noticed_by_the_others(stage: Stage) -> None:
    found = isolation.slow(stage, 6.0)
    check(found)
    assert found.put_aside < PUT_ASIDE_MAX


@pytest.mark.timeout(300)
def test_no_fault_of_one_endpoint_is_noticed_by_the_others(stage: Stage) -> None:
    load = Load(rate=200, seconds=3.0)
    with isolation.scene(stage, asks_the_bad=True) as opened:
        well = opened.run(None, load)
        for what, url in isolation.FAULTS.items():
            found = Beside([well], [opened.run(url(opened.bad), load)])
            check(found, what)
