"""CM.com: delivery reports and inbound messages as JSON, reports also by GET. Pure; never raises on any input.

Sources: developers.cm.com messaging (incoming messages, status reports), CM help article 3308. CM repeats whatever is
not answered with exactly 200, an inbound message for a month, so a malformed body is answered 200 once it is kept.
"""

import codecs
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
from pydantic import Field

from schemas.ids import content_key
from schemas.phone import to_e164, to_sender
from schemas.providers import authentication, forms
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
    Parsed,
    Split,
    SplitResult,
    Unparsable,
)
from schemas.providers.codes import Code, table
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
    plain_of,
    read_time,
    validate,
    wrong_field,
)
from schemas.providers.outcome import FAILED, NAME_CHARS_MAX, UNKNOWN, conclude, refine
from schemas.records import DeliveryStatus, FailureClass, RawCallback

_CODES: Final = table("cm")
_RAW_CODE_CHARS_MAX: Final = 32
_TEXT_CHARS_MAX: Final = 512
"""How much of an error text is searched."""
_TIMES: Final = ("RECEIVED", "CREATED_S", "DATETIME_S", "TIMEUTC")
_NUMBERS: Final = ("GSM", "TO")
_STATUSES: Final = ("STATUS", "CODE")
_ERRORS: Final = ("STATUSDESCRIPTION", "ERRORCODE")
_ERROR_TEXTS: Final = ("STANDARDERRORTEXT", "ERRORDESCRIPTION")
_BODIES: Final = ("BODY", "MESSAGE", "TEXT")
_FIELDS: Final = frozenset({"FROM", "REFERENCE", *_TIMES, *_NUMBERS, *_STATUSES, *_ERRORS, *_ERROR_TEXTS, *_BODIES})
_OWN_FAULT: Final = re.compile(
    r"sender|originator|credit|balance|account|template|unknown (?:error|reason)|"
    r"invalid (?:content|message|request|parameter|body|format)",
    re.IGNORECASE,
)
"""A fault of the sending side never counts against the contact (PROVIDERS.md section 0)."""
_RECIPIENT: Final = r"(?:subscriber|number|msisdn|destination|recipient)"
_WRONG: Final = r"(?:unknown|invalid|not exist|barred)"
"""Said of something else (a route, a header, a period), these words are no reason to remove a contact."""
_EXPIRED: Final = r"\bexpired\b"
_TEXTS: Final[tuple[tuple[str, FailureClass], ...]] = (
    (r"spam|phish", "spam"),
    (_EXPIRED, "other"),
    (rf"{_RECIPIENT}.*{_WRONG}|{_WRONG}.*{_RECIPIENT}|unallocated|blacklist|landline", "destination"),
    (r"absent|switched off|unreachable|memory|busy", "absent"),
    (r"operator|network|smsc|reject", "operator"),
)
_BY_TEXT: Final = tuple(
    (
        re.compile(pattern, re.IGNORECASE),
        Code(pattern, "expired" if pattern == _EXPIRED else None, failure, frozenset()),
    )
    for pattern, failure in _TEXTS
)
"""What an error text without a known code says, in this order (PROVIDERS.md section 4.2)."""
_OF_REFUSALS: Final[frozenset[FailureClass]] = frozenset({"destination", "absent"})
"""What the text of a message that CM itself refused to send may say of the contact."""
_NULL: Final = msgspec.Raw(b"null")


class _State(Lenient):
    code: str | None = None
    errorCode: str | None = None  # noqa: N815 - the provider's spelling
    errorDescription: str | None = None  # noqa: N815 - the same


class _Report(Lenient):
    """A report; the account writes its own template, so the status may be a word alone."""

    received: Any = None
    to: str | None = None
    reference: str | None = None
    status: _State | str | None = None


class _Party(Lenient):
    number: str | None = None


class _Text(Lenient):
    text: str | None = None


class _Message(Lenient):
    """An inbound message; the flat form of the older webhooks has strings where this has objects."""

    from_: _Party | str | None = Field(None, alias="from")
    to: _Party | str | Any = None
    message: _Text | str | None = None
    body: str | None = None
    reference: str | Any = None
    """This and `to` are not needed to understand a STOP, so they may be anything."""
    timeUtc: Any = None  # noqa: N815 - the provider's spelling


class _Reports(Lenient):
    msg: _Report | list[_Report]


class _Callback(_Message):
    messages: _Reports | None = None


class _HeadMessages(msgspec.Struct):
    msg: msgspec.Raw = _NULL


class _Head(msgspec.Struct):
    """What splitting needs of a callback."""

    messages: _HeadMessages | None = None
    message: msgspec.Raw = _NULL
    body: msgspec.Raw = _NULL
    from_: Any = msgspec.field(default=None, name="from")
    channel: Any = None


