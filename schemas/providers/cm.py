"""CM.com: delivery reports and inbound messages as JSON, reports also by GET. Pure; never raises on any input.

Sources: developers.cm.com messaging (incoming messages, status reports), CM help article 3308. CM repeats whatever is
not answered with exactly 200, an inbound message for a month, so a malformed body is answered 200 once it is kept.
"""

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

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
from schemas.records import DeliveryStatus, FailureClass, RawCallback
from schemas.timestamps import from_text

FRAGMENTS_MAX: Final = 2000
_JSON: Final = "application/json"
_CODES: Final = table("cm")
_FAILED: Final = frozenset({"undeliverable", "rejected"})
_BY_TEXT: Final[tuple[tuple[re.Pattern[str], FailureClass, str], ...]] = (
    (re.compile(r"spam|phish", re.IGNORECASE), "spam", "REJECTED_SPAM"),
    (
        re.compile(r"unknown|invalid|not exist|unallocated|barred|blacklist|landline", re.IGNORECASE),
        "destination",
        "REJECTED_DESTINATION",
    ),
    (re.compile(r"absent|switched off|unreachable|memory|busy", re.IGNORECASE), "absent", "REJECTED_ABSENT_SUBSCRIBER"),
    (re.compile(r"operator|network|smsc|reject", re.IGNORECASE), "operator", "REJECTED_OPERATOR"),
)
"""What an error text without a known code says, in this order (PROVIDERS.md section 4.2)."""


class _Lenient(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)


class _State(_Lenient):
    code: str | None = None
    errorCode: str | None = None  # noqa: N815 - the provider's spelling
    errorDescription: str | None = None  # noqa: N815 - the same


class _Report(_Lenient):
    received: str | None = None
    to: str | None = None
    reference: str | None = None
    status: _State = _State()


class _Party(_Lenient):
    number: str | None = None


class _Text(_Lenient):
    text: str | None = None


class _Message(_Lenient):
    """An inbound message; the flat form of the older webhooks has strings where this has objects."""

    to: _Party | str | None = None
    message: _Text | str | None = None
    body: str | None = None
    reference: str | None = None
    timeUtc: str | None = None  # noqa: N815 - the provider's spelling
    channel: str | None = None


class Cm:
    """The adapter."""

    name = "cm"
    aliases: tuple[str, ...] = ()
    credential_names: tuple[str, ...] = ("basic",)
    methods: tuple[str, ...] = ("POST", "GET")

    def authenticate(self, request: CallbackRequest, credentials: Credentials) -> Authentication:
        """CM signs nothing: a path secret or HTTP Basic."""
        return authentication.decide(
            [authentication.path_secret(request, credentials), authentication.basic(request, credentials)], credentials
        )

    def split(self, request: CallbackRequest) -> SplitResult:  # noqa: PLR0911 - one return per shape
        """Reports come under `messages.msg`, alone or as a list; a message comes alone."""
        if request.method == "GET":
            return _split_query(request)
        try:
            body = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            return Malformed("not JSON")
        if not isinstance(body, dict):
            return Malformed("not a JSON object")
        messages = body.get("messages")
        if isinstance(messages, dict) and "msg" in messages:
            found = messages["msg"]
            items = found if isinstance(found, list) else [found]
            if len(items) > FRAGMENTS_MAX:
                return Malformed(f"more than {FRAGMENTS_MAX} reports")
            return _split_reports(items, request.body if len(items) == 1 else None)
        if "message" in body or "body" in body:
            return _split_message(body, request.body)
        return Malformed("neither a report (messages) nor a message")

    def parse(self, fragment: RawCallback) -> Parsed:
        """Read one report or message."""
        if fragment["content_type"] == forms.FORM:
            return _parse_query(fragment)
        try:
            body = orjson.loads(fragment["body"])
            if isinstance(body, dict) and "messages" in body:
                found = body["messages"]["msg"]
                return _report(_Report.model_validate(found[0] if isinstance(found, list) else found), fragment)
            sender = body["from"]
            return _message(_Message.model_validate(body), sender, fragment)
        except (orjson.JSONDecodeError, ValidationError, KeyError, TypeError, IndexError, RecursionError):
            return Unparsable("malformed", "the fields do not fit the format")

    def accepted(self, request: CallbackRequest) -> Answer:  # noqa: ARG002 - part of the protocol
        """Exactly 200: anything else counts as not delivered."""
        return Answer(200)

    def malformed(self, request: CallbackRequest, detail: str) -> Answer:  # noqa: ARG002 - part of the protocol
        """200 as well, because CM would repeat anything else for up to a month; the body is in quarantine."""
        return Answer(200)


def _number_of(party: Any) -> str:
    value = party.get("number") if isinstance(party, dict) else party
    return str(value) if isinstance(value, str | int) else ""


def _split_reports(items: Iterable[Any], whole: bytes | None) -> Split:
    fragments: list[Fragment] = []
    bad: list[BadFragment] = []
    for item in items:
        body = whole if whole is not None else orjson.dumps({"messages": {"msg": item}})
        phone = to_e164(_number_of(item.get("to"))) if isinstance(item, dict) else None
        if phone is None:
            bad.append(
                BadFragment(
                    "phone_invalid", "the contact's number is missing or not a phone number", body, _JSON, "delivery"
                )
            )
        else:
            fragments.append(Fragment("delivery", phone, body, _JSON))
    return Split(fragments, bad)


