"""Things go through at a rate, without a burst after a wait elsewhere."""

from collections.abc import Iterable, Iterator

import pytest

from runtime.pacing import CATCH_UP_S, paced


class _Time:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def wait(self, seconds: float) -> None:
        assert seconds > 0
        self.now_s += seconds

    def clock(self) -> float:
        return self.now_s


def passed(rate: float | None, waits_s: Iterable[float]) -> list[float]:
    """When each thing went through, where finding it took so long."""
    time = _Time()

    def things() -> Iterator[float]:
        for seconds in waits_s:
            time.now_s += seconds
            yield seconds

    return [time.now_s - 100 for _ in paced(things(), rate, wait=time.wait, clock=time.clock)]


def test_things_go_through_at_the_rate() -> None:
    assert passed(10, [0] * 5) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert passed(10, [0, 0.05, 0.05, 0.05]) == pytest.approx([0, 0.1, 0.2, 0.3])
    assert passed(None, [0, 0.5, 0]) == [0, 0.5, 0.5]


def test_after_a_long_search_there_is_no_burst() -> None:
    found = passed(100, [0, 5, *[0] * 30])
    burst = [at for at in found if at == pytest.approx(5)]
    assert len(burst) <= CATCH_UP_S * 100 + 2
    assert found[-1] == pytest.approx(5 + 30 / 100 - CATCH_UP_S)
