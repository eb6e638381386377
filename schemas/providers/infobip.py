"""Infobip: delivery reports and inbound messages as JSON batches. Pure; never raises on any input.

Sources: Infobip OpenAPI of SMS reports (legacy and v3) and inbound messages, its code reference, and Trackly's own
table of the public contract. Status comes from the group, detail from name or error; never from a bare id.
"""

import base64
import hashlib
import hmac
import re
from typing import Any, Final

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.phone import to_e164, to_sender
from schemas.providers import authentication
from schemas.providers.callback import (
    Answer,
    Authentic,
    Authentication,
    BadFragment,
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
from schemas.providers.codes import Code, table
from schemas.records import CallbackKind, DeliveryStatus, FailureClass, RawCallback
from schemas.timestamps import from_text

FRAGMENTS_MAX: Final = 2000
"""maxBucketSize of Infobip's Subscriptions API."""
_JSON: Final = "application/json"
_GROUP_NAMES: Final[dict[str, DeliveryStatus]] = {
    "ACCEPTED": "pending",
    "OK": "pending",
    "PENDING": "pending",
    "UNDELIVERABLE": "undeliverable",
    "DELIVERED": "delivered",
    "EXPIRED": "expired",
    "REJECTED": "rejected",
}
_GROUP_IDS: Final[dict[int, DeliveryStatus]] = {
    0: "pending", 1: "pending", 2: "undeliverable", 3: "delivered", 4: "expired", 5: "rejected",
}  # fmt: skip
_FAILED: Final = frozenset({"undeliverable", "rejected"})
_HMAC: Final = {
    "HMAC_MD5": hashlib.md5,
    "HMAC_SHA_1": hashlib.sha1,
    "HMAC_SHA_224": hashlib.sha224,
    "HMAC_SHA_256": hashlib.sha256,
    "HMAC_SHA_384": hashlib.sha384,
    "HMAC_SHA_512": hashlib.sha512,
}
_HMAC_PREFIX: Final = re.compile(r"^(md5|sha-?\d+)=", re.IGNORECASE)
_CODES: Final = table("infobip")
_NAMES: Final = _CODES["name"]
_ERRORS: Final = _CODES["error"]
_GROUPS: Final = _CODES["group"]


class _Status(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)
    groupId: int | None = None  # noqa: N815 - the provider's spelling
    groupName: str | None = None  # noqa: N815 - the same
    id: int | None = None
    name: str | None = None


class _Error(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)
    id: int | None = None
    name: str | None = None
    permanent: bool | None = None


class _Item(BaseModel):
    """One report or message; every field may be absent."""

    model_config = ConfigDict(coerce_numbers_to_str=True)
    messageId: str | None = None  # noqa: N815 - the provider's spelling
    to: str | None = None
    sender: str | None = None
    doneAt: str | None = None  # noqa: N815 - the provider's spelling
    status: _Status | None = None
    error: _Error | None = None
    text: str | None = None
    receivedAt: str | None = None  # noqa: N815 - the provider's spelling
    message: list[dict[str, Any]] | None = None
    from_: str | None = Field(None, alias="from")


class _Envelope(BaseModel):
    results: list[_Item]


class _Head(msgspec.Struct):
    """What splitting needs of one item."""

    to: Any = None
    from_: Any = msgspec.field(default=None, name="from")
    status: msgspec.Raw = msgspec.Raw(b"null")


class _Body(msgspec.Struct):
    results: list[msgspec.Raw] | None = None
    notificationType: Any = None  # noqa: N815 - the provider's spelling


_read_body: Final = msgspec.json.Decoder(_Body).decode
_read_head: Final = msgspec.json.Decoder(_Head).decode


class Infobip:
    """The adapter."""

    name = "infobip"
    aliases: tuple[str, ...] = ()
    credential_names: tuple[str, ...] = (
        "basic", "header_secret", "hmac_secret", "hmac_header", "hmac_algorithm",
    )  # fmt: skip
    methods: tuple[str, ...] = ("POST",)

    def authenticate(self, request: CallbackRequest, credentials: Credentials) -> Authentication:
        """Path secret, HTTP Basic, a static header, or an HMAC whose header and algorithm are configured."""
        return authentication.decide(
            [
                authentication.path_secret(request, credentials),
                authentication.basic(request, credentials),
                _header_secret(request, credentials),
                _hmac(request, credentials),
            ],
            credentials,
        )

    def split(self, request: CallbackRequest) -> SplitResult:
        """One fragment per entry of `results`; a batch of one keeps its own bytes."""
        try:
            body = _read_body(request.body)
        except (msgspec.DecodeError, msgspec.ValidationError, RecursionError, UnicodeDecodeError):
            return Malformed("not a JSON object with a list named results")
        if body.notificationType is not None:
            return Split((), ignored=1)
        if body.results is None:
            return Malformed("results is missing")
        if len(body.results) > FRAGMENTS_MAX:
            return Malformed(f"more than {FRAGMENTS_MAX} results")
        fragments: list[Fragment] = []
        bad: list[BadFragment] = []
        ignored = 0
        single = len(body.results) == 1
        for raw in body.results:
            found = _fragment(bytes(raw), request.body if single else None)
            if isinstance(found, Fragment):
                fragments.append(found)
            elif isinstance(found, BadFragment):
                bad.append(found)
            else:
                ignored += 1
        return Split(fragments, bad, ignored)

    def parse(self, fragment: RawCallback) -> Parsed:
        """Read one report or message."""
        try:
            results = _Envelope.model_validate_json(fragment["body"]).results
        except (ValidationError, ValueError, RecursionError):
            return Unparsable("malformed", "an item of results does not fit the format")
        if len(results) != 1:
            return Unparsable("malformed", "a fragment holds exactly one result")
        item = results[0]
        return _report(item, fragment) if item.status is not None else _message(item)

    def accepted(self, request: CallbackRequest) -> Answer:  # noqa: ARG002 - part of the protocol
        """200 with an empty body."""
        return Answer(200)

    def malformed(self, request: CallbackRequest, detail: str) -> Answer:  # noqa: ARG002 - part of the protocol
        """400 with the reason."""
        return Answer(400, detail.encode())


def _header_secret(request: CallbackRequest, credentials: Credentials) -> Authentication | None:
    accepted = credentials.values_of("header_secret")
    given = request.headers.get("x-webhook-secret")
    if given is None or not accepted:
        return None
    return Authentic("header_secret") if authentication.any_equal(given, accepted) else Forged("wrong_secret")


def _hmac(request: CallbackRequest, credentials: Credentials) -> Authentication | None:
    """The header's name and encoding are in no manual, so they are configured; hex and base64 are both read."""
    keys = credentials.values_of("hmac_secret")
    name = next(iter(credentials.values_of("hmac_header")), "x-infobip-signature").lower()
    given = request.headers.get(name)
    if given is None or not keys:
        return None
    digest = _HMAC.get(next(iter(credentials.values_of("hmac_algorithm")), "HMAC_SHA_256"))
    if digest is None:
        return Forged("not_configured")
    accepted: list[str] = []
    for key in keys:
        mac = hmac.new(key.encode(), request.body, digest).digest()
        accepted += [mac.hex(), base64.b64encode(mac).decode()]
    value = _HMAC_PREFIX.sub("", given)
    folded = value.lower() if len(value) == len(accepted[0]) else value
    return Authentic("hmac") if authentication.any_equal(folded, accepted) else Forged("wrong_signature")


def _fragment(raw: bytes, whole: bytes | None) -> Fragment | BadFragment | None:
    body = whole if whole is not None else b'{"results":[' + raw + b"]}"
    try:
        head = _read_head(raw)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError, UnicodeDecodeError):
        return BadFragment("malformed", "an entry of results is not an object", body, _JSON)
    kind: CallbackKind = "delivery" if bytes(head.status) != b"null" else "inbound"
    number = head.to if kind == "delivery" else head.from_
    phone = to_e164(str(number)) if isinstance(number, str | int) else None
    if phone is None:
        return BadFragment("phone_invalid", "the contact's number is missing or not a phone number", body, _JSON, kind)
    return Fragment(kind, phone, body, _JSON)


