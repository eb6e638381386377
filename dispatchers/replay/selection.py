"""What a replay is for: which letters or events, and how that is kept beside its positions. Pure."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Final, Literal, Self, TypedDict

import orjson

from schemas import ids
from schemas.records import DeliveryTask

Source = Literal["dead", "events"]
SOURCES: Final[tuple[Source, ...]] = ("dead", "events")
ErasedAt = Callable[[str], int]
"""From a contact's key to the time of its erasure, 0 for never."""
_VERSION: Final = 1


class UnreadableNoteError(Exception):
    """What lies beside a position is no note of ours."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters or events are meant; times in milliseconds since the epoch, `until` is not among them."""

    source: Source
    endpoint: str | None = None
    account: str | None = None
    event: str | None = None
    since: int | None = None
    until: int | None = None
    reason: str | None = None

    def is_time(self, at: int) -> bool:
        """Whether a time is meant."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)

    def is_endpoint(self, endpoint: str) -> bool:
        """Whether an endpoint, account/id, is meant."""
        return self.endpoint in {None, endpoint} and self.account in {None, endpoint.partition("/")[0]}

    def is_event(self, event: str) -> bool:
        """Whether an event type is meant."""
        return self.event in {None, event}

    @property
    def accounts(self) -> set[str]:
        """Accounts that are named, by themselves or by their endpoint."""
        named = {self.account, None if self.endpoint is None else self.endpoint.partition("/")[0]}
        return {name for name in named if name is not None}


class _Written(TypedDict):
    v: int
    end: int
    selection: dict[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Note:
    """What is kept beside the position of one partition: what the replay is for, and where it ends."""

    selection: Selection
    end: int

    def text(self) -> str:
        """As JSON."""
        chosen = {name: value for name, value in asdict(self.selection).items() if value is not None}
        written: _Written = {"v": _VERSION, "end": self.end, "selection": chosen}
        return orjson.dumps(written).decode()

    @classmethod
    def read(cls, text: str) -> Self:
        """Read it back.

        Raises:
            UnreadableNoteError: another version wrote it, or nobody of ours.
        """
        try:
            written: _Written = orjson.loads(text)
            if written["v"] != _VERSION:
                raise UnreadableNoteError("another version wrote it")
            selection = Selection(**written["selection"])  # type: ignore[arg-type]  # names are checked by the call
            end = written["end"]
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise UnreadableNoteError("it is no note of a replay") from error
        if not _is_typed(selection) or type(end) is not int:
            raise UnreadableNoteError("it is no note of a replay")
        return cls(selection, end)


def _is_typed(selection: Selection) -> bool:
    """Whether every part has the type that it is compared with."""
    names = (selection.endpoint, selection.account, selection.event, selection.reason)
    return (
        selection.source in SOURCES
        and all(at is None or type(at) is int for at in (selection.since, selection.until))
        and all(name is None or isinstance(name, str) for name in names)
    )


@dataclass(frozen=True, slots=True)
class Left:
    """It is not replayed; `reason` is a closed word."""

    reason: str


@dataclass(frozen=True, slots=True)
class Tasks:
    """What one record comes to; nothing where it is not meant."""

    tasks: list[DeliveryTask] = field(default_factory=list)


Judged = Tasks | Left
NOT_MEANT: Final = Tasks()


def replayed(task: DeliveryTask, replay_id: str) -> DeliveryTask:
    """The task that is tried anew; it keeps its event, body and contact, so the `webhook-id` is the same."""
    return {
        **task,
        "task_id": ids.task_id(task["event_id"], task["endpoint"], replay_id),
        "origin": "replay",
        "replay_id": replay_id,
        "attempt": 1,
        "first_failed_at": None,
        "held_at": None,
        "outcomes": [],
    }
