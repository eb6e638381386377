"""A test event for one endpoint, and the answer to it. The task and the answer's meaning are pure; `Answers` reads.

One try, no tier (DESIGN.md 4.2). The numbers are of the range 555-01xx, which nobody has.
"""

from typing import Any, Final

from runtime.clock import mono_s
from runtime.kafka.latest import Latest
from schemas import ids, topics
from schemas.codec import PoisonError, UnknownSchemaError, decoder
from schemas.events import delivery_body
from schemas.records import Attempt, DeliveryTask
from schemas.settings import Settings

TO: Final = "+15555550100"
LIST_NUMBER: Final = "+15555550199"
MESSAGE_ID: Final = "test0001"
_POLL_S: Final = 0.2
_OK: Final = range(200, 300)


def task_of(account: str, endpoint: str, command_id: str, *, now: int) -> DeliveryTask:
    """The task of a test event: a `delivery` body as documented, with numbers that are nobody's."""
    event_id = ids.test_event_id(account, endpoint, command_id)
    body = delivery_body(
        {
            "event_id": event_id,
            "account": account,
            "message_id": MESSAGE_ID,
            "to": TO,
            "list_number": LIST_NUMBER,
            "status": "delivered",
            "status_detail": "DELIVERED_TO_HANDSET",
            "provider": "infobip",
            "timestamp": now,
            "received_at": now,
            "provider_message_id": None,
            "failure_class": "none",
        }
    )
    return {
        "task_id": ids.task_id(event_id, endpoint),
        "event_id": event_id,
        "event_type": "delivery",
        "origin": "test",
        "replay_id": None,
        "endpoint": endpoint,
        "contact_key": topics.contact_key(account, "test"),
        "body": body,
        "attempt": 1,
        "created_at": now,
        "first_failed_at": None,
        "held_at": None,
        "outcomes": [],
    }


def is_good(attempt: Attempt) -> bool:
    """Whether the endpoint took it: any 2xx."""
    return attempt["status_code"] in _OK


def shown(attempt: Attempt) -> dict[str, Any]:
    """What came back, for a person."""
    return {
        "endpoint": attempt["endpoint"],
        "event_id": attempt["event_id"],
        "outcome": attempt["outcome"],
        "status_code": attempt["status_code"],
        "connect_ms": attempt["connect_ms"],
        "duration_ms": attempt["duration_ms"],
        "response_excerpt": attempt["response_excerpt"].decode("utf-8", "replace"),
    }


class Answers:
    """Attempts from the moment it is made; one thread owns it."""

    def __init__(self, settings: Settings, *, since_ms: int) -> None:
        """Begin to read, before the task is written.

        Raises:
            ClusterError: no such topic, no right, or no answer.
        """
        self._latest = Latest(settings.kafka, [settings.topic_prefix + topics.ATTEMPTS], since_ms=since_ms)
        self._decode = decoder("Attempt")

    def of(self, task: DeliveryTask, *, timeout_s: float) -> Attempt | None:
        """Wait for the attempt of a task; None where the time is up.

        Raises:
            ClusterError: attempts cannot be read.
        """
        deadline, key = mono_s() + timeout_s, task["endpoint"].encode()
        while (left_s := deadline - mono_s()) > 0:
            for message in self._latest.read(min(_POLL_S, left_s)):
                value = message.value()
                if message.key() != key or value is None:
                    continue
                try:
                    attempt: Attempt = self._decode(value)[1]
                except (PoisonError, UnknownSchemaError):
                    continue  # not the one that was asked for, or nobody's
                if attempt["task_id"] == task["task_id"]:
                    return attempt
        return None

    def close(self) -> None:
        """Let go of the client."""
        self._latest.close()
