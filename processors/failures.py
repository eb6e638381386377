"""Failures against a contact: removal at once, or a count with spacing and window. Pure (OPTOUT.md section 8)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from processors import brake
from processors.aggregate import ListState, MessageSeen
from processors.brake import Hour
from processors.facts import FailurePolicy
from schemas.providers.callback import DeliveryReport
from schemas.providers.outcome import CANONICAL
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
"""Rule of an opt-out that a report tells of and an opt-in has overtaken."""


def as_its_list_says(report: DeliveryReport, policy: FailurePolicy) -> DeliveryReport:
    """What a list has chosen to make of two kinds of failure that say nothing of the contact by themselves."""
    if report.filtered and policy.filtered_is_spam:
        report = msgspec.structs.replace(report, failure_class="spam", status_detail=CANONICAL["spam"])
    if report.blocklisted and policy.blocklist_is_optout:
        report = msgspec.structs.replace(report, opted_out=True)
    return report


def _none_known(_at: int) -> Sequence[int]:
    return ()


def after_report(
    state: ListState,
    seen: MessageSeen | None,
    report: DeliveryReport,
    *,
    received_at: int,
    policy: FailurePolicy,
    hour: Callable[[], Hour] = Hour,
    failed_after: Callable[[int], Sequence[int]] = _none_known,
) -> AfterReport:
    """Judge one report of one message; `seen` is that message's entry and is brought up to date.

    `hour` tells what the list met in the last hour; asked only where a failure may remove or count. `failed_after`
    tells when messages of the list failed and counted, later than a time; asked where a delivery is older than they.
    """
    rank = _rank(report)
    at = min(report.at, received_at) if report.at is not None else received_at
    if seen is not None:
        if rank < seen.rank or (rank == seen.rank and at < seen.at):
            return AfterReport(state, "none", "report.stale", removed=False, changed=False)
        seen.rank, seen.at = rank, at
    if report.handset and report.status == "delivered":
        return AfterReport(
            _delivered(state, seen, at, failed_after), "none", "report.delivered", removed=False, changed=True
        )
    back_at = _back_at(state)
    if report.opted_out and at < back_at:
        return AfterReport(state, "none", BEFORE_START, removed=False, changed=False)
    if report.opted_out:
        return _removed(state, "bad_response", "report.opted_out", received_at)
    if rank < RANK_FINAL or at < max(state.delivered_at, back_at):
        return AfterReport(state, "none", "report.ignored", removed=False, changed=False)
    return _failed(state, seen, report, at, received_at=received_at, policy=policy, hour=hour)


def _delivered(
    state: ListState, seen: MessageSeen | None, at: int, failed_after: Callable[[int], Sequence[int]]
) -> ListState:
    """A message reached the handset: no failure before that counts any more, its own included; later ones stay."""
    if seen is not None:
        seen.counted = False
    after = msgspec.structs.replace(state, delivered_at=max(state.delivered_at, at))
    if at >= state.failed_last_at:
        return cleared(after)
    later = failed_after(at)
    return msgspec.structs.replace(
        after,
        failures=min(state.failures, max(1, len(later))),
        failed_first_at=max(state.failed_first_at, min(later, default=state.failed_last_at)),
    )


def _failed(
    state: ListState,
    seen: MessageSeen | None,
    report: DeliveryReport,
    at: int,
    *,
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
    counted = _counted(state, seen, at, policy)
    if counted.state.failures < policy.threshold or not counted.changed:
        return counted
    removed = _removed(counted.state, "bad_response", "failure.threshold", received_at)
    return _braked(removed, counted.state, lately, policy)


def _back_at(state: ListState) -> int:
    """When the contact last came back: what a late report tells of the time before it undoes nothing."""
    start = state.start
    if start is None:
        return state.ordered_at
    return max(state.ordered_at, start.received_at if start.provider_time is None else start.provider_time)


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


def _counted(state: ListState, seen: MessageSeen | None, at: int, policy: FailurePolicy) -> AfterReport:
    """One failure a message, at most one per spacing, consecutive within the window; by the providers' times alone."""
    if seen is not None and seen.counted:
        return AfterReport(state, "none", "failure.counted_before", removed=False, changed=False)
    if state.failures and at - state.failed_last_at < policy.spacing_ms:
        return AfterReport(state, "none", "failure.spaced", removed=False, changed=False)
    if seen is not None:
        seen.counted = True
    fresh = not state.failures or at - state.failed_first_at > policy.window_ms
    count = 1 if fresh else state.failures + 1
    after = msgspec.structs.replace(
        state, failures=count, failed_first_at=at if fresh else state.failed_first_at, failed_last_at=at
    )
    return AfterReport(after, "none", "failure.counted", removed=False, changed=True)
