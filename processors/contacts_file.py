"""Consent of contacts as CSV: what an export writes and an import reads. Pure; every problem names its line.

Columns: account, list_number, phone_number, active, reason, unsubscribed_at (UTC, empty where nobody knows). An import
needs account, list_number and phone_number; a row without the rest is an opt-out for the reason `unknown`.
"""

import csv
import hashlib
from collections.abc import Iterable, Iterator
from typing import Final, cast, get_args

from schemas.phone import to_e164, to_sender
from schemas.records import ContactCommand, ContactReason, ContactState
from schemas.timestamps import from_text, to_public

COLUMNS: Final = ("account", "list_number", "phone_number", "active", "reason", "unsubscribed_at")
_NEEDED: Final = frozenset(COLUMNS[:3])
_ACTIVE: Final = {"": False, "false": False, "0": False, "no": False, "true": True, "1": True, "yes": True}
_REASONS: Final = frozenset(get_args(ContactReason))


class ContactsFileError(Exception):
    """The file cannot be used; the text names the line, and no phone number."""


def row_of(state: ContactState) -> tuple[str, ...]:
    """One line of an export."""
    left = state["unsubscribed_at"]
    return (
        state["account"],
        state["list_number"],
        state["phone_number"],
        "true" if state["active"] else "false",
        state["reason"],
        "" if left is None else to_public(left),
    )


def commands_of(lines: Iterable[str], *, actor: str, reason: str, now: int) -> Iterator[ContactCommand]:
    """Commands of a file, one a line; the same line makes the same command, so that a second run changes nothing.

    Raises:
        ContactsFileError: a column is missing, or a line cannot be read.
    """
    reader = csv.DictReader(lines)
    missing = _NEEDED - set(reader.fieldnames or ())
    if missing:
        raise ContactsFileError(f"line 1: no column {', '.join(sorted(missing))}")
    for row in reader:
        yield _command(row, reader.line_num, actor=actor, reason=reason, now=now)


def _command(row: dict[str, str | None], line: int, *, actor: str, reason: str, now: int) -> ContactCommand:
    told = {name: (row.get(name) or "").strip() for name in COLUMNS}
    phone, number = to_e164(told["phone_number"]), to_sender(told["list_number"])
    if not told["account"] or phone is None or number is None:
        raise ContactsFileError(f"line {line}: account, list_number and phone_number must be there and be numbers")
    active = _ACTIVE.get(told["active"].lower())
    if active is None:
        raise ContactsFileError(f"line {line}: active is true or false")
    why = told["reason"] or "unknown"
    if why not in _REASONS:
        raise ContactsFileError(f"line {line}: reason is one of {', '.join(sorted(_REASONS))}")
    left = from_text(told["unsubscribed_at"]) if told["unsubscribed_at"] else None
    if told["unsubscribed_at"] and left is None:
        raise ContactsFileError(f"line {line}: unsubscribed_at is no time such as 2024-01-15T10:30:00.000Z")
    name = "\x1f".join((told["account"], number, phone, str(active), why, str(left)))
    return {
        "command_id": f"imp_{hashlib.sha256(name.encode()).hexdigest()[:32]}",
        "account": told["account"],
        "phone_number": phone,
        "list_number": number,
        "command": "import",
        "actor": actor,
        "reason": reason,
        "issued_at": now,
        "active": active,
        "contact_reason": cast("ContactReason", why),
        "unsubscribed_at": left,
    }
