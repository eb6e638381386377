"""A slice of chaos with a fixed seed: everything is broken once in a while, and every promise is kept."""

from pathlib import Path

import pytest

from tests.chaos.run import run

SEED = 361
SECONDS = 80.0
RATE = 40.0


@pytest.mark.slow
@pytest.mark.system
@pytest.mark.timeout(420)
def test_no_promise_is_broken_by_a_minute_of_faults(tmp_path: Path) -> None:
    report = run(tmp_path, seed=SEED, seconds=SECONDS, rate=RATE, command=f"the suite's slice, seed {SEED}")
    assert not report.broken, report.text()
    assert len(report.faults) == len(report.planned) > 3
    assert report.counts["callbacks_acknowledged"] > SECONDS * RATE / 4
    assert report.counts["topic_webhooks.attempts"] > report.counts["callbacks_acknowledged"]
