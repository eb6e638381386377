"""(a) No acknowledged callback or question without its outcome. (b) Each outcome once for readers of committed records.

A callback that was never acknowledged may have arrived or not: it may have an outcome, and then one like any other.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from tests.chaos.checker.history import EVENT_OF, EVENTS, UNDECODABLE, Callback, History, Record, Violation, where
from tests.chaos.checker.model import first_readings

_STATUS = {"delivered": "delivered", "undeliverable": "undeliverable"}


def lost(history: History) -> Iterator[Violation]:
    """(a) What was promised to the provider, or to the one who asks, and never came."""
    events, readings = _events_by_callback(history), first_readings(history)
    quarantined = b"\n".join(record.value["body"] for record in history.of("callbacks.quarantine"))
    for callback in history.callbacks:
        found = events.get(callback.id, [])
        if found:
            yield from _wrong(callback, found)
        elif callback.acked_at is not None and callback.id.encode() not in quarantined:
            read = readings.get(callback.id)
            evidence = _about(callback) | {"raw": where("callbacks.raw", read) if read else "not on callbacks.raw"}
            yield Violation("a", "lost", evidence)
    yield from _undecided(history)
    yield from _gone(history)


def repeated(history: History) -> Iterator[Violation]:
    """(b) What was told twice, or of nothing."""
    seen: dict[str, str] = {}
    for event in EVENTS:
        for record in history.events(event):
            at, event_id = where(f"events.{event}", record), record.value["event_id"]
            if event_id in seen:
                yield Violation("b", "event_twice", {"event_id": event_id, "records": [seen[event_id], at]})
            seen[event_id] = at
    known = {callback.id for callback in history.callbacks}
    for name, found in _events_by_callback(history).items():
        ids = {record.value["event_id"] for _, record in found}
        if len(ids) > 1:
            records = [where(f"events.{event}", record) for event, record in found]
            yield Violation(
                "b", "callback_told_twice", {"callback": name, "event_ids": sorted(ids), "records": records}
            )
        if name not in known:
            event, record = found[0]
            yield Violation("b", "event_of_no_callback", {"callback": name, "record": where(f"events.{event}", record)})
    for message_id, decisions in _decisions(history).items():
        if len(decisions) > 1:
            records = [where(topic, record) for topic, record in decisions]
            yield Violation("b", "decided_twice", {"message_id": message_id, "records": records})


def _wrong(callback: Callback, found: list[tuple[str, Record]]) -> Iterator[Violation]:
    """(a) An outcome that is not the one of this callback."""
    event, record = found[0]
    value = record.value
    expected = {
        "event": EVENT_OF[callback.kind],
        "account": callback.account,
        "contact": callback.contact,
        "list_number": callback.list_number,
        "status": _STATUS.get(callback.kind),
        "body": callback.text if EVENT_OF[callback.kind] == "reply" else None,
    }
    told = {
        "event": event,
        "account": value["account"],
        "contact": value.get("to") or value.get("phone_number"),
        "list_number": value["list_number"],
        "status": value.get("status"),
        "body": value.get("body"),
    }
    if told != expected:
        differing = {name: [expected[name], told[name]] for name in expected if expected[name] != told[name]}
        evidence = _about(callback) | {"record": where(f"events.{event}", record), "expected_and_told": differing}
        yield Violation("a", "wrong_outcome", evidence)


def _undecided(history: History) -> Iterator[Violation]:
    decided = _decisions(history)
    for request in history.requests:
        if request.message_id not in decided:
            evidence = {"message_id": request.message_id, "asked_at": request.asked_at, "contact": request.contact}
            yield Violation("a", "request_undecided", evidence)


def _gone(history: History) -> Iterator[Violation]:
    """(a) What nobody can read: bytes of no schema, and holes in the raw topic, whose records are in no transaction."""
    for topic, records in history.records.items():
        for record in records:
            if record.name == UNDECODABLE:
                yield Violation("a", "undecodable_record", {"record": where(topic, record)})
    expected: dict[int, int] = {}
    for record in history.records.get("callbacks.raw", ()):
        if record.offset != expected.get(record.partition, 0):
            evidence = {"partition": record.partition, "from": expected.get(record.partition, 0), "to": record.offset}
            yield Violation("a", "raw_records_missing", evidence)
        expected[record.partition] = record.offset + 1


def _events_by_callback(history: History) -> Mapping[str, list[tuple[str, Record]]]:
    found: defaultdict[str, list[tuple[str, Record]]] = defaultdict(list)
    for event in EVENTS:
        for record in history.events(event):
            found[str(record.value["provider_message_id"])].append((event, record))
    return found


def _decisions(history: History) -> Mapping[str, list[tuple[str, Record]]]:
    found: defaultdict[str, list[tuple[str, Record]]] = defaultdict(list)
    for topic in ("sends.approved", "sends.blocked"):
        for record in history.of(topic):
            found[record.value["message_id"]].append((topic, record))
    return found


def _about(callback: Callback) -> dict[str, Any]:
    return {
        "callback": callback.id,
        "kind": callback.kind,
        "sent_at": callback.sent_at,
        "acked_at": callback.acked_at,
        "tries": callback.tries,
    }
