"""(g) Order per contact: of one event type and endpoint first tries start in order, each after the verdict before it.

Except where one of the two was held (an overflow, a pause, a probe) or a fault let a dispatcher begin again. The events
of a contact lie in the order in which its callbacks were first written, without exception.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

from tests.chaos.checker.deliveries import attempts_by_pair, span
from tests.chaos.checker.history import EVENTS, History, Pair, Record, Violation, where
from tests.chaos.checker.model import first_readings

ROUNDING_MS: Final = 3
"""Beginning and end of a try are cut to whole milliseconds."""


def overtaken(history: History) -> Iterator[Violation]:
    """Events and first tries of a contact that overtook one another."""
    attempts = attempts_by_pair(history)
    held = {(record.value["event_id"], record.value["endpoint"]) for record in history.of("webhooks.hold")}
    probed = {
        pair for pair, found in attempts.items() if any(one.value["verdict"] == "hold" for one in found)
    }  # a probe may be the next event itself, which is then held
    spans = [span(fault, history.setup.session_ms) for fault in history.faults if fault.dispatchers]
    readings = first_readings(history)
    for event in EVENTS:
        for contact, events in _by_contact(history, event).items():
            yield from _out_of_log_order(readings, event, contact, events)
            account = contact.partition("|")[0]
            for endpoint, subscribed in history.setup.endpoints.items():
                if event in subscribed and endpoint.partition("/")[0] == account:
                    pairs = [(record.value["event_id"], endpoint) for record in events]
                    yield from _judge(pairs, attempts, held | probed, spans)


def _judge(
    pairs: list[Pair], attempts: Mapping[Pair, list[Record]], excused: set[Pair], spans: list[tuple[int, int]]
) -> Iterator[Violation]:
    for before, after in pairwise(pairs):
        first, second = _first_try(attempts, before), _first_try(attempts, after)
        if first is None or second is None or before in excused or after in excused:
            continue
        ended = first.value["started_at"] + first.value["duration_ms"]
        started = second.value["started_at"]
        if started >= ended - ROUNDING_MS:
            continue
        if any(low <= at <= high for low, high in spans for at in (ended, started)):
            continue
        evidence = {
            "endpoint": before[1],
            "first": before[0],
            "then": after[0],
            "first_ended_at": ended,
            "then_started_at": started,
            "records": [where("webhooks.attempts", one) for one in (first, second)],
        }
        yield Violation("g", "overtaken", evidence)


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
