"""Versioned code tables, one file per provider, read once at import: data, not code, each row with its source."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, cast, get_args

from schemas.records import DeliveryStatus, FailureClass

_COLUMNS: Final = 8
GENERIC: Final = "generic"
"""Class of a name that says nothing by itself: the error decides."""
_CLASSES: Final = frozenset(get_args(FailureClass)) | {GENERIC}
_FLAGS: Final = frozenset({"handset", "intermediate", "unsubscribe", "permanent_only", "error_first"})


@dataclass(frozen=True, slots=True)
class Code:
    """One row: what a provider's word or number means to us."""

    name: str
    status: DeliveryStatus | None
    """None keeps the status that the report's group or word gives."""
    failure_class: FailureClass | None
    """None where the name is generic."""
    canonical: str | None
    flags: frozenset[str]


class CodeTableError(Exception):
    """A row of a table is not of its form; a defect of the package."""


@cache
def table(provider: str) -> Mapping[str, Mapping[str, Code]]:
    """Vocabulary to code to row; in the vocabulary `name` and `error` a row is found by its name too."""
    text = files("schemas").joinpath("providers", "codes", f"{provider}.tsv").read_text("utf-8")
    return parse(text, provider)


def parse(text: str, provider: str) -> Mapping[str, Mapping[str, Code]]:
    """Read a table.

    Raises:
        CodeTableError: wrong number of columns, unknown status, class or flag, a missing source, a row twice.
    """
    found: dict[str, dict[str, Code]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        cells = line.split("\t")
        where = f"codes/{provider}.tsv:{number}"
        if len(cells) != _COLUMNS or not cells[-1]:
            raise CodeTableError(f"{where}: {_COLUMNS} columns are needed, the last one the source")
        vocabulary, code, name, status, failure_class, canonical, flags, _source = cells
        if status not in {*get_args(DeliveryStatus), "-"} or failure_class not in _CLASSES:
            raise CodeTableError(f"{where}: unknown status or class")
        marks = frozenset(flags.split(",")) - {"-"}
        if not marks <= _FLAGS:
            raise CodeTableError(f"{where}: unknown flag")
        row = Code(
            name,
            None if status == "-" else cast("DeliveryStatus", status),
            None if failure_class == GENERIC else cast("FailureClass", failure_class),
            None if canonical == "-" else canonical,
            marks,
        )
        rows = found.setdefault(vocabulary, {})
        for key in {code, name} if vocabulary in {"name", "error"} else {code}:
            if key == "-" or (key == code and vocabulary == "name"):
                continue
            if key in rows and vocabulary != "error":
                raise CodeTableError(f"{where}: {key} stands twice")
            rows.setdefault(key, row)
    return found
