"""Vonage: the SMS API (query, form or JSON) and the Messages API (JSON), one a request. Pure; never raises.

Sources: developer.vonage.com (SMS delivery receipts and inbound, Messages webhooks, signed webhooks), Vonage help
204014733 (error codes), vonage-python-sdk (signature). In a report of the SMS API `msisdn` is the contact and `to` the
sender; in a message it is the other way round. Vonage repeats what is not answered with 200 or 204 for a day.
"""

from collections.abc import Mapping
from typing import Any, Final

from schemas.phone import to_e164, to_sender
from schemas.providers import authentication, vonage_signature
from schemas.providers import fields as fields_of
from schemas.providers.callback import (
    Answer,
    Authentication,
    CallbackRequest,
    Credentials,
    InboundMessage,
    Malformed,
    Nothing,
    Parsed,
    Part,
    SplitResult,
    Unparsable,
)
from schemas.providers.codes import table
from schemas.providers.envelopes import NO_PHONE, fragment, joined, read_time
from schemas.providers.outcome import UNKNOWN, Told, judge
from schemas.records import CallbackKind, RawCallback

_CODES: Final = table("vonage")
_CHANNELS: Final = frozenset({"", "sms", "mms"})
_OTHER_PRODUCTS: Final = ("conversation_uuid", "request_id")
"""Fields of the voice, verification and look-up products, whose events carry a status too."""
_TEXT_IDS: Final = ("msisdn", "messageId", "message_uuid")
_PART_DIGITS_MAX: Final = 3
"""A text has at most 255 parts."""


class Vonage:
    """The adapter."""

    name = "vonage"
    aliases: tuple[str, ...] = ("nexmo",)
    credential_names: tuple[str, ...] = ("signature_secret", "signature_method")
    methods: tuple[str, ...] = ("POST", "GET")
    missing_status = 503
    """Vonage rarely sends a callback unsigned, and sends it again, signed, where the answer is a 5xx."""

    def authenticate(self, request: CallbackRequest, credentials: Credentials) -> Authentication:
        """`sig` of the SMS API, the signed token of the Messages API, or a path secret."""
        return authentication.decide(
            [
                authentication.path_secret(request, credentials),
                vonage_signature.of_token(request, credentials),
                vonage_signature.of_fields(request, credentials),
            ],
            credentials,
        )

    def split(self, request: CallbackRequest) -> SplitResult:
        """One request is one fragment; what came by GET is kept as a form, JSON as it came."""
        read = fields_of.of_request(request, _plain)
        if isinstance(read, Malformed):
            return read
        fields = read.fields
        kind = _kind(fields)
        if fields.get("channel", "").lower() not in _CHANNELS or _is_elsewhere(fields):
            return joined([], 1)
        if kind == "unknown":
            known = "msisdn" in fields or "from" in fields
            return joined([], 1) if known else Malformed("The fields msisdn and from are missing.")
        return joined([fragment(kind, to_e164(_contact(fields, kind)), read.body, read.content_type)])

    def parse(self, fragment: RawCallback) -> Parsed:
        """Read one report or message."""
        fields = fields_of.of_fragment(fragment, _plain)
        if fields is None:
            return Unparsable("malformed", fields_of.NO_FIELDS)
        kind = _kind(fields)
        if kind == "unknown":
            return Nothing("neither a report nor a message")
        number = to_e164(_contact(fields, kind))
        if number is None:
            return Unparsable("phone_invalid", NO_PHONE)
        return _report(fields, number, fragment["mid"]) if kind == "delivery" else _message(fields, number)

    def accepted(self, request: CallbackRequest) -> Answer:  # noqa: ARG002 - part of the protocol
        """200 with an empty body."""
        return Answer(200)

    def malformed(self, request: CallbackRequest, detail: str) -> Answer:  # noqa: ARG002 - part of the protocol
        """200 as well, because Vonage would repeat anything else for a day; the body is in quarantine."""
        return Answer(200)


