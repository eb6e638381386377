"""Follows every topic of a run as a reader of committed records, and writes down what lies there."""

import base64
import json
import time
from pathlib import Path
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from schemas import topics
from tests.chaos.checker.avro import UndecodableError, decode
from tests.chaos.checker.history import EVENTS

FOLLOWED: Final = (
    "callbacks.raw", "callbacks.quarantine", "sends.approved", "sends.blocked", "contacts", "webhooks.hold",
    "webhooks.dead", "webhooks.attempts", *(f"events.{event}" for event in EVENTS),
    *(topics.tier_topic(event, tier) for event in EVENTS for tier in range(len(topics.TIERS))),
)  # fmt: skip
"""What the checker asks about."""
PAUSE_S: Final = 0.3
"""So long without a record is the end, for now."""


class TopicsLog:
    """One consumer of all partitions, from their beginning."""

    def __init__(self, bootstrap: str, prefix: str, log: Path) -> None:
        """Open; `poll` reads."""
        self._prefix = prefix
        self._log = log.open("ab")
        self._consumer: Any = Consumer(
            {"bootstrap.servers": bootstrap, "group.id": f"{prefix}chaos", "isolation.level": "read_committed",
             "enable.auto.commit": False, "auto.offset.reset": "error", "log_level": 0}
        )  # fmt: skip
        known = self._consumer.list_topics(timeout=30).topics
        self._consumer.assign(
            [
                TopicPartition(prefix + name, number, OFFSET_BEGINNING)
                for name in FOLLOWED
                for number in known[prefix + name].partitions
            ]
        )
        self.classified: set[str] = set()
        """Provider's ids of callbacks that became an event or were quarantined."""
        self.decided: set[str] = set()
        self.events: list[tuple[str, str, str]] = []
        """Id, account and type of each event."""
        self.dead: set[tuple[str, str]] = set()
        self._quarantined = b""

    def poll(self, seconds: float) -> int:
        """Read for so long at most, or until nothing more is there; answers how many records came."""
        read, until = 0, time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            found = self._consumer.consume(2000, min(left, PAUSE_S))
            if not found and read:
                break
            for message in found:
                if message.error() is None:
                    self._take(message)
                    read += 1
        return read

    def close(self) -> None:
        """Let go; the log is complete then."""
        self._consumer.close()
        self._log.close()

    def is_classified(self, name: str) -> bool:
        """Whether a callback has an outcome."""
        return name in self.classified or name.encode() in self._quarantined

    def _take(self, message: Any) -> None:
        topic, value = message.topic().removeprefix(self._prefix), message.value()
        line = {
            "topic": topic, "partition": message.partition(), "offset": message.offset(),
            "timestamp": message.timestamp()[1], "key": (message.key() or b"").decode("utf-8", "replace"),
            "value": None if value is None else base64.b64encode(value).decode(),
        }  # fmt: skip
        self._log.write(json.dumps(line).encode() + b"\n")
        if value is None or topic in {"callbacks.raw", "webhooks.attempts", "webhooks.hold"}:
            return
        try:
            name, fields = decode(value)
        except UndecodableError:
            return  # the checker reads the log and says so
        if topic in {f"events.{event}" for event in EVENTS}:
            self.classified.add(str(fields["provider_message_id"]))
            self.events.append((fields["event_id"], fields["account"], topic.removeprefix("events.")))
        elif topic.startswith("sends."):
            self.decided.add(fields["message_id"])
        elif topic == "callbacks.quarantine":
            self._quarantined += fields["body"] + b"\n"
        elif name == "DeadLetter":
            self.dead.add((fields["task"]["event_id"], fields["task"]["endpoint"]))
