"""What the rest of the house sees of a Kafka record and a partition. Types only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Partition(NamedTuple):
    """A partition by the full name of its topic."""

    topic: str
    number: int


class Message(Protocol):
    """A consumed record; the client's own object, without a copy."""

    def topic(self) -> str:
        """Full name of the topic."""
        ...

    def partition(self) -> int:
        """Partition number."""
        ...

    def offset(self) -> int:
        """Offset in the partition."""
        ...

    def key(self) -> bytes | None:
        """Key bytes."""
        ...

    def value(self) -> bytes | None:
        """Value bytes; None is a tombstone."""
        ...

    def timestamp(self) -> tuple[int, int]:
        """Kind of timestamp and milliseconds since the epoch."""
        ...

    def headers(self) -> Sequence[tuple[str, bytes | None]] | None:
        """Headers in order."""
        ...


@dataclass(frozen=True, slots=True)
class Ack:
    """The broker has the record."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    """Append time where the topic stamps it, else the producer's."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The broker, or our own queue's time limit, says no; `retriable` tells whether trying again can help."""

    code: str
    retriable: bool


Produced = Ack | Refused


@dataclass(frozen=True, slots=True)
class Committed:
    """A group's committed position of one partition."""

    offset: int
    """Next offset to read; -1 where none was committed."""
    metadata: str
