"""STOP and START on one list: who wins and what the state becomes. Pure (DESIGN.md 4.2, OPTOUT.md section 7)."""

from dataclasses import dataclass
from typing import Final

import msgspec

from processors import failures
from processors.aggregate import ListState, Mark
from processors.facts import Origin
from schemas.records import ContactReason, LedgerDecision

START_LEAD_MS: Final = 2000
"""A STOP read after a START loses only where the START's provider time is later by more than this."""
OUTLASTS_START: Final[frozenset[ContactReason]] = frozenset({"manual", "complaint", "api"})
"""What a person ordered or complained of; only a person's order undoes it."""
REACTIVATED_BY_START: Final[frozenset[ContactReason]] = frozenset({"message", "bad_response", "invalid_contact"})
"""START proves the phone works and the person wants it; it undoes no person's order and no complaint."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A list state after one decision."""

    state: ListState
    decision: LedgerDecision
    changed: bool
    """Whether `active` or the reason changed, which the world is told."""
    applies: bool
    """False where the message lost against a later one."""


def opted_out(state: ListState, origin: Origin, provider_time: int | None) -> Decided:
    """A STOP: inactive at once, unless a START of the same provider is later by its time."""
    mark = mark_of(origin, provider_time)
    if start_wins(state, origin, mark):
        return Decided(state, "none", changed=False, applies=False)
    if not state.active:
        kept = msgspec.structs.replace(state, stop=_later(state.stop, mark, origin))
        return Decided(kept, "opted_out", changed=False, applies=True)
    after = msgspec.structs.replace(
        state,
        active=False,
        reason="message",
        unsubscribed_at=mark.provider_time or mark.received_at,
        changed_at=origin.received_at,
        stop=_later(state.stop, mark, origin),
    )
    return Decided(after, "opted_out", changed=True, applies=True)


def opted_in(state: ListState, origin: Origin, provider_time: int | None) -> Decided:
    """A START: active again where it may be, unless its time is not later than the STOP's of the same provider."""
    mark = mark_of(origin, provider_time)
    if start_loses(state.stop, origin, mark) or _is_removed_later(state, origin):
        return Decided(state, "none", changed=False, applies=False)
    after = msgspec.structs.replace(state, start=_later(state.start, mark, origin))
    if state.active or state.reason not in REACTIVATED_BY_START:
        return Decided(after, "none", changed=False, applies=True)
    after = msgspec.structs.replace(
        after, active=True, reason="resubscribed", unsubscribed_at=None, changed_at=origin.received_at
    )
    return Decided(after, "opted_in", changed=True, applies=True)


def start_wins(state: ListState, origin: Origin, stop: Mark) -> bool:
    """Whether a START that was read before a STOP undoes it; re-driven, the STOP may be the older by its arrival."""
    if origin.redriven and state.ordered_at > origin.received_at:
        return True
    lead_ms = _lead_ms(state.start, stop)
    if _is_overtaken(origin, state.start):
        return lead_ms is None or lead_ms > 0
    return lead_ms is not None and lead_ms > START_LEAD_MS


def start_loses(stop: Mark | None, origin: Origin, start: Mark) -> bool:
    """Whether a STOP that was read before a START stands; re-driven, the START may be the older by its arrival."""
    lead_ms = _lead_ms(start, stop)
    if _is_overtaken(origin, stop):
        return lead_ms is None or lead_ms <= START_LEAD_MS
    return lead_ms is not None and lead_ms <= 0


def _is_removed_later(state: ListState, origin: Origin) -> bool:
    """Whether a removal that no STOP brought came after a START that is re-driven."""
    by_stop = state.stop is not None and state.stop.received_at >= state.changed_at
    return origin.redriven and not state.active and not by_stop and state.changed_at > origin.received_at


def _is_overtaken(origin: Origin, other: Mark | None) -> bool:
    return origin.redriven and other is not None and other.received_at > origin.received_at


def _later(before: Mark | None, now: Mark, origin: Origin) -> Mark:
    """The mark to keep: a provider that repeats itself for weeks, or a re-drive, must not move one back."""
    if before is None:
        return now
    lead_ms = _lead_ms(before, now)
    is_later = _is_overtaken(origin, before) if lead_ms is None else lead_ms > 0
    return before if is_later else now


def mark_of(origin: Origin, provider_time: int | None) -> Mark:
    """A provider's time is never taken as later than the arrival."""
    at = min(provider_time, origin.received_at) if provider_time is not None else None
    return Mark(origin.provider, at, origin.received_at)


def _lead_ms(first: Mark | None, second: Mark | None) -> int | None:
    """How much later the first is by the provider's time; None where the two cannot be compared by it."""
    if first is None or second is None or first.provider != second.provider:
        return None
    if first.provider_time is None or second.provider_time is None:
        return None
    return first.provider_time - second.provider_time


def ordered_out(state: ListState, origin: Origin, reason: ContactReason) -> Decided:
    """A command that ends texting; the first reason and time stay, but for a reason that START would undo."""
    if not state.active and state.reason not in REACTIVATED_BY_START:
        return Decided(state, "none", changed=False, applies=True)
    at = origin.received_at
    left = at if state.active else state.unsubscribed_at
    after = msgspec.structs.replace(state, active=False, reason=reason, unsubscribed_at=left, changed_at=at)
    return Decided(after, "opted_out", changed=True, applies=True)


def ordered_in(state: ListState, origin: Origin) -> Decided:
    """A command that allows texting again, whatever ended it: a person answers for it."""
    after = failures.cleared(msgspec.structs.replace(state, ordered_at=max(state.ordered_at, origin.received_at)))
    if state.active:
        return Decided(after, "none", changed=False, applies=True)
    after = msgspec.structs.replace(
        after, active=True, reason="resubscribed", unsubscribed_at=None, changed_at=origin.received_at
    )
    return Decided(after, "opted_in", changed=True, applies=True)


def imported(
    state: ListState, origin: Origin, *, active: bool, reason: ContactReason, at: int, unsubscribed_at: int | None
) -> Decided | None:
    """What a file says of a contact as of `at`; None where that is known already, or something later is."""
    known_at = max(
        state.changed_at, state.ordered_at, *(mark.received_at for mark in (state.start, state.stop) if mark)
    )
    if known_at > at or (state.active is active and not _says_more(state, reason)):
        return None
    if active:
        after = failures.cleared(
            msgspec.structs.replace(
                state,
                active=True,
                reason=reason,
                unsubscribed_at=None,
                changed_at=at,
                ordered_at=max(state.ordered_at, at),
            )
        )
        return Decided(after, "opted_in", changed=True, applies=True)
    told = at if unsubscribed_at is None else min(unsubscribed_at, origin.received_at)
    left = told if state.active or state.unsubscribed_at is None else min(told, state.unsubscribed_at)
    after = msgspec.structs.replace(state, active=False, reason=reason, unsubscribed_at=left, changed_at=at)
    return Decided(after, "opted_out", changed=True, applies=True)


def _says_more(state: ListState, reason: ContactReason) -> bool:
    """Whether a reason is worth more than the one that is known of the same activity."""
    if state.reason == "unknown":
        return reason != "unknown"
    return state.reason in REACTIVATED_BY_START and reason in OUTLASTS_START
