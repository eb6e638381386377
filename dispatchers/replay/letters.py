"""Which dead letters are replayed. Pure.

L1  Of one event and endpoint the last record counts: a letter is replayed, a resolution ends it, an older letter is a
    copy. A topic that grew may hold them in two partitions; then the time of writing says which is later.
L2  A letter that was written after the replay began is another replay's; a resolution counts whenever it was written.
L3  Left out and counted: a letter whose task nobody could read, or that no dispatcher would take; test events and
    notices, which say nothing later; an endpoint that is no more; a contact that was erased since.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from dispatchers.replay.selection import NOT_MEANT, ErasedAt, Judged, Left, Selection, Tasks
from dispatchers.task import UntrustedTaskError, check
from schemas.records import DeadLetter, DeliveryTask

Standing = Literal["last", "superseded", "resolved"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record lies, and when it was written, milliseconds since the epoch."""

    partition: int
    offset: int
    written_at: int

    def is_later(self, than: "Place") -> bool:
        """Whether this record came later."""
        if self.partition == than.partition:
            return self.offset > than.offset
        return (self.written_at, self.partition) > (than.written_at, than.partition)


@dataclass(slots=True)
class _Pair:
    letter: Place | None
    latest: Place
    resolved: bool


class Letters:
    """The last records of every event and endpoint; every record is handed in once, before any is judged."""

    def __init__(self) -> None:
        """Begin with none."""
        self._pairs: dict[bytes, _Pair] = {}

    def __len__(self) -> int:
        """Events and endpoints seen."""
        return len(self._pairs)

    def note(self, event_id: str, endpoint: str, place: Place, *, resolved: bool, late: bool) -> None:
        """See a letter, or a resolution; `late` where it was written after the replay began."""
        name = _name(event_id, endpoint)
        pair = self._pairs.get(name)
        if pair is None:
            pair = self._pairs[name] = _Pair(None, place, resolved)
        elif place.is_later(pair.latest):
            pair.latest, pair.resolved = place, resolved
        if not resolved and not late and (pair.letter is None or place.is_later(pair.letter)):
            pair.letter = place

    def standing(self, event_id: str, endpoint: str, place: Place) -> Standing:
        """What a letter is among those of its event and endpoint."""
        pair = self._pairs[_name(event_id, endpoint)]
        if pair.letter != place:
            return "superseded"
        return "resolved" if pair.resolved else "last"


def is_meant(letter: DeadLetter, chosen: Selection) -> bool:
    """Whether a letter is of the endpoint, event type, reason and time that were asked for."""
    task = letter["task"]
    return (
        chosen.is_endpoint(task["endpoint"])
        and chosen.is_event(task["event_type"])
        and chosen.is_time(letter["dead_at"])
        and chosen.reason in {None, letter["reason"]}
    )


def judge(
    letter: DeadLetter, chosen: Selection, standing: Standing, *, configured: Collection[str], erased_at: ErasedAt
) -> Judged:
    """What a letter comes to; its standing matters only where it names an endpoint."""
    task = letter["task"]
    if not task["endpoint"]:
        return Left("unreadable") if chosen.is_time(letter["dead_at"]) else NOT_MEANT
    if not is_meant(letter, chosen):
        return NOT_MEANT
    why_not = (
        (task["origin"] in {"test", "notice"}, task["origin"]),
        (standing != "last", standing),
        (task["endpoint"] not in configured, "endpoint_removed"),
        (task["created_at"] <= erased_at(task["contact_key"]), "erased"),
        (not _is_trusted(task), "untrusted"),
    )
    return next((Left(reason) for holds, reason in why_not if holds), Tasks([task]))


def _is_trusted(task: DeliveryTask) -> bool:
    try:
        check({**task, "attempt": 1, "outcomes": []}, None)
    except UntrustedTaskError:
        return False
    return True


def _name(event_id: str, endpoint: str) -> bytes:
    return hashlib.blake2b(
        f"{len(event_id)}:{event_id}{endpoint}".encode("utf-8", "surrogatepass"), digest_size=16
    ).digest()
