"""Questions to the send gate from a CSV file. Pure; every problem names its line, and no phone number."""

import csv
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from producers.sends.gate_client import request_for
from schemas.phone import to_e164, to_sender
from schemas.records import SendRequest

COLUMNS: Final = ("account", "list_number", "phone_number", "message_id")
_NEEDED: Final = frozenset(COLUMNS[:3])


class RequestsFileError(Exception):
    """The file cannot be used; the text names the line."""


def requests_of(lines: Iterable[str], *, now: int, new_id: Callable[[], str]) -> Iterator[SendRequest]:
    """Questions of a file, one a line; a line without a message id gets a new one.

    Raises:
        RequestsFileError: a column is missing, or a line cannot be read.
    """
    reader = csv.DictReader(lines)
    try:
        missing = _NEEDED - set(reader.fieldnames or ())
        if missing:
            raise RequestsFileError(f"line 1: no column {', '.join(sorted(missing))}")
        for row in reader:
            told = {name: (row.get(name) or "").strip() for name in COLUMNS}
            phone, number = to_e164(told["phone_number"]), to_sender(told["list_number"])
            if not told["account"] or phone is None or number is None:
                raise RequestsFileError(
                    f"line {reader.line_num}: account, list_number and phone_number must be there and be numbers"
                )
            yield request_for(told["account"], number, phone, told["message_id"] or new_id(), now=now)
    except csv.Error as error:
        raise RequestsFileError(f"line {reader.line_num + 1}: {error}") from None
