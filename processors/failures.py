"""Failures against a contact: removal at once, or a count with spacing and window. Pure (OPTOUT.md section 8)."""

from dataclasses import dataclass
from typing import Final

import msgspec

from processors.aggregate import ListState, MessageSeen
from processors.facts import FailurePolicy
from schemas.providers.callback import DeliveryReport
from schemas.records import ContactReason, LedgerDecision

REMOVED_AT_ONCE: Final[dict[str, ContactReason]] = {"spam": "complaint", "destination": "invalid_contact"}
COUNTED: Final = frozenset({"absent", "operator"})
_REMOVING_STATUSES: Final = frozenset({"undeliverable", "rejected"})
RANK_PENDING: Final = 0
RANK_INTERMEDIATE: Final = 1
RANK_FINAL: Final = 2
"""A report never takes a message's rank down (PROVIDERS.md section 0)."""


@dataclass(frozen=True, slots=True)
class AfterReport:
    """A list state after a report and what was decided."""

    state: ListState
    decision: LedgerDecision
    rule_id: str
    removed: bool
    changed: bool


def cleared(state: ListState) -> ListState:
    """The state with its failure count back at zero."""
    if not state.failures:
        return state
    return msgspec.structs.replace(state, failures=0, failed_first_at=0, failed_last_at=0)


BEFORE_START: Final = "report.before_start"
"""Rule of an opt-out that a report tells of and a START has overtaken."""


def after_report(  # noqa: PLR0911 - one return per rule, in order
    state: ListState,
    seen: MessageSeen | None,
    report: DeliveryReport,
    *,
    now: int,
    received_at: int,
    policy: FailurePolicy,
) -> AfterReport:
    """Judge one report of one message; `seen` is that message's entry and is brought up to date."""
    rank = _rank(report)
    at = min(report.at, received_at) if report.at is not None else received_at
    if seen is not None:
        if rank < seen.rank or (rank == seen.rank and at < seen.at):
            return AfterReport(state, "none", "report.stale", removed=False, changed=False)
        seen.rank, seen.at = rank, at
    if report.handset and report.status == "delivered":
        fresh = msgspec.structs.replace(cleared(state), delivered_at=max(state.delivered_at, at))
        return AfterReport(fresh, "none", "report.delivered", removed=False, changed=True)
    if report.opted_out and _is_before_start(state, at):
        return AfterReport(state, "none", BEFORE_START, removed=False, changed=False)
    if report.opted_out:
        return _removed(state, "bad_response", "report.opted_out", received_at)
    if rank < RANK_FINAL or at < state.delivered_at:
        return AfterReport(state, "none", "report.ignored", removed=False, changed=False)
    reason = REMOVED_AT_ONCE.get(report.failure_class)
    if reason is not None and report.status in _REMOVING_STATUSES:
        return _removed(state, reason, f"failure.{report.failure_class}", received_at)
    if report.failure_class in COUNTED:
        return _counted(state, seen, at, received_at=received_at, now=now, policy=policy)
    return AfterReport(state, "none", "report.ignored", removed=False, changed=False)


def _is_before_start(state: ListState, at: int) -> bool:
    """Whether the contact came back after what a late report tells of."""
    start = state.start
    if start is None:
        return False
    return at < (start.received_at if start.provider_time is None else start.provider_time)


def _rank(report: DeliveryReport) -> int:
    if report.status == "pending":
        return RANK_PENDING
    return RANK_FINAL if report.final else RANK_INTERMEDIATE


def _removed(state: ListState, reason: ContactReason, rule_id: str, received_at: int) -> AfterReport:
    if not state.active:
        return AfterReport(state, "none", rule_id, removed=False, changed=False)
    after = msgspec.structs.replace(
        state, active=False, reason=reason, unsubscribed_at=received_at, changed_at=received_at
    )
    return AfterReport(after, "removed", rule_id, removed=True, changed=True)


def _counted(
    state: ListState, seen: MessageSeen | None, at: int, *, received_at: int, now: int, policy: FailurePolicy
) -> AfterReport:
    """One failure a message, at most one per spacing, consecutive within the window."""
    if seen is not None and seen.counted:
        return AfterReport(state, "none", "failure.counted_before", removed=False, changed=False)
    if state.failures and at - state.failed_last_at < policy.spacing_ms:
        return AfterReport(state, "none", "failure.spaced", removed=False, changed=False)
    if seen is not None:
        seen.counted = True
    fresh = not state.failures or now - state.failed_first_at > policy.window_ms
    count = 1 if fresh else state.failures + 1
    after = msgspec.structs.replace(
        state, failures=count, failed_first_at=at if fresh else state.failed_first_at, failed_last_at=at
    )
    if count >= policy.threshold:
        return _removed(after, "bad_response", "failure.threshold", received_at)
    return AfterReport(after, "none", "failure.counted", removed=False, changed=True)
