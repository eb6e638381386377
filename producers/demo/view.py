"""What the demo shows: a table that moves on a terminal, plain lines elsewhere."""

import re
from dataclasses import dataclass
from typing import Final

from rich.table import Table

_SAMPLE: Final = re.compile(r"^(trackly_\w+?)(?:\{([^}]*)\})? ([0-9.e+-]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Figures:
    """The numbers at one moment."""

    seconds: float
    callbacks: int
    repeats: int
    events: dict[str, int]
    contacts_removed: int
    delivered: int
    expected: int
    retried: int
    dead: int
    bad_signatures: int


def total(metrics: str, name: str, label: str = "") -> int:
    """Sum of a counter over its children whose labels contain `label`."""
    return int(
        sum(float(value) for found, labels, value in _SAMPLE.findall(metrics) if found == name and label in labels)
    )


def line(figures: Figures) -> str:
    """One plain line."""
    events = " ".join(f"{name}={count}" for name, count in figures.events.items())
    return (
        f"{figures.seconds:5.1f} s  callbacks={figures.callbacks} repeats={figures.repeats} {events} "
        f"contacts_removed={figures.contacts_removed} webhooks={figures.delivered}/{figures.expected} "
        f"retried={figures.retried} dead={figures.dead}"
    )


def table(figures: Figures) -> Table:
    """The same as a table."""
    shown = Table(title=f"Trackly Webhooks, {figures.seconds:.0f} s", min_width=46)
    shown.add_column("what")
    shown.add_column("count", justify="right")
    shown.add_row("callbacks acknowledged", str(figures.callbacks))
    shown.add_row("repeats sent by providers", str(figures.repeats))
    for name, count in figures.events.items():
        shown.add_row(f"{name} events", str(count))
    shown.add_row("contacts removed or unsubscribed", str(figures.contacts_removed))
    shown.add_row("webhooks delivered, signatures good", f"{figures.delivered} of {figures.expected}")
    shown.add_row("tries put into a retry tier", str(figures.retried))
    shown.add_row("dead letters", str(figures.dead))
    return shown
