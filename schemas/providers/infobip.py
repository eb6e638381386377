"""Infobip: delivery reports and inbound messages as JSON batches. Pure; never raises on any input.

Sources: Infobip OpenAPI of SMS reports (legacy and v3) and inbound messages, its code reference, and Trackly's own
table of the public contract. Status comes from the group, detail from name or error; never from a bare id.
"""

from typing import Any, Final, NamedTuple

import msgspec
from pydantic import Field

from schemas.ids import content_key
from schemas.phone import to_e164, to_sender
from schemas.providers import authentication
from schemas.providers.callback import (
    Answer,
    Authentication,
    BadFragment,
    CallbackRequest,
    Credentials,
    DeliveryReport,
    Fragment,
    InboundMessage,
    Malformed,
    Nothing,
    Parsed,
    Split,
    SplitResult,
    Unparsable,
)
from schemas.providers.codes import Code, Flag, table
from schemas.providers.envelopes import (
    FRAGMENTS_MAX,
    JSON,
    NO_PHONE,
    Lenient,
    Refused,
    decode,
    decode_body,
    fragment,
    phone_of,
    read_time,
    validate,
    wrong_field,
)
from schemas.providers.outcome import NAME_CHARS_MAX, UNKNOWN, conclude, refine
from schemas.records import DeliveryStatus, RawCallback

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
    0: "pending",
    1: "pending",
    2: "undeliverable",
    3: "delivered",
    4: "expired",
    5: "rejected",
}
_IDS_OF_GROUPS: Final = {"UNDELIVERABLE": 2, "DELIVERED": 3, "REJECTED": 5}
"""Groups of the public contract's table, for a report that names its group without a number."""
_ERROR_GROUPS: Final = frozenset({None, 0, 1, 2, 3})
"""General error groups (OK, handset, user, operator); the same id means something else in any other."""
_RAW_CODE_CHARS_MAX: Final = 32
_CODES: Final = table("infobip")
_NAMES: Final = _CODES["name"]
_ERRORS: Final = _CODES["error"]
_GROUPS: Final = _CODES["group"]
_ABSENT: Final = _ERRORS["EC_ABSENT_SUBSCRIBER"]
_NO_FLAGS: Final = frozenset[Flag]()
_NULL: Final = msgspec.Raw(b"null")


class _Status(Lenient):
    groupId: int | None = None  # noqa: N815 - the provider's spelling
    groupName: str | None = None  # noqa: N815 - the same
    id: int | None = None
    name: str | None = None


class _Error(Lenient):
    groupId: int | None = None  # noqa: N815 - the provider's spelling
    id: int | None = None
    name: str | None = None
    permanent: bool | None = None


class _Item(Lenient):
    """One report or message; every field may be absent."""

    messageId: str | None = None  # noqa: N815 - the provider's spelling
    to: str | None = None
    from_: str | None = Field(None, alias="from")
    sender: str | None = None
    doneAt: str | None = None  # noqa: N815 - the provider's spelling
    status: _Status | None = None
    error: _Error | None = None
    text: str | None = None
    receivedAt: str | None = None  # noqa: N815 - the provider's spelling
    message: list[dict[str, Any]] | None = None


class _Envelope(Lenient):
    results: list[_Item]


class _Message(_Item):
    """A message alone: what only a report needs may be anything, so that no STOP is lost to it."""

    status: None = None
    error: Any = None
    sender: Any = None
    doneAt: Any = None  # noqa: N815 - the provider's spelling


class _Messages(Lenient):
    results: list[_Message]


class _Head(msgspec.Struct):
    """What splitting needs of one item."""

    to: Any = None
    from_: Any = msgspec.field(default=None, name="from")
    status: msgspec.Raw = _NULL
    text: msgspec.Raw = _NULL
    receivedAt: msgspec.Raw = _NULL  # noqa: N815 - the provider's spelling
    message: msgspec.Raw = _NULL


class _Body(msgspec.Struct):
    results: list[msgspec.Raw] | None = None
    messageCount: Any = None  # noqa: N815 - the provider's spelling
    notificationType: Any = None  # noqa: N815 - the same


_read_body: Final = msgspec.json.Decoder(_Body).decode
_read_head: Final = msgspec.json.Decoder(_Head).decode


