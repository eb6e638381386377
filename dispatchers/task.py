"""Tasks and the records a try leaves behind: fan-out, next task, attempt, dead letter. Pure."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from dispatchers.phases import Phases
from dispatchers.verdict import ATTEMPTS_MAX
from schemas import ids
from schemas.config import Endpoint
from schemas.events import BODIES
from schemas.records import Attempt, DeadLetter, DeliveryTask, EventType, TryOutcome
from schemas.topics import PublicEvent, contact_key

BODY_BYTES_MAX: Final = 512 * 1024
"""Body of a webhook: with its task around it, the outcomes and a dead letter around that, still below the 1 MiB that a
topic takes by default. A record that no topic takes would end the process again and again."""
RAW_BYTES_MAX: Final = 512 * 1024
"""Kept of a record that cannot be read, for the same reason; its coordinates lead to the whole."""
RECORD_BYTES: Final = 512
"""Cost of a task beside its body, for the lanes' bound."""
KEY_CHARS_MAX: Final = 1024
"""Ids and keys: ours are below 200."""
_ID: Final = re.compile(r"[!-~]{1,200}")
"""What an id of ours can look like; `webhook-id` is a header, so a line break in one would be another header."""
_CONTACT_FIELD: Final = {"delivery": "to", "unsubscribe": "phone_number", "reply": "phone_number"}


class UntrustedTaskError(Exception):
    """A task on the log says something that no dispatcher of ours writes."""


def fan_out(event_type: EventType, event: dict[str, Any], endpoints: Iterable[Endpoint]) -> list[DeliveryTask]:
    """One task per endpoint that subscribes to the event and whose filters let it pass.

    Raises:
        UntrustedTaskError: the body would be larger than a task may carry.
    """
    wanted = [endpoint for endpoint in endpoints if _wants(endpoint, event_type, event)]
    if not wanted:
        return []
    body = BODIES[event_type](event)
    _check_body(body)
    contact = contact_key(event["account"], event[_CONTACT_FIELD[event_type]])
    return [
        {
            "task_id": ids.task_id(event["event_id"], endpoint.id),
            "event_id": event["event_id"],
            "event_type": event_type,
            "origin": "event",
            "replay_id": None,
            "endpoint": endpoint.id,
            "contact_key": contact,
            "body": body,
            "attempt": 1,
            "created_at": event["received_at"],
            "first_failed_at": None,
            "held_at": None,
            "outcomes": [],
        }
        for endpoint in wanted
    ]


def check(task: DeliveryTask, event_type: PublicEvent | None) -> None:
    """Refuse values that the log should not hold (KAFKA.md, Delay topics); None where a topic takes every event type.

    Raises:
        UntrustedTaskError: another event type than its topic's, or none that is known, attempt not from 1 to 6, more
            outcomes than tries, an id that could not go into a header, or something too large.
    """
    if task["event_type"] == "unknown" or (event_type is not None and waits_with(task["event_type"]) != event_type):
        raise UntrustedTaskError(f"a task of {task['event_type']} events on a topic of {event_type or 'all'} events")
    if not 1 <= task["attempt"] <= ATTEMPTS_MAX:
        raise UntrustedTaskError(f"attempt {task['attempt']} is not from 1 to {ATTEMPTS_MAX}")
    if len(task["outcomes"]) > ATTEMPTS_MAX:
        raise UntrustedTaskError("more outcomes than tries")
    if not (_ID.fullmatch(task["event_id"]) and _ID.fullmatch(task["task_id"])):
        raise UntrustedTaskError("an id that is none of ours")
    if len(task["endpoint"]) > KEY_CHARS_MAX or len(task["contact_key"]) > KEY_CHARS_MAX:
        raise UntrustedTaskError("a key that is too long")
    _check_body(task["body"])