def _split_message(body: dict[str, Any], raw: bytes) -> SplitResult:
    channel = body.get("channel")
    if isinstance(channel, str) and channel.upper() != "SMS":
        return Split((), ignored=1)
    phone = to_e164(_number_of(body.get("from")))
    if phone is None:
        detail = "the contact's number is missing or not a phone number"
        return Split((), [BadFragment("phone_invalid", detail, raw, _JSON, "inbound")])
    return Split((Fragment("inbound", phone, raw, _JSON),))


def _split_query(request: CallbackRequest) -> SplitResult:
    fields = {name.upper(): value for name, value in request.query}
    phone = to_e164(fields.get("GSM") or fields.get("TO") or "")
    if phone is None:
        return Malformed("GSM is missing or not a phone number")
    wanted = {"GSM", "TO", "REFERENCE", "STATUS", "STATUSDESCRIPTION", "STANDARDERRORTEXT", "RECEIVED", "CREATED_S"}
    body = urlencode({name: value for name, value in fields.items() if name in wanted}).encode()
    return Split((Fragment("delivery", phone, body, forms.FORM),))


def _parse_query(fragment: RawCallback) -> Parsed:
    fields = forms.last_of(forms.read(fragment["body"]) or [])
    return _report(
        _Report(
            to=fields.get("GSM") or fields.get("TO"),
            reference=fields.get("REFERENCE"),
            received=fields.get("RECEIVED") or fields.get("CREATED_S"),
            status=_State(
                code=fields.get("STATUS"),
                errorCode=fields.get("STATUSDESCRIPTION"),
                errorDescription=fields.get("STANDARDERRORTEXT"),
            ),
        ),
        fragment,
    )


def _status_row(state: _State) -> Code | None:
    """The text wins where code and text disagree (PROVIDERS.md section 17.9)."""
    words = _CODES["word"]
    for text in (state.errorDescription, state.code):
        row = words.get((text or "").strip().lower())
        if row is not None:
            return row
    return _CODES["code"].get((state.code or "").strip())


def _failure(state: _State) -> tuple[FailureClass, str | None, DeliveryStatus | None, bool]:
    """Class, canonical name, status where the error tells it, and whether we know it."""
    row = _CODES["error"].get((state.errorCode or "").strip())
    if row is not None:
        return row.failure_class or "other", row.canonical, row.status, True
    for pattern, failure, canonical in _BY_TEXT:
        if state.errorDescription and pattern.search(state.errorDescription[:512]):
            return failure, canonical, None, True
    return "other", None, None, not state.errorCode


def _report(item: _Report, fragment: RawCallback) -> Parsed:
    to = to_e164(item.to or "")
    if to is None:
        return Unparsable("phone_invalid", "the contact's number is missing or not a phone number")
    row = _status_row(item.status)
    status: DeliveryStatus = (row.status if row is not None else None) or "pending"
    failure: FailureClass = "none"
    canonical = None
    known = row is not None
    if status in _FAILED:
        failure, canonical, better, understood = _failure(item.status)
        status, known = better or status, known and understood
        if status in {"pending", "delivered"}:
            failure = "none"
    at = from_text(item.received) if item.received else None
    raw = (item.status.errorDescription or (row.name if row is not None else None) or item.status.code or "UNKNOWN")[
        :128
    ]
    identity = f"{item.reference or ''}|{item.status.code or ''}|{item.status.errorCode or ''}|{item.received or ''}"
    return DeliveryReport(
        to=to,
        sender=None,
        status=status,
        status_detail=canonical if canonical is not None and status in _FAILED else raw,
        failure_class=failure,
        raw_status=item.status.code or "",
        raw_code=item.status.errorCode,
        natural_key=identity if item.reference or at is not None else None,
        at=at,
        provider_message_id=item.reference,
        message_id=fragment["mid"] or item.reference,
        final=status != "pending",
        handset=status == "delivered",
        known=known,
        time_invalid=bool(item.received) and at is None,
    )


def _message(item: _Message, from_: Any, fragment: RawCallback) -> Parsed:
    sender = to_e164(_number_of(from_))
    if sender is None:
        return Unparsable("phone_invalid", "the contact's number is missing or not a phone number")
    text = item.message.text if isinstance(item.message, _Text) else item.message
    body = text if text is not None else item.body
    if body is None:
        return Unparsable("malformed", "the message has no text")
    number = item.to.number if isinstance(item.to, _Party) else item.to
    at = from_text(item.timeUtc) if item.timeUtc else None
    key = f"mo:{content_key(fragment['body'])}" if at is not None else None
    return InboundMessage(
        sender,
        to_sender(number or ""),
        body,
        key,
        at,
        answers_message_id=item.reference or None,
        time_invalid=bool(item.timeUtc) and at is None,
    )


ADAPTER: Final = Cm()
