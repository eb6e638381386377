"""EZ Texting: inbound texts and keywords as JSON, one a request; it reports no deliveries. Pure; never raises.

Source: developers.eztexting.com (webhooks), and its newer pages. The `id` of a text is that of the message it answers,
so two answers share it: it is never part of a key (PROVIDERS.md section 17.1).
"""

import hashlib
from typing import Any, Final, Literal

import msgspec
from pydantic import Field

from schemas.ids import content_key
from schemas.phone import to_e164, to_sender
from schemas.providers import authentication
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
from schemas.providers.envelopes import (
    NO_PHONE,
    Lenient,
    Refused,
    decode_body,
    fragment,
    joined,
    phone_of,
    read_time,
    text_of,
    validate,
    word_of,
    wrong_field,
)
from schemas.records import RawCallback

_TEXT: Final = "inbound_text.received"
_KEYWORD: Final = "keyword.opt_in"


class _Event(Lenient):
    """Either shape of an event; what is not needed to understand it may be anything."""

    type: str = ""
    from_: str | None = Field(None, alias="fromNumber")
    to: Any = Field(None, alias="toNumber")
    message: Any = None
    keyword: Any = None
    received: Any = None
    receivedAt: Any = None  # noqa: N815 - the provider's spelling
    eventId: Any = None  # noqa: N815 - the same
    optIn: Any = None  # noqa: N815 - the same
    optOut: Any = None  # noqa: N815 - the same


class _Head(msgspec.Struct):
    type: Any = None
    fromNumber: Any = None  # noqa: N815 - the provider's spelling


_read_head: Final = msgspec.json.Decoder(_Head).decode


class EzTexting:
    """The adapter."""

    name = "eztexting"
    aliases: tuple[str, ...] = ()
    credential_names: tuple[str, ...] = ("hmac_secret",)
    methods: tuple[str, ...] = ("POST",)
    missing_status = 401

    def authenticate(self, request: CallbackRequest, credentials: Credentials) -> Authentication:
        """A path secret, or X-Signature; the header is not always sent, so the path secret must do alone."""
        return authentication.decide(
            [authentication.path_secret(request, credentials), _signature(request, credentials)], credentials
        )

    def split(self, request: CallbackRequest) -> SplitResult:
        """A text or a keyword is one fragment; a new contact tells nothing of ours."""
        head, text = decode_body(_read_head, request)
        if isinstance(head, Refused):
            return Malformed("The body is not a JSON object of EZ Texting.")
        kind = word_of(head.type)
        if kind not in {_TEXT, _KEYWORD}:
            return joined([], 1) if kind else Malformed("The field type is missing.")
        return joined([fragment("inbound", phone_of(head.fromNumber), text)])

    def parse(self, fragment: RawCallback) -> Parsed:
        """Read one text or keyword."""
        event = validate(_Event, fragment["body"])
        if event is None:
            return wrong_field(_Event, fragment["body"])
        if event.type not in {_TEXT, _KEYWORD}:
            return Nothing("neither a text nor a keyword")
        sender = to_e164(event.from_ or "")
        if sender is None:
            return Unparsable("phone_invalid", NO_PHONE)
        text = text_of(event.message) or text_of(event.keyword)
        when = word_of(event.received) or word_of(event.receivedAt)
        at, invalid = read_time(when)
        name = text_of(event.eventId)
        key = None
        if name or at is not None:
            key = f"mo:{name or content_key(f'{sender}|{when}|{text}'.encode('utf-8', 'replace'))}"
        return InboundMessage(
            sender, to_sender(text_of(event.to)), text, key, at,
            provider_message_id=name or None, verdict=_verdict(event), time_invalid=invalid,
        )  # fmt: skip

    def accepted(self, request: CallbackRequest) -> Answer:  # noqa: ARG002 - part of the protocol
        """200 with an empty body."""
        return Answer(200)

    def malformed(self, request: CallbackRequest, detail: str) -> Answer:  # noqa: ARG002 - part of the protocol
        """400 with the reason."""
        return Answer(400, detail.encode())


def _signature(request: CallbackRequest, credentials: Credentials) -> Authentication | None:
    """HMAC-SHA1 of the body; the documentation's sample writes base64, so hex is taken too."""
    keys = [one for one in credentials.values_of("hmac_secret") if one]
    given = request.headers.get("x-signature")
    if given is None or not keys:
        return None
    good = authentication.is_mac(given, keys, [request.body], hashlib.sha1, hexadecimal=True)
    return Authentic("hmac") if good else Forged("wrong_signature")


def _is_set(flag: Any) -> bool:
    """A flag, also one that is written as text: an opt-out that is not seen costs more than one too many."""
    return flag is True or text_of(flag).strip().lower() in {"true", "1"}


def _verdict(event: _Event) -> Literal["opt_out", "opt_in"] | None:
    """EZ Texting says itself that a text opted the contact out or in; out wins where it says both."""
    if _is_set(event.optOut):
        return "opt_out"
    return "opt_in" if _is_set(event.optIn) or event.type == _KEYWORD else None


ADAPTER: Final = EzTexting()