class _To(msgspec.Struct):
    to: Any = None


_read_head: Final = msgspec.json.Decoder(_Head).decode
_read_list: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_to: Final = msgspec.json.Decoder(_To).decode


class Cm:
    """The adapter."""

    name = "cm"
    aliases: tuple[str, ...] = ()
    credential_names: tuple[str, ...] = ("basic",)
    methods: tuple[str, ...] = ("POST", "GET")
    missing_status = 401

    def authenticate(self, request: CallbackRequest, credentials: Credentials) -> Authentication:
        """CM signs nothing: a path secret or HTTP Basic."""
        return authentication.decide(
            [authentication.path_secret(request, credentials), authentication.basic(request, credentials)], credentials
        )

    def split(self, request: CallbackRequest) -> SplitResult:
        """Reports come under `messages.msg`, alone or as a list; a message comes alone."""
        if request.method == "GET" or _is_form(request.body):
            return _split_fields(request)
        head, text = decode_body(_read_head, request)
        if isinstance(head, Refused):
            return Malformed("The body is not a JSON object of CM.com.")
        if head.messages is not None:
            return _split_reports(bytes(head.messages.msg), text)
        if bytes(head.message) == b"null" and bytes(head.body) == b"null":
            return Malformed("The body is neither a report (messages) nor a message (message or body).")
        if isinstance(head.channel, str) and head.channel.upper() not in {"", "SMS"}:
            return Split((), ignored=1)
        number = head.from_.get("number") if isinstance(head.from_, dict) else head.from_
        return joined([fragment("inbound", phone_of(number), text)])

    def parse(self, fragment: RawCallback) -> Parsed:
        """Read one report or message."""
        if fragment["content_type"] == forms.FORM:
            return _parse_fields(fragment)
        found = validate(_Callback, fragment["body"])
        if found is None:
            return wrong_field(_Callback, fragment["body"])
        if found.messages is None:
            return _message(found, fragment["body"])
        reports = found.messages.msg if isinstance(found.messages.msg, list) else [found.messages.msg]
        if len(reports) != 1:
            return Unparsable("malformed", "A fragment holds exactly one report.")
        return _report(reports[0], fragment["mid"])

    def accepted(self, request: CallbackRequest) -> Answer:  # noqa: ARG002 - part of the protocol
        """Exactly 200: anything else counts as not delivered."""
        return Answer(200)

    def malformed(self, request: CallbackRequest, detail: str) -> Answer:  # noqa: ARG002 - part of the protocol
        """200 as well, because CM would repeat anything else for up to a month; the body is in quarantine."""
        return Answer(200)


def _split_reports(reports: bytes, text: bytes) -> SplitResult:
    if reports == b"null":
        return Malformed("The field messages holds no msg.")
    items: list[bytes] = [reports]
    if reports.startswith(b"["):
        listed = decode(_read_list, reports)
        if isinstance(listed, Refused):
            return Malformed("The list named msg cannot be read.")
        items = [bytes(one) for one in listed]
    if len(items) > FRAGMENTS_MAX:
        return Malformed(f"There are more than {FRAGMENTS_MAX} reports.")
    if len(items) == 1:
        return joined([_cut(items[0], text)])
    return joined([_cut(one, b'{"messages":{"msg":' + one + b"}}") for one in items])


def _cut(item: bytes, body: bytes) -> Fragment | BadFragment:
    head = decode(_read_to, item)
    if isinstance(head, Refused):
        return BadFragment("malformed", "An entry of msg is not an object.", body, JSON, "delivery")
    return fragment("delivery", phone_of(head.to), body)


def _is_form(body: bytes) -> bool:
    """Whether a body is fields and not JSON or XML; the media type is the account's own choice and tells nothing."""
    start = body.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    return start not in {b"", b"{", b"[", b"<"} and b"=" in body


def _split_fields(request: CallbackRequest) -> SplitResult:
    """A report or an older message by GET or as a form; the names are the account's own template's, in any case."""
    fields = {name.upper(): value for name, value in forms.of(request) or ()}
    body = forms.write((name, value) for name, value in fields.items() if name in _FIELDS)
    if _is_message(fields):
        return joined([fragment("inbound", to_e164(fields["FROM"]), body, forms.FORM)])
    number = _first(fields, _NUMBERS)
    if number is None and not (fields.get("REFERENCE") and _first(fields, _STATUSES + _ERROR_TEXTS)):
        return Malformed("The field GSM is missing.")
    return joined([fragment("delivery", to_e164(number or ""), body, forms.FORM)])


def _is_message(fields: Mapping[str, str]) -> bool:
    return "FROM" in fields and any(name in fields for name in _BODIES)


