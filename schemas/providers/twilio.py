"""Twilio: status callbacks and inbound messages as forms, one a request. Pure; never raises on any input.

Sources: twilio.com/docs/usage/security (signature), /docs/messaging (status values, fields), /docs/api/errors (codes).
"""

import base64
import hashlib
import hmac
from typing import Final, Literal
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from schemas.phone import to_e164, to_sender
from schemas.providers import authentication, forms
from schemas.providers.callback import (
    Answer,
    Authentic,
    Authentication,
    CallbackRequest,
    Credentials,
    DeliveryReport,
    Forged,
    Fragment,
    InboundMessage,
    Malformed,
    Nothing,
    Parsed,
    Split,
    SplitResult,
    Unparsable,
)
from schemas.providers.codes import table
from schemas.records import DeliveryStatus, FailureClass, RawCallback

_CODES: Final = table("twilio")
_STATUSES: Final = _CODES["status"]
_ERRORS: Final = _CODES["error"]
_FAILED: Final = frozenset({"undeliverable", "rejected"})
_PORTS: Final = {"https": 443, "http": 80}
_EMPTY_TWIML: Final = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
_VERDICTS: Final[dict[str, Literal["opt_out", "opt_in", "help"]]] = {
    "STOP": "opt_out",
    "START": "opt_in",
    "HELP": "help",
}
_OURS: Final = frozenset({"account", "list", "mid", "kind", "bodySHA256"})


class Twilio:
    """The adapter."""

    name = "twilio"
    aliases: tuple[str, ...] = ()
    credential_names: tuple[str, ...] = ("auth_token",)
    methods: tuple[str, ...] = ("POST", "GET")

    def authenticate(self, request: CallbackRequest, credentials: Credentials) -> Authentication:
        """X-Twilio-Signature with the auth token, or a path secret."""
        return authentication.decide(
            [authentication.path_secret(request, credentials), _signature(request, credentials)], credentials
        )

    def split(self, request: CallbackRequest) -> SplitResult:
        """One request is one fragment."""
        pairs = _pairs(request)
        if pairs is None:
            return Malformed("not a form")
        fields = forms.last_of(pairs)
        if "MessageSid" not in fields and "SmsSid" not in fields:
            return Malformed("MessageSid is missing")
        is_report = _is_report(fields)
        number = fields.get("To" if is_report else "From", "")
        if ":" in number:
            return Split((), ignored=1)
        if not is_report and "Body" not in fields and "NumMedia" not in fields:
            return Split((), ignored=1)
        phone = to_e164(number)
        if phone is None:
            return Malformed("the contact's number is missing or not a phone number")
        body = request.body if request.method == "POST" else urlencode(pairs).encode()
        return Split((Fragment("delivery" if is_report else "inbound", phone, body, forms.FORM),))

    def parse(self, fragment: RawCallback) -> Parsed:
        """Read one report or message."""
        pairs = forms.read(fragment["body"])
        if pairs is None:
            return Unparsable("malformed", "not a form")
        fields = forms.last_of(pairs)
        return _report(fields, fragment) if _is_report(fields) else _message(fields)

    def accepted(self, request: CallbackRequest) -> Answer:
        """An inbound message is answered with empty TwiML, a report with nothing."""
        pairs = _pairs(request) or []
        if _is_report(forms.last_of(pairs)):
            return Answer(200)
        return Answer(200, _EMPTY_TWIML, "text/xml")

    def malformed(self, request: CallbackRequest, detail: str) -> Answer:  # noqa: ARG002 - part of the protocol
        """400 with the reason."""
        return Answer(400, detail.encode())


def _pairs(request: CallbackRequest) -> forms.Pairs | None:
    if request.method == "GET":
        return [(name, value) for name, value in request.query if name not in _OURS]
    return forms.read(request.body)


def _is_report(fields: dict[str, str]) -> bool:
    """`MessageStatus` is only on status callbacks; a message says `received` in SmsStatus."""
    status = fields.get("MessageStatus")
    return status is not None and status.lower() not in {"received", "receiving"}


