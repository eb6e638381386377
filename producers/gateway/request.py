"""Reads the target and the headers of one request into what adapters and records need. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast, get_args
from urllib.parse import parse_qsl, unquote

from schemas.phone import to_sender
from schemas.records import CallbackKind

PREFIX: Final = "/api/webhook-feedbacks/"
QUERY_BYTES_MAX: Final = 16_384
"""A report sent by GET with all its fields has some 600 bytes."""
QUERY_FIELDS_MAX: Final = 100
HEADER_BYTES_MAX: Final = 16_384
"""All header names and values of one request; providers send below 2 KiB."""
MID_CHARS_MAX: Final = 128
KEPT_HEADERS: Final = frozenset({"content-type", "user-agent", "i-twilio-idempotency-token"})
"""What goes on the topic; no credential and no signature ever does."""
_OWN: Final = frozenset({"account", "list", "mid", "kind", "secret", "token"})
_KINDS: Final = frozenset(get_args(CallbackKind))


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request is meant to go."""

    provider: str
    path_secret: str | None
    account: str
    list_number: str | None
    mid: str | None
    kind: CallbackKind
    query: Sequence[tuple[str, str]]
    kept_query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BadTarget:
    """The request is meant for nobody; `status` says how to answer."""

    status: int
    detail: str


def read_target(path: str, raw_query: bytes) -> Target | BadTarget:
    """Read path and query; the path's secret is kept out of everything but the credential check."""
    if not path.startswith(PREFIX):
        return BadTarget(404, "unknown path")
    parts = path[len(PREFIX) :].rstrip("/").split("/")
    if not parts[0] or len(parts) > 2:  # noqa: PLR2004 - provider, and its secret
        return BadTarget(404, "unknown path")
    if len(raw_query) > QUERY_BYTES_MAX:
        return BadTarget(414, "query too long")
    try:
        query = parse_qsl(raw_query.decode("ascii"), keep_blank_values=True, max_num_fields=QUERY_FIELDS_MAX)
    except ValueError:
        return BadTarget(400, "query cannot be read")
    return _target(parts, query)


def _target(parts: Sequence[str], query: list[tuple[str, str]]) -> Target | BadTarget:
    fields = dict(query)
    account = fields.get("account", "")
    if not account:
        return BadTarget(400, "account is missing in the query")
    list_number = None
    if fields.get("list"):
        list_number = to_sender(fields["list"] if not fields["list"].startswith(" ") else "+" + fields["list"].strip())
        if list_number is None:
            return BadTarget(400, "list is not a number")
    kind = fields.get("kind", "unknown")
    if kind not in _KINDS:
        return BadTarget(400, "kind is delivery or inbound")
    mid = fields.get("mid") or None
    if mid is not None and len(mid) > MID_CHARS_MAX:
        return BadTarget(400, "mid is too long")
    return Target(
        provider=parts[0],
        path_secret=unquote(parts[1]) if len(parts) > 1 else None,
        account=account,
        list_number=list_number,
        mid=mid,
        kind=cast("CallbackKind", kind),
        query=query,
        kept_query={name: value for name, value in query if name not in _OWN},
    )


def read_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str] | None:
    """Lower-case names to values, the last one counts; None where they are too large together."""
    found: dict[str, str] = {}
    size = 0
    for name, value in raw:
        size += len(name) + len(value)
        found[name.decode("latin-1")] = value.decode("latin-1")
    return found if size <= HEADER_BYTES_MAX else None
