"""The removal brake and the mass-failure guard: what a list met in the last hour stops removals. Pure (DESIGN.md 4.2).

One bad campaign or route must not empty a list. Contacts hash evenly over the partitions, so the outcomes of a list in
one partition are a fair sample of it. `now` is stream time, milliseconds since the epoch.

B1  Above 5 % spam or destination, of enough finals and at least three of them: nobody is removed for a failure.
B2  At 20 % or more refused by operators, of enough finals: such failures are not counted (OPTOUT.md section 8).
"""

from dataclasses import dataclass
from typing import Final

import msgspec

MINUTE_MS: Final = 60_000
MINUTES: Final = 60
BRAKE_SHARE: Final = 0.05
BRAKE_COUNT_MIN: Final = 3
GUARD_SHARE: Final = 0.20
FINALS_MIN: Final = 50
"""Finals of a whole list in an hour below which no share means anything."""
FINALS_MIN_OF_PARTITION: Final = 5


class Minute(msgspec.Struct, array_like=True):
    """What a list met in one minute; only failures that can remove are told apart."""

    number: int
    """Minutes since the epoch."""
    final: int = 0
    spam: int = 0
    destination: int = 0
    operator: int = 0


class ListWindow(msgspec.Struct, array_like=True):
    """The last sixty minutes of a list in one partition, oldest first; minutes without a final are left out."""

    minutes: list[Minute] = []


@dataclass(frozen=True, slots=True)
class Hour:
    """Sums of a window."""

    final: int = 0
    spam: int = 0
    destination: int = 0
    operator: int = 0


def finals_min(partitions: int) -> int:
    """How many finals a partition must have seen of a list before a share counts."""
    return max(FINALS_MIN_OF_PARTITION, FINALS_MIN // partitions)


def count(window: ListWindow, failure_class: str, now: int) -> None:
    """Add one final outcome; `now` never goes back."""
    number = now // MINUTE_MS
    minutes = window.minutes
    if not minutes or minutes[-1].number < number:
        oldest = number - MINUTES + 1
        minutes = window.minutes = [minute for minute in minutes if minute.number >= oldest]
        minutes.append(Minute(number))
    last = minutes[-1]
    last.final += 1
    match failure_class:
        case "spam":
            last.spam += 1
        case "destination":
            last.destination += 1
        case "operator":
            last.operator += 1
        case _:
            pass


def hour_of(window: ListWindow, now: int) -> Hour:
    """Sums over the last sixty minutes."""
    oldest = now // MINUTE_MS - MINUTES + 1
    live = [minute for minute in window.minutes if minute.number >= oldest]
    return Hour(
        sum(minute.final for minute in live),
        sum(minute.spam for minute in live),
        sum(minute.destination for minute in live),
        sum(minute.operator for minute in live),
    )


def withholds_removal(hour: Hour, finals: int) -> bool:
    """B1; `finals` is how many must have been seen."""
    if hour.final < finals:
        return False
    return any(bad >= BRAKE_COUNT_MIN and bad > hour.final * BRAKE_SHARE for bad in (hour.spam, hour.destination))


def ignores_operator(hour: Hour, finals: int) -> bool:
    """B2; `finals` is how many must have been seen."""
    return hour.final >= finals and hour.operator >= hour.final * GUARD_SHARE
