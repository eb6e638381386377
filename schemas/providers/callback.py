"""The boundary of every provider adapter: what goes in, and the closed unions that come out. Pure values, no rules.

What is made for every record is a msgspec struct: a frozen dataclass of twenty fields takes five times as long.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

import msgspec

from schemas.records import CallbackKind, DeliveryStatus, FailureClass, RawCallback


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """One HTTP request of a provider, read to its end."""

    method: str
    url: str
    """Public URL as the provider sees it, with the query exactly as sent (settings: public base URL)."""
    headers: Mapping[str, str]
    """Lower-case names; values stripped."""
    query: Sequence[tuple[str, str]]
    """Decoded query pairs in order, duplicates kept; empty values kept."""
    body: bytes
    received_at: int
    """Milliseconds since the epoch."""
    path_secret: str | None = None
    kind: CallbackKind = "unknown"
    """From `?kind=`; the payload decides where it shows."""

    @property
    def content_type(self) -> str:
        """Media type in lower case, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an account has configured for one provider, unsealed; several values of one name during a rotation."""

    secrets: Mapping[str, Sequence[str]] = field(repr=False)
    """Name in the configuration file (`secret`, `auth_token`, ...) to its values; repr hides them."""
    allow_unauthenticated: bool = False

    def values_of(self, name: str) -> Sequence[str]:
        """Values configured under a name; empty where none is."""
        return self.secrets.get(name, ())


# ---- authenticate ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Authentic:
    """The request is from the provider; `by` names the scheme that showed it."""

    by: str


@dataclass(frozen=True, slots=True)
class Forged:
    """The credential is missing or wrong; `reason` is a closed word, also the metric label."""

    reason: Literal["missing", "wrong_secret", "wrong_signature", "expired", "malformed", "not_configured"]


Authentication = Authentic | Forged


# ---- split ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Fragment:
    """One report or one message, as a valid body of the provider's own format."""

    kind: CallbackKind
    phone: str
    """The contact, E.164."""
    body: bytes
    content_type: str
    query: Mapping[str, str] = field(default_factory=dict)
    """What the fragment needs from the query (providers that send by GET)."""


@dataclass(frozen=True, slots=True)
class BadFragment:
    """One item of a good envelope that could not be used; kept in quarantine alone."""

    reason: str
    """Closed word, also the metric label."""
    detail: str
    """A sentence for a person, without phone numbers or text."""
    body: bytes
    content_type: str
    kind: CallbackKind = "unknown"
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """The envelope is good: its fragments, the items that were not, and how many told nothing of ours."""

    fragments: Sequence[Fragment]
    bad: Sequence[BadFragment] = ()
    ignored: int = 0
    """Items that are well formed and tell nothing of ours: a click, an empty batch."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """The body is not in the provider's format; `detail` is safe to show to the caller."""

    detail: str


SplitResult = Split | Malformed


# ---- parse ----------------------------------------------------------------------------------------------------------
class DeliveryReport(msgspec.Struct, frozen=True):
    """What became of a message, in our words."""

    to: str
    """The contact, E.164; empty where the payload names a message but no contact: without it no record can be keyed."""
    sender: str | None
    """Number the message was sent from, where the payload tells it."""
    status: DeliveryStatus
    status_detail: str
    """For the event: the canonical REJECTED name where one applies (undeliverable, rejected), else the raw name."""
    failure_class: FailureClass
    raw_status: str
    raw_code: str | None
    natural_key: str | None
    """Identifies the report for dedupe and event id; None where the payload holds neither id nor time."""
    at: int | None
    """Time by the provider, milliseconds since the epoch."""
    provider_message_id: str | None = None
    message_id: str | None = None
    """Ours, where the provider carries it back."""
    final: bool = True
    """False for an intermediate report that another may follow."""
    handset: bool = False
    """True for a delivery confirmed by the handset: it resets the failure count."""
    opted_out: bool = False
    """The code says that the contact told the provider or carrier to stop (reason bad_response)."""
    emit_unsubscribe: bool = False
    """The code is one that PROVIDERS.md marks for an `unsubscribe` event of its own."""
    filtered: bool = False
    """The content or a policy was the reason; a list may count it as spam."""
    blocklisted: bool = False
    """The provider keeps the number on a list of its own; a list may count it as an opt-out."""
    known: bool = True
    """False where the code or status is in no table of ours; counted."""
    time_invalid: bool = False
    """True where a time was present and could not be read; counted."""


class Part(NamedTuple):
    """One of several messages that a long text was cut into."""

    reference: str
    """The same for all of them; a small counter of the sender's phone."""
    number: int
    """From 1."""
    total: int


class InboundMessage(msgspec.Struct, frozen=True):
    """What a contact wrote."""

    sender: str
    """The contact, E.164."""
    to: str | None
    """Number it was written to, where the payload tells it."""
    body: str
    natural_key: str | None
    at: int | None
    provider_message_id: str | None = None
    answers_message_id: str | None = None
    """Our id of the message it answers, where the provider says so."""
    verdict: Literal["opt_out", "opt_in", "help"] | None = None
    """The provider's own reading of the text."""
    part: Part | None = None
    """Where the provider delivers a long text in parts, which of them this is."""
    every_list: bool = False
    """The provider says that an opt-out is meant for every list of the account."""
    time_invalid: bool = False


@dataclass(frozen=True, slots=True)
class Nothing:
    """Well formed, and tells nothing of ours."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unparsable:
    """Not what the provider's format says; goes to quarantine."""

    reason: str
    detail: str


Parsed = DeliveryReport | InboundMessage | Nothing | Unparsable


# ---- answer ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider expects to read."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain"


class Adapter(Protocol):
    """One provider: four pure functions and two answers. None of them raises on any input."""

    name: str
    aliases: Sequence[str]
    credential_names: Sequence[str]
    """Names allowed in the configuration file for this provider; always with `secret`."""
    methods: Sequence[str]
    """HTTP methods that the provider uses."""
    missing_status: int
    """Answer to a request without a credential: 401, or 503 for a provider that then sends it again, signed."""

    def authenticate(self, request: CallbackRequest, credentials: Credentials) -> Authentication:
        """Check the request's credential in constant time."""
        ...

    def split(self, request: CallbackRequest) -> SplitResult:
        """Cut an authenticated request into one fragment per report or message."""
        ...

    def parse(self, fragment: RawCallback) -> Parsed:
        """Read one fragment."""
        ...

    def accepted(self, request: CallbackRequest) -> Answer:
        """Answer for a request whose every fragment is acknowledged by the broker."""
        ...

    def malformed(self, request: CallbackRequest, detail: str) -> Answer:
        """Answer for an authenticated request that `split` refused, after its copy is in quarantine."""
        ...
