"""Failures against a contact: removal at once, or a count with spacing and window. Pure (OPTOUT.md section 8)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from processors import brake
from processors.aggregate import ListState, MessageSeen
from processors.brake import Hour
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


def after_report(
    state: ListState,
    seen: MessageSeen | None,
    report: DeliveryReport,
    *,
    now: int,
    received_at: int,
    policy: FailurePolicy,
    hour: Callable[[], Hour] = Hour,
) -> AfterReport:
    """Judge one report of one message; `seen` is that message's entry and is brought up to date.

    `hour` tells what the list met in the last hour; asked only where a failure may remove or count.
    """
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
    return _failed(state, seen, report, at, now=now, received_at=received_at, policy=policy, hour=hour)


def _failed(
    state: ListState,
    seen: MessageSeen | None,
    report: DeliveryReport,
    at: int,
    *,
    now: int,
    received_at: int,
    policy: FailurePolicy,
    hour: Callable[[], Hour],
) -> AfterReport:
    """Judge a final outcome that is no delivery to a handset: removal at once, a count, or nothing."""
    reason = REMOVED_AT_ONCE.get(report.failure_class)
    if reason is not None and report.status in _REMOVING_STATUSES:
        return _braked(_removed(state, reason, f"failure.{report.failure_class}", received_at), state, hour(), policy)
    if report.failure_class not in COUNTED:
        return AfterReport(state, "none", "report.ignored", removed=False, changed=False)
    lately = hour()
    if report.failure_class == "operator" and brake.ignores_operator(lately, policy.finals_min):
        return AfterReport(state, "none", "failure.mass", removed=False, changed=False)
    counted = _counted(state, seen, at, now=now, policy=policy)
    if counted.state.failures < policy.threshold or not counted.changed:
        return counted
    removed = _removed(counted.state, "bad_response", "failure.threshold", received_at)
    return _braked(removed, counted.state, lately, policy)


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


def _braked(after: AfterReport, before: ListState, hour: Hour, policy: FailurePolicy) -> AfterReport:
    """The removal, or where the brake is on the word that it was withheld."""
    if not after.removed or not brake.withholds_removal(hour, policy.finals_min):
        return after
    return AfterReport(before, "removal_withheld", after.rule_id, removed=False, changed=before.failures > 0)


def _counted(state: ListState, seen: MessageSeen | None, at: int, *, now: int, policy: FailurePolicy) -> AfterReport:
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
    return AfterReport(after, "none", "failure.counted", removed=False, changed=True)
