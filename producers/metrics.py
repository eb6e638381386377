"""Metrics of the gateway: one line each, with a sentence. Label sets are closed; children exist from the start."""

from functools import partial
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from schemas.providers import registry

PROVIDERS: Final = (*sorted(registry.adapters()), "other")
OUTCOMES: Final = (
    "accepted", "ignored", "malformed", "unauthorized", "not_found", "bad_request", "too_large", "too_slow",
    "overloaded", "unavailable", "not_ready", "method", "gone", "failed",
)  # fmt: skip
KINDS: Final = ("delivery", "inbound", "unknown")
FORGED: Final = ("missing", "wrong_secret", "wrong_signature", "expired", "malformed", "not_configured")

REQUESTS = Counter(
    "trackly_ingest_requests_total", "Requests by how they were answered.", ["provider", "kind", "outcome"]
)
FRAGMENTS = Counter("trackly_ingest_fragments_total", "Reports and messages acknowledged by the brokers.", ["provider"])
QUARANTINED = Counter("trackly_ingest_quarantined_total", "Bodies and items kept in quarantine.", ["provider"])
DURATION = Histogram(
    "trackly_ingest_request_duration_seconds",
    "Time from the head of a request to its answer.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 5),
)
ACK = Histogram(
    "trackly_ingest_produce_ack_seconds",
    "Time from handing a request's records over to their last acknowledgement.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 5, 10),
)
INFLIGHT = Gauge("trackly_ingest_inflight_bytes", "Bytes handed to the producer and not acknowledged yet.")
LAST_ACCEPTED = Gauge(
    "trackly_ingest_last_accepted_timestamp_seconds", "When a callback was last acknowledged.", ["provider"]
)
SIGNATURE_FAILURES = Counter(
    "trackly_ingest_signature_failures_total",
    "Callbacks whose credential was missing or wrong.",
    ["provider", "reason"],
)

REQUEST_CHILDREN: Final = {
    (provider, kind, outcome): REQUESTS.labels(provider, kind, outcome)
    for provider in PROVIDERS
    for kind in KINDS
    for outcome in OUTCOMES
}
FRAGMENT_CHILDREN: Final = {provider: FRAGMENTS.labels(provider) for provider in PROVIDERS}
QUARANTINE_CHILDREN: Final = {provider: QUARANTINED.labels(provider) for provider in PROVIDERS}
LAST_ACCEPTED_S: Final = dict.fromkeys(PROVIDERS, 0.0)
"""Written for every callback, and read by the gauge when it is scraped."""
SIGNATURE_CHILDREN: Final = {
    (provider, reason): SIGNATURE_FAILURES.labels(provider, reason) for provider in PROVIDERS for reason in FORGED
}

for _provider in PROVIDERS:
    LAST_ACCEPTED.labels(_provider).set_function(partial(LAST_ACCEPTED_S.__getitem__, _provider))
