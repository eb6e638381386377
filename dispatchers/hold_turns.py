"""Whose held tasks are looked at next, and which drain makes room for others. Pure: who wishes and runs in, turns out.

U1  Who was served longest ago comes first, whatever partition the tasks lie in.
U2  While more wish than may run, drains that had their slice make room: as many as wait, the longest ones first.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

DRAINS_MAX: Final = 8
"""Drains at a time: each has a consumer of its own."""
SLICE_S: Final = 5.0
"""How long a drain goes on while others wait for their turn."""

Purpose = Literal["drain", "probe", "expire"]


class Wish(NamedTuple):
    """An endpoint with tasks that wait, and what for."""

    served_s: float
    """When it was served last; 0 for never."""
    partition: int
    endpoint: str
    purpose: Purpose


class Running(NamedTuple):
    """A drain that runs."""

    started_s: float
    partition: int
    endpoint: str
    stopping: bool


class Turns(NamedTuple):
    """What is to be done now."""

    begin: list[Wish]
    stop: list[Running]


def turns(wishes: Sequence[Wish], running: Sequence[Running], *, now: float) -> Turns:
    """Who begins now, and whose drain stops."""
    free = max(0, DRAINS_MAX - len(running))
    ordered = sorted(wishes, key=lambda wish: wish.served_s)
    lacking = len(ordered) - free - sum(one.stopping for one in running)
    long_ones = [one for one in running if not one.stopping and now - one.started_s > SLICE_S]
    return Turns(ordered[:free], sorted(long_ones)[: max(0, lacking)])


def purpose_of(*, waits: bool, probe: bool, by_hand: bool, old: bool) -> Purpose | None:
    """What to do about the tasks of an endpoint: `waits` for its pause, a `probe` is due, `old` for too old ones.

    A pause by hand is never probed.
    """
    if not waits:
        return "drain"
    if probe and not by_hand:
        return "probe"
    return "expire" if old else None
