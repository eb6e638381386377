"""Phone numbers as providers write them, in E.164. Pure; never guesses a country."""

import re
from typing import Final

DIGITS_MIN: Final = 8
"""Fewest digits of a number that is read as international; shorter ones are short codes (PROVIDERS.md section 14)."""
DIGITS_MAX: Final = 15
"""Most digits of an E.164 number (ITU-T E.164, section 6)."""
SHORT_CODE_MIN: Final = 3
SHORT_CODE_MAX: Final = 6

_SEPARATORS: Final = re.compile(r"[\s().\-\u00a0\u2010-\u2015]+")
_E164: Final = re.compile(r"\+[1-9][0-9]{7,14}")


def is_e164(number: str) -> bool:
    """Tell whether a number is written in E.164: a plus, then 8 to 15 digits, the first not zero."""
    return _E164.fullmatch(number) is not None


def to_e164(number: str) -> str | None:
    """Write a contact's number in E.164, or answer None where it is none.

    `00` becomes a plus, bare digits of an international number get one, separators are dropped.
    Short codes, alphanumeric senders and other channels' addresses (`whatsapp:`) are not contacts: None.
    """
    if _is_bare_international(number):
        return "+" + number
    if _E164.fullmatch(number):
        return number
    compact = _SEPARATORS.sub("", number)
    if compact.startswith("00"):
        compact = "+" + compact[2:]
    elif compact[:1].isdigit():
        compact = "+" + compact
    return compact if _E164.fullmatch(compact) else None


def to_sender(number: str) -> str | None:
    """Write a list's number: E.164 where it is one, a short code or an alphanumeric sender as it stands.

    None for an empty value and for another channel's address.
    """
    if _is_bare_international(number):
        return "+" + number
    compact = _SEPARATORS.sub("", number)
    if not compact or ":" in compact:
        return None
    if compact.isascii() and compact.isdigit() and SHORT_CODE_MIN <= len(compact) <= SHORT_CODE_MAX:
        return compact
    return to_e164(compact) or (number.strip() if not compact.startswith("+") else None)


def _is_bare_international(number: str) -> bool:
    """The providers' usual spelling, told without a regular expression: it is asked several times a record."""
    return number.isascii() and number.isdigit() and DIGITS_MIN <= len(number) <= DIGITS_MAX and number[0] != "0"
