import asyncio
import time
from contextlib import suppress

import pytest

from runtime import deadlines as module
from runtime.deadlines import Deadlines, TimeLimit, limits


async def test_a_wait_ends_when_its_time_is_up_and_one_that_was_answered_keeps_its_answer() -> None:
    deadlines: Deadlines[asyncio.Future[bool | None]] = Deadlines(0.05, lambda future: future.set_result(None))
    loop = asyncio.get_running_loop()
    answered, silent, later = (loop.create_future() for _ in range(3))
    deadlines.add(answered)
    deadlines.add(silent)
    answered.set_result(True)
    assert await silent is None
    deadlines.add(later)
    assert await later is None
    assert answered.result() is True


async def test_a_limit_ends_what_takes_longer_and_leaves_the_task_uncancelled() -> None:
    within = limits(0.05)
    with pytest.raises(TimeoutError), TimeLimit(within):
        await asyncio.get_running_loop().create_future()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    with TimeLimit(within):
        await asyncio.sleep(0)


async def test_what_ended_in_time_is_not_cancelled_later() -> None:
    within, passed = limits(0.05), limits(0.1)
    with TimeLimit(within):
        await asyncio.sleep(0)
    with pytest.raises(TimeoutError), TimeLimit(passed):
        await asyncio.get_running_loop().create_future()


async def test_an_error_inside_and_a_cancellation_from_outside_stay_what_they_are() -> None:
    within = limits(60)
    with pytest.raises(OSError, match="gone"), TimeLimit(within):
        raise OSError("gone")
    entered = asyncio.Event()

    async def work() -> None:
        with TimeLimit(within):
            entered.set()
            await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(work())
    await entered.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_a_cancellation_from_outside_wins_over_a_limit_that_expires_with_it() -> None:
    async def work() -> None:
        limit = TimeLimit(limits(60))
        with limit:
            limit.expire()
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(work())
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()


@pytest.mark.parametrize("stalls_count", [True, False])
async def test_a_loop_that_stood_still_uses_up_a_wait_only_where_that_counts(
    stalls_count: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STALL_S", 0.1)
    expired: list[asyncio.Future[None]] = []
    deadlines: Deadlines[asyncio.Future[None]] = Deadlines(0.15, expired.append, stalls_count=stalls_count)
    waiter = asyncio.get_running_loop().create_future()
    deadlines.add(waiter)
    await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251  # the loop is to stand still
    await asyncio.sleep(0.05)
    assert bool(expired) is stalls_count
    await asyncio.sleep(0.2)
    assert expired == [waiter], "it is late, not forgotten"


async def test_a_loop_that_is_always_late_is_busy_and_its_waits_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALL_S", 0.03)

    async def late() -> None:
        with TimeLimit(limits(0.2)):
            for _ in range(6):
                time.sleep(0.06)  # noqa: ASYNC251  # the loop is to be late
                await asyncio.sleep(0.001)

    with pytest.raises(TimeoutError):
        await late()
