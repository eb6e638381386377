"""Lets things through at a rate."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from runtime.clock import mono_s

CATCH_UP_S: Final = 0.1
"""What a short wait elsewhere may be made up for; a longer one is no reason for a burst."""
_Thing = TypeVar("_Thing")


def paced(
    things: Iterable[_Thing],
    rate: float | None,
    *,
    wait: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = mono_s,
) -> Iterator[_Thing]:
    """Let things through at so many a second; without a rate at once. `clock` is in seconds."""
    due_s = clock()
    for thing in things:
        if rate is not None:
            now_s = clock()
            due_s = max(due_s, now_s - CATCH_UP_S)
            if due_s > now_s:
                wait(due_s - now_s)
            due_s += 1 / rate
        yield thing
