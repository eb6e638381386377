"""Sinch SMS REST: one JSON callback a request, reports of many recipients or one. Pure; never raises on any input.

Sources: developers.sinch.com/docs/sms (callbacks, delivery report codes), sinch-sdk-python (signature).
"""

import hashlib
from typing import Any, Final

import msgspec
from pydantic import Field

from schemas.phone import to_e164, to_sender
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
    decode_body,
    fragment,
    joined,
    phone_of,
    read_time,
    text_of,
    validate,
    word_of,
    wrong_field,
)
from schemas.providers.outcome import UNKNOWN, Told, judge
from schemas.records import RawCallback

_CODES: Final = table("sinch")
_BATCH: Final = frozenset({"delivery_report_sms", "delivery_report_mms"})
_SINGLE: Final = frozenset({"recipient_delivery_report_sms", "recipient_delivery_report_mms"})
_MESSAGES: Final = frozenset({"mo_text", "mo_binary", "mo_media"})
_SIGNATURE: Final = "x-sinch-webhook-signature"


class _Status(Lenient):
    code: str | None = None
    status: str | None = None
    recipients: tuple[str, ...] | None = None


class _Report(Lenient):
    """Either kind of report: of a batch, or of one recipient."""

    type: str = ""
    batch_id: str | None = None
    client_reference: str | None = None
    statuses: tuple[_Status, ...] | None = None
    applied_originator: Any = None
    at: str | None = None
    code: str | None = None
    status: str | None = None
    recipient: str | None = None


class _Message(Lenient):
    """A message; what is not needed to understand it may be anything."""

    id: str | None = None
    from_: str | None = Field(None, alias="from")
    to: Any = None
    body: Any = None
    received_at: Any = None
    sent_at: Any = None


class _HeadStatus(msgspec.Struct):
    recipients: list[Any] | None = None
    code: Any = None
    status: Any = None


class _Head(msgspec.Struct):
    type: Any = None
    recipient: Any = None
    from_: Any = msgspec.field(default=None, name="from")
    statuses: list[_HeadStatus] | None = None
    batch_id: Any = None
    client_reference: Any = None
    app_id: Any = None


class _Type(Lenient):
    type: str = ""


_read_head: Final = msgspec.json.Decoder(_Head).decode


class Sinch:
    """The adapter."""

    name = "sinch"
    aliases: tuple[str, ...] = ()
    credential_names: tuple[str, ...] = ("webhook_secret", "basic")
    methods: tuple[str, ...] = ("POST",)
    missing_status = 401

    def authenticate(self, request: CallbackRequest, credentials: Credentials) -> Authentication:
        """HMAC-SHA256 over body, nonce and time with the service plan's secret, HTTP Basic, or a path secret."""
        return authentication.decide(
            [
                authentication.path_secret(request, credentials),
                authentication.basic(request, credentials),
                _signature(request, credentials),
            ],
            credentials,
        )

    def split(self, request: CallbackRequest) -> SplitResult:
        """One fragment a recipient; a summary names none and tells nothing, nor do the Conversation API's events."""
        head, text = decode_body(_read_head, request)
        if isinstance(head, Refused):
            return Malformed("The body is not a JSON object of Sinch.")
        kind = word_of(head.type)
        if kind in _MESSAGES:
            return joined([fragment("inbound", phone_of(head.from_), text)])
        if kind in _SINGLE:
            return joined([fragment("delivery", phone_of(head.recipient), text)])
        if kind in _BATCH:
            return _split_batch(head, text)
        return joined([], 1) if kind or head.app_id is not None else Malformed("The field type is missing.")

    def parse(self, fragment: RawCallback) -> Parsed:
        """Read one report or message."""
        kind = validate(_Type, fragment["body"])
        if kind is None:
            return wrong_field(_Type, fragment["body"])
        if kind.type in _MESSAGES:
            message = validate(_Message, fragment["body"])
            return wrong_field(_Message, fragment["body"]) if message is None else _message(message, kind.type)
        if kind.type not in _BATCH | _SINGLE:
            return Nothing("neither a report nor a message")
        report = validate(_Report, fragment["body"])
        return wrong_field(_Report, fragment["body"]) if report is None else _report(report, fragment["mid"])

    def accepted(self, request: CallbackRequest) -> Answer:  # noqa: ARG002 - part of the protocol
        """200; Sinch drops what is answered with 4xx."""
        return Answer(200)

    def malformed(self, request: CallbackRequest, detail: str) -> Answer:  # noqa: ARG002 - part of the protocol
        """400 with the reason; Sinch does not repeat it, and the copy is in quarantine."""
        return Answer(400, detail.encode())


