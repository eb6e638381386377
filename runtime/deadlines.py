"""Ends waits that are all equally long: first begun, first due, so one timer serves them all. Touches the loop's clock.

A timer of its own for every request costs as much as producing the record.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Generic, Protocol, Self, TypeVar

TICK_S: Final = 0.02
"""How late a wait may end."""


class Waiter(Protocol):
    """What waits; a future does."""

    def done(self) -> bool:
        """Whether it waits no more."""


W = TypeVar("W", bound=Waiter)


class Deadlines(Generic[W]):
    """Waiters that are expired when their time is up."""

    def __init__(self, wait_s: float, expire: Callable[[W], object]) -> None:
        """Begin empty; belongs to the loop that first adds."""
        self.wait_s = wait_s
        self._expire = expire
        self._waiting: deque[tuple[float, W]] = deque()

    def add(self, waiter: W) -> None:
        """Expire it after the wait, unless it is done by then."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_later(TICK_S, self._tick, loop)
        self._waiting.append((loop.time() + self.wait_s, waiter))

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        waiting = self._waiting
        while waiting:
            due, waiter = waiting[0]
            if not waiter.done():
                if due > now:
                    break
                self._expire(waiter)
            waiting.popleft()
        if waiting:
            loop.call_later(TICK_S, self._tick, loop)


class TimeLimit:
    """`asyncio.timeout` whose timer is shared: `with` it around what may take no longer.

    Raises:
        TimeoutError: on leaving, when the time was up.
    """

    def __init__(self, deadlines: "Deadlines[TimeLimit]") -> None:
        """Belong to a set of limits of one length, made by `limits`."""
        self._deadlines = deadlines
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self._expired = False

    def done(self) -> bool:
        """Whether it was left."""
        return self._task is None

    def expire(self) -> None:
        """Cancel what goes on inside."""
        if self._task is not None:
            self._expired = True
            self._task.cancel()

    def __enter__(self) -> Self:
        """Begin; may be entered once."""
        self._task = asyncio.current_task()
        assert self._task is not None
        self._cancelling = self._task.cancelling()
        self._deadlines.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; our own cancellation becomes TimeoutError, anybody else's goes on."""
        task, self._task = self._task, None
        if self._expired and task is not None:
            ours_alone = task.uncancel() <= self._cancelling
            if ours_alone and kind is asyncio.CancelledError:
                raise TimeoutError from error


def limits(wait_s: float) -> Deadlines[TimeLimit]:
    """What `TimeLimit` takes: every limit made of it is `wait_s` long."""
    return Deadlines(wait_s, TimeLimit.expire)
