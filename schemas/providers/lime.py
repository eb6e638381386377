"""Lime Cellular: keywords and opt-outs as a query or form, one a request. Pure; never raises on any input.

Source: support.limecellular.com (opt-in list keyword to response URL, lead list keyword to response URL). It sends
neither an id nor a time, so every key is weak; it documents no delivery reports, and what looks like one is read by the
SMPP words (PROVIDERS.md sections 5 and 13).
"""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from schemas.phone import to_e164
from schemas.providers import authentication, forms
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

_CODES: Final = table("lime")
_OPT_OUT: Final = "optout"
_OPT_OUT_OF_ALL: Final = "optoutall"
_OPT_IN: Final = "optin"
_UPDATE: Final = "update"
_CONSENTS: Final = frozenset({_OPT_OUT, _OPT_OUT_OF_ALL, _OPT_IN})
_STATUS_FIELDS: Final = ("status", "dlr", "deliverystatus")
_NUMBERS: Final = ("mobile_number", "mobile", "to", "msisdn")
_IDS: Final = ("message_id", "messageid", "id")
_READ: Final = frozenset(
    {"action", "list_id", "keyword", "data", "date", "timestamp", *_STATUS_FIELDS, *_NUMBERS, *_IDS}
)
"""What the query of a POST may add: nothing else of a URL, a credential least of all, goes into a record."""
_MARKS: Final = re.compile(r"[\s_-]+")


class Lime:
    """The adapter."""

    name = "lime"
    aliases: tuple[str, ...] = ()
    credential_names: tuple[str, ...] = ()
    methods: tuple[str, ...] = ("POST", "GET")
    missing_status = 401

    def authenticate(self, request: CallbackRequest, credentials: Credentials) -> Authentication:
        """Lime signs nothing and sends no header of ours: a path secret."""
        return authentication.decide([authentication.path_secret(request, credentials)], credentials)

    def split(self, request: CallbackRequest) -> SplitResult:
        """One request is one fragment; what came by GET or in the query of a POST is kept as a form."""
        read = fields_of.of_request(request, _folded)
        if isinstance(read, Malformed):
            return read
        fields, body = _folded(read.fields), read.body
        if read.content_type == forms.FORM and request.method != "GET":
            asked = {name: value for name, value in _folded(dict(request.query)).items() if name in _READ}
            if not asked.keys() <= fields.keys():
                fields = asked | fields
                body = forms.write(fields.items())
        number = _first(fields, _NUMBERS)
        kind = _kind(fields)
        if kind == "unknown":
            return joined([], 1) if number else Malformed("The field mobile_number is missing.")
        return joined([fragment(kind, to_e164(number), body, read.content_type)])

    def parse(self, fragment: RawCallback) -> Parsed:
        """Read one keyword, opt-out or report."""
        found = fields_of.of_fragment(fragment, _folded)
        if found is None:
            return Unparsable("malformed", fields_of.NO_FIELDS)
        fields = _folded(found)
        kind = _kind(fields)
        if kind == "unknown":
            return Nothing("neither a keyword nor an opt-out")
        number = to_e164(_first(fields, _NUMBERS))
        if number is None:
            return Unparsable("phone_invalid", NO_PHONE)
        return _report(fields, number, fragment["mid"]) if kind == "delivery" else _message(fields, number)

    def accepted(self, request: CallbackRequest) -> Answer:  # noqa: ARG002 - part of the protocol
        """200 with an empty body."""
        return Answer(200)

    def malformed(self, request: CallbackRequest, detail: str) -> Answer:  # noqa: ARG002 - part of the protocol
        """400 with the reason."""
        return Answer(400, detail.encode())


def _folded(found: Mapping[str, Any]) -> dict[str, str]:
    """Field names in lower case, as no manual of Lime's binds them."""
    return {name.lower(): value for name, value in fields_of.scalars(found).items()}


def _first(fields: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((fields[name] for name in names if fields.get(name)), "")


def _action(fields: Mapping[str, str]) -> str:
    """Without the marks between its words: `optout-all`, `optout_all`."""
    return _MARKS.sub("", fields.get("action", "")).lower()


def _kind(fields: Mapping[str, str]) -> CallbackKind:
    """An update of the contact's details tells nothing of ours."""
    action = _action(fields)
    if action in _CONSENTS:
        return "inbound"
    if action == _UPDATE:
        return "unknown"
    if _first(fields, _STATUS_FIELDS):
        return "delivery"
    return "inbound" if action or "keyword" in fields or "data" in fields else "unknown"


def _list(fields: Mapping[str, str]) -> str | None:
    """Lime's own id of the list, which a list's `provider_id` in the configuration is equal to."""
    return f"{Lime.name}:{fields['list_id'].strip()}" if fields.get("list_id") else None


def _message(fields: Mapping[str, str], number: str) -> Parsed:
    action = _action(fields)
    text = " ".join(part for part in (fields.get("keyword", ""), fields.get("data", "")) if part)
    verdict: Literal["opt_out", "opt_in"] | None = None
    everywhere = action == _OPT_OUT_OF_ALL
    if action in {_OPT_OUT, _OPT_OUT_OF_ALL}:
        verdict, text = "opt_out", text or ("STOPALL" if everywhere else "STOP")
    elif action == _OPT_IN:
        verdict = "opt_in"
    else:
        # An action that we do not know is read as a text, so that no new word for leaving is lost.
        text = text or fields.get("action", "").strip()
    return InboundMessage(number, _list(fields), text, None, None, verdict=verdict, every_list=everywhere)


def _report(fields: Mapping[str, str], number: str, mid: str | None) -> Parsed:
    name = _first(fields, _IDS) or None
    word = _first(fields, _STATUS_FIELDS).strip()
    at, invalid = read_time(fields.get("date") or fields.get("timestamp"))
    key = f"{name}|{word.lower()}|{number}" if name else None if at is None else f"{number}|{word.lower()}|{at}"
    told = Told(
        to=number,
        sender=_list(fields),
        word=word,
        code=None,
        natural_key=key,
        at=at,
        provider_message_id=name,
        message_id=mid,
        time_invalid=invalid,
    )
    return judge(told, _CODES["status"], {})


ADAPTER: Final = Lime()
