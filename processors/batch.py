"""What a batch decides: the records of one transaction, the state they leave, the counts they move. Pure values.

Nothing is written here: the loop produces the outputs, commits, and only then folds the overlay into the store.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from processors.aggregate import Aggregate
from processors.brake import ListWindow
from processors.facts import Refusal

STREAM_TIME: Final = b"\x01stream_time"
"""Changelog key of a partition's highest received_at; it makes `now` the same after every restore."""
WINDOW: Final = b"\x01window|"
"""Beginning of the changelog key of a list's last hour; its full id follows."""

UNDECODABLE: Final = Refusal("undecodable", "the bytes fit no schema of this topic")
STATE_UNREADABLE: Final = Refusal("state_unreadable", "what is known of the contact is corrupt in the changelog itself")
MISROUTED: Final = Refusal("misrouted", "the record lies in a partition that is not its key's")
UNKNOWN_COMMAND: Final = Refusal("malformed", "a command of a kind that this version does not know")
NO_KEYS: Final = Refusal("no_secret_keys", "an erasure needs TRACKLY_SECRET_KEYS, for the keyed hash of the contact")

NEVER: Final = 2**62

Slot = tuple[int, bytes]
"""Partition and key."""
Read = Callable[[int, bytes], bytes | None]
"""Value of a key of a partition, from the store."""


def is_contact_key(key: bytes) -> bool:
    """Whether a key of the changelog is a contact's, not the partition's own."""
    return not key.startswith(b"\x01")


@dataclass(frozen=True, slots=True)
class Output:
    """One record of the transaction; the topic is without prefix, partition -1 leaves it to the key."""

    topic: str
    key: bytes | str
    value: bytes | None
    partition: int = -1


class Place(NamedTuple):
    """Where an input record lies, with its key. A tuple, because one is made for every record."""

    topic: str
    """Without prefix."""
    partition: int
    offset: int
    key: bytes


@dataclass(slots=True)
class Batch:
    """What a batch decided so far."""

    outputs: list[Output] = field(default_factory=list)
    overlay: dict[Slot, Aggregate] = field(default_factory=dict)
    changed: set[Slot] = field(default_factory=set)
    windows: dict[tuple[int, str, str], ListWindow] = field(default_factory=dict)
    """By partition, account and list number."""
    windows_changed: set[tuple[int, str, str]] = field(default_factory=set)
    stream_time: dict[int, int] = field(default_factory=dict)
    latest: int = NEVER
    """Stream time goes no further, so that one gateway's clock cannot end the memory of a whole partition."""
    now: int = 0
    """Wall time of the batch, for answers that others wait by."""
    counts: Counter[Any] = field(default_factory=Counter)
    """How far each metric moves, once the transaction is committed."""
