"""What one input record says, once parsed and classified, and what the fold may answer. Closed unions, no rules."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from processors.aggregate import Aggregate
from processors.brake import FINALS_MIN, ListWindow
from processors.classify import DEFAULT_POLICY, Classification, Policy
from schemas.providers.callback import DeliveryReport, InboundMessage
from schemas.records import (
    ContactCommandKind,
    ContactReason,
    ContactState,
    DeliveryEvent,
    LedgerEntry,
    ReplyEvent,
    UnsubscribeEvent,
)


class Origin(msgspec.Struct, frozen=True):
    """Where a fact comes from."""

    account: str
    provider: str
    phone: str
    received_at: int
    partition: int
    offset: int
    list_hint: str | None
    """List as the callback URL or the payload tells it; None where neither does."""
    fragment_key: int
    """Dedupe key of the fragment."""
    key_is_weak: bool
    natural_key: str
    """For event ids: the provider's key, else the record's coordinates."""
    message_id: str | None = None
    """Ours, from the callback URL."""
    only_list: str | None = None
    """The only list that is configured for the provider; what a message id tells comes first."""
    redriven: bool = False
    """It comes from quarantine: `received_at` stands in for the order of the log."""


class ReportFact(msgspec.Struct, frozen=True):
    """A provider says what became of a message."""

    origin: Origin
    report: DeliveryReport


class MessageFact(msgspec.Struct, frozen=True):
    """A contact wrote."""

    origin: Origin
    message: InboundMessage
    classification: Classification
    words: Policy = DEFAULT_POLICY
    """How the list's contacts say stop, for what is only whole later."""
    every_list: tuple[str, ...] = ()
    """Lists that an opt-out ends beside its own, where it is meant for the whole account."""


@dataclass(frozen=True, slots=True)
class SubmittedFact:
    """The sending service learnt the provider's id of a message."""

    origin: Origin
    list_number: str
    message_id: str
    provider_message_id: str


@dataclass(frozen=True, slots=True)
class RequestFact:
    """Somebody asks whether a message may be sent."""

    origin: Origin
    list_number: str
    message_id: str
    expires_at: int
    list_known: bool


@dataclass(frozen=True, slots=True)
class CommandFact:
    """A person or program orders something for a contact; its id is the origin's natural key."""

    origin: Origin
    kind: ContactCommandKind
    list_number: str | None
    """None for every list of the account."""
    lists: tuple[str, ...]
    """Lists that the account has now."""
    actor: str
    active: bool = False
    reason: ContactReason = "unknown"
    unsubscribed_at: int | None = None
    changed_at: int | None = None
    """Since when an imported contact is as it is; None where the file does not say."""


Fact = ReportFact | MessageFact | SubmittedFact | RequestFact | CommandFact


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """When failures remove a contact from a list (OPTOUT.md section 8)."""

    threshold: int = 5
    window_ms: int = 90 * 86_400_000
    spacing_ms: int = 86_400_000
    finals_min: int = FINALS_MIN
    """Finals that a partition must have seen of the list before a share of failures means anything."""
    filtered_is_spam: bool = False
    blocklist_is_optout: bool = False


DEFAULT_FAILURE_POLICY = FailurePolicy()


ListWindowOf = Callable[[str], ListWindow]
"""What a list met in this partition in the last hour, by its number; the fold brings it up to date."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The fact cannot be applied; its fragment goes to quarantine."""

    reason: str
    detail: str


GateReason = Literal[
    "approved", "contact_inactive", "optout_without_list", "list_unknown", "expired", "phone_invalid", "misrouted",
    "state_unreadable",
]  # fmt: skip
"""What the send gate answers, in closed words; also the metric label."""


Event = tuple[str, DeliveryEvent | UnsubscribeEvent | ReplyEvent]
"""Event type and record."""


@dataclass(slots=True)
class Folded:
    """The new aggregate and what the world is told. An unchanged aggregate is None."""

    aggregate: Aggregate | None = None
    events: list[Event] = field(default_factory=list)
    contacts: list[ContactState] = field(default_factory=list)
    ledger: list[LedgerEntry] = field(default_factory=list)
    refusal: Refusal | None = None
    repeat: bool = False
    list_number: str | None = None
    decision: GateReason | None = None
    """What the send gate answers; None where nobody asked or the answer given before still holds."""
    window_counted: bool = False
    """Whether the window of `list_number` was brought up to date."""
    erased: bool = False