def _signature(request: CallbackRequest, credentials: Credentials) -> Authentication | None:
    """Its age is not judged: the documentation does not say that a repeat is signed anew."""
    secrets = [one for one in credentials.values_of("webhook_secret") if one]
    given = request.headers.get(_SIGNATURE)
    if given is None or not secrets:
        return None
    if request.headers.get(f"{_SIGNATURE}-algorithm", "HmacSHA256").lower() != "hmacsha256":
        return Forged("wrong_signature")
    tail = f".{request.headers.get(f'{_SIGNATURE}-nonce', '')}.{request.headers.get(f'{_SIGNATURE}-timestamp', '')}"
    signed = request.body + tail.encode("utf-8", "surrogateescape")
    good = authentication.is_mac(given, secrets, [signed], hashlib.sha256)
    return Authentic("signature") if good else Forged("wrong_signature")


def _split_batch(head: _Head, text: bytes) -> SplitResult:
    each = [(one, number) for one in head.statuses or () for number in one.recipients or ()]
    if len(each) > FRAGMENTS_MAX:
        return Malformed(f"There are more than {FRAGMENTS_MAX} recipients.")
    if len(each) == 1 and len(head.statuses or ()) == 1:
        return joined([fragment("delivery", phone_of(each[0][1]), text)])
    found: list[Fragment | BadFragment] = []
    for one, number in each:
        status = {"code": one.code, "status": one.status, "recipients": [number]}
        body: dict[str, Any] = {"type": head.type, "batch_id": head.batch_id, "statuses": [status]}
        if head.client_reference is not None:
            body["client_reference"] = head.client_reference
        found.append(fragment("delivery", phone_of(number), msgspec.json.encode(body)))
    return joined(found)


def _report(item: _Report, mid: str | None) -> Parsed:
    status, code, number = item.status, item.code, item.recipient
    if item.type in _BATCH:
        each = item.statuses or ()
        if len(each) != 1 or len(each[0].recipients or ()) != 1:
            return Unparsable("malformed", "A fragment holds exactly one recipient.")
        (one,) = each
        status, code, number = one.status, one.code, (one.recipients or ("",))[0]
    to = to_e164(number or "")
    if to is None:
        return Unparsable("phone_invalid", NO_PHONE)
    at, invalid = read_time(item.at)
    word, reason = (status or "").strip() or UNKNOWN, (code or "").strip()
    key = None
    if item.batch_id or at is not None:
        key = f"{item.batch_id or ''}|{to}|{reason}|{word.lower()}|{item.at or ''}"
    told = Told(
        to=to,
        sender=to_sender(text_of(item.applied_originator)),
        word=word,
        code=None if reason in {"", "0"} else reason,
        natural_key=key,
        at=at,
        provider_message_id=item.batch_id or None,
        message_id=mid or item.client_reference or None,
        time_invalid=invalid,
    )
    return judge(told, _CODES["status"], _CODES["code"])


def _message(item: _Message, kind: str) -> Parsed:
    sender = to_e164(item.from_ or "")
    if sender is None:
        return Unparsable("phone_invalid", NO_PHONE)
    body = item.body
    if isinstance(body, dict):
        body = body.get("message") or body.get("subject")
    text = text_of(body) if kind != "mo_binary" else ""
    at, invalid = read_time(word_of(item.received_at) or word_of(item.sent_at))
    name, to = item.id or None, to_sender(text_of(item.to))
    key = f"mo:{name}" if name else None if at is None else f"mo:{sender}|{at}|{text}"
    return InboundMessage(sender, to, text, key, at, provider_message_id=name, time_invalid=invalid)


ADAPTER: Final = Sinch()
