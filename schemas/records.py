"""The records on our topics, as they are in Python: one TypedDict per Avro file, field for field.

A TypedDict is a plain dict at run time, so the codec writes and reads it without a copy. What each field
means is said once, in the Avro file of the same name; a test holds the two together. Nothing here acts.
"""

from typing import Literal, TypedDict

CallbackKind = Literal["unknown", "delivery", "inbound"]
DeliveryStatus = Literal["pending", "delivered", "undeliverable", "expired", "rejected"]
FailureClass = Literal["none", "spam", "destination", "absent", "operator", "other"]
MessageLabel = Literal["reply", "opt_out", "opt_in", "help", "reaction"]
EventType = Literal["delivery", "unsubscribe", "reply", "notice", "unknown"]
TaskOrigin = Literal["event", "test", "resend", "replay", "notice"]
EndpointStateKind = Literal["manual", "auto", "hold"]
ContactReason = Literal[
    "message", "manual", "complaint", "bad_response", "invalid_contact", "api", "resubscribed", "unknown"
]
LedgerDecision = Literal["none", "opted_out", "opted_in", "removed", "removal_withheld", "blocked_unassigned", "lifted"]
ContactCommandKind = Literal["opt_out", "opt_in", "erase", "import", "unknown"]


class TryOutcome(TypedDict):
    """What one try came to."""

    attempt: int
    at: int
    outcome: str
    status_code: int | None
    duration_ms: int


class RawCallback(TypedDict):
    """One delivery report or one inbound message, still in the format of its provider."""

    account: str
    provider: str
    kind: CallbackKind
    phone: str
    body: bytes
    content_type: str
    headers: dict[str, str]
    query: dict[str, str]
    mid: str | None
    list: str | None
    received_at: int
    redriven: bool


class Quarantined(TypedDict):
    """What was accepted from an authenticated sender but could not be split, parsed or correlated."""

    account: str
    provider: str
    kind: CallbackKind
    phone: str | None
    body: bytes
    content_type: str
    headers: dict[str, str]
    query: dict[str, str]
    mid: str | None
    list: str | None
    received_at: int
    reason: str
    detail: str
    stage: str
    split: bool
    source_topic: str | None
    source_partition: int | None
    source_offset: int | None
    quarantined_at: int


class DeliveryEvent(TypedDict):
    """What became of a message."""

    event_id: str
    account: str
    message_id: str
    to: str
    list_number: str
    status: DeliveryStatus
    status_detail: str
    provider: str
    timestamp: int
    received_at: int
    provider_message_id: str | None
    failure_class: FailureClass


class UnsubscribeEvent(TypedDict):
    """A contact wants no more messages of a list."""

    event_id: str
    account: str
    phone_number: str
    list_number: str
    keyword: str
    timestamp: int
    received_at: int
    provider: str
    provider_message_id: str | None
    match_type: str
    rule_id: str
    ruleset_version: str
    matched_text: str | None


class ReplyEvent(TypedDict):
    """What a contact answered."""

    event_id: str
    account: str
    phone_number: str
    list_number: str
    body: str
    timestamp: int
    received_at: int
    provider: str
    provider_message_id: str | None
    label: MessageLabel
    rule_id: str | None
    tags: list[str]


class DeliveryTask(TypedDict):
    """One event for one endpoint: everything needed to try it, so that no look-up can lose it."""

    task_id: str
    event_id: str
    event_type: EventType
    origin: TaskOrigin
    replay_id: str | None
    endpoint: str
    contact_key: str
    body: bytes
    attempt: int
    created_at: int
    first_failed_at: int | None
    held_at: int | None
    outcomes: list[TryOutcome]


class DeadLetterResolved(TypedDict):
    """A dead letter that a replay delivered."""

    task_id: str
    event_id: str
    endpoint: str
    replay_id: str
    resolved_at: int


class Attempt(TypedDict):
    """One try as its owner can see it."""

    task_id: str
    event_id: str
    event_type: EventType
    origin: TaskOrigin
    endpoint: str
    attempt: int
    outcome: str
    status_code: int | None
    started_at: int
    dns_ms: int | None
    connect_ms: int | None
    tls_ms: int | None
    response_ms: int | None
    duration_ms: int
    response_excerpt: bytes
    next_tier: str | None
    next_try_at: int | None
    verdict: str


