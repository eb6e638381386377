"""Telnyx: one JSON event a request, signed with Ed25519. Pure; never raises on any input.

Sources: developers.telnyx.com messaging (receiving webhooks, message objects), /data/api-errors.json (codes).
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import Field, ValidationError

from schemas.phone import to_sender
from schemas.providers import authentication
from schemas.providers.callback import (
    Answer,
    Authentic,
    Authentication,
    BadFragment,
    CallbackRequest,
    Credentials,
    Forged,
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
    NO_PHONE,
    Lenient,
    Refused,
    decode,
    decode_body,
    fragment,
    joined,
    phone_of,
    read_time,
    refusal_of,
    text_of,
    validate,
    word_of,
    wrong_field,
)
from schemas.providers.outcome import UNKNOWN, Told, judge
from schemas.records import RawCallback

TOLERANCE_S: Final = 300
"""Telnyx signs each try anew; its documentation and SDK refuse what is older."""
_CODES: Final = table("telnyx")
_INBOUND: Final = "message.received"
_REPORTS: Final = frozenset({"message.sent", "message.finalized"})
_TEXT_TYPES: Final = frozenset({"", "SMS", "MMS"})
_TAG: Final = "mid:"
"""A tag of the message that carries our message id."""
_NULL: Final = msgspec.Raw(b"null")


class _Payload(Lenient):
    """A report's payload; an inbound message needs less."""

    id: str | None = None
    from_: Any = None
    to: Any = None
    tags: Any = None
    errors: list[Any] | None = None
    completed_at: str | None = None


class _Data(Lenient):
    id: str | None = None
    event_type: str = ""
    occurred_at: str | None = None
    payload: dict[str, Any] = Field(default_factory=dict)


class _Event(Lenient):
    data: _Data


class _HeadPayload(msgspec.Struct):
    to: msgspec.Raw = _NULL
    from_: Any = msgspec.field(default=None, name="from")
    type: Any = None


class _HeadData(msgspec.Struct):
    event_type: Any = None
    payload: _HeadPayload | None = None


class _Head(msgspec.Struct):
    data: _HeadData | None = None


_read_head: Final = msgspec.json.Decoder(_Head).decode
_read_any: Final = msgspec.json.Decoder().decode
_read_object: Final = msgspec.json.Decoder(dict[str, Any]).decode


class Telnyx:
    """The adapter."""

    name = "telnyx"
    aliases: tuple[str, ...] = ()
    credential_names: tuple[str, ...] = ("public_key",)
    methods: tuple[str, ...] = ("POST",)
    missing_status = 401

    def authenticate(self, request: CallbackRequest, credentials: Credentials) -> Authentication:
        """Ed25519 over time and body with the account's public key, or a path secret."""
        return authentication.decide(
            [authentication.path_secret(request, credentials), _signature(request, credentials)], credentials
        )

    def split(self, request: CallbackRequest) -> SplitResult:  # noqa: PLR0911 - one return per kind of event
        """An event is one fragment; a report of several recipients one for each."""
        head, text = decode_body(_read_head, request)
        if isinstance(head, Refused) or head.data is None:
            return Malformed("The body is not a JSON object with an object named data.")
        kind, payload = word_of(head.data.event_type), head.data.payload
        if kind not in {_INBOUND, *_REPORTS}:
            return joined([], 1) if kind else Malformed("The field data.event_type is missing.")
        if payload is None:
            return Malformed("The field data.payload is missing.")
        if str(payload.type or "").upper() not in _TEXT_TYPES:
            return joined([], 1)
        if kind == _INBOUND:
            return joined([fragment("inbound", _number(payload.from_), text)])
        parties = _parties(decode(_read_any, bytes(payload.to)))
        if not parties:
            return Malformed("The field data.payload.to names no recipient.")
        if len(parties) > FRAGMENTS_MAX:
            return Malformed(f"There are more than {FRAGMENTS_MAX} recipients.")
        if len(parties) == 1:
            return joined([fragment("delivery", _number(parties[0]), text)])
        whole = decode(_read_object, text)
        if isinstance(whole, Refused):
            return Malformed("The body is not JSON throughout.")
        return joined(_each(whole, parties))

    def parse(self, fragment: RawCallback) -> Parsed:
        """Read one report or message."""
        event = validate(_Event, fragment["body"])
        if event is None:
            return wrong_field(_Event, fragment["body"])
        if event.data.event_type == _INBOUND:
            return _message(event.data)
        if event.data.event_type not in _REPORTS:
            return Nothing("neither a report nor a message")
        return _report(event.data, fragment["mid"])

    def accepted(self, request: CallbackRequest) -> Answer:  # noqa: ARG002 - part of the protocol
        """200 within two seconds, or Telnyx asks its failover URL."""
        return Answer(200)

    def malformed(self, request: CallbackRequest, detail: str) -> Answer:  # noqa: ARG002 - part of the protocol
        """400 with the reason."""
        return Answer(400, detail.encode())


