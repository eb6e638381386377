"""Bird, formerly MessageBird: the classic SMS product (query or form) and the platform (JSON). Pure; never raises.

Sources: developers.messagebird.com (SMS, verifying requests), docs.bird.com (SMS events, channels webhooks). The
classic product sends reports by GET; of a field that stands twice the last one counts (PROVIDERS.md section 17.2). No
payload of the platform was captured, so its model asks for little.
"""

from collections.abc import Mapping
from typing import Any, Final

from schemas.ids import content_key
from schemas.phone import to_e164, to_sender
from schemas.providers import authentication, bird_signature, forms
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
    SplitResult,
    Unparsable,
)
from schemas.providers.codes import table
from schemas.providers.envelopes import NO_PHONE, fragment, joined, read_time
from schemas.providers.outcome import Told, judge
from schemas.records import CallbackKind, RawCallback

_CODES: Final = table("bird")
_RECEIVED: Final = "received"
_SMS: Final = "sms."
_CHANNELS: Final = "channels"
_TIMES: Final = ("statusdatetime", "createddatetime", "receive_datetime")
_TEXTS: Final = ("body", "message", "mediaurls")
_KNOWN: Final = frozenset({"id", "recipient", "originator", "event", "type"})
"""A callback with one of these is Bird's, whatever it tells."""
_STRANGE: Final = {"event": "not of SMS"}
"""What an event of another channel or about another thing comes to: fields that tell nothing."""


class Bird:
    """The adapter."""

    name = "bird"
    aliases: tuple[str, ...] = ("messagebird",)
    credential_names: tuple[str, ...] = ("signing_key",)
    methods: tuple[str, ...] = ("POST", "GET")
    missing_status = 401

    def authenticate(self, request: CallbackRequest, credentials: Credentials) -> Authentication:
        """The signed token, either MessageBird-Signature, the Standard Webhooks headers, or a path secret."""
        return authentication.decide(
            [
                authentication.path_secret(request, credentials),
                bird_signature.of_token(request, credentials),
                bird_signature.of_request(request, credentials),
                bird_signature.of_standard(request, credentials),
            ],
            credentials,
        )

    def split(self, request: CallbackRequest) -> SplitResult:
        """One request is one fragment; what came by GET is kept as a form, JSON as it came."""
        read = fields_of.of_request(request, _flat, pairs_of=_pairs)
        if isinstance(read, Malformed):
            return read
        fields = _folded(read.fields)
        kind = _kind(fields)
        if kind == "unknown":
            known = not _KNOWN.isdisjoint(fields)
            return joined([], 1) if known else Malformed("The fields recipient, originator and type are missing.")
        return joined([fragment(kind, to_e164(_contact(fields, kind)), read.body, read.content_type)])

    def parse(self, fragment: RawCallback) -> Parsed:
        """Read one report or message."""
        read = fields_of.of_fragment(fragment, _flat)
        if read is None:
            return Unparsable("malformed", fields_of.NO_FIELDS)
        fields = _folded(read)
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
        """400 with the reason."""
        return Answer(400, detail.encode())


def _pairs(request: CallbackRequest) -> forms.Pairs | None:
    """The form's fields; a short code's message by GET has a `mid` of its own, where elsewhere that name is ours."""
    pairs = forms.of(request)
    names = dict(request.query)
    if request.method == "GET" and pairs is not None and "shortcode" in names and "mid" in names:
        return [*pairs, ("mid", names["mid"])]
    return pairs


def _folded(fields: Mapping[str, str]) -> dict[str, str]:
    """Field names in lower case: `createdDatetime` and `CreatedDatetime`, `mediaUrls` and `mediaURLs` were seen."""
    return {name.lower(): value for name, value in fields.items()}


def _flat(found: Mapping[str, Any]) -> dict[str, str]:
    """A platform event in the classic names; a JSON object of the classic names as it stands."""
    event = _string(found.get("event") or found.get("type")).strip().lower()
    if found.get("service") == _CHANNELS:
        return _channels(found) if event.startswith(_SMS) or "." not in event else _STRANGE
    if event.startswith(_SMS):
        return _sms(event.removeprefix(_SMS), found)
    return {name: str(value) for name, value in found.items() if isinstance(value, str | int)}


