"""Signed notices to an account about its endpoints: what they say and their ids. Pure (DELIVERY.md, Outcome policy).

The id comes from endpoint, kind and time of the change, so that whoever takes over tells it under the same one.
"""

from typing import Final

import orjson

from schemas import ids
from schemas.config import NOTICES_ID, notices_id
from schemas.records import DeliveryTask
from schemas.timestamps import to_public

PAUSED: Final = "endpoint.paused"
RESUMED: Final = "endpoint.resumed"
DEAD_LETTERS: Final = "endpoint.dead_letters"
WINDOW_MS: Final = 3_600_000
"""One notice of dead letters for each endpoint and hour, however many there are."""


def window_of(at: int) -> int:
    """Start of the window that a time lies in, milliseconds since the epoch."""
    return at - at % WINDOW_MS


def is_notices(endpoint: str) -> bool:
    """Whether an endpoint is the place of an account's notices: its own failures pause and tell nothing."""
    return endpoint.rpartition("/")[2] == NOTICES_ID


def notice(kind: str, endpoint: str, *, at: int, now: int, reason: str | None = None) -> DeliveryTask:
    """The task that tells an account of a change that happened `at`."""
    account = endpoint.partition("/")[0]
    to = notices_id(account)
    event_id = ids.notice_event_id(endpoint, kind, at)
    said = {"event": kind, "endpoint": endpoint}
    body = {**said, **({"reason": reason} if reason is not None else {}), "timestamp": to_public(at)}
    return {
        "task_id": ids.task_id(event_id, to),
        "event_id": event_id,
        "event_type": "notice",
        "origin": "notice",
        "replay_id": None,
        "endpoint": to,
        "contact_key": endpoint,
        "body": orjson.dumps(body),
        "attempt": 1,
        "created_at": now,
        "first_failed_at": None,
        "held_at": None,
        "outcomes": [],
    }
