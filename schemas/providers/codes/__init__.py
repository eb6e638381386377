"""Versioned code tables, one file per provider, read once at import: data, not code, each row with its source.

A file `NAME.tsv` opens with `# version N` and holds seven columns: vocabulary (which field of the provider the row
reads), code, name, status (`-` keeps the status that the report's group or word gives), class, flags, source.
A row is found by its code, and by its name where that is written LIKE_THIS; a name in ordinary words only explains.
In the vocabulary `name` the code only explains: a bare number there is never looked up.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal, cast, get_args

from schemas.records import DeliveryStatus, FailureClass

GENERIC: Final = "generic"
"""Class of a name that says nothing by itself: the error decides."""
Flag = Literal["intermediate", "opted_out", "unsubscribe", "permanent_only", "error_first", "blocklisted", "filtered"]
"""What a row says beside status and class.

`intermediate`: another report may follow. `opted_out`: the contact told provider or carrier to stop; `unsubscribe`: the
same, and an event of its own tells it. `permanent_only`: the class counts unless the report says that a repeat can
succeed. `error_first`: an error beside the name says more than the name. `blocklisted`: the provider keeps the number
on a list of its own, which alone says nothing of consent. `filtered`: the content or a policy was the reason, which a
list may count as spam.
"""

_COLUMNS: Final = 7
_BY_NAME_ONLY: Final = "name"
_IDENTIFIER: Final = re.compile(r"[A-Z][A-Z0-9_]+")
_VERSION: Final = re.compile(r"# version [1-9][0-9]*\b")
_CLASSES: Final = frozenset({*get_args(FailureClass), GENERIC})
_STATUSES: Final = frozenset({*get_args(DeliveryStatus), "-"})
_FLAGS: Final = frozenset(get_args(Flag))


@dataclass(frozen=True, slots=True)
class Code:
    """One row: what a provider's word or number means to us."""

    name: str
    status: DeliveryStatus | None
    """None keeps the status that the report's group or word gives."""
    failure_class: FailureClass | None
    """None where the name is generic."""
    flags: frozenset[Flag]


class CodeTableError(Exception):
    """A row of a table is not of its form; a defect of the package."""


@cache
def table(provider: str) -> Mapping[str, Mapping[str, Code]]:
    """Vocabulary to key to row."""
    text = files("schemas").joinpath("providers", "codes", f"{provider}.tsv").read_text("utf-8")
    return parse(text, provider)


def parse(text: str, provider: str) -> Mapping[str, Mapping[str, Code]]:
    """Read a table.

    Raises:
        CodeTableError: no version, wrong number of columns, unknown status, class or flag, no source, a key twice.
    """
    lines = text.splitlines()
    if not lines or _VERSION.match(lines[0]) is None:
        raise CodeTableError(f"codes/{provider}.tsv:1: the first line tells the version")
    found: dict[str, dict[str, Code]] = {}
    for number, line in enumerate(lines, start=1):
        if not line or line.startswith("#"):
            continue
        try:
            _add(found, line.split("\t"))
        except ValueError as problem:
            raise CodeTableError(f"codes/{provider}.tsv:{number}: {problem}") from None
    return found


def _add(found: dict[str, dict[str, Code]], cells: list[str]) -> None:
    if len(cells) != _COLUMNS or not all(cells):
        raise ValueError(f"{_COLUMNS} filled columns are needed, the last one the source")
    vocabulary, code, name, status, failure_class, flags, _source = cells
    if status not in _STATUSES:
        raise ValueError(f"unknown status {status}")
    if failure_class not in _CLASSES:
        raise ValueError(f"unknown class {failure_class}")
    marks = frozenset(flags.split(",")) - {"-"}
    if not marks <= _FLAGS:
        raise ValueError(f"unknown flag in {flags}")
    row = Code(
        name,
        None if status == "-" else cast("DeliveryStatus", status),
        None if failure_class == GENERIC else cast("FailureClass", failure_class),
        cast("frozenset[Flag]", marks),
    )
    rows = found.setdefault(vocabulary, {})
    keys = {name} if _IDENTIFIER.fullmatch(name) else set[str]()
    if vocabulary != _BY_NAME_ONLY and code != "-":
        keys.add(code)
    if not keys:
        raise ValueError("nothing finds this row")
    for key in keys:
        if key in rows:
            raise ValueError(f"{key} stands twice")
        rows[key] = row
