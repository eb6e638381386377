"""(g) Order per contact: of one event type and endpoint first tries start in order, each after the verdict before it.

Except where one of the two was held (an overflow, a pause, a probe) or a fault let a dispatcher begin again. The events
of a contact lie in the order in which its callbacks were first written, without exception.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from tests.chaos.checker.deliveries import attempts_by_pair, span
from tests.chaos.checker.history import EVENTS, History, Pair, Record, Violation, where
from tests.chaos.checker.model import first_readings

ROUNDING_MS: Final = 3
"""Beginning and end of a try are cut to whole milliseconds."""


@dataclass(frozen=True, slots=True)
class Step:
    """Two events of a contact that follow each other, as one endpoint saw their first tries."""

    before: Pair
    after: Pair
    first: Record
    then: Record
    excuse: str
    """Why the order need not hold; empty where it must."""

    @property
    def ended_at(self) -> int:
        """When the first try of the first one ended."""
        return int(self.first.value["started_at"] + self.first.value["duration_ms"])

    @property
    def started_at(self) -> int:
        """When the first try of the second one began."""
        return int(self.then.value["started_at"])

    @property
    def overtakes(self) -> bool:
        """Whether the second one did not wait for the verdict of the first."""
        return self.started_at < self.ended_at - ROUNDING_MS


def overtaken(history: History) -> Iterator[Violation]:
    """Events and first tries of a contact that overtook one another."""
    readings = first_readings(history)
    for event in EVENTS:
        for contact, events in _by_contact(history, event).items():
            yield from _out_of_log_order(readings, event, contact, events)
    for step in steps(history):
        if step.overtakes and not step.excuse:
            evidence = {
                "endpoint": step.before[1],
                "first": step.before[0],
                "then": step.after[0],
                "first_ended_at": step.ended_at,
                "then_started_at": step.started_at,
                "records": [where("webhooks.attempts", one) for one in (step.first, step.then)],
            }
            yield Violation("g", "overtaken", evidence)


def steps(history: History) -> Iterator[Step]:
    """Every two events that follow each other and whose first tries are both known."""
    attempts = attempts_by_pair(history)
    held = {(record.value["event_id"], record.value["endpoint"]) for record in history.of("webhooks.hold")}
    # a probe may be the next event itself: a failed one leaves it held
    held |= {pair for pair, found in attempts.items() if any(one.value["verdict"] == "hold" for one in found)}
    spans = [span(fault, history.setup.session_ms) for fault in history.faults if fault.dispatchers]
    for before, after in _neighbours(history):
        first, then = _first_try(attempts, before), _first_try(attempts, after)
        if first is not None and then is not None:
            step = Step(before, after, first, then, "held" if before in held or after in held else "")
            if not step.excuse and any(
                low <= at <= high for low, high in spans for at in (step.ended_at, step.started_at)
            ):
                step = replace(step, excuse="fault")
            yield step


def _neighbours(history: History) -> Iterator[tuple[Pair, Pair]]:
    for event in EVENTS:
        for contact, events in _by_contact(history, event).items():
            account = contact.partition("|")[0]
            for endpoint, subscribed in history.setup.endpoints.items():
                if event in subscribed and endpoint.partition("/")[0] == account:
                    yield from pairwise([(record.value["event_id"], endpoint) for record in events])


def _out_of_log_order(
    readings: Mapping[str, Record], event: str, contact: str, events: list[Record]
) -> Iterator[Violation]:
    read = [(record, readings.get(str(record.value["provider_message_id"]))) for record in events]
    known = [(record, raw) for record, raw in read if raw is not None]
    for (before, first), (after, second) in pairwise(known):
        if (first.partition, first.offset) > (second.partition, second.offset):
            records = [where(f"events.{event}", one) for one in (before, after)]
            raws = [where("callbacks.raw", one) for one in (first, second)]
            yield Violation("g", "events_out_of_order", {"contact": contact, "records": records, "raw": raws})


def _by_contact(history: History, event: str) -> dict[str, list[Record]]:
    found: defaultdict[str, list[Record]] = defaultdict(list)
    for record in history.events(event):
        found[record.key].append(record)
    return found


def _first_try(attempts: Mapping[Pair, list[Record]], pair: Pair) -> Record | None:
    """The first of its first tries; None where only later ones are known, because a crash took the record of it."""
    return next((one for one in attempts.get(pair, ()) if one.value["attempt"] == 1), None)