def _signature(request: CallbackRequest, credentials: Credentials) -> Authentication | None:
    tokens = credentials.values_of("auth_token")
    given = request.headers.get("x-twilio-signature")
    if given is None or not tokens:
        return None
    hashed = next(iter(parse_qs(urlsplit(request.url).query).get("bodySHA256", ())), None)
    params = ""
    if request.method == "POST" and hashed is None:
        pairs = forms.read(request.body)
        if pairs is None:
            return Forged("malformed")
        params = "".join(name + value for name, value in sorted(set(pairs)))
    accepted = [
        base64.b64encode(hmac.new(token.encode(), (url + params).encode(), hashlib.sha1).digest()).decode()
        for token in tokens
        for url in _with_and_without_port(request.url)
    ]
    if not authentication.any_equal(given, accepted):
        return Forged("wrong_signature")
    if hashed is not None and not hmac.compare_digest(hashed.lower(), hashlib.sha256(request.body).hexdigest()):
        return Forged("wrong_signature")
    return Authentic("signature")


def _with_and_without_port(url: str) -> tuple[str, str]:
    """Twilio signs some URLs with the port and some without; both are accepted, the fragment never counts."""
    parts = urlsplit(url)._replace(fragment="")
    userinfo, at, host = parts.netloc.rpartition("@")
    bare, colon, port = host.partition(":")
    with_port = f"{bare}:{port if colon else _PORTS.get(parts.scheme, 443)}"
    return (
        urlunsplit(parts._replace(netloc=f"{userinfo}{at}{bare}")),
        urlunsplit(parts._replace(netloc=f"{userinfo}{at}{with_port}")),
    )


def _report(fields: dict[str, str], fragment: RawCallback) -> Parsed:
    to = to_e164(fields.get("To", ""))
    sid = fields.get("MessageSid") or fields.get("SmsSid")
    if to is None or not sid:
        return Unparsable("malformed", "To or MessageSid is missing or wrong")
    raw = fields.get("MessageStatus", "")[:128]
    code = fields.get("ErrorCode") or None
    by_status = _STATUSES.get(raw.lower())
    by_error = _ERRORS.get(code) if code else None
    status: DeliveryStatus = (by_status.status if by_status is not None else None) or "pending"
    if status in _FAILED and by_error is not None and by_error.status is not None:
        status = by_error.status
    failed = status not in {"pending", "delivered"}
    failure: FailureClass = (by_error.failure_class or "other") if failed and by_error is not None else "other"
    canonical = by_error.canonical if by_error is not None and status in _FAILED else None
    flags = by_error.flags if failed and by_error is not None else frozenset[str]()
    return DeliveryReport(
        to=to,
        sender=to_sender(fields.get("From", "")),
        status=status,
        status_detail=canonical or raw or "unknown",
        failure_class=failure if failed else "none",
        raw_status=raw,
        raw_code=code,
        natural_key=f"{sid}|{raw.lower()}",
        at=None,
        provider_message_id=sid,
        message_id=fragment["mid"],
        final=status != "pending",
        handset=status == "delivered",
        opted_out="unsubscribe" in flags,
        emit_unsubscribe="unsubscribe" in flags,
        known=by_status is not None and (code is None or by_error is not None),
    )


def _message(fields: dict[str, str]) -> Parsed:
    sender = to_e164(fields.get("From", ""))
    sid = fields.get("MessageSid") or fields.get("SmsSid")
    if sender is None or not sid:
        return Unparsable("malformed", "From or MessageSid is missing or wrong")
    if "Body" not in fields:
        return Nothing("neither a report nor a message")
    return InboundMessage(
        sender,
        to_sender(fields.get("To", "")),
        fields["Body"],
        f"mo:{sid}",
        None,
        provider_message_id=sid,
        verdict=_VERDICTS.get(fields.get("OptOutType", "").upper()),
    )


ADAPTER: Final = Twilio()