def waits_with(event_type: EventType) -> PublicEvent:
    """The event type whose delay topics a task waits in: notices are few and wait with deliveries."""
    return "delivery" if event_type in {"notice", "unknown"} else event_type  # type: ignore[return-value]  # narrowed


def _check_body(body: bytes) -> None:
    if len(body) > BODY_BYTES_MAX:
        raise UntrustedTaskError(f"a body of {len(body)} bytes, more than {BODY_BYTES_MAX}")


def outcome_of(task: DeliveryTask, *, outcome: str, status_code: int | None, duration_ms: int, now: int) -> TryOutcome:
    """The try that just ended, as tasks and dead letters carry it."""
    return {
        "attempt": task["attempt"],
        "at": now,
        "outcome": outcome,
        "status_code": status_code,
        "duration_ms": duration_ms,
    }


def next_task(task: DeliveryTask, failed: TryOutcome) -> DeliveryTask:
    """The task of the next try; at most six outcomes travel with it, the newest."""
    first = task["first_failed_at"]
    return {
        **task,
        "attempt": task["attempt"] + 1,
        "first_failed_at": failed["at"] if first is None else first,
        "outcomes": [*task["outcomes"], failed][-ATTEMPTS_MAX:],
    }


def held_task(task: DeliveryTask, *, now: int) -> DeliveryTask:
    """The task as it waits for its endpoint; no attempt is spent, and the time of the first holding stays."""
    return {**task, "held_at": now if task["held_at"] is None else task["held_at"]}


def dead_letter(
    task: DeliveryTask,
    outcomes: Sequence[TryOutcome],
    reason: str,
    *,
    now: int,
    source: tuple[str, int, int],
    raw_value: bytes | None = None,
) -> DeadLetter:
    """A task that was given up, with its outcomes and where it lay; a raw value is cut to RAW_BYTES_MAX."""
    return {
        "task": {**task, "outcomes": list(outcomes)[-ATTEMPTS_MAX:]},
        "reason": reason,
        "dead_at": now,
        "source_topic": source[0],
        "source_partition": source[1],
        "source_offset": source[2],
        "raw_value": raw_value if raw_value is None else raw_value[:RAW_BYTES_MAX],
    }


def unreadable(event_type: EventType) -> DeliveryTask:
    """The task of a dead letter whose record could not be read."""
    return {
        "task_id": "",
        "event_id": "",
        "event_type": event_type,
        "origin": "event",
        "replay_id": None,
        "endpoint": "",
        "contact_key": "",
        "body": b"",
        "attempt": 1,
        "created_at": 0,
        "first_failed_at": None,
        "held_at": None,
        "outcomes": [],
    }


def attempt_record(
    task: DeliveryTask,
    made: TryOutcome,
    *,
    verdict: str,
    excerpt: bytes,
    phases: Phases,
    next_tier: str | None,
    next_try_at: int | None,
) -> Attempt:
    """The try as its owner can see it."""
    return {
        "task_id": task["task_id"],
        "event_id": task["event_id"],
        "event_type": task["event_type"],
        "origin": task["origin"],
        "endpoint": task["endpoint"],
        "attempt": made["attempt"],
        "outcome": made["outcome"],
        "status_code": made["status_code"],
        "started_at": made["at"] - made["duration_ms"],
        "dns_ms": phases.dns_ms,
        "connect_ms": phases.connect_ms,
        "tls_ms": phases.tls_ms,
        "response_ms": phases.response_ms,
        "duration_ms": made["duration_ms"],
        "response_excerpt": excerpt,
        "next_tier": next_tier,
        "next_try_at": next_try_at,
        "verdict": verdict,
    }


def _wants(endpoint: Endpoint, event_type: EventType, event: dict[str, Any]) -> bool:
    if event_type not in endpoint.events:
        return False
    filters = endpoint.filters
    if filters.list_numbers and event["list_number"] not in filters.list_numbers:
        return False
    return not (filters.statuses and event_type == "delivery" and event["status"] not in filters.statuses)
