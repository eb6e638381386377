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
STALL_S: Final = 0.5
"""A tick that is later than this, after one in time: the loop stood still, as in a process that was stopped. What was
waited for may lie unread in a socket's buffer; a loop that is merely busy is late by less, and again and again."""


class Waiter(Protocol):
    """What waits; a future does."""

    def done(self) -> bool:
        """Whether it waits no more."""


W = TypeVar("W", bound=Waiter)


class Deadlines(Generic[W]):
    """Waiters that are expired when their time is up."""

    def __init__(self, wait_s: float, expire: Callable[[W], object], *, stalls_count: bool = True) -> None:
        """Begin empty; belongs to the loop that first adds. `stalls_count` is whether a standing loop uses waits up."""
        self.wait_s = wait_s
        self._expire = expire
        self._stalls_count = stalls_count
        self._stood_s = 0.0
        """How long the loop stood still since the beginning, where that does not count."""
        self._tick_at = 0.0
        self._in_time = True
        self._waiting: deque[tuple[float, W]] = deque()

    def add(self, waiter: W) -> None:
        """Expire it after the wait, unless it is done by then."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            self._in_time = True
            self._wind(loop)
        self._waiting.append((loop.time() - self._stood_s + self.wait_s, waiter))

    def _wind(self, loop: asyncio.AbstractEventLoop) -> None:
        self._tick_at = loop.time() + TICK_S
        loop.call_later(TICK_S, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        late_s = now - self._tick_at
        if late_s > STALL_S and self._in_time and not self._stalls_count:
            self._stood_s += late_s
        self._in_time = late_s <= STALL_S
        now -= self._stood_s
        waiting = self._waiting
        while waiting:
            due, waiter = waiting[0]
            if not waiter.done():
                if due > now:
                    break
                self._expire(waiter)
            waiting.popleft()
        if waiting:
            self._wind(loop)


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
    """What `TimeLimit` takes: every limit made of it is `wait_s` long, in which this process could act."""
    return Deadlines(wait_s, TimeLimit.expire, stalls_count=False)
