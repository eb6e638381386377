"""Reads the target and the headers of one request into what adapters and records need. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast, get_args
from urllib.parse import parse_qsl, unquote_to_bytes

from schemas.phone import to_sender
from schemas.records import CallbackKind

PREFIX: Final = b"/api/webhook-feedbacks/"
QUERY_BYTES_MAX: Final = 16_384
"""A report sent by GET with all its fields has some 600 bytes, a ten-part text in percent escapes some 9,600."""
QUERY_FIELDS_MAX: Final = 100
HEADERS_MAX: Final = 100
"""Providers send below 30."""
HEADER_BYTES_MAX: Final = 16_384
"""All header names and values of one request; providers send below 2 KiB."""
MID_CHARS_MAX: Final = 128
KEPT_HEADERS: Final = ("content-type", "user-agent", "i-twilio-idempotency-token", "webhook-id")
"""What goes on the topic; no credential and no signature ever does."""
_OWN: Final = frozenset({"account", "list", "mid", "kind"})
_SECRETS: Final = frozenset(
    {
        "secret", "token", "authtoken", "apikey", "apisecret", "password", "sig", "signature", "hmac", "bodysha256",
        "accesstoken", "auth", "authorization", "clientsecret", "jwt", "key", "passwd", "pwd", "webhooksecret",
        "xapikey",
    }
)  # fmt: skip
"""Query fields that show who is calling, compared without case, dashes and underscores; they never reach a topic."""
_KINDS: Final = frozenset(get_args(CallbackKind))


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request is meant to go."""

    provider: str
    path_secret: str | None = field(repr=False)
    account: str
    list_number: str | None
    mid: str | None
    kind: CallbackKind
    query: Sequence[tuple[str, str]] = field(repr=False)
    kept_query: Mapping[str, str] = field(repr=False)
    path_and_query: str = field(repr=False)
    """As sent; providers sign it."""
    flaw: str | None = None
    """What is wrong with our own fields of the query; told, and kept in quarantine, once the caller is known."""


@dataclass(frozen=True, slots=True)
class BadTarget:
    """The request is meant for nobody; `status` says how to answer."""

    status: int
    detail: str


def read_target(raw_path: bytes, raw_query: bytes) -> Target | BadTarget:
    """Read path and query as they were sent.

    Of our own parameters the first one counts, because providers append theirs. The path's secret
    is kept out of everything but the credential check.
    """
    if not raw_path.startswith(PREFIX):
        return BadTarget(404, "unknown path")
    provider, _, secret = raw_path[len(PREFIX) :].partition(b"/")
    secret = secret.removesuffix(b"/")
    if not provider or b"/" in secret:
        return BadTarget(404, "unknown path")
    if len(raw_query) > QUERY_BYTES_MAX:
        return BadTarget(414, "query too long")
    try:
        query = parse_qsl(raw_query.decode("ascii"), keep_blank_values=True, max_num_fields=QUERY_FIELDS_MAX)
    except ValueError:
        return BadTarget(400, "query cannot be read")
    sent = f"{raw_path.decode('latin-1')}?{raw_query.decode('ascii')}" if raw_query else raw_path.decode("latin-1")
    return _target(_unquoted(provider), _unquoted(secret) or None, query, sent)


def _target(provider: str, secret: str | None, query: list[tuple[str, str]], sent: str) -> Target | BadTarget:
    fields = dict(reversed(query))
    account = fields.get("account", "")
    if not account:
        return BadTarget(400, "account is missing in the query")
    list_number, flaw = None, None
    if fields.get("list"):
        list_number = to_sender(fields["list"] if not fields["list"].startswith(" ") else "+" + fields["list"].strip())
        flaw = "list is not a number" if list_number is None else None
    kind = fields.get("kind", "unknown")
    if kind not in _KINDS:
        kind, flaw = "unknown", "kind is delivery or inbound"
    mid = fields.get("mid") or None
    if mid is not None and len(mid) > MID_CHARS_MAX:
        mid, flaw = None, "mid is too long"
    return Target(
        provider=provider,
        path_secret=secret,
        account=account,
        list_number=list_number,
        mid=mid,
        kind=cast("CallbackKind", kind),
        query=query,
        kept_query={name: value for name, value in query if name not in _OWN and not _is_secret(name)},
        path_and_query=sent,
        flaw=flaw,
    )


def read_headers(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str] | None:
    """Lower-case names to values, the last one counts; None where they are too many or too large together."""
    if len(raw) > HEADERS_MAX or sum([len(name) + len(value) for name, value in raw]) > HEADER_BYTES_MAX:
        return None
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that go on a topic."""
    return {name: headers[name] for name in KEPT_HEADERS if name in headers}


def kept_fields(fields: Mapping[str, str], credentials: frozenset[str] = frozenset()) -> dict[str, str]:
    """Query fields without secrets: those named like one, and those whose value is one of the credentials."""
    return {name: value for name, value in fields.items() if not _is_secret(name) and value not in credentials}


def _is_secret(name: str) -> bool:
    return name.lower().replace("-", "").replace("_", "") in _SECRETS


def _unquoted(part: bytes) -> str:
    return unquote_to_bytes(part).decode("utf-8", "replace") if b"%" in part else part.decode("utf-8", "replace")
