"""Accounts, lists and endpoints as the config topic holds them, and the snapshot that workers decide by. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from schemas.topics import EVENTS

DAY_MS: Final = 86_400_000


NOTICES_ID: Final = "notify"
"""The endpoint of an account's notices, beside those that the file names (DELIVERY.md, Notices)."""


def notices_id(account: str) -> str:
    """Full id of the endpoint that an account's notices go to."""
    return f"{account}/{NOTICES_ID}"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class SealedSecret(_Frozen):
    """A secret that only a holder of the key can read, and when it is valid; times in milliseconds since the epoch."""

    key_id: str
    sealed: str
    valid_from: int | None = None
    valid_until: int | None = None

    def is_valid(self, now: int) -> bool:
        """Whether the secret counts at a time."""
        return (self.valid_from is None or self.valid_from <= now) and (
            self.valid_until is None or now < self.valid_until
        )


class ProviderAccess(_Frozen):
    """How one provider shows that it is itself."""

    credentials: dict[str, tuple[SealedSecret, ...]] = {}
    allow_unauthenticated: bool = False


class Notify(_Frozen):
    """Where signed notices about endpoints go."""

    url: str
    secrets: tuple[SealedSecret, ...] = ()


class Account(_Frozen):
    """One customer of ours."""

    id: str
    providers: dict[str, ProviderAccess] = {}
    notify: Notify | None = None


class Forward(_Frozen):
    """A list's own URLs for raw callbacks."""

    delivery: str | None = None
    reply: str | None = None


Language = Literal[
    "da", "de", "es", "fr", "id", "it", "ja", "ko", "nl", "no", "pl", "pt", "ru", "sv", "tr", "zh"
]  # fmt: skip
"""Languages whose ambiguous opt-out words a list may switch on (ISO 639-1)."""


class Compliance(_Frozen):
    """When failures remove a contact, and what a list counts as an opt-out (OPTOUT.md sections 6 to 8)."""

    failure_threshold: int = 5
    failure_window_ms: int = 90 * DAY_MS
    failure_spacing_ms: int = DAY_MS
    keywords: tuple[str, ...] = ()
    """Further whole messages that are an opt-out."""
    languages: tuple[Language, ...] = ()
    """Languages whose ordinary words (`baja`, `fin`) are an opt-out as a whole message."""
    spam_action: Literal["label", "stop"] = "label"
    """Whether SPAM, SCAM and JUNK are an opt-out or only a tag."""
    stop_signs: bool = True
    """Whether a message of stop signs alone is an opt-out."""
    filtered_is_spam: bool = False
    """Whether a message that was filtered for its content removes the contact as spam does."""
    blocklist_is_optout: bool = False
    """Whether a number on a provider's own block list counts as opted out."""
    optout_scope: Literal["list", "account"] = "list"
    """Whether an opt-out ends texting from this list or from every list of the account."""


class ListSettings(_Frozen):
    """A number that an account texts from."""

    account: str
    number: str
    provider: str | None = None
    provider_id: str | None = None
    """The provider's own id of the list, where its callbacks name that and no number (Lime's list_id)."""
    forward: Forward = Forward()
    compliance: Compliance = Compliance()


class Filters(_Frozen):
    """Which events of its types an endpoint wants."""

    list_numbers: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()


class Endpoint(_Frozen):
    """A customer's URL."""

    account: str
    id: str
    """Full id, account/id."""
    url: str
    secrets: tuple[SealedSecret, ...]
    """Oldest first; the first valid one signs the documented header, every valid one the standard header."""
    events: tuple[Literal["delivery", "unsubscribe", "reply"], ...] = EVENTS
    filters: Filters = Filters()
    concurrency: int | None = None
    rate_per_s: float | None = None
    headers: dict[str, str] = {}

    @property
    def sealed_for(self) -> tuple[str, ...]:
        """What its secrets were sealed for: those of an account's notices stand in the account."""
        return ("account", self.account, NOTICES_ID) if self.id == notices_id(self.account) else ("endpoint", self.id)


class Layout(_Frozen):
    """Partition counts that were fixed when the topics were created, by name without the prefix."""

    partitions: dict[str, int]


Entry = Account | ListSettings | Endpoint | Layout
_Owned = TypeVar("_Owned", ListSettings, Endpoint)
_MODELS: Final[dict[str, type[Entry]]] = {
    "account": Account,
    "list": ListSettings,
    "endpoint": Endpoint,
    "layout": Layout,
}


def read_entry(kind: str, payload: str) -> Entry | None:
    """Read the payload of a config record; None for a kind that a later version may have.

    Raises:
        pydantic.ValidationError: the payload does not fit its kind.
    """
    model = _MODELS.get(kind)
    return None if model is None else model.model_validate_json(payload)


@dataclass(frozen=True)
class Snapshot:
    """The configuration at one moment, indexed for look-ups. Replaced as a whole, never changed."""

    accounts: Mapping[str, Account] = field(default_factory=lambda: MappingProxyType({}))
    lists: Mapping[str, ListSettings] = field(default_factory=lambda: MappingProxyType({}))
    """By account/number."""
    endpoints: Mapping[str, Endpoint] = field(default_factory=lambda: MappingProxyType({}))
    """By full id; an account's place for notices is one of them, subscribed to nothing."""
    layout: Layout | None = None
    _endpoints_of: Mapping[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    _lists_of: Mapping[str, tuple[ListSettings, ...]] = field(default_factory=dict)

    def endpoints_of(self, account: str) -> tuple[Endpoint, ...]:
        """Endpoints of an account."""
        return self._endpoints_of.get(account, ())

    def lists_of(self, account: str) -> tuple[ListSettings, ...]:
        """Lists of an account."""
        return self._lists_of.get(account, ())


def snapshot_of(entries: Iterable[Entry]) -> Snapshot:
    """Index entries; the last one of an id counts."""
    accounts: dict[str, Account] = {}
    lists: dict[str, ListSettings] = {}
    endpoints: dict[str, Endpoint] = {}
    notices: dict[str, Endpoint] = {}
    layout: Layout | None = None
    for entry in entries:
        match entry:
            case Account():
                accounts[entry.id] = entry
                if entry.notify is not None:
                    notices[notices_id(entry.id)] = Endpoint(
                        account=entry.id,
                        id=notices_id(entry.id),
                        url=entry.notify.url,
                        secrets=entry.notify.secrets,
                        events=(),
                    )
            case ListSettings():
                lists[f"{entry.account}/{entry.number}"] = entry
            case Endpoint():
                endpoints[entry.id] = entry
            case Layout():
                layout = entry
    own = _by_account(endpoints.values())
    return Snapshot(accounts, lists, {**endpoints, **notices}, layout, own, _by_account(lists.values()))


def _by_account(items: Iterable[_Owned]) -> dict[str, tuple[_Owned, ...]]:
    """Group in one pass: an account may hold ten thousand endpoints."""
    grouped: dict[str, list[_Owned]] = {}
    for item in items:
        grouped.setdefault(item.account, []).append(item)
    return {account: tuple(group) for account, group in grouped.items()}