def _plain(found: Mapping[str, Any]) -> dict[str, str]:
    """A JSON object in the form of fields; the parts of the Messages API that matter are named with a dot.

    Its version 0.1 writes `to` and `from` as objects of channel and number, and the text inside `message.content`.
    """
    fields: dict[str, str] = {}
    for name, value in found.items():
        if isinstance(value, bool):
            fields[name] = str(value).lower()
        elif isinstance(value, str | int | float):
            fields[name] = str(value)
        elif isinstance(value, dict):
            inner = ((f"{name}.{part}", one) for part, one in value.items())
            fields |= {key: str(one) for key, one in inner if isinstance(one, str | int)}
    for name in ("to", "from"):
        if f"{name}.number" in fields or f"{name}.type" in fields:
            fields[name] = fields.get(f"{name}.number", "")
            fields.setdefault("channel", fields.get(f"{name}.type", ""))
    return fields | _older_text(found)


def _older_text(found: Mapping[str, Any]) -> dict[str, str]:
    message = found.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, dict):
        return {}
    text = content.get("text")
    return {"text": text if isinstance(text, str) else ""}


def _kind(fields: Mapping[str, str]) -> CallbackKind:
    if fields.get("status", "").strip():
        return "delivery"
    return "inbound" if any(name in fields for name in ("text", "data", "message_type", "type")) else "unknown"


def _is_elsewhere(fields: Mapping[str, str]) -> bool:
    """Whether this is of another product: its id is there, and none of a text."""
    return any(name in fields for name in _OTHER_PRODUCTS) and not any(name in fields for name in _TEXT_IDS)


def _contact(fields: Mapping[str, str], kind: CallbackKind) -> str:
    """The contact's number; in a report of the SMS API that lacks it, `to` is still our own number."""
    if "msisdn" in fields or "messageId" in fields:
        return fields.get("msisdn", "")
    return fields.get("to" if kind == "delivery" else "from", "")


def _time(fields: Mapping[str, str]) -> tuple[int | None, bool]:
    """`scts` can be garbage, so it is not looked at (PROVIDERS.md section 17.4)."""
    return read_time(fields.get("message-timestamp") or (fields.get("timestamp") if "message_uuid" in fields else None))


def _name(fields: Mapping[str, str]) -> str | None:
    return fields.get("messageId") or fields.get("message_uuid") or None


def _code(fields: Mapping[str, str]) -> str | None:
    """The number of an error; the Messages API has it as the title, in version 0.1 as the code, or only in the type."""
    title = fields.get("error.title", "").strip()
    number = fields.get("error.code", "").strip() or fields.get("error.type", "").rpartition("#")[2].strip()
    named = title if title.isdecimal() or not number.isdecimal() else number
    return fields.get("err-code", "").strip() or named or None


def _report(fields: Mapping[str, str], number: str, mid: str | None) -> Parsed:
    at, invalid = _time(fields)
    name, word, code = _name(fields), fields.get("status", "").strip() or UNKNOWN, _code(fields)
    sender = fields.get("to", "") if "msisdn" in fields else fields.get("from", "")
    key = None
    if name or at is not None:
        key = f"{name or number}|{word.lower()}|{fields.get('message-timestamp', '') if not name else ''}"
    told = Told(
        to=number,
        sender=to_sender(sender),
        word=word,
        code=None if code == "0" else code,
        natural_key=key,
        at=at,
        provider_message_id=name,
        message_id=mid or fields.get("client-ref") or fields.get("client_ref") or None,
        time_invalid=invalid,
    )
    return judge(told, _CODES["status"], _CODES["error"])


def _message(fields: Mapping[str, str], number: str) -> Parsed:
    """A part of a long text is a message of its own, and says which part it is; a picture's text is its caption."""
    at, invalid = _time(fields)
    name, part = _name(fields), fields.get("concat-part", "")
    text = fields.get("text") or fields.get(f"{fields.get('message_type', '')}.caption", "")
    key = f"mo:{name}|{part}" if name else None if at is None else f"mo:{number}|{at}|{part}|{text}"
    return InboundMessage(
        number,
        to_sender(fields.get("to", "")),
        text,
        key,
        at,
        provider_message_id=name,
        part=_part(fields),
        time_invalid=invalid,
    )


def _part(fields: Mapping[str, str]) -> Part | None:
    number, total = fields.get("concat-part", ""), fields.get("concat-total", "")
    if fields.get("concat") != "true" or not (number + total).isascii() or not (number.isdigit() and total.isdigit()):
        return None
    if max(len(number), len(total)) > _PART_DIGITS_MAX:
        return None
    return Part(fields.get("concat-ref", ""), int(number), int(total))


ADAPTER: Final = Vonage()
