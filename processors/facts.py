"""What one input record says, once parsed and classified, and what the fold may answer. Closed unions, no rules."""

from dataclasses import dataclass, field

from processors.aggregate import Aggregate
from processors.classify import Classification
from schemas.providers.callback import DeliveryReport, InboundMessage
from schemas.records import ContactState, DeliveryEvent, LedgerEntry, ReplyEvent, UnsubscribeEvent


@dataclass(frozen=True, slots=True)
class Origin:
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


@dataclass(frozen=True, slots=True)
class ReportFact:
    """A provider says what became of a message."""

    origin: Origin
    report: DeliveryReport


@dataclass(frozen=True, slots=True)
class MessageFact:
    """A contact wrote."""

    origin: Origin
    message: InboundMessage
    classification: Classification


@dataclass(frozen=True, slots=True)
class SubmittedFact:
    """The sending service learnt the provider's id of a message."""

    origin: Origin
    list_number: str
    message_id: str
    provider_message_id: str


Fact = ReportFact | MessageFact | SubmittedFact


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """When failures remove a contact from a list (OPTOUT.md section 8)."""

    threshold: int = 5
    window_ms: int = 90 * 86_400_000
    spacing_ms: int = 86_400_000


DEFAULT_FAILURE_POLICY = FailurePolicy()


@dataclass(frozen=True, slots=True)
class ListWindow:
    """Outcomes of a list in this partition over the last hour, for the removal brake; empty until it is kept."""

    buckets: tuple[tuple[int, int, int, int], ...] = ()


EMPTY_WINDOW = ListWindow()


@dataclass(frozen=True, slots=True)
class Refusal:
    """The fact cannot be applied; its fragment goes to quarantine."""

    reason: str
    detail: str


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
