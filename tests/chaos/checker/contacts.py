"""(c) The state of every contact is the fold of its facts: each change told once, in order, and no other."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from tests.chaos.checker.history import EVENTS, History, Violation, where
from tests.chaos.checker.model import Change, changes, facts

_TOPIC: Final = "contacts"


def folded(history: History) -> Iterator[Violation]:
    """Compare the changes on `contacts` with those of the model, key by key."""
    behind = {
        record.value["event_id"]: str(record.value["provider_message_id"])
        for event in EVENTS
        for record in history.events(event)
    }
    told: defaultdict[str, list[Change]] = defaultdict(list)
    records: defaultdict[str, list[str]] = defaultdict(list)
    for record in history.of(_TOPIC):
        value = record.value
        source = behind.get(value["source_event_id"], f"no event {value['source_event_id']}")
        told[record.key].append(Change(value["active"], value["reason"], source))
        records[record.key].append(where(_TOPIC, record))
    expected = {
        f"{account}|{list_number}|{contact}": found
        for (account, contact), callbacks in facts(history).items()
        for list_number, found in changes(callbacks).items()
    }
    for key in sorted({*told, *expected}):
        if told[key] != expected.get(key, []):
            yield Violation("c", _what(expected.get(key, []), told[key]), _evidence(key, expected, told, records))


def _what(expected: list[Change], told: list[Change]) -> str:
    """Whether the world is told something wrong now, or only was on the way."""
    last = told[-1].active if told else True
    should = expected[-1].active if expected else True
    return "wrong_history" if last is should else "wrong_state"


def _evidence(
    key: str, expected: dict[str, list[Change]], told: dict[str, list[Change]], records: dict[str, list[str]]
) -> dict[str, object]:
    def words(found: list[Change]) -> list[str]:
        return [f"{'active' if one.active else 'inactive'} ({one.reason}) by {one.callback}" for one in found]

    return {"key": key, "expected": words(expected.get(key, [])), "told": words(told[key]), "records": records[key]}