class Infobip:
    """The adapter."""

    name = "infobip"
    aliases: tuple[str, ...] = ()
    credential_names: tuple[str, ...] = (
        "basic",
        "header_secret",
        "hmac_secret",
        "hmac_header",
        "hmac_algorithm",
        "hmac_encoding",
    )
    methods: tuple[str, ...] = ("POST",)
    missing_status = 401

    def authenticate(self, request: CallbackRequest, credentials: Credentials) -> Authentication:
        """Path secret, HTTP Basic, a fixed header, or an HMAC; its header is in no manual, so it is configured."""
        return authentication.decide(
            [
                authentication.path_secret(request, credentials),
                authentication.basic(request, credentials),
                authentication.header_secret(request, credentials, "x-webhook-secret"),
                authentication.body_hmac(request, credentials, "x-infobip-signature"),
            ],
            credentials,
        )

    def split(self, request: CallbackRequest) -> SplitResult:
        """One fragment per entry of `results`; a batch of one keeps its own bytes."""
        body, text = decode_body(_read_body, request)
        if isinstance(body, Refused):
            return Malformed("The body is not a JSON object with a list named results.")
        if body.notificationType is not None or body.results == [] or (body.results is None and body.messageCount == 0):
            return Split((), ignored=1)
        if body.results is None:
            return Malformed("The list named results is missing.")
        if len(body.results) > FRAGMENTS_MAX:
            return Malformed(f"There are more than {FRAGMENTS_MAX} results.")
        if len(body.results) == 1:
            found = [_cut(bytes(body.results[0]), text)]
        else:
            found = [_cut(raw, b'{"results":[' + raw + b"]}") for raw in map(bytes, body.results)]
        return Split(
            [one for one in found if isinstance(one, Fragment)],
            [one for one in found if isinstance(one, BadFragment)],
            found.count(None),
        )

    def parse(self, fragment: RawCallback) -> Parsed:
        """Read one report or message."""
        envelope = validate(_Envelope, fragment["body"]) or validate(_Messages, fragment["body"])
        if envelope is None:
            return wrong_field(_Envelope, fragment["body"])
        if len(envelope.results) != 1:
            return Unparsable("malformed", "A fragment holds exactly one result.")
        item = envelope.results[0]
        return _message(item) if item.status is None else _report(item, item.status, fragment["mid"])

    def accepted(self, request: CallbackRequest) -> Answer:  # noqa: ARG002 - part of the protocol
        """200 with an empty body."""
        return Answer(200)

    def malformed(self, request: CallbackRequest, detail: str) -> Answer:  # noqa: ARG002 - part of the protocol
        """400 with the reason."""
        return Answer(400, detail.encode())


def _cut(item: bytes, body: bytes) -> Fragment | BadFragment | None:
    """One item: a report has `status`, a message has `receivedAt`, `text` or `message`, anything else is not ours."""
    head = decode(_read_head, item)
    if isinstance(head, Refused):
        return BadFragment("malformed", "An entry of results is not an object.", body, JSON)
    if bytes(head.status) != b"null":
        return fragment("delivery", phone_of(head.to), body)
    if any(bytes(one) != b"null" for one in (head.receivedAt, head.text, head.message)):
        return fragment("inbound", phone_of(head.from_), body)
    return None


def _message(item: _Item) -> Parsed:
    if item.text is None and item.receivedAt is None and item.message is None:
        return Nothing("neither a report nor a message")
    sender = to_e164(item.from_ or "")
    if sender is None:
        return Unparsable("phone_invalid", NO_PHONE)
    text = item.text
    if text is None:
        parts = (one for one in item.message or () if str(one.get("contentType", "")).startswith("text/"))
        text = " ".join(str(one.get("value") or "") for one in parts)
    at, invalid = read_time(item.receivedAt)
    key = None
    if item.messageId:
        key = f"mo:{item.messageId}"
    elif at is not None:
        content = f"{sender}\n{item.to}\n{at}\n{text}".encode("utf-8", "replace")
        key = f"mo:{content_key(content)}"
    return InboundMessage(
        sender,
        to_sender(item.to or ""),
        text,
        key,
        at,
        provider_message_id=item.messageId or None,
        time_invalid=invalid,
    )


