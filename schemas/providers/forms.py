"""HTML forms and query strings as providers send them. Pure; bounded."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl

FIELDS_MAX: Final = 200
"""A Twilio message with ten media and add-ons has some sixty fields."""
FORM: Final = "application/x-www-form-urlencoded"

Pairs = list[tuple[str, str]]


def read(body: bytes) -> Pairs | None:
    """Decode a form body, empty values kept; None where it is no form or has too many fields."""
    try:
        return parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except (ValueError, UnicodeDecodeError):
        return None


def last_of(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Field to its last value."""
    return dict(pairs)
