"""What happens at a provider: which messages were reported and who wrote what. Pure; randomness is handed in.

The provider's own spelling of it is in the module of that provider. The same seed gives the same facts.
"""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal, get_args

from schemas.ids import event_id

Scenario = Literal["mixed", "deliveries", "replies", "optouts"]
SCENARIOS: Final[tuple[Scenario, ...]] = get_args(Scenario)
Happening = Literal["delivered", "on_its_way", "absent", "operator", "destination", "spam", "expired"]
"""What became of a message, before any provider spells it."""
EventName = Literal["delivery", "reply", "unsubscribe"]

MESSAGE_ID_CHARS: Final = 8
"""Length of our own message ids (PROVIDERS.md section 1.4)."""
AGE_MS_MAX: Final = 4_000
"""How long before the callback the thing itself happened, at most."""
_ALPHABET: Final = string.ascii_letters + string.digits
_AREAS: Final = range(212, 311)
"""Area codes of the North American plan; exchange 555 is not given to subscribers, so these are a million numbers."""

_WEIGHTS: Final[dict[Happening, int]] = {
    "delivered": 860, "on_its_way": 60, "absent": 35, "expired": 20, "operator": 15, "destination": 7, "spam": 3,
}  # fmt: skip
"""Out of a thousand reports; spam and destination stay below the removal brake of 5 %."""
_MIX: Final = {"delivery": 80, "reply": 15, "unsubscribe": 5}
"""Out of a hundred callbacks of the mixed scenario."""
REPLIES: Final = (
    "Thanks!",
    "What time do you open tomorrow?",
    "Great, see you on Friday",
    "Who is this?",
    "Can I change my order to two?",
    "Perfekt, vielen Dank \N{GRINNING FACE}",
)
"""Texts that are no keyword in any spelling."""
OPT_OUTS: Final = ("STOP", "STOP", "STOP", "stop", "Stop.", "STOPALL", "UNSUBSCRIBE", "QUIT", "CANCEL")
"""The documented keywords as contacts write them, STOP most often."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose callbacks a provider sends, where to, and how it shows that it is itself."""

    provider: str
    account: str
    list_number: str
    base_url: str
    """Scheme and host as the gateway's `public_base_url` says; Twilio signs it."""
    secret: str | None = field(default=None, repr=False)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the provider signs with, by its name in the configuration file."""


@dataclass(frozen=True, slots=True)
class ReportFact:
    """A message of ours came to something."""

    message_id: str
    provider_message_id: str
    phone: str = field(repr=False)
    happening: Happening
    at: int
    """Milliseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class TextFact:
    """A contact wrote to the list."""

    provider_message_id: str
    phone: str = field(repr=False)
    text: str = field(repr=False)
    event: Literal["reply", "unsubscribe"]
    at: int
    """Milliseconds since the epoch."""


Facts = Sequence[ReportFact] | Sequence[TextFact]


@dataclass(frozen=True, slots=True)
class Expected:
    """One webhook that must arrive once the callback was accepted."""

    event: EventName
    event_id: str
    """Also the `webhook-id` of the delivery; empty where the payload holds neither id nor time to make it from."""
    natural_key: str
    phone: str = field(repr=False)
    list_number: str
    provider_message_id: str | None = None
    message_id: str | None = None
    """Of a `delivery`."""
    status: str | None = None
    """Of a `delivery`."""
    text: str | None = field(default=None, repr=False)
    """What the contact wrote."""


@dataclass(frozen=True, slots=True)
class Callback:
    """One request, ready to be sent as often as the provider likes."""

    method: str
    path_and_query: str = field(repr=False)
    """Holds the path secret where the provider uses one."""
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    expects: tuple[Expected, ...]


def draw(scenario: Scenario, rng: Random, *, now: int, count: int, with_reports: bool = True) -> Facts:
    """Invent what one callback tells: `count` reports, or one to `count` texts.

    Reports and texts never share a callback, because providers send them to different URLs. A provider without
    reports has texts in the place of the mixed scenario's reports.

    Raises:
        ValueError: only deliveries are asked for, without reports.
    """
    if scenario == "deliveries" and not with_reports:
        raise ValueError("this provider reports no deliveries")
    if _event_of(scenario, rng) == "delivery" and with_reports:
        return [_report(rng, now) for _ in range(count)]
    return [_text(scenario, rng, now) for _ in range(count)]


def expected(
    origin: Origin,
    fact: ReportFact | TextFact,
    natural_key: str,
    *,
    provider_message_id: str | None,
    status: str | None = None,
) -> Expected:
    """What must come of a fact; `provider_message_id` as the payload carries it, None where it carries none."""
    event: EventName = "delivery" if isinstance(fact, ReportFact) else fact.event
    return Expected(
        event=event,
        event_id=event_id(origin.account, origin.provider, event, origin.list_number, natural_key)
        if natural_key
        else "",
        natural_key=natural_key,
        phone=fact.phone,
        list_number=origin.list_number,
        provider_message_id=provider_message_id,
        message_id=fact.message_id if isinstance(fact, ReportFact) else None,
        status=status,
        text=fact.text if isinstance(fact, TextFact) else None,
    )


def hexadecimal(rng: Random, digits: int) -> str:
    """So many random hexadecimal digits."""
    return f"{rng.getrandbits(4 * digits):0{digits}x}"


def _event_of(scenario: Scenario, rng: Random) -> EventName:
    match scenario:
        case "deliveries":
            return "delivery"
        case "replies":
            return "reply"
        case "optouts":
            return "unsubscribe"
        case "mixed":
            return "delivery" if rng.randrange(100) < _MIX["delivery"] else "reply"


def _report(rng: Random, now: int) -> ReportFact:
    (happening,) = rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
    return ReportFact(
        message_id="".join(rng.choices(_ALPHABET, k=MESSAGE_ID_CHARS)),
        provider_message_id=hexadecimal(rng, 32),
        phone=_phone(rng),
        happening=happening,
        at=now - rng.randrange(AGE_MS_MAX),
    )


def _text(scenario: Scenario, rng: Random, now: int) -> TextFact:
    texts = _MIX["reply"] + _MIX["unsubscribe"]
    leaves = scenario == "optouts" or (scenario == "mixed" and rng.randrange(texts) < _MIX["unsubscribe"])
    return TextFact(
        provider_message_id=hexadecimal(rng, 32),
        phone=_phone(rng),
        text=rng.choice(OPT_OUTS if leaves else REPLIES),
        event="unsubscribe" if leaves else "reply",
        at=now - rng.randrange(AGE_MS_MAX),
    )


def _phone(rng: Random) -> str:
    return f"+1{rng.choice(_AREAS)}555{rng.randrange(10_000):04d}"
