"""How records and CPU time are counted: per core means records divided by CPU seconds of a process with its threads."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

DEADLINE_S = 90.0
POLL_S = 0.25
"""Between two looks at a counter; a look costs the watched process a rendering of its metrics."""


@dataclass(frozen=True)
class Measured:
    """Records that a process handled, the CPU seconds it took for them, and the wall time."""

    records: float
    cpu_s: float
    wall_s: float

    @property
    def per_core(self) -> float:
        return self.records / self.cpu_s


def cpu_s(pid: int) -> float:
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)


def watch(pid: int, count: Callable[[], float], total: float) -> Measured:
    """Measure from the first look that finds records to the look that finds all of them.

    The CPU time is read after the counter, so what a look leaves uncounted is work that was not yet counted either.
    """
    first: tuple[float, float, float] | None = None
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        now = count()
        at = (time.monotonic(), now, cpu_s(pid))
        if first is None and now > 0:
            first = at
        if now >= total and first is not None:
            return Measured(now - first[1], at[2] - first[2], at[0] - first[0])
        time.sleep(POLL_S)
    raise AssertionError(f"{count()} of {total} records within {DEADLINE_S} s")
