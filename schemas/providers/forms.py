"""HTML forms and query strings as providers send them. Pure; bounded; never raises on any input."""

import codecs
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote, urlencode

from schemas.providers.callback import CallbackRequest
from schemas.providers.envelopes import charset_of

FIELDS_MAX: Final = 200
"""A Twilio message with ten media and add-ons has some sixty fields."""
FORM: Final = "application/x-www-form-urlencoded"
OURS: Final = frozenset({"account", "list", "mid", "kind"})
"""Fields of the callback URL that we gave the provider ourselves (INTERFACES.md, HTTP)."""

Pairs = list[tuple[str, str]]


def read(body: bytes, content_type: str = FORM) -> Pairs | None:
    """Decode a form, empty values and duplicates kept, bytes outside its charset replaced; None beyond FIELDS_MAX.

    A byte order mark before it and line ends around it belong to no field: a client that writes a line sends them.
    """
    charset = charset_of(content_type)
    text = body.removeprefix(codecs.BOM_UTF8).decode(charset, "replace")
    return _pairs(text.strip("\r\n"), charset, "replace")


def read_exactly(body: bytes) -> Pairs | None:
    """Decode a form for a signature: encoding the values with `surrogateescape` gives the sender's bytes back."""
    return _pairs(body.decode("utf-8", "surrogateescape"), "utf-8", "surrogateescape")


def write(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Encode fields as a form in UTF-8."""
    return urlencode(list(pairs), errors="replace").encode()


def of(request: CallbackRequest) -> Pairs | None:
    """The provider's own fields of a request, from the query of a GET, else from the form; None beyond FIELDS_MAX."""
    if request.method == "GET":
        return [(name, value) for name, value in request.query if name not in OURS]
    return read(request.body, request.headers.get("content-type", ""))


def body_of(request: CallbackRequest, pairs: Pairs) -> bytes:
    """The fields as a form in UTF-8: the bytes that came where they are one already."""
    as_sent = request.method != "GET" and charset_of(request.headers.get("content-type", "")) == "utf-8"
    return request.body if as_sent else write(pairs)


def last_of(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Field to its last value."""
    return dict(pairs)


def _pairs(text: str, charset: str, errors: str) -> Pairs | None:
    """As `urllib.parse.parse_qsl` with blank values kept, at half its time: most fields hold nothing to decode."""
    parts = text.split("&", FIELDS_MAX)
    if len(parts) > FIELDS_MAX:
        return None
    pairs: Pairs = []
    for part in parts:
        if part:
            name, _, value = part.partition("=")
            pairs.append((_plain(name, charset, errors), _plain(value, charset, errors)))
    return pairs


def _plain(text: str, charset: str, errors: str) -> str:
    if "+" in text:
        text = text.replace("+", " ")
    return unquote(text, charset, errors) if "%" in text else text
