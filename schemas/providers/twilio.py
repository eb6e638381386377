"""Twilio: status callbacks and inbound messages as forms, one a request. Pure; never raises on any input.

Sources: twilio.com/docs/usage/security (signature), /docs/messaging (status values, fields), /docs/api/errors (codes).
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from schemas.phone import to_e164, to_sender
from schemas.providers import authentication, forms
from schemas.providers import fields as fields_of
from schemas.providers.callback import (
    Answer,
    Authentic,
    Authentication,
    CallbackRequest,
    Credentials,
    Forged,
    InboundMessage,
    Malformed,
    Nothing,
    Parsed,
    SplitResult,
    Unparsable,
)
from schemas.providers.codes import table
from schemas.providers.envelopes import NO_PHONE, fragment, joined
from schemas.providers.outcome import CODE_CHARS_MAX, NAME_CHARS_MAX, Told, judge
from schemas.records import CallbackKind, RawCallback

_CODES: Final = table("twilio")
_STATUSES: Final = _CODES["status"]
_ERRORS: Final = _CODES["error"]
_PORTS: Final = {"https": "443", "http": "80"}
_EMPTY_TWIML: Final = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
_INBOUND: Final = frozenset({"received", "receiving"})
_BODY_HASH: Final = "bodySHA256"
_SETTINGS_HEADER: Final = "x-twilio-webhooks-signature-settings"
_ALGORITHMS: Final = {"HMAC_SHA1": hashlib.sha1, "HMAC_SHA256": hashlib.sha256}
_VERDICTS: Final[dict[str, Literal["opt_out", "opt_in", "help"]]] = {
    "STOP": "opt_out",
    "START": "opt_in",
    "HELP": "help",
}


class Twilio:
    """The adapter."""

    name = "twilio"
    aliases: tuple[str, ...] = ()
    credential_names: tuple[str, ...] = ("auth_token",)
    methods: tuple[str, ...] = ("POST", "GET")
    missing_status = 401

    def authenticate(self, request: CallbackRequest, credentials: Credentials) -> Authentication:
        """X-Twilio-Signature with the auth token, or a path secret."""
        return authentication.decide(
            [authentication.path_secret(request, credentials), _signature(request, credentials)], credentials
        )

    def split(self, request: CallbackRequest) -> SplitResult:
        """One request is one fragment; what came by GET is kept as a form, JSON as it came."""
        read = fields_of.of_request(request, fields_of.scalars)
        if isinstance(read, Malformed):
            return read
        fields = read.fields
        kind = _kind(fields)
        if "To" not in fields and "From" not in fields and (kind != "delivery" or not _sid(fields)):
            return Malformed("The fields To and From are missing.")
        if kind == "unknown" or ":" in fields.get("To", "") + fields.get("From", ""):
            return joined([], 1)
        number = to_e164(fields.get("To" if kind == "delivery" else "From", ""))
        return joined([fragment(kind, number, read.body, read.content_type)])

    def parse(self, fragment: RawCallback) -> Parsed:
        """Read one report or message."""
        fields = fields_of.of_fragment(fragment, fields_of.scalars)
        if fields is None:
            return Unparsable("malformed", fields_of.NO_FIELDS)
        match _kind(fields):
            case "delivery":
                return _report(fields, fragment["mid"])
            case "inbound":
                return _message(fields)
            case "unknown":
                return Nothing("neither a report nor a message")

    def accepted(self, request: CallbackRequest) -> Answer:
        """An inbound message is answered with empty TwiML, anything else with nothing."""
        read = fields_of.of_request(request, fields_of.scalars)
        if not isinstance(read, Malformed) and _kind(read.fields) == "inbound":
            return Answer(200, _EMPTY_TWIML, "text/xml")
        return Answer(200)

    def malformed(self, request: CallbackRequest, detail: str) -> Answer:  # noqa: ARG002 - part of the protocol
        """400 with the reason."""
        return Answer(400, detail.encode())


def _sid(fields: Mapping[str, str]) -> str | None:
    """Twilio's id of the message, under its three names."""
    return fields.get("MessageSid") or fields.get("SmsSid") or fields.get("SmsMessageSid") or None