def _status_of(status: _Status) -> DeliveryStatus | None:
    found = _GROUP_NAMES.get(status.groupName.upper()) if status.groupName else None
    if found is None and status.groupId is not None:
        found = _GROUP_IDS.get(status.groupId)
    if found is None and status.name:
        name = status.name.upper()
        row = _NAMES.get(name)
        found = (row.status if row is not None else None) or _GROUP_NAMES.get(name.partition("_")[0])
    return found


def _told(error: _Error | None) -> _Error | None:
    """The error, unless it says that there is none."""
    if error is None or (error.name or "").upper() == "NO_ERROR" or not (error.id or error.name):
        return None
    return error


def _error_row(error: _Error) -> Code | None:
    """By name, else by group and id."""
    row = _ERRORS.get((error.name or "").upper())
    if row is None and error.id is not None and error.groupId in _ERROR_GROUPS:
        row = _ERRORS.get(f"{error.groupId}:{error.id}") or _ERRORS.get(str(error.id))
    if row is not None and "permanent_only" in row.flags and error.permanent is False:
        return _ABSENT
    return row


class _Reading(NamedTuple):
    """What the tables say of a report; `row` is the one that explains it."""

    named: Code | None
    by_error: Code | None
    row: Code | None
    known: bool


def _read(status: _Status, error: _Error | None) -> _Reading:
    """Name, else error, else group and id; never a bare id (PROVIDERS.md section 2.5)."""
    by_error = _error_row(error) if error is not None else None
    if not status.name:
        row = by_error
        if error is None:
            named_group = _IDS_OF_GROUPS.get((status.groupName or "").upper())
            group = named_group if status.groupId is None else status.groupId
            row = _GROUPS.get(f"{group}:{status.id}")
        return _Reading(row, by_error, row, row is not None)
    named = _NAMES.get(status.name.upper())
    if named is not None and named.failure_class is not None and not (by_error and "error_first" in named.flags):
        return _Reading(named, by_error, named, known=True)
    unexplained = named is None or (error is not None and by_error is None)
    return _Reading(named, by_error, by_error or named, not unexplained)


def _report(item: _Item, status: _Status, mid: str | None) -> Parsed:
    to = to_e164(item.to or "")
    if to is None:
        return Unparsable("phone_invalid", NO_PHONE)
    error = _told(item.error)
    reading = _read(status, error)
    public = _status_of(status)
    raw_name = status.name or (reading.row.name if reading.row else None) or status.groupName or UNKNOWN
    raw_name = raw_name[:NAME_CHARS_MAX]
    outcome = conclude(
        refine(public or "pending", reading.by_error if reading.row is reading.by_error else None),
        reading.row,
        raw_name,
        flags=_flags(reading.named) | _flags(reading.by_error),
    )
    at, invalid = read_time(item.doneAt)
    return DeliveryReport(
        to=to,
        sender=to_sender(item.sender or item.from_ or ""),
        status=outcome.status,
        status_detail=outcome.status_detail,
        failure_class=outcome.failure_class,
        raw_status=raw_name,
        raw_code=_raw_code(status, error),
        natural_key=_key(item, to, str(status.id) if status.id is not None else raw_name, at),
        at=at,
        provider_message_id=item.messageId or None,
        message_id=mid or item.messageId or None,
        final=outcome.final,
        handset=outcome.handset,
        opted_out=outcome.opted_out,
        emit_unsubscribe=outcome.emit_unsubscribe,
        filtered=outcome.filtered,
        blocklisted=outcome.blocklisted,
        known=public is not None and (reading.known or (not status.name and outcome.failure_class == "none")),
        time_invalid=invalid,
    )


def _flags(row: Code | None) -> frozenset[Flag]:
    return row.flags if row is not None else _NO_FLAGS


def _key(item: _Item, to: str, identity: str, at: int | None) -> str | None:
    if item.messageId:
        return f"{item.messageId}|{identity}|{item.doneAt or ''}"
    return None if at is None else f"{to}|{identity}|{item.doneAt}"


def _raw_code(status: _Status, error: _Error | None) -> str | None:
    """The error's number where there is one, else the status's."""
    number = error.id if error is not None and error.id else status.id
    return None if number is None else str(number)[:_RAW_CODE_CHARS_MAX]


ADAPTER: Final = Infobip()
