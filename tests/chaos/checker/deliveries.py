"""(d) Every event reaches 2xx or the dead letters of each subscribed endpoint. (e) Repeats only after a fault, and few.

A try whose answer the dispatcher never saw (a time-out, a broken connection) may have been answered 2xx by the
receiver: the next try of it is none too many.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tests.chaos.checker.history import EVENTS, Fault, History, Hit, Pair, Record, Violation, where

UNCOMMITTED_MS: Final = 5_000
"""How long before a crash a try may have ended whose offset was not committed yet: commits go out every 25 ms, on a
machine of two cores that runs everything at once some seconds later."""
RECOVERY_MS: Final = 10_000
"""How long after a lost session a repeat may still begin: a rebalance on the same machine."""
FLOWS: Final = 4
"""Flows of a dispatcher: three event types and what is held or due now, each with its tries in flight."""
UNACKNOWLEDGED_MAX: Final = 4096
"""Most tries of a process that have ended while the brokers have not acknowledged what they leave behind."""
_GOOD: Final = range(200, 300)


@dataclass(frozen=True, slots=True)
class Repeat:
    """Tries too many of one event at one endpoint."""

    pair: Pair
    times: int
    tried_at: tuple[int, ...]
    """Beginnings of all its tries, as the customer or the attempts tell."""


def unreached(history: History) -> Iterator[Violation]:
    """(d) Pairs that are neither delivered nor given up, and deliveries that are claimed and never happened."""
    hits = hits_by_pair(history)
    good = {pair for pair, found in hits.items() if any(_is_good(hit) for hit in found)}
    dead = {
        (record.value["task"]["event_id"], record.value["task"]["endpoint"])
        for record in history.of("webhooks.dead")
        if record.name == "DeadLetter"
    }
    expected = dict(expected_pairs(history))
    for pair, at in expected.items():
        if pair not in good and pair not in dead:
            tries = [f"{hit.status} at {hit.arrived_at}" for hit in hits.get(pair, ())]
            yield Violation("d", "undelivered", {**_of(pair), "record": at, "tries": tries})
    for record in history.of("webhooks.attempts"):
        pair = (record.value["event_id"], record.value["endpoint"])
        if record.value["outcome"] == "success" and pair not in good:
            yield Violation("d", "delivered_to_nobody", {**_of(pair), "attempt": where("webhooks.attempts", record)})
    for pair in sorted({*hits, *dead} - expected.keys()):
        yield Violation("d", "sent_without_event", {**_of(pair), "tries": len(hits.get(pair, ()))})


def duplicates(history: History) -> Iterator[Violation]:
    """(e) Repeats that no fault explains, and more of them than may have been under way."""
    disruptive = [fault for fault in history.faults if fault.dispatchers]
    found = repeats(history)
    for repeat in found:
        spans = (span(fault, history.setup.session_ms) for fault in disruptive)
        if not any(low <= at <= high for low, high in spans for at in repeat.tried_at[:-1]):
            evidence = {**_of(repeat.pair), "too_many": repeat.times, "tried_at": list(repeat.tried_at)}
            yield Violation("e", "repeated_without_fault", evidence)
    total, allowed = sum(repeat.times for repeat in found), bound(history)
    if total > allowed:
        faults = [f"{fault.kind} {fault.target}" for fault in disruptive]
        yield Violation("e", "too_many_repeats", {"repeats": total, "allowed": allowed, "faults": faults})


def repeats(history: History) -> list[Repeat]:
    """Pairs that were tried more often than their ladder has steps, or got more than one 2xx for no reason."""
    hits, attempts = hits_by_pair(history), attempts_by_pair(history)
    found = []
    for pair in sorted({*hits, *attempts}):
        arrived, made = hits.get(pair, []), attempts.get(pair, [])
        unseen = sum(1 for one in made if one.value["status_code"] is None)
        good = sum(1 for hit in arrived if _is_good(hit)) - 1 - unseen
        steps = Counter(one.value["attempt"] for one in made if one.value["verdict"] != "hold")
        times = max(good, sum(count - 1 for count in steps.values()))
        if times > 0:
            started = {hit.arrived_at for hit in arrived} | {one.value["started_at"] for one in made}
            found.append(Repeat(pair, times, tuple(sorted(started))))
    return found


def bound(history: History) -> int:
    """How many pairs the faults of a run may repeat: unfinished ones, and no more than were tried around the fault.

    A killed or frozen dispatcher repeats what was in flight in its flows; when the broker goes, also what had ended and
    was not acknowledged.
    """
    arrivals = sorted(hit.arrived_at for hit in history.hits)
    total = 0
    for fault in history.faults:
        unfinished = fault.dispatchers * FLOWS * history.setup.inflight_max
        if fault.kind.startswith("broker"):
            unfinished += fault.dispatchers * UNACKNOWLEDGED_MAX
        low, high = span(fault, history.setup.session_ms)
        total += min(unfinished, sum(1 for at in arrivals if low <= at <= high)) if fault.dispatchers else 0
    return total


def span(fault: Fault, session_ms: int) -> tuple[int, int]:
    """From when to when a try may be one that this fault makes repeat."""
    return fault.began - UNCOMMITTED_MS, fault.ended + session_ms + RECOVERY_MS


def expected_pairs(history: History) -> Iterator[tuple[Pair, str]]:
    """Every event for every endpoint of its account that subscribes to it, and where the event lies."""
    for event in EVENTS:
        for record in history.events(event):
            for endpoint, subscribed in history.setup.endpoints.items():
                if endpoint.partition("/")[0] == record.value["account"] and event in subscribed:
                    yield (record.value["event_id"], endpoint), where(f"events.{event}", record)


def hits_by_pair(history: History) -> Mapping[Pair, list[Hit]]:
    """Hits in the order of their arrival."""
    found: defaultdict[Pair, list[Hit]] = defaultdict(list)
    for hit in sorted(history.hits, key=lambda one: one.arrived_at):
        found[hit.webhook_id, hit.endpoint].append(hit)
    return found


def attempts_by_pair(history: History) -> Mapping[Pair, list[Record]]:
    """Attempts in the order of their beginning."""
    found: defaultdict[Pair, list[Record]] = defaultdict(list)
    for record in sorted(history.of("webhooks.attempts"), key=lambda one: int(one.value["started_at"])):
        found[record.value["event_id"], record.value["endpoint"]].append(record)
    return found


def _is_good(hit: Hit) -> bool:
    return hit.status is not None and hit.status in _GOOD


def _of(pair: Pair) -> dict[str, object]:
    return {"event_id": pair[0], "endpoint": pair[1]}
