"""Consent of contacts as CSV: what an export writes and an import reads. Pure; every problem names its line.

Columns: account, list_number, phone_number, active, reason, unsubscribed_at, changed_at; times in UTC, empty where
nobody knows.
A row without a list number is for every list of the account, those that are added later included. An import needs the
columns account, list_number and phone_number; a row without the rest is an opt-out for the reason `unknown`. A row is
worth what was known at its changed_at, else at its unsubscribed_at, else now.
"""

import csv
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, cast, get_args

from processors import unassigned
from processors.aggregate import Aggregate, ListState, state_of
from schemas.phone import to_e164, to_sender
from schemas.records import ContactCommand, ContactReason
from schemas.timestamps import from_text, to_public

COLUMNS: Final = ("account", "list_number", "phone_number", "active", "reason", "unsubscribed_at", "changed_at")
_NEEDED: Final = frozenset(COLUMNS[:3])
_ACTIVE: Final = {"": False, "false": False, "0": False, "no": False, "true": True, "1": True, "yes": True}
_REASONS: Final = frozenset(get_args(ContactReason))


class ContactsFileError(Exception):
    """The file cannot be used; the text names the line, and no phone number."""


def rows_of(account: str, phone: str, aggregate: Aggregate) -> Sequence[tuple[str, ...]]:
    """The lines of one contact in an export: what holds for every list first, then each list of which more is known.

    An opt-out whose list could not be told becomes one for every list: its own callback does not come with a backup.
    """
    every = _of_every_list(aggregate)
    rows = [] if every is None else [_row(account, "", phone, every)]
    for number in sorted({*aggregate.lists, *_lifted(aggregate)}):
        state = state_of(aggregate, number)
        if every is not None and state.active and not unassigned.blocks(aggregate, number):
            state = ListState(reason="resubscribed", changed_at=max(state.changed_at, every.changed_at))
        elif every is not None and state.active:
            continue
        if state.changed_at:
            rows.append(_row(account, number, phone, state))
    return rows


def _of_every_list(aggregate: Aggregate) -> ListState | None:
    """What stands against texting from any list that the contact never opted in to."""
    stopped, overflow = aggregate.stopped, aggregate.unassigned_overflow
    times = [entry.at for entry in unassigned.standing(aggregate)]
    if stopped is None and not times and not overflow:
        return None
    at = max(times if stopped is None else [stopped.at, *times], default=0)
    reason = "message" if stopped is None else stopped.reason
    return ListState(active=False, reason=reason, unsubscribed_at=at or None, changed_at=at)


def _lifted(aggregate: Aggregate) -> Iterator[str]:
    for entry in unassigned.standing(aggregate):
        yield from entry.lifted
    yield from aggregate.overflow_lifted


def _row(account: str, number: str, phone: str, state: ListState) -> tuple[str, ...]:
    left, since = state.unsubscribed_at, state.changed_at
    return (
        account,
        number,
        phone,
        "true" if state.active else "false",
        state.reason,
        "" if left is None else to_public(left),
        to_public(since) if since else "",
    )


def commands_of(lines: Iterable[str], *, actor: str, reason: str, now: int) -> Iterator[ContactCommand]:
    """Commands of a file, one a line; the same line makes the same command, so that a second run changes nothing.

    Raises:
        ContactsFileError: a column is missing, or a line cannot be read.
    """
    reader = csv.DictReader(lines)
    try:
        missing = _NEEDED - set(reader.fieldnames or ())
        if missing:
            raise ContactsFileError(f"line 1: no column {', '.join(sorted(missing))}")
        for row in reader:
            yield _command(row, reader.line_num, actor=actor, reason=reason, now=now)
    except csv.Error as error:
        raise ContactsFileError(f"line {reader.line_num + 1}: {error}") from None


def _command(row: dict[str, str | None], line: int, *, actor: str, reason: str, now: int) -> ContactCommand:
    told = {name: (row.get(name) or "").strip() for name in COLUMNS}
    phone, number = to_e164(told["phone_number"]), to_sender(told["list_number"])
    if not told["account"] or phone is None or (number is None and told["list_number"]):
        raise ContactsFileError(f"line {line}: account, list_number and phone_number must be there and be numbers")
    active = _ACTIVE.get(told["active"].lower())
    if active is None:
        raise ContactsFileError(f"line {line}: active is true or false")
    why = told["reason"] or "unknown"
    if why not in _REASONS:
        raise ContactsFileError(f"line {line}: reason is one of {', '.join(sorted(_REASONS))}")
    if active and number is None:
        raise ContactsFileError(f"line {line}: texting is allowed list by list; name the list_number")
    left, since = _time(told, "unsubscribed_at", line), _time(told, "changed_at", line)
    name = "\x1f".join((told["account"], number or "", phone, str(active), why, str(left), str(since)))
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
        "changed_at": since,
    }


def _time(told: dict[str, str], column: str, line: int) -> int | None:
    at = from_text(told[column]) if told[column] else None
    if told[column] and at is None:
        raise ContactsFileError(f"line {line}: {column} is no time such as 2024-01-15T10:30:00.000Z")
    return at
