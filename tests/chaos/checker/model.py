"""What a contact must be after the facts of a run, by a model that knows no more than the load makes.

STOP ends texting on the list it was sent to, START begins it again, nothing else of the load changes a contact: its
failures are of no class that counts, its times rise with its sending, and each of its contacts waits for an answer
before it goes on. So the order of the log is the order of the facts, and a repeat of an id is no fact.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from tests.chaos.checker.history import Callback, History, Record


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a contact's state on a list."""

    active: bool
    reason: str
    callback: str
    """Provider's id of what changed it."""


def provider_id(record: Record) -> str | None:
    """The provider's id of a raw record, read naively; None where it has none."""
    body = record.value["body"].decode("utf-8", "replace")
    if body.startswith("{"):
        return str(json.loads(body)["results"][0]["messageId"])
    return next(iter(parse_qs(body).get("MessageSid", [])), None)


def first_readings(history: History) -> Mapping[str, Record]:
    """The first record of each callback on the raw topic."""
    found: dict[str, Record] = {}
    for record in history.of("callbacks.raw"):
        name = provider_id(record)
        if name is not None:
            found.setdefault(name, record)
    return found


def facts(history: History) -> Mapping[tuple[str, str], list[Callback]]:
    """Callbacks of each (account, contact) in the order in which they were first written."""
    known = {callback.id: callback for callback in history.callbacks}
    found: defaultdict[tuple[str, str], list[Callback]] = defaultdict(list)
    for name in first_readings(history):
        callback = known.get(name)
        if callback is not None:
            found[callback.account, callback.contact].append(callback)
    return found


def changes(callbacks: Iterable[Callback]) -> Mapping[str, list[Change]]:
    """Changes of one contact by list."""
    active: dict[str, bool] = {}
    found: defaultdict[str, list[Change]] = defaultdict(list)
    for callback in callbacks:
        is_active = active.get(callback.list_number, True)
        if callback.kind == "stop" and is_active:
            active[callback.list_number] = False
            found[callback.list_number].append(Change(active=False, reason="message", callback=callback.id))
        if callback.kind == "start" and not is_active:
            active[callback.list_number] = True
            found[callback.list_number].append(Change(active=True, reason="resubscribed", callback=callback.id))
    return found
