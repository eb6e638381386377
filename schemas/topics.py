"""The topic catalogue: the only place that knows names, keys, record types, cleanup and retention. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS

HOLD_AGE_MAX_MS: Final = 7 * DAY_MS
"""Longest a task waits for its endpoint before it is dead-lettered."""
SEGMENT_MS_MAX: Final = DAY_MS
"""A segment rolls at least daily, so that retention ends within a day of its time."""
COMPACTION_LAG_MS: Final = DAY_MS
"""A superseded value is gone from a compacted topic within a day plus cleaner time (erasure bound)."""
DELETE_RETENTION_MS: Final = 7 * DAY_MS
"""Tombstones stay readable this long; a store older than half of it is rebuilt from nothing."""
RECORD_BYTES_LARGE: Final = 2 * 1024 * 1024
"""Raw: the body limit of 1 MiB plus headers and growth by escaping."""
RECORD_BYTES_KEPT: Final = 3 * 1024 * 1024
"""Quarantine and forwards: the largest raw record and what is said about it."""

PublicEvent = Literal["delivery", "unsubscribe", "reply"]
EVENTS: Final[tuple[PublicEvent, ...]] = ("delivery", "unsubscribe", "reply")
"""The three public event types, in the order of the contract."""
TIERS: Final = ("1m", "5m", "15m", "1h", "2h")
"""Names of the delay tiers; the names do not change when the delays are shortened."""
TIER_DELAYS_S: Final = (60, 300, 900, 3600, 7200)
"""Delays of the tiers in seconds, as documented."""

PROBE_DELAYS_S: Final = (60, 300, 900, 1800, 3600)
"""When a paused endpoint is probed, in seconds after the pause or the last probe; the last one repeats."""

Scaling = Literal["layout", "single", "growing"]


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of the catalogue; `name` is without the prefix."""

    name: str
    key: str
    records: tuple[str, ...]
    """Names of the record types it may hold (schemas.records)."""
    purpose: str
    retention_ms: int | None
    """None for a compacted topic."""
    scaling: Scaling = "layout"
    """layout: fixed at creation and written in the layout record; single: one partition; growing: may grow."""
    log_append_time: bool = False
    record_bytes_max: int | None = None

    def config(self) -> dict[str, str]:
        """Topic configuration to create and to verify, as the broker spells it."""
        settings: dict[str, str] = {}
        if self.retention_ms is None:
            settings["cleanup.policy"] = "compact"
            settings["max.compaction.lag.ms"] = str(COMPACTION_LAG_MS)
            settings["delete.retention.ms"] = str(DELETE_RETENTION_MS)
            settings["segment.ms"] = str(SEGMENT_MS_MAX)
        else:
            settings["cleanup.policy"] = "delete"
            settings["retention.ms"] = str(self.retention_ms)
            settings["segment.ms"] = str(min(self.retention_ms // 4, SEGMENT_MS_MAX))
        if self.log_append_time:
            settings["message.timestamp.type"] = "LogAppendTime"
        if self.record_bytes_max is not None:
            settings["max.message.bytes"] = str(self.record_bytes_max)
        return settings


def events_topic(event: str) -> str:
    """Name of the topic of an event type."""
    return f"events.{event}"


def tier_topic(event: str, tier: int) -> str:
    """Name of the delay topic of an event type; `tier` counts from 0."""
    return f"events.{event}.retry-{TIERS[tier]}"


RAW: Final = "callbacks.raw"
QUARANTINE: Final = "callbacks.quarantine"
SENDS_REQUESTED: Final = "sends.requested"
SENDS_SUBMITTED: Final = "sends.submitted"
SENDS_APPROVED: Final = "sends.approved"
SENDS_BLOCKED: Final = "sends.blocked"
CONTACT_COMMANDS: Final = "contacts.commands"
TASKS: Final = "webhooks.tasks"
HOLD: Final = "webhooks.hold"
DEAD: Final = "webhooks.dead"
ATTEMPTS: Final = "webhooks.attempts"
ENDPOINT_STATE: Final = "endpoints.state"
CONTACTS: Final = "contacts"
LEDGER: Final = "contacts.ledger"
AGGREGATE: Final = "contacts.aggregate"
CONFIG: Final = "config"
ERASURES: Final = "erasures"
AUDIT: Final = "audit"
FORWARDS: Final = "forwards"

CO_PARTITIONED: Final = (RAW, SENDS_REQUESTED, SENDS_SUBMITTED, CONTACT_COMMANDS)
"""Inputs of the processor: same key, same partition count, co-assigned by the range assignor (KAFKA.md, Groups)."""

_CONTACT: Final = "account|phone"


def _events() -> Iterator[Topic]:
    record = {"delivery": "DeliveryEvent", "unsubscribe": "UnsubscribeEvent", "reply": "ReplyEvent"}
    for event in EVENTS:
        yield Topic(events_topic(event), _CONTACT, (record[event],), f"Typed {event} events.", 7 * DAY_MS)
        for index, delay_s in enumerate(TIER_DELAYS_S):
            yield Topic(
                tier_topic(event, index),
                "endpoint",
                ("DeliveryTask",),
                f"Tasks of {event} events that wait {TIERS[index]} before the next try.",
                2 * delay_s * 1000 + DAY_MS,
                scaling="growing",
                log_append_time=True,
            )


def _catalogue() -> Iterator[Topic]:
    large = RECORD_BYTES_LARGE
    yield Topic(
        RAW,
        _CONTACT,
        ("RawCallback",),
        "One report or message a record, as received.",
        7 * DAY_MS,
        record_bytes_max=large,
    )
    yield Topic(
        QUARANTINE,
        "content hash",
        ("Quarantined",),
        "What could not be split, parsed or correlated.",
        30 * DAY_MS,
        record_bytes_max=RECORD_BYTES_KEPT,
    )
    yield Topic(SENDS_REQUESTED, _CONTACT, ("SendRequest",), "Questions to the send gate.", 7 * DAY_MS)
    yield Topic(SENDS_SUBMITTED, _CONTACT, ("SendSubmitted",), "Message ids learnt from providers.", 7 * DAY_MS)
    yield Topic(CONTACT_COMMANDS, _CONTACT, ("ContactCommand",), "Orders for a contact.", 7 * DAY_MS)
    yield Topic(SENDS_APPROVED, _CONTACT, ("SendDecision",), "Sends that may go out.", 7 * DAY_MS)
    yield Topic(SENDS_BLOCKED, _CONTACT, ("SendDecision",), "Sends that may not.", 7 * DAY_MS)
    yield from _events()
    yield Topic(TASKS, "endpoint", ("DeliveryTask",), "Tasks due now.", 7 * DAY_MS, scaling="growing")
    hold_ms = HOLD_AGE_MAX_MS + sum(TIER_DELAYS_S) * 1000 + 2 * DAY_MS
    yield Topic(HOLD, "endpoint", ("DeliveryTask",), "Tasks that wait for their endpoint.", hold_ms)
    yield Topic(
        DEAD,
        "endpoint",
        ("DeadLetter", "DeadLetterResolved"),
        "Tasks that were given up.",
        30 * DAY_MS,
        scaling="growing",
    )
    yield Topic(ATTEMPTS, "endpoint", ("Attempt",), "Every try.", 7 * DAY_MS, log_append_time=True)
    yield Topic(ENDPOINT_STATE, "endpoint|kind", ("EndpointState",), "Pauses and claims of endpoints.", None)
    yield Topic(CONTACTS, "account|list|phone", ("ContactState",), "Whether a contact may be texted.", None)
    yield Topic(LEDGER, _CONTACT, ("LedgerEntry",), "Every consent decision.", 5 * 365 * DAY_MS)
    yield Topic(AGGREGATE, _CONTACT, (), "Changelog of the processor's state, private format.", None)
    yield Topic(CONFIG, "kind|id", ("ConfigRecord",), "Accounts, lists, endpoints, layout.", None, scaling="single")
    yield Topic(ERASURES, "keyed hash", ("Erasure",), "Who was erased.", None, scaling="single")
    yield Topic(AUDIT, "account", ("AuditEntry",), "Who changed what.", 365 * DAY_MS, scaling="single")
    yield Topic(
        FORWARDS,
        "list",
        ("ForwardTask",),
        "Raw callbacks for a list's own URL.",
        DAY_MS,
        scaling="growing",
        record_bytes_max=RECORD_BYTES_KEPT,
    )


CATALOGUE: Final[dict[str, Topic]] = {topic.name: topic for topic in _catalogue()}
"""Every topic by its name without the prefix."""


def contact_key(account: str, phone: str) -> str:
    """Key of everything about one contact of one account."""
    return f"{account}|{phone}"


def manual_key(endpoint: str) -> str:
    """Key on `endpoints.state` of the pause that a person ordered."""
    return f"{endpoint}|manual"


def auto_key(endpoint: str) -> str:
    """Key on `endpoints.state` of the pause that failures made; written by the owner of its hold partition alone."""
    return f"{endpoint}|auto"


def claim_key(endpoint: str, partition: int) -> str:
    """Key on `endpoints.state` of how far an endpoint's held tasks of one partition are done."""
    return f"{endpoint}|hold|{partition}"
