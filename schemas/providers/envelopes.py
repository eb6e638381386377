"""JSON bodies of providers: read strictly, repaired once, cut without rewriting. Pure; never raises on any input."""

import codecs
import re
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.phone import to_e164
from schemas.providers.callback import BadFragment, CallbackRequest, Fragment, Split, Unparsable
from schemas.records import CallbackKind
from schemas.timestamps import from_text

JSON: Final = "application/json"
FRAGMENTS_MAX: Final = 2000
"""Most reports of one callback; the largest batch that any provider documents (Infobip, maxBucketSize)."""
NO_PHONE: Final = "The contact's number is missing or not a phone number."
BAD_ITEM: Final = "A field of the report or message has the wrong type."
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*|[0-9]{1,4}")
"""A part of a path that is a field's name or a place in a list; the names of types that were tried are left out."""
_PATH_CHARS_MAX: Final = 120
_INTEGER_MAX: Final = 10**16
"""Above it a number is no phone number; keeps the decimal writing of a hostile integer short."""
_CHARSETS: Final = frozenset({"utf-8", "iso8859-1", "cp1252"})
"""What providers name in a content type; anything else, ASCII too, is read as UTF-8."""
_ESCAPES: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.", re.DOTALL
)
_LONE_CHARS: Final = 6
"""`\\ud83d`: half of a pair standing alone; a pair has twelve characters, any other escape two."""
_T = TypeVar("_T")
_M = TypeVar("_M", bound=BaseModel)


class Lenient(BaseModel):
    """A part of a provider's payload: fields that we do not need are ignored, numbers may stand for strings."""

    model_config = ConfigDict(coerce_numbers_to_str=True)


class Refused(msgspec.Struct, frozen=True):
    """The text is not JSON of the wanted shape."""


REFUSED: Final = Refused()


def decode(decoder: Callable[[bytes], _T], text: bytes) -> _T | Refused:
    """Read JSON with a msgspec decoder; numbers out of range, depth and encoding are refusals too."""
    try:
        return decoder(text)
    except (ValueError, RecursionError):
        return REFUSED


def decode_body(decoder: Callable[[bytes], _T], request: CallbackRequest) -> tuple[_T | Refused, bytes]:
    """Read a request's body, repairing its encoding if that is what is wrong; also the bytes that were read."""
    found = decode(decoder, request.body) if _is_utf8(request.body) else REFUSED
    if not isinstance(found, Refused):
        return found, request.body
    text = repaired(request.body, charset_of(request.headers.get("content-type", "")))
    return (found if text == request.body else decode(decoder, text)), text


def _is_utf8(text: bytes) -> bool:
    """Whether the encoding is right; the decoder does not look at the strings it skips."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def validate(model: type[_M], text: bytes) -> _M | None:
    """Read one fragment, whose encoding `decode_body` has seen to, into its model; None where it does not fit."""
    try:
        return model.model_validate_json(text)
    except ValidationError:
        return None


def wrong_field(model: type[BaseModel], text: bytes) -> Unparsable:
    """Why a fragment does not fit its model: the path of the first field that is wrong, and no value."""
    try:
        model.model_validate_json(text)
    except ValidationError as error:
        return refusal_of(error)
    return Unparsable("malformed", BAD_ITEM)


def refusal_of(error: ValidationError, *within: str) -> Unparsable:
    """The same from the error itself; `within` names the parts of the path above the model."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return Unparsable("malformed", "The report or message is not JSON.")
    named = (*within, *(str(part) for part in first["loc"] if _NAME.fullmatch(str(part))))
    path = ".".join(named)[:_PATH_CHARS_MAX]
    return Unparsable("malformed", f"The field {path} is missing or has the wrong type." if path else BAD_ITEM)


def repaired(text: bytes, charset: str) -> bytes:
    """The same JSON without what senders get wrong: a byte order mark, another charset, half an emoji in an escape."""
    try:
        plain = text.decode("utf-8-sig")
    except UnicodeDecodeError:
        plain = text.decode(charset, "replace")
    return _ESCAPES.sub(lambda found: "\\ufffd" if len(found[0]) == _LONE_CHARS else found[0], plain).encode()


def charset_of(content_type: str) -> str:
    """The charset a content type names, `utf-8` where it names none that we read."""
    named = re.search(r"charset\s*=\s*\"?([A-Za-z0-9_.:-]{1,40})", content_type, re.IGNORECASE)
    try:
        name = codecs.lookup(named[1]).name if named is not None else "utf-8"
    except LookupError:
        name = "utf-8"
    return name if name in _CHARSETS else "utf-8"


def phone_of(number: object) -> str | None:
    """A contact's number of a payload, a string or an integer, in E.164."""
    if isinstance(number, str):
        return to_e164(number)
    if isinstance(number, int) and 0 < number < _INTEGER_MAX:
        return to_e164(str(number))
    return None


def text_of(value: object) -> str:
    """A field that is text, or an integer that stands for it; empty where it is anything else."""
    if isinstance(value, str):
        return value
    is_number = isinstance(value, int) and not isinstance(value, bool) and abs(value) < _INTEGER_MAX
    return str(value) if is_number else ""


def fragment(kind: CallbackKind, phone: str | None, body: bytes, content_type: str = JSON) -> Fragment | BadFragment:
    """A fragment, or the refusal of one whose contact cannot be told."""
    if phone is None:
        return BadFragment("phone_invalid", NO_PHONE, body, content_type, kind)
    return Fragment(kind, phone, body, content_type)


def read_time(text: object) -> tuple[int | None, bool]:
    """A provider's time in milliseconds, and whether one was there that could not be read, of whatever type."""
    if text is None or text == "":
        return None, False
    at = from_text(text) if isinstance(text, str) else None
    return at, at is None


def plain_of(value: object) -> str:
    """A number or a name that is no condition for reading the rest: empty where it is neither text nor an integer."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def word_of(value: object) -> str:
    """A word of a payload that says which kind it is, or a time; empty where it is no text."""
    return value if isinstance(value, str) else ""


def joined(found: Sequence[Fragment | BadFragment], ignored: int = 0) -> Split:
    """A good envelope from what it was cut into; nothing at all counts as one item that tells nothing."""
    if not found:
        return Split((), ignored=max(1, ignored))
    return Split(
        [one for one in found if isinstance(one, Fragment)],
        [one for one in found if isinstance(one, BadFragment)],
        ignored,
    )
