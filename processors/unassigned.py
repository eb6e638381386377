"""Opt-outs whose list cannot be told: they block every list of the account until they are lifted. Pure (DESIGN.md 4.2).

A block is lifted for one list by an opt-in on it, for all by a command, and as a whole by its own re-drive, which then
tells the list. Beyond `UNASSIGNED_MAX` of them one flag stands for the rest; only an opt-in or a command lifts it.
Who comes first is told as for a STOP and a START on one list (processors/consent.py).
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from processors import consent
from processors.aggregate import UNASSIGNED_MAX, Aggregate, Mark, Unassigned
from processors.facts import Origin

_EVERY_LIST: Final = "*"
"""In the place of a list's number: lifted for all of them, and remembered so that its repeat blocks nothing anew."""


def blocks(aggregate: Aggregate, list_number: str) -> bool:
    """Whether an opt-out without a list stands against sends of a list."""
    if aggregate.unassigned_overflow and list_number not in aggregate.overflow_lifted:
        return True
    return any(list_number not in entry.lifted for entry in standing(aggregate))


def standing(aggregate: Aggregate) -> Sequence[Unassigned]:
    """The opt-outs without a list that no command for all lists has lifted."""
    return [entry for entry in aggregate.unassigned if _EVERY_LIST not in entry.lifted]


def add(aggregate: Aggregate, origin: Origin, provider_time: int | None) -> bool:
    """Remember an opt-out without a list; False where its fragment is known, or a command for all lists came after."""
    known = next((entry for entry in aggregate.unassigned if entry.key == origin.fragment_key), None)
    if (known is not None and not _is_said_again(known, origin)) or is_ordered_later(aggregate, origin):
        return False
    stop = consent.mark_of(origin, provider_time)
    lifted = tuple(
        number for number, state in aggregate.lists.items() if state.active and consent.start_wins(state, origin, stop)
    )
    others = [entry for entry in aggregate.unassigned if entry is not known]
    if len(others) >= UNASSIGNED_MAX:
        others = list(standing(aggregate))
    if len(others) < UNASSIGNED_MAX:
        aggregate.unassigned = [*others, Unassigned(origin.fragment_key, origin.received_at, lifted, stop)]
        return True
    if aggregate.unassigned_overflow and origin.redriven:
        return False  # one of those that the flag stands for
    before = aggregate.overflow_lifted if aggregate.unassigned_overflow else lifted
    aggregate.unassigned_overflow, aggregate.overflow_lifted = True, [one for one in lifted if one in before]
    return True


def _is_said_again(known: Unassigned, origin: Origin) -> bool:
    """Whether equal words of a later time are an opt-out of their own: an opt-in ends keys of content alone."""
    return origin.key_is_weak and bool(known.lifted) and origin.received_at > known.at


def is_ordered_later(aggregate: Aggregate, origin: Origin) -> bool:
    """Whether a person allowed texting from every list after what is re-driven now."""
    return origin.redriven and aggregate.lifted_at > origin.received_at


def resolve(aggregate: Aggregate, origin: Origin) -> None:
    """The list of a fragment is known now: take its own key away, and no other."""
    if aggregate.unassigned:
        aggregate.unassigned = [entry for entry in aggregate.unassigned if not _is_of(entry, origin)]


def _is_of(entry: Unassigned, origin: Origin) -> bool:
    """Whether an entry is a fragment's; equal words of a later time are not."""
    return entry.key == origin.fragment_key and not (origin.key_is_weak and entry.at > origin.received_at)


def lift(aggregate: Aggregate, list_number: str, origin: Origin, provider_time: int | None) -> bool:
    """An opt-in on a list; whether it lifted anything. What is later than the opt-in stands."""
    start, found = consent.mark_of(origin, provider_time), False
    kept: list[Unassigned] = []
    for entry in aggregate.unassigned:
        stop = entry.stop or Mark("", None, entry.at)
        stands = not {list_number, _EVERY_LIST}.isdisjoint(entry.lifted) or consent.start_loses(stop, origin, start)
        found = found or not stands
        kept.append(entry if stands else msgspec.structs.replace(entry, lifted=(*entry.lifted, list_number)))
    aggregate.unassigned = kept
    if aggregate.unassigned_overflow and not origin.redriven and list_number not in aggregate.overflow_lifted:
        aggregate.overflow_lifted, found = [*aggregate.overflow_lifted, list_number], True
    return found


def lift_all(aggregate: Aggregate) -> bool:
    """A command for all lists; whether anything was blocked."""
    found = bool(standing(aggregate)) or aggregate.unassigned_overflow
    aggregate.unassigned = [msgspec.structs.replace(entry, lifted=(_EVERY_LIST,)) for entry in aggregate.unassigned]
    aggregate.unassigned_overflow, aggregate.overflow_lifted = False, []
    return found