def _time(text: str | None) -> tuple[int | None, bool]:
    if not text:
        return None, False
    at = from_text(text)
    return at, at is None


def _message(item: _Item) -> Parsed:
    sender = to_e164(item.from_ or "")
    if sender is None:
        return Unparsable("phone_invalid", "the contact's number is missing or not a phone number")
    text = item.text
    if text is None and item.message is not None:
        text = " ".join(
            str(p.get("value", "")) for p in item.message if str(p.get("contentType", "")).startswith("text/")
        )
    if text is None:
        return Nothing("neither a report nor a message")
    at, invalid = _time(item.receivedAt)
    key = f"mo:{item.messageId}" if item.messageId else None
    return InboundMessage(
        sender, to_sender(item.to or ""), text, key, at, provider_message_id=item.messageId, time_invalid=invalid
    )


def _status_of(status: _Status) -> DeliveryStatus | None:
    found = _GROUP_NAMES.get((status.groupName or "").upper()) or _GROUP_IDS.get(
        status.groupId if status.groupId is not None else -1
    )
    if found is None and status.name:
        row = _NAMES.get(status.name.upper())
        found = (row.status if row is not None else None) or _GROUP_NAMES.get(status.name.upper().partition("_")[0])
    return found


def _error_row(error: _Error | None) -> Code | None:
    if error is None:
        return None
    row = _ERRORS.get((error.name or "").upper()) or _ERRORS.get(str(error.id))
    if row is not None and "permanent_only" in row.flags and error.permanent is False:
        return _ERRORS["27"]
    return row


