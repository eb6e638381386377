"""Ends waits that are all equally long: first begun, first due, so one timer serves them all. Touches the loop's clock.

A timer of its own for every request costs as much as producing the record.
"""

import asyncio
from collections import deque
from typing import Final

TICK_S: Final = 0.02
"""How late a wait may end."""


class Deadlines:
    """Futures that are answered with None when their time is up."""

    def __init__(self, wait_s: float) -> None:
        """Begin empty; belongs to the loop that first adds."""
        self._wait_s = wait_s
        self._waiting: deque[tuple[float, asyncio.Future[bool | None]]] = deque()

    def add(self, future: "asyncio.Future[bool | None]") -> None:
        """Answer the future with None after the wait, unless it was answered before."""
        loop = future.get_loop()
        if not self._waiting:
            loop.call_later(TICK_S, self._tick, loop)
        self._waiting.append((loop.time() + self._wait_s, future))

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        waiting = self._waiting
        while waiting:
            due, future = waiting[0]
            if not future.done():
                if due > now:
                    break
                future.set_result(None)
            waiting.popleft()
        if waiting:
            loop.call_later(TICK_S, self._tick, loop)