def _sms(event: str, found: Mapping[str, Any]) -> dict[str, str]:
    """`sms.delivered` and its like, as the platform sends them by Standard Webhooks; a click is none of them."""
    if event != _RECEIVED and event not in _CODES["status"]:
        return _STRANGE
    data = _object(found.get("data"))
    fields = {"id": _string(data.get("sms_id") or data.get("id")), "statusDatetime": _string(found.get("timestamp"))}
    error = _object(data.get("error") or data.get("failure"))
    if event == _RECEIVED:
        return fields | {
            "originator": _number(data.get("from")), "recipient": _number(data.get("to")),
            "body": _string(data.get("text")),
        }  # fmt: skip
    return fields | {
        "recipient": _number(data.get("to")), "originator": _number(data.get("from")), "status": event,
        "statusErrorCode": _string(error.get("code")), "reference": _string(data.get("reference")),
    }  # fmt: skip


def _channels(found: Mapping[str, Any]) -> dict[str, str]:
    """A channels webhook of the platform: a message's interaction, or one that came in."""
    payload = _object(found.get("payload"))
    body = _object(_object(payload.get("body")).get("text"))
    contacts = _object(payload.get("receiver")).get("contacts")
    first = _object(contacts[0]) if isinstance(contacts, list) and contacts else {}
    sender = _object(_object(payload.get("sender")).get("contact"))
    source = _object(_object(payload.get("failure")).get("source"))
    fields = {
        "id": _string(payload.get("id")),
        "reference": _string(payload.get("reference")),
        "statusDatetime": _string(payload.get("lastStatusAt") or payload.get("updatedAt") or payload.get("createdAt")),
    }
    if payload.get("direction") == "incoming":
        return fields | {"originator": _string(sender.get("identifierValue")), "body": _string(body.get("text"))}
    return fields | {
        "recipient": _string(first.get("identifierValue")), "status": _string(payload.get("status")),
        "statusErrorCode": _string(source.get("code")),
    }  # fmt: skip


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _string(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""


def _number(value: Any) -> str:
    """A number, or the first of a list; no payload was captured that says which it is."""
    return _string(value[0] if isinstance(value, list) and value else value)


def _kind(fields: Mapping[str, str]) -> CallbackKind:
    if fields.get("status", "").strip().lower() not in {"", _RECEIVED}:
        return "delivery"
    return "inbound" if any(name in fields for name in _TEXTS) else "unknown"


def _contact(fields: Mapping[str, str], kind: CallbackKind) -> str:
    return fields.get("recipient" if kind == "delivery" else "originator", "")


def _time(fields: Mapping[str, str]) -> tuple[int | None, bool]:
    return read_time(next((fields[one] for one in _TIMES if fields.get(one)), None))


def _report(fields: Mapping[str, str], number: str, mid: str | None) -> Parsed:
    at, invalid = _time(fields)
    name, word = fields.get("id") or None, fields["status"].strip()
    code = fields.get("statuserrorcode", "").strip()
    key = None
    if name or at is not None:  # one id stands for every recipient of a message
        key = f"{name or ''}|{number}|{word.lower()}|{fields.get('statusdatetime', '')}"
    told = Told(
        to=number,
        sender=to_sender(fields.get("originator", "")),
        word=word,
        code=code if code.strip("0") else None,
        natural_key=key,
        at=at,
        provider_message_id=name,
        message_id=mid or fields.get("reference") or None,
        time_invalid=invalid,
    )
    return judge(told, _CODES["status"], _CODES["error"])


def _message(fields: Mapping[str, str], number: str) -> Parsed:
    """Short codes name the message `mid` and its text `message`, beside `id` and `body` of another thing."""
    at, invalid = _time(fields)
    name = fields.get("mid") or fields.get("id") or None
    text = fields.get("body") or fields.get("message") or ""
    if fields.get("mid") or fields.get("shortcode"):
        text = fields.get("message") or text
    key = f"mo:{name}" if name else None
    if key is None and at is not None:
        key = f"mo:{content_key(f'{number}|{at}|{text}'.encode('utf-8', 'replace'))}"
    own = fields.get("shortcode") or fields.get("recipient") or ""
    return InboundMessage(number, to_sender(own), text, key, at, provider_message_id=name, time_invalid=invalid)


ADAPTER: Final = Bird()
