"""Bandwidth: a JSON list of events a request, HTTP Basic. Pure; never raises on any input.

Source: dev.bandwidth.com messaging (webhooks, errors). What is not answered with 2xx is repeated for a day, so a
malformed body is answered 200 once it is kept.
"""

from typing import Any, Final

import msgspec
from pydantic import Field

from schemas.phone import to_e164, to_sender
from schemas.providers import authentication
from schemas.providers.callback import (
    Answer,
    Authentication,
    BadFragment,
    CallbackRequest,
    Credentials,
    Fragment,
    InboundMessage,
    Malformed,
    Nothing,
    Parsed,
    SplitResult,
    Unparsable,
)
from schemas.providers.codes import table
from schemas.providers.envelopes import (
    FRAGMENTS_MAX,
    JSON,
    NO_PHONE,
    Lenient,
    Refused,
    decode,
    decode_body,
    fragment,
    joined,
    phone_of,
    read_time,
    validate,
    word_of,
    wrong_field,
)
from schemas.providers.outcome import NAME_CHARS_MAX, Told, judge
from schemas.records import RawCallback

_CODES: Final = table("bandwidth")
_INBOUND: Final = "message-received"
_FAILED: Final = "message-failed"
_REPORTS: Final = frozenset({"message-sending", "message-delivered", _FAILED, "message-read"})


class _Inner(Lenient):
    """The message of an event; what a report or text does not need may be anything."""

    id: str | None = None
    owner: Any = None
    time: Any = None
    from_: str | None = Field(None, alias="from")
    to: Any = None
    text: Any = None
    tag: Any = None


class _Event(Lenient):
    type: str = ""
    time: Any = None
    to: Any = None
    description: Any = None
    errorCode: str | None = None  # noqa: N815 - the provider's spelling
    message: _Inner | None = None


class _HeadInner(msgspec.Struct):
    from_: Any = msgspec.field(default=None, name="from")
    to: Any = None


class _Head(msgspec.Struct):
    type: Any = None
    to: Any = None
    message: msgspec.Raw = msgspec.Raw(b"null")


_read_list: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_head: Final = msgspec.json.Decoder(_Head).decode
_read_inner: Final = msgspec.json.Decoder(_HeadInner | None).decode


class Bandwidth:
    """The adapter."""

    name = "bandwidth"
    aliases: tuple[str, ...] = ()
    credential_names: tuple[str, ...] = ("basic",)
    methods: tuple[str, ...] = ("POST",)
    missing_status = 401

    def authenticate(self, request: CallbackRequest, credentials: Credentials) -> Authentication:
        """HTTP Basic as configured on the application, or a path secret."""
        return authentication.decide(
            [authentication.path_secret(request, credentials), authentication.basic(request, credentials)], credentials
        )

    def split(self, request: CallbackRequest) -> SplitResult:
        """One fragment an event; a list of one keeps its own bytes."""
        items, text = decode_body(_read_list, request)
        if isinstance(items, Refused):
            return Malformed("The body is not a JSON list of events.")
        if len(items) > FRAGMENTS_MAX:
            return Malformed(f"There are more than {FRAGMENTS_MAX} events.")
        bodies = [text] if len(items) == 1 else [b"[" + bytes(one) + b"]" for one in items]
        found = [_cut(bytes(one), body) for one, body in zip(items, bodies, strict=True)]
        return joined([one for one in found if one is not None], found.count(None))

    def parse(self, fragment: RawCallback) -> Parsed:
        """Read one report or message."""
        items = decode(_read_list, fragment["body"])
        if isinstance(items, Refused) or len(items) != 1:
            return Unparsable("malformed", "A fragment holds exactly one event.")
        event = validate(_Event, bytes(items[0]))
        if event is None:
            return wrong_field(_Event, bytes(items[0]))
        kind, item = _kind(event.type), event.message or _Inner()
        if kind == _INBOUND:
            return _message(event, item)
        if kind not in _REPORTS:
            return Nothing("neither a report nor a message")
        return _report(event, item, fragment["mid"])

    def accepted(self, request: CallbackRequest) -> Answer:  # noqa: ARG002 - part of the protocol
        """200 within ten seconds."""
        return Answer(200)

    def malformed(self, request: CallbackRequest, detail: str) -> Answer:  # noqa: ARG002 - part of the protocol
        """200 as well, because Bandwidth would repeat anything else for a day; the body is in quarantine."""
        return Answer(200)


def _kind(word: Any) -> str:
    """The type of an event, in any case."""
    return word_of(word).strip().lower()


def _first(numbers: Any) -> Any:
    return numbers[0] if isinstance(numbers, list) and numbers else numbers


def _cut(item: bytes, body: bytes) -> Fragment | BadFragment | None:
    head = decode(_read_head, item)
    if isinstance(head, Refused):
        return BadFragment("malformed", "An entry of the list is not an event.", body, JSON)
    kind, message = _kind(head.type), decode(_read_inner, bytes(head.message))
    inner = message if isinstance(message, _HeadInner) else _HeadInner()  # what else it is, parsing tells by its path
    if kind == _INBOUND:
        return fragment("inbound", phone_of(inner.from_), body)
    if kind in _REPORTS:
        return fragment("delivery", _contact(head.to, inner.to), body)
    return None


def _contact(event_to: Any, message_to: Any) -> str | None:
    """Whom a report is about: the event's own `to`; that of the message may name several."""
    return phone_of(_first(event_to)) or phone_of(_first(message_to))


def _time(event: _Event) -> tuple[int | None, bool]:
    return read_time(event.time if isinstance(event.time, str) else None)


def _word(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and value else None


def _report(event: _Event, item: _Inner, mid: str | None) -> Parsed:
    to = _contact(event.to, item.to)
    if to is None:
        return Unparsable("phone_invalid", NO_PHONE)
    at, invalid = _time(event)
    kind, code = _kind(event.type), (event.errorCode or "").strip()
    key = f"{item.id}|{kind}|{to}" if item.id else None if at is None else f"{kind}|{to}|{at}"
    description = event.description if isinstance(event.description, str) else ""
    told = Told(
        to=to,
        sender=to_sender(_word(item.from_) or _word(item.owner) or ""),
        word=event.type.strip(),
        code=code if code.strip("0") else None,
        natural_key=key,
        at=at,
        provider_message_id=item.id or None,
        message_id=mid or _word(item.tag),
        time_invalid=invalid,
        detail=description[:NAME_CHARS_MAX] if kind == _FAILED else None,
    )
    return judge(told, _CODES["type"], _CODES["error"])


def _message(event: _Event, item: _Inner) -> Parsed:
    sender = to_e164(item.from_ or "")
    if sender is None:
        return Unparsable("phone_invalid", NO_PHONE)
    at, invalid = _time(event)
    if at is None and isinstance(item.time, str):
        at = read_time(item.time)[0]
    own = _word(item.owner) or _word(_first(event.to)) or _word(_first(item.to)) or ""
    text = item.text if isinstance(item.text, str) else ""
    key = f"mo:{item.id}" if item.id else None if at is None else f"mo:{sender}|{at}|{text}"
    return InboundMessage(
        sender, to_sender(own), text, key, at, provider_message_id=item.id or None, time_invalid=invalid
    )


ADAPTER: Final = Bandwidth()