def _word(fields: Mapping[str, str]) -> str:
    """The status; `MessageStatus` wins over the older `SmsStatus` where they differ (PROVIDERS.md section 17.8)."""
    return fields.get("MessageStatus", "").strip() or fields.get("SmsStatus", "").strip()


def _kind(fields: Mapping[str, str]) -> CallbackKind:
    """A message has a text or media and is `received`; a report has another status, the older ones a text as well."""
    word = _word(fields).lower()
    if word and word not in _INBOUND and (fields.get("MessageStatus") or "Body" not in fields or word in _STATUSES):
        return "delivery"
    return "inbound" if "Body" in fields or "NumMedia" in fields else "unknown"


def _signature(request: CallbackRequest, credentials: Credentials) -> Authentication | None:
    """An HMAC of URL and sorted fields; of the URL alone for GET and for JSON, whose hash the URL carries.

    SHA-1 with the auth token; a shared key's secret is configured as a token too, and a header names its algorithm.
    """
    tokens = [one for one in credentials.values_of("auth_token") if one]
    given = request.headers.get("x-twilio-signature")
    if given is None or not tokens:
        return None
    hashed = dict(request.query).get(_BODY_HASH)
    params = b""
    if request.method != "GET" and hashed is None:
        pairs = forms.read_exactly(request.body)
        if pairs is None:
            return Forged("malformed")
        params = "".join(name + value for name, value in sorted(set(pairs))).encode("utf-8", "surrogateescape")
    algorithm = _ALGORITHMS.get(_algorithm_name(request.headers.get(_SETTINGS_HEADER, "")))
    if algorithm is None:
        return Forged("wrong_signature")
    accepted = [
        base64.b64encode(
            hmac.new(token.encode("utf-8", "replace"), url.encode("utf-8", "replace") + params, algorithm).digest()
        ).decode()
        for token in tokens
        for url in _spellings(request.url)
    ]
    if not authentication.any_equal(given, accepted):
        return Forged("wrong_signature")
    if hashed is not None and not authentication.any_equal(hashed.lower(), [hashlib.sha256(request.body).hexdigest()]):
        return Forged("wrong_signature")
    return Authentic("signature")


def _algorithm_name(settings: str) -> str:
    parts = dict(one.strip().partition("=")[::2] for one in settings.split(","))
    return parts.get("algorithm", "").strip().upper() or "HMAC_SHA1"


def _spellings(url: str) -> Sequence[str]:
    """The URL with and without its port: Twilio signs either; the fragment never counts, all else as it stands."""
    scheme, mark, rest = url.partition("#")[0].partition("://")
    cut = min(at for at in (rest.find("/"), rest.find("?"), len(rest)) if at >= 0)
    authority, tail = rest[:cut], rest[cut:]
    host, colon, port = authority.rpartition(":")
    if not colon or not port.isdigit():
        host, port = authority, _PORTS.get(scheme, "443")
    return (f"{scheme}{mark}{host}{tail}", f"{scheme}{mark}{host}:{port}{tail}")


def _report(fields: Mapping[str, str], mid: str | None) -> Parsed:
    to = to_e164(fields.get("To", ""))
    sid = _sid(fields)
    if to is None and (fields.get("To") or not sid):
        return Unparsable("phone_invalid", NO_PHONE)
    raw = _word(fields)[:NAME_CHARS_MAX]
    return judge(
        Told(
            to=to or "",
            sender=to_sender(fields.get("From", "")),
            word=raw,
            code=fields.get("ErrorCode", "").strip()[:CODE_CHARS_MAX] or None,
            natural_key=f"{sid}|{raw.lower()}" if sid else None,
            at=None,
            provider_message_id=sid,
            message_id=mid,
        ),
        _STATUSES,
        _ERRORS,
    )


def _message(fields: Mapping[str, str]) -> Parsed:
    sender = to_e164(fields.get("From", ""))
    if sender is None:
        return Unparsable("phone_invalid", NO_PHONE)
    sid = _sid(fields)
    return InboundMessage(
        sender,
        to_sender(fields.get("To", "")),
        fields.get("Body", ""),
        f"mo:{sid}" if sid else None,
        None,
        provider_message_id=sid,
        verdict=_VERDICTS.get(fields.get("OptOutType", "").strip().upper()),
    )


ADAPTER: Final = Twilio()
