"""Plivo: reports and inbound messages as forms or queries, one a request. Pure; never raises on any input.

Sources: plivo.com/docs messaging (message and callback objects, error codes), plivo-python's signature helpers.
Plivo's V2 signature covers neither body nor query, so it proves nothing alone: a path secret must stand beside it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from schemas.phone import to_e164, to_sender
from schemas.providers import authentication, forms
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
from schemas.providers.envelopes import NO_PHONE, fragment, joined, read_time
from schemas.providers.outcome import Told, judge
from schemas.records import CallbackKind, RawCallback

_CODES: Final = table("plivo")
_RECEIVED: Final = "received"
_EMPTY_XML: Final = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
_V3: Final = ("x-plivo-signature-v3", "x-plivo-signature-ma-v3")
_V2: Final = ("x-plivo-signature-v2", "x-plivo-signature-ma-v2")
_TIMES: Final = ("deliveryreporttime", "senttime", "queuedtime", "messagetime")
_TEXT_TYPES: Final = frozenset({"", "sms", "mms"})


class Plivo:
    """The adapter."""

    name = "plivo"
    aliases: tuple[str, ...] = ()
    credential_names: tuple[str, ...] = ("auth_token",)
    methods: tuple[str, ...] = ("POST", "GET")
    missing_status = 401

    def authenticate(self, request: CallbackRequest, credentials: Credentials) -> Authentication:
        """The V3 signature with the auth token, or a path secret; a V2 signature alone can only refuse."""
        signature = _signature_v3(request, credentials) or _signature_v2(request, credentials)
        return authentication.decide([authentication.path_secret(request, credentials), signature], credentials)

    def split(self, request: CallbackRequest) -> SplitResult:
        """One request is one fragment; what came by GET is kept as a form."""
        pairs = forms.of(request)
        if pairs is None:
            return Malformed(f"The body is not a form of at most {forms.FIELDS_MAX} fields.")
        fields = _folded(pairs)
        if "to" not in fields and "from" not in fields:
            return Malformed("The fields To and From are missing.")
        kind = _kind(fields)
        if kind == "unknown" or fields.get("type", "").strip().lower() not in _TEXT_TYPES:
            return joined([], 1)
        number = to_e164(fields.get("to" if kind == "delivery" else "from", ""))
        return joined([fragment(kind, number, forms.body_of(request, pairs), forms.FORM)])

    def parse(self, fragment: RawCallback) -> Parsed:
        """Read one report or message."""
        pairs = forms.read(fragment["body"])
        if pairs is None:
            return Unparsable("malformed", f"The body is not a form of at most {forms.FIELDS_MAX} fields.")
        fields = _folded(pairs)
        match _kind(fields):
            case "delivery":
                return _report(fields, fragment["mid"])
            case "inbound":
                return _message(fields)
            case "unknown":
                return Nothing("neither a report nor a message")

    def accepted(self, request: CallbackRequest) -> Answer:
        """An inbound message is answered with an empty XML response, anything else with nothing."""
        if _kind(_folded(forms.of(request) or ())) == "inbound":
            return Answer(200, _EMPTY_XML, "application/xml")
        return Answer(200)

    def malformed(self, request: CallbackRequest, detail: str) -> Answer:  # noqa: ARG002 - part of the protocol
        """400 with the reason."""
        return Answer(400, detail.encode())


def _folded(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Field names in lower case: `Status` and `status` were both seen."""
    return {name.lower(): value for name, value in pairs}


def _kind(fields: Mapping[str, str]) -> CallbackKind:
    """A report has a status of what we sent; a message has a text, or media alone."""
    if fields.get("status", "").strip().lower() not in {"", _RECEIVED}:
        return "delivery"
    return "inbound" if "text" in fields or fields.get("media0") else "unknown"


def _signature_v3(request: CallbackRequest, credentials: Credentials) -> Authentication | None:
    """HMAC-SHA256 over URL, sorted query, sorted fields and nonce; the header may hold several."""
    given, tokens = _listed(request, _V3), _tokens(credentials)
    if not given or not tokens:
        return None
    nonce = request.headers.get("x-plivo-signature-v3-nonce", "").encode("utf-8", "surrogatepass")
    signed = _signed_v3(request, nonce)
    if signed is None:
        return Forged("malformed")
    good = authentication.lists_mac(given, tokens, signed, hashlib.sha256)
    return Authentic("signature") if good else Forged("wrong_signature")


def _signed_v3(request: CallbackRequest, nonce: bytes) -> bytes | None:
    pairs = [] if request.method == "GET" else forms.read_exactly(request.body)
    if pairs is None:
        return None
    query = "&".join(f"{name}={value}" for name, value in sorted(request.query))
    fields = "".join(name + value for name, value in sorted(pairs))
    text = _base_of(request.url)
    if query or fields:
        text += "?" + query
    if query and fields:
        text += "."
    return text.encode("utf-8", "surrogatepass") + f"{fields}.".encode("utf-8", "surrogateescape") + nonce


def _base_of(url: str) -> str:
    """The URL up to its query; cut, not read: the host is the caller's, and may be none that can be read."""
    return url.partition("#")[0].partition("?")[0]


def _signature_v2(request: CallbackRequest, credentials: Credentials) -> Authentication | None:
    given, tokens = _listed(request, _V2), _tokens(credentials)
    if not given or not tokens:
        return None
    signed = _base_of(request.url) + request.headers.get("x-plivo-signature-v2-nonce", "")
    good = authentication.lists_mac(given, tokens, signed.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return None if good else Forged("wrong_signature")


def _listed(request: CallbackRequest, names: Sequence[str]) -> Sequence[str]:
    return [value for name in names for value in request.headers.get(name, "").split(",") if value]


def _tokens(credentials: Credentials) -> Sequence[bytes]:
    return [one.encode("utf-8", "surrogatepass") for one in credentials.values_of("auth_token") if one]


def _report(fields: Mapping[str, str], mid: str | None) -> Parsed:
    to = to_e164(fields.get("to", ""))
    if to is None:
        return Unparsable("phone_invalid", NO_PHONE)
    name, word = fields.get("messageuuid") or None, fields["status"].strip()
    code = fields.get("errorcode", "").strip().lstrip("0")  # 000 is none
    at, invalid = read_time(next((fields[one] for one in _TIMES if fields.get(one)), None))
    sequence = fields.get("sequence", "")
    key = f"{name}|{word.lower()}|{sequence}" if name else None if at is None else f"{to}|{word.lower()}|{at}"
    told = Told(
        to=to,
        sender=to_sender(fields.get("from", "")),
        word=word,
        code=code or None,
        natural_key=key,
        at=at,
        provider_message_id=name,
        message_id=mid,
        time_invalid=invalid,
    )
    return judge(told, _CODES["status"], _CODES["error"])


def _message(fields: Mapping[str, str]) -> Parsed:
    sender = to_e164(fields.get("from", ""))
    if sender is None:
        return Unparsable("phone_invalid", NO_PHONE)
    name = fields.get("messageuuid") or None
    at, invalid = read_time(fields.get("messagetime"))
    return InboundMessage(
        sender,
        to_sender(fields.get("to", "")),
        fields.get("text", ""),
        f"mo:{name}" if name else None,
        at,
        provider_message_id=name,
        time_invalid=invalid,
    )


ADAPTER: Final = Plivo()