def _first(fields: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((fields[name] for name in names if fields.get(name)), None)


def _parse_fields(raw: RawCallback) -> Parsed:
    fields = forms.last_of(forms.read(raw["body"]) or ())
    if _is_message(fields):
        read = {
            "from": fields["FROM"],
            "to": fields.get("TO"),
            "body": _first(fields, _BODIES) or "",
            "reference": fields.get("REFERENCE"),
            "timeUtc": _first(fields, _TIMES),
        }
        return _message(_Message.model_validate(read), raw["body"])
    state = _State(
        code=_first(fields, _STATUSES),
        errorCode=_first(fields, _ERRORS),
        errorDescription=_first(fields, _ERROR_TEXTS),
    )
    report = _Report(
        to=_first(fields, _NUMBERS),
        reference=fields.get("REFERENCE"),
        received=_first(fields, _TIMES),
        status=state,
    )
    return _report(report, raw["mid"])


class _Reading(NamedTuple):
    """The row of the status, the row that explains a failure, and whether both are known."""

    stated: Code | None
    failure: Code | None
    known: bool


def _read(state: _State) -> _Reading:
    """Status by word, then by number: the text wins where they disagree (PROVIDERS.md section 17.9)."""
    text = (state.errorDescription or "").strip()[:_TEXT_CHARS_MAX]
    code, error = (state.code or "").strip(), (state.errorCode or "").strip()
    words, codes = _CODES["word"], _CODES["code"]
    stated = words.get(text.lower()) or words.get(code.lower()) or codes.get(code)
    if stated is None:
        first = re.match(r"[a-z]+", text.lower())
        stated = words.get(first[0]) if first is not None else None
    if stated is None or stated.status not in FAILED:
        return _Reading(stated, None, stated is not None)
    failure = _CODES["error"].get(error) or _by_text(text, stated)
    return _Reading(stated, failure, failure is not None or error in {"", "0"})


def _by_text(text: str, stated: Code) -> Code | None:
    if not text or _OWN_FAULT.search(text):
        return None
    for pattern, code in _BY_TEXT:
        if pattern.search(text):
            return code if stated.status != "rejected" or code.failure_class in _OF_REFUSALS else None
    return None


def _report(item: _Report, mid: str | None) -> Parsed:
    to = to_e164(item.to or "")
    if to is None and (item.to or not item.reference):
        return Unparsable("phone_invalid", NO_PHONE)
    state = _State(code=item.status) if isinstance(item.status, str) else item.status or _State()
    reading = _read(state)
    status: DeliveryStatus = (reading.stated.status if reading.stated is not None else None) or "pending"
    code = (state.code or "").strip()
    by_number = _CODES["code"].get(code)
    raw_name = (state.errorDescription or "").strip() or (by_number.name if by_number is not None else code)
    outcome = conclude(refine(status, reading.failure), reading.failure, raw_name or UNKNOWN)
    at, invalid = read_time(item.received)
    key = None
    if item.reference or at is not None:
        key = f"{item.reference or ''}|{to or ''}|{state.code or ''}|{state.errorCode or ''}|{item.received or ''}"
    return DeliveryReport(
        to=to or "",
        sender=None,
        status=outcome.status,
        status_detail=outcome.status_detail,
        failure_class=outcome.failure_class,
        raw_status=(state.code or "")[:NAME_CHARS_MAX],
        raw_code=(state.errorCode or "")[:_RAW_CODE_CHARS_MAX] or None,
        natural_key=key,
        at=at,
        provider_message_id=item.reference or None,
        message_id=mid or item.reference or None,
        final=outcome.final,
        handset=outcome.handset,
        opted_out=outcome.opted_out,
        emit_unsubscribe=outcome.emit_unsubscribe,
        known=reading.known,
        time_invalid=invalid,
    )


def _number_of(party: _Party | str | Any) -> str:
    if isinstance(party, dict):
        return plain_of(party.get("number"))
    return plain_of(party.number if isinstance(party, _Party) else party)


def _message(item: _Message, raw: bytes) -> Parsed:
    sender = to_e164(_number_of(item.from_))
    if sender is None:
        return Unparsable("phone_invalid", NO_PHONE)
    text = item.message.text if isinstance(item.message, _Text) else item.message
    body = text if text is not None else item.body
    if body is None and item.message is None:
        return Unparsable("malformed", "The message has no text.")
    at, invalid = read_time(item.timeUtc)
    return InboundMessage(
        sender,
        to_sender(_number_of(item.to)),
        body or "",
        f"mo:{content_key(raw)}" if at is not None else None,
        at,
        answers_message_id=str(item.reference) if item.reference and isinstance(item.reference, str | int) else None,
        time_invalid=invalid,
    )


ADAPTER: Final = Cm()
