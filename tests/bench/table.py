"""What a bench prints: lines of one table, each with its target where there is one."""

import os
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from tests.bench.cpu import Measured

WIDTH = 150
WHOLE_FROM = 100
"""Numbers below it are shown with three digits that count."""


@dataclass(frozen=True)
class Row:
    """One line of the table; `good` is None where there is no target or nothing ran."""

    what: str
    measured: float
    beside: str = ""
    ratio: float | None = None
    target: str = ""
    good: bool | None = None


def against(what: str, ours: Measured, name: str, other: Measured, least: float | None = None) -> Row:
    ratio = ours.per_core / other.per_core
    good = None if least is None else ratio >= least
    target = "" if least is None else f"ratio ≥ {least:g}"
    return Row(what, ours.per_core, f"{name} {other.per_core:,.0f}", ratio, target, good)


def alone(what: str, ours: Measured, least: float) -> Row:
    return Row(what, ours.per_core, target=f"≥ {least:,.0f}", good=ours.per_core >= least)


def below(what: str, measured: float, limit: float, beside: str = "", ratio: float | None = None) -> Row:
    return Row(what, measured, beside, ratio, f"< {shown(limit)}", measured < limit)


def at_least(what: str, measured: float, limit: float) -> Row:
    return Row(what, measured, target=f"≥ {shown(limit)}", good=measured >= limit)


def exactly(what: str, measured: float, wanted: float) -> Row:
    return Row(what, measured, target=shown(wanted), good=measured == wanted)


def shown(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= WHOLE_FROM else f"{number:.3g}"


class Results:
    """Rows as they come."""

    def __init__(self) -> None:
        load = os.getloadavg()[0]
        self._table = Table(
            title="per core = records ÷ CPU seconds of that process with its threads",
            caption=f"{os.cpu_count()} cores; load average before the run {load:.1f} (others' load makes every figure worse)",
        )
        for column in ("what", "measured", "beside it", "ratio", "target", ""):
            self._table.add_column(column)

    def add(self, row: Row) -> None:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        verdict = {True: "met", False: "missed", None: ""}[row.good]
        self._table.add_row(row.what, shown(row.measured), row.beside, ratio, row.target, verdict)

    def show(self) -> None:
        Console(width=WIDTH).print(self._table)
