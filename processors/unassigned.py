"""Opt-outs whose list cannot be told: they block every list of the account until they are lifted. Pure (DESIGN.md 4.2).

A block is lifted for one list by an opt-in on it, for all by a command, and as a whole by its own re-drive, which then
tells the list. Beyond `UNASSIGNED_MAX` of them one flag stands for the rest; only an opt-in or a command lifts it.
"""

import msgspec

from processors.aggregate import UNASSIGNED_MAX, Aggregate, Unassigned
from processors.facts import Origin


def blocks(aggregate: Aggregate, list_number: str) -> bool:
    """Whether an opt-out without a list stands against sends of a list."""
    if aggregate.unassigned_overflow and list_number not in aggregate.overflow_lifted:
        return True
    return any(list_number not in entry.lifted for entry in aggregate.unassigned)


def add(aggregate: Aggregate, origin: Origin) -> bool:
    """Remember an opt-out without a list; False where its fragment is known."""
    if any(entry.key == origin.fragment_key for entry in aggregate.unassigned):
        return False
    if len(aggregate.unassigned) < UNASSIGNED_MAX:
        aggregate.unassigned = [*aggregate.unassigned, Unassigned(origin.fragment_key, origin.received_at)]
    else:
        aggregate.unassigned_overflow, aggregate.overflow_lifted = True, []
    return True


def resolve(aggregate: Aggregate, origin: Origin) -> None:
    """The list of a fragment is known now: take its own key away, and no other."""
    if aggregate.unassigned:
        aggregate.unassigned = [entry for entry in aggregate.unassigned if entry.key != origin.fragment_key]


def lift(aggregate: Aggregate, list_number: str) -> bool:
    """An opt-in on a list; whether anything blocked it."""
    if not blocks(aggregate, list_number):
        return False
    aggregate.unassigned = [
        entry if list_number in entry.lifted else msgspec.structs.replace(entry, lifted=(*entry.lifted, list_number))
        for entry in aggregate.unassigned
    ]
    if aggregate.unassigned_overflow and list_number not in aggregate.overflow_lifted:
        aggregate.overflow_lifted = [*aggregate.overflow_lifted, list_number]
    return True


def lift_all(aggregate: Aggregate) -> bool:
    """A command for all lists; whether anything was blocked."""
    found = bool(aggregate.unassigned) or aggregate.unassigned_overflow
    aggregate.unassigned, aggregate.unassigned_overflow, aggregate.overflow_lifted = [], False, []
    return found