def _signature(request: CallbackRequest, credentials: Credentials) -> Authentication | None:
    keys = [one for one in credentials.values_of("public_key") if one]
    given = request.headers.get("telnyx-signature-ed25519")
    at = request.headers.get("telnyx-timestamp")
    if given is None or not keys:
        return None
    recent = authentication.is_recent(at or "", request.received_at, TOLERANCE_S)
    if recent is None:
        return Forged("malformed")
    signed = f"{at}|".encode() + request.body
    if not any(_is_signed(key, given, signed) for key in keys):
        return Forged("wrong_signature")
    return Authentic("signature") if recent else Forged("expired")


def _is_signed(key: str, given: str, signed: bytes) -> bool:
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        public.verify(base64.b64decode(given, validate=True), signed)
    except (ValueError, binascii.Error, InvalidSignature):
        return False
    return True


def _number(party: Any) -> str | None:
    """A number, alone or in an object: both were seen (PROVIDERS.md section 17.5)."""
    return phone_of(party.get("phone_number") if isinstance(party, dict) else party)


def _parties(to: Any) -> list[Any]:
    """The recipients, of which one may stand without a list."""
    if isinstance(to, list):
        return to
    return [to] if isinstance(to, str | dict) and to else []


def _each(whole: dict[str, Any], parties: Sequence[Any]) -> list[Fragment | BadFragment]:
    found = []
    for party in parties:
        payload = {**whole["data"]["payload"], "to": [party]}
        body = msgspec.json.encode({**whole, "data": {**whole["data"], "payload": payload}})
        found.append(fragment("delivery", _number(party), body))
    return found


def _report(data: _Data, mid: str | None) -> Parsed:
    try:
        payload = _Payload.model_validate({**data.payload, "from_": data.payload.get("from")})
    except ValidationError as error:
        return refusal_of(error, "data", "payload")
    parties = _parties(payload.to)
    if len(parties) != 1:
        return Unparsable("malformed", "A fragment holds exactly one recipient.")
    to = _number(parties[0])
    if to is None:
        return Unparsable("phone_invalid", NO_PHONE)
    at, invalid = read_time(payload.completed_at or data.occurred_at)
    said = text_of(parties[0].get("status")).strip() if isinstance(parties[0], dict) else ""
    word = said or data.event_type.rpartition(".")[2] or UNKNOWN
    told = Told(
        to=to,
        sender=_sender(payload.from_),
        word=word,
        code=_code(payload.errors or ()),
        natural_key=f"{data.id}|{to}" if data.id else None if at is None else f"{payload.id or ''}|{to}|{word}|{at}",
        at=at,
        provider_message_id=payload.id,
        message_id=mid or _tagged(payload.tags),
        time_invalid=invalid,
    )
    return judge(told, _CODES["status"], _CODES["error"])


def _code(errors: Sequence[Any]) -> str | None:
    """The code of the first error that stands in our table, else of the first that has one."""
    codes = [text_of(one.get("code")).strip() for one in errors if isinstance(one, dict)]
    known = (code for code in codes if code in _CODES["error"])
    return next(known, None) or next((code for code in codes if code), None)


def _sender(party: Any) -> str | None:
    return to_sender(text_of(party.get("phone_number") if isinstance(party, dict) else party))


def _tagged(tags: Any) -> str | None:
    each = tags if isinstance(tags, list) else [tags]
    found = (tag.removeprefix(_TAG) for tag in each if isinstance(tag, str) and tag.startswith(_TAG))
    return next(found, None) or None


def _message(data: _Data) -> Parsed:
    payload = data.payload
    sender = _number(payload.get("from"))
    if sender is None:
        return Unparsable("phone_invalid", NO_PHONE)
    to = payload.get("to")
    own = to[0] if isinstance(to, list) and to else to
    at, invalid = read_time(word_of(payload.get("received_at")) or data.occurred_at)
    name, text = text_of(payload.get("id")) or None, text_of(payload.get("text"))
    key = f"mo:{data.id}" if data.id else f"mo:{name}" if name else None
    return InboundMessage(sender, _sender(own), text, key, at, provider_message_id=name, time_invalid=invalid)


ADAPTER: Final = Telnyx()
