"""Times between providers' spellings, integers and the public form. Pure; reads no clock.

Inside, a time is an `int` of milliseconds since the epoch (UTC). Outside it is `2024-01-15T10:30:00.000Z`.
"""

from datetime import UTC, datetime
from typing import Final

YEAR_MIN: Final = 1990
YEAR_MAX: Final = 2200
_UTC: Final = frozenset({"UTC", "GMT"})
"""Names of the zone that providers write behind a time."""
_SHORT: Final = {12: "%y%m%d%H%M%S", 14: "%Y%m%d%H%M%S", 10: "%y%m%d%H%M"}


def to_public(at_ms: int) -> str:
    """Write a time as the public contract does: UTC, milliseconds, Z."""
    seconds, millis = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{millis:03d}Z"


def from_text(text: str) -> int | None:
    """Read a provider's time, honouring its zone offset; without one it is UTC. None where it is not a time.

    Reads ISO 8601 in all its separators, `2020-01-01 12:00:00 +0000`, `2020-01-01 14:00:00 UTC`, compact digits
    (YYMMDDhhmm, YYYYMMDDhhmmss) and, for a form-decoded `+`, an offset after a space.
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        return _from_digits(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        head, _, offset = text.rpartition(" ")
        if not head:
            return None
        if offset.upper() in _UTC:
            offset = "+00:00"
        sign = "" if offset[:1] in {"+", "-"} else "+"
        try:
            moment = datetime.fromisoformat(f"{head}{sign}{offset}")
        except ValueError:
            return None
    return _to_ms(moment)


def _from_digits(text: str) -> int | None:
    form = _SHORT.get(len(text))
    if form is None:
        return None
    try:
        return _to_ms(datetime.strptime(text, form).replace(tzinfo=UTC))
    except ValueError:
        return None


def _to_ms(moment: datetime) -> int | None:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        return None
    return int(moment.timestamp() * 1000 + 0.5)