class EndpointState(TypedDict):
    """Pause of an endpoint, or how far its held tasks are done; the key tells which."""

    endpoint: str
    kind: EndpointStateKind
    paused: bool
    reason: str | None
    since: int | None
    next_probe_at: int | None
    probes: int
    hold_partition: int | None
    done_below: int | None
    done_beyond: str | None
    url_hash: str | None
    actor: str
    updated_at: int


class ContactState(TypedDict):
    """Whether a contact may be texted on a list."""

    account: str
    list_number: str
    phone_number: str
    active: bool
    reason: ContactReason
    source_event_id: str
    unsubscribed_at: int | None
    changed_at: int


class LedgerEntry(TypedDict):
    """One consent decision and what decided it."""

    account: str
    phone_number: str
    list_number: str | None
    decision: LedgerDecision
    reason: ContactReason
    label: MessageLabel
    keyword: str | None
    match_type: str | None
    rule_id: str
    ruleset_version: str
    provider: str
    provider_message_id: str | None
    provider_time: int | None
    received_at: int
    decided_at: int
    text_hash: str | None
    event_id: str | None
    actor: str | None
    source_partition: int
    source_offset: int


class ForwardTask(TypedDict):
    """A raw callback for a list's own URL: one try, no signature."""

    account: str
    list_number: str
    kind: CallbackKind
    body: bytes
    content_type: str
    provider: str
    received_at: int


class SendRequest(TypedDict):
    """May this contact be texted now?"""

    account: str
    list_number: str
    phone_number: str
    message_id: str
    requested_at: int
    expires_at: int


class SendSubmitted(TypedDict):
    """What the sending service learnt from the provider."""

    account: str
    list_number: str
    phone_number: str
    message_id: str
    provider: str
    provider_message_id: str
    submitted_at: int


class SendDecision(TypedDict):
    """The answer to a send request."""

    account: str
    list_number: str
    phone_number: str
    message_id: str
    approved: bool
    reason: str
    decided_at: int
    valid_until: int


class ContactCommand(TypedDict):
    """What a person or program orders for a contact."""

    command_id: str
    account: str
    phone_number: str
    list_number: str | None
    command: ContactCommandKind
    actor: str
    reason: str
    issued_at: int
    active: bool
    contact_reason: ContactReason
    unsubscribed_at: int | None
    changed_at: int | None


class ConfigRecord(TypedDict):
    """One account, list, endpoint or the layout, as it is now."""

    kind: str
    id: str
    payload: str
    origin: str
    actor: str
    updated_at: int
    applied_hash: str


class AuditEntry(TypedDict):
    """Who changed what."""

    account: str
    actor: str
    origin: str
    action: str
    target: str
    before: str | None
    after: str | None
    at: int


class Erasure(TypedDict):
    """Who was erased, by a keyed hash."""

    contact_hash: str
    account: str
    erased_at: int


class DeadLetter(TypedDict):
    """A task that is out of tries, or that no try can help."""

    task: DeliveryTask
    reason: str
    dead_at: int
    source_topic: str | None
    source_partition: int | None
    source_offset: int | None
    raw_value: bytes | None


FILES: dict[str, str] = {
    "RawCallback": "raw_callback",
    "Quarantined": "quarantined",
    "DeliveryEvent": "delivery_event",
    "UnsubscribeEvent": "unsubscribe_event",
    "ReplyEvent": "reply_event",
    "DeliveryTask": "delivery_task",
    "DeadLetter": "dead_letter",
    "DeadLetterResolved": "dead_letter_resolved",
    "Attempt": "attempt",
    "EndpointState": "endpoint_state",
    "ContactState": "contact_state",
    "LedgerEntry": "ledger_entry",
    "ForwardTask": "forward_task",
    "SendRequest": "send_request",
    "SendSubmitted": "send_submitted",
    "SendDecision": "send_decision",
    "ContactCommand": "contact_command",
    "ConfigRecord": "config_record",
    "AuditEntry": "audit_entry",
    "Erasure": "erasure",
}
"""Record name to its Avro file without the suffix."""