def _detail_row(status: _Status, error: _Error | None) -> Code | None:  # noqa: PLR0911 - one return per rule
    """Name, else error, else group and id; never a bare id (PROVIDERS.md section 2.5)."""
    named = _NAMES.get(status.name.upper()) if status.name else None
    by_error = _error_row(error)
    if named is not None and named.failure_class is not None:
        if "error_first" in named.flags and by_error is not None and by_error.failure_class not in {None, "none"}:
            return by_error
        if by_error is not None and "unsubscribe" in by_error.flags:
            return by_error
        return named
    if by_error is not None and by_error.failure_class != "none":
        return by_error
    if named is not None:
        return named
    if not status.name and error is None:
        return _GROUPS.get(f"{status.groupId}:{status.id}")
    return None


def _report(item: _Item, fragment: RawCallback) -> Parsed:
    status = item.status
    to = to_e164(item.to or "")
    if to is None or status is None:
        return Unparsable("phone_invalid", "the contact's number is missing or not a phone number")
    public = _status_of(status)
    row = _detail_row(status, item.error)
    flags: frozenset[str] = row.flags if row is not None else frozenset()
    if public in _FAILED and row is not None and row.status is not None:
        public = row.status
    outcome: DeliveryStatus = public if public is not None else "pending"
    failure: FailureClass = "none" if outcome in {"pending", "delivered"} else (_class(row))
    canonical = row.canonical if row is not None and outcome in _FAILED else None
    raw_name = (status.name or (row.name if row is not None else None) or status.groupName or "UNKNOWN")[:128]
    at, invalid = _time(item.doneAt)
    identity = status.id if status.id is not None else raw_name
    key = (
        f"{item.messageId}|{identity}|{item.doneAt}"
        if item.messageId
        else (None if at is None else f"{identity}|{item.doneAt}")
    )
    return DeliveryReport(
        to=to,
        sender=to_sender(item.sender or item.from_ or ""),
        status=outcome,
        status_detail=canonical or raw_name,
        failure_class=failure,
        raw_status=raw_name,
        raw_code=_raw_code(status, item.error),
        natural_key=key,
        at=at,
        provider_message_id=item.messageId,
        message_id=fragment["mid"] or item.messageId,
        final=outcome != "pending" and "intermediate" not in flags,
        handset=outcome == "delivered" and "intermediate" not in flags,
        opted_out="unsubscribe" in flags,
        emit_unsubscribe="unsubscribe" in flags,
        known=public is not None and (row is not None or outcome in {"pending", "delivered"}),
        time_invalid=invalid,
    )


def _class(row: Code | None) -> FailureClass:
    return "other" if row is None or row.failure_class is None or row.failure_class == "none" else row.failure_class


def _raw_code(status: _Status, error: _Error | None) -> str | None:
    if error is not None and error.id:
        return str(error.id)
    return None if status.id is None else str(status.id)


ADAPTER: Final = Infobip()
