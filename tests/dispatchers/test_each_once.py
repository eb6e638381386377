"""Many webhooks to many endpoints, and many delayed ones over a restart: none lost, none twice, none early.

The short forms of `python -m tests.bench crowd delay`.
"""

import pytest

from tests.bench import delay, delivery
from tests.stage import Stage


@pytest.mark.timeout(300)
def test_twenty_thousand_webhooks_to_two_hundred_endpoints_arrive_once_each(stage: Stage) -> None:
    found = delivery.crowd(stage, 20_000, 200)
    assert (found.lost, found.repeated) == (0, 0)


@pytest.mark.timeout(300)
def test_fifty_thousand_due_tasks_over_a_restart_arrive_once_each_and_never_early(stage: Stage) -> None:
    tasks, came, requests = delay.restarted(stage, 50_000)
    late = delay.lateness_ms(stage, came)
    assert min(late) >= 0
    assert len(late) == len(tasks) == len(came) == requests


def test_parked_tasks_cost_neither_memory_nor_time(stage: Stage) -> None:
    found = delay.measure(stage, 50_000, 400)
    assert found.more_mb < 60
    assert found.waiting_cpu_s < 0.1 * delay.WAITING_S + 2 * found.idle_cpu_s
    assert found.released_in_time >= 0.99
    assert found.earliest_ms >= 0
    assert found.repeated == 0
