"""Metrics of the dispatcher and forwarder: one line each, with a sentence. Label sets are closed."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from dispatchers.verdict import ATTEMPTS_MAX, OUTCOMES
from schemas.topics import EVENTS, TIERS

DEAD_REASONS: Final = (
    "attempts_exhausted", "blocked_address", "endpoint_unknown", "endpoint_removed", "no_secret", "undecodable",
    "untrusted", "hold_expired",
)  # fmt: skip
_LATENCY: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

ATTEMPTS = Counter("trackly_dispatch_attempts_total", "Tries by outcome.", ["event", "attempt", "outcome"])
ATTEMPT_S = Histogram("trackly_dispatch_attempt_duration_seconds", "Time of one try.", ["event"], buckets=_LATENCY[:11])
FIRST_S = Histogram(
    "trackly_dispatch_first_attempt_latency_seconds",
    "From the callback's arrival to the end of the first try.",
    ["event"],
    buckets=_LATENCY,
)
DELIVERY_S = Histogram(
    "trackly_dispatch_delivery_latency_seconds",
    "From the callback's arrival to the 2xx.",
    ["event"],
    buckets=(*_LATENCY, 900, 3600, 14_400),
)
INFLIGHT = Gauge("trackly_dispatch_inflight", "Tries in flight.", ["flow"])
QUEUED = Gauge("trackly_dispatch_queued", "Tasks waiting in lanes.", ["flow"])
LANES = Gauge("trackly_dispatch_lanes", "Lanes that are not idle.", ["flow"])
HELD = Counter("trackly_dispatch_held_total", "Tasks put on the hold log, by why.", ["why"])
WAITING = Gauge("trackly_dispatch_waiting", "Held tasks that wait, of the hold partitions of this process.")
DRAINS = Gauge("trackly_dispatch_drains", "Endpoints whose held tasks are being delivered.")
PAUSES = Counter("trackly_dispatch_pauses_total", "Automatic pauses begun and ended.", ["reason", "change"])
PROBES = Counter("trackly_dispatch_probes_total", "Probes of paused endpoints.")
NOTICES = Counter("trackly_dispatch_notices_total", "Notices to accounts about their endpoints.", ["kind"])
RETRIES = Counter("trackly_dispatch_retry_scheduled_total", "Tasks put into a tier.", ["tier"])
DUE_LAG = Gauge("trackly_dispatch_retry_due_lag_seconds", "How overdue the oldest parked head is.", ["tier"])
LATENESS = Histogram(
    "trackly_dispatch_retry_lateness_seconds",
    "From due to released into a lane.",
    ["tier"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 30, 300),
)
PARKED = Gauge("trackly_dispatch_parked", "Heads of delay partitions in memory.", ["tier"])
DEAD = Counter("trackly_dispatch_dead_letters_total", "Tasks given up.", ["event", "reason"])
ENDPOINTS = Gauge("trackly_dispatch_endpoints", "Configured endpoints by state.", ["state"])
CLOCK_SKEW = Gauge("trackly_dispatch_broker_clock_skew_seconds", "Largest difference between two brokers' clocks.")
FORWARDS = Counter("trackly_forward_attempts_total", "Raw forwards by outcome.", ["outcome"])

FLOWS: Final = (*EVENTS, "tasks", "drain")
"""Whose lanes: those of an event type, of tasks that are due now, of held tasks."""
TASK_EVENTS: Final = (*EVENTS, "notice")
"""Event types that a task can be of."""
for _event in (*TASK_EVENTS, "unknown"):
    for _reason in DEAD_REASONS:
        DEAD.labels(_event, _reason)
for _flow in FLOWS:
    for _gauge in (INFLIGHT, QUEUED, LANES):
        _gauge.labels(_flow)
HELD_OF: Final = {why: HELD.labels(why) for why in ("paused", "overflow", "gone")}
for _reason in ("failing", "gone"):
    for _change in ("begun", "ended"):
        PAUSES.labels(_reason, _change)
for _kind in ("endpoint.paused", "endpoint.resumed", "endpoint.dead_letters"):
    NOTICES.labels(_kind)
LATENESS_OF: Final = tuple(LATENESS.labels(tier) for tier in TIERS)
RETRIES_OF: Final = tuple(RETRIES.labels(tier) for tier in TIERS)
ATTEMPT_S_OF: Final[dict[str, Histogram]] = {event: ATTEMPT_S.labels(event) for event in TASK_EVENTS}
FIRST_S_OF: Final[dict[str, Histogram]] = {event: FIRST_S.labels(event) for event in TASK_EVENTS}
DELIVERY_S_OF: Final[dict[str, Histogram]] = {event: DELIVERY_S.labels(event) for event in TASK_EVENTS}
for _tier in TIERS:
    DUE_LAG.labels(_tier)
    PARKED.labels(_tier)
for _outcome in (*OUTCOMES, "no_url", "undecodable", "overflow"):
    FORWARDS.labels(_outcome)
for _state in ("active", "paused"):
    ENDPOINTS.labels(_state)
ATTEMPT_CHILDREN: Final[dict[tuple[str, int, str], Counter]] = {
    (event, attempt, outcome): ATTEMPTS.labels(event, str(attempt), outcome)
    for event in TASK_EVENTS
    for attempt in range(1, ATTEMPTS_MAX + 1)
    for outcome in OUTCOMES
}
