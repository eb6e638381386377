"""What a run left behind, as values. Times are milliseconds since the epoch; one machine, so all clocks are one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Kind = Literal["stop", "start", "reply", "delivered", "undeliverable"]
EVENT_OF: Final[dict[Kind, str]] = {
    "stop": "unsubscribe", "start": "reply", "reply": "reply", "delivered": "delivery", "undeliverable": "delivery",
}  # fmt: skip
EVENTS: Final = ("delivery", "unsubscribe", "reply")
UNDECODABLE: Final = "undecodable"
NO_RECORDS: Final = frozenset({"", UNDECODABLE})
"""Names of a tombstone and of bytes that no schema of ours wrote."""
Pair = tuple[str, str]
"""An event's id and the endpoint it is for."""


@dataclass(frozen=True, slots=True)
class Callback:
    """One report or message as its provider knows it."""

    id: str
    """The provider's id of it, used once."""
    kind: Kind
    account: str
    contact: str
    list_number: str
    sent_at: int
    """When it was first posted."""
    acked_at: int | None
    """When it was answered 2xx; None where it never was: it may have arrived or not."""
    text: str | None = None
    tries: int = 1


@dataclass(frozen=True, slots=True)
class Request:
    """One question to the send gate that the brokers acknowledged."""

    message_id: str
    account: str
    contact: str
    list_number: str
    asked_at: int
    """Taken before it was written."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One request that reached the customer."""

    webhook_id: str
    endpoint: str
    arrived_at: int
    status: int | None
    """None where it was hung up on without an answer."""


@dataclass(frozen=True, slots=True)
class Record:
    """One committed record."""

    partition: int
    offset: int
    timestamp: int
    key: str
    name: str
    """The Avro record it is; empty for a tombstone."""
    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that was made."""

    kind: str
    target: str
    began: int
    ended: int
    """When what it broke was there again; its consequences last longer."""
    dispatchers: int = 0
    """How many dispatchers lost what they had under way by it: it may repeat deliveries."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What the run was configured to be."""

    endpoints: Mapping[str, frozenset[str]]
    """Full id to the events that it is subscribed to."""
    delays_ms: Mapping[str, int]
    """Topic of a tier to its delay."""
    session_ms: int
    """Session time-out of the dispatchers."""
    inflight_max: int
    """Most tries in flight of one flow of a dispatcher."""
    secrets: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class History:
    """One run."""

    setup: Setup
    callbacks: Sequence[Callback] = ()
    requests: Sequence[Request] = ()
    records: Mapping[str, Sequence[Record]] = field(default_factory=dict)
    """Topic without the prefix to its records, by partition in the order of the log."""
    hits: Sequence[Hit] = ()
    faults: Sequence[Fault] = ()
    logs: Mapping[str, str] = field(default_factory=dict)
    """Name of a log file to its text."""

    def of(self, *topics: str) -> list[Record]:
        """Records of some topics; tombstones and what cannot be decoded left out."""
        return [record for topic in topics for record in self.records.get(topic, ()) if record.name not in NO_RECORDS]

    def events(self, event: str) -> list[Record]:
        """Events of a type."""
        return self.of(f"events.{event}")


@dataclass(frozen=True, slots=True)
class Violation:
    """One promise that was broken once, and what shows it."""

    promise: str
    """Letter of the check."""
    what: str
    evidence: Mapping[str, Any]


def where(topic: str, record: Record) -> str:
    """Coordinates of a record, as `trackly cat` shows them."""
    return f"{topic}[{record.partition}]@{record.offset}"
