"""Reads dead letters or past events as the steps of a replay. Looks up, writes nothing."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dispatchers.replay import events, letters
from dispatchers.replay.letters import Letters, Place
from dispatchers.replay.selection import NOT_MEANT, ErasedAt, Judged, Left, Selection
from runtime.kafka.admin import Cluster, ClusterError
from runtime.kafka.records import Message, Partition
from runtime.kafka.scan import read_span
from runtime.worker import ConfigurationError
from schemas import topics
from schemas.codec import PoisonError, UnknownSchemaError, decoder
from schemas.config import Snapshot
from schemas.events import RECORDS
from schemas.records import DeliveryTask
from schemas.settings import Settings

EARLY_MS: Final = 5 * 60_000
"""Reading begins so much before the time that was asked for: a record's time of writing comes from another clock."""
PAIRS_MAX: Final = 1_000_000
"""Events and endpoints of one replay of dead letters, some 350 MB; more are replayed a part at a time."""
Span = Mapping[Partition, int]


@dataclass(frozen=True, slots=True)
class Step:
    """One record behind us, and the tasks it comes to."""

    partition: Partition
    position: int
    """Offset to go on from."""
    tasks: list[DeliveryTask]


@dataclass(frozen=True, slots=True)
class Known:
    """What judging needs besides the record."""

    snapshot: Snapshot
    erased_at: ErasedAt


def partitions_of(settings: Settings, cluster: Cluster, chosen: Selection) -> list[Partition]:
    """Where the records of a selection can lie.

    Raises:
        ClusterError: a topic is missing.
    """
    events_of = [topics.events_topic(event) for event in topics.EVENTS if chosen.is_event(event)]
    names = [settings.topic_prefix + name for name in ([topics.DEAD] if chosen.source == "dead" else events_of)]
    counts = cluster.partition_counts()
    for name in names:
        if not counts.get(name):
            raise ClusterError(f"read {name}", "no such topic; run `trackly topics apply`", retriable=False)
    return [Partition(name, number) for name in names for number in range(counts[name])]


def starts_of(cluster: Cluster, partitions: list[Partition], chosen: Selection) -> dict[Partition, int]:
    """Where to begin so that nothing of the selection lies before it."""
    if chosen.since is None:
        return cluster.low_watermarks(partitions)
    return cluster.offsets_since(partitions, max(0, chosen.since - EARLY_MS))


def steps(
    settings: Settings, chosen: Selection, known: Known, *, starts: Span, ends: Span, left: Counter[str]
) -> Iterator[Step]:
    """Every record from the starts to the ends, in the order of each log; what is left out is counted in `left`.

    Raises:
        ClusterError: a topic cannot be read.
        ConfigurationError: more dead letters than one replay can hold.
    """
    judge = _dead(settings, chosen, known, ends) if chosen.source == "dead" else _events(settings, chosen, known)
    for message in read_span(settings.kafka, starts, ends):
        try:
            judged = judge(message)
        except PoisonError:
            judged = Left("undecodable")
        except UnknownSchemaError:
            judged = Left("newer_version")
        partition = Partition(message.topic(), message.partition())
        tasks: list[DeliveryTask] = []
        if isinstance(judged, Left):
            left[judged.reason] += 1
        else:
            tasks = judged.tasks
        yield Step(partition, message.offset() + 1, tasks)


_Judge = Callable[[Message], Judged]


def _dead(settings: Settings, chosen: Selection, known: Known, ends: Span) -> _Judge:
    decode = decoder("DeadLetter", "DeadLetterResolved")
    seen = _letters(settings, chosen, decode, ends)
    configured = known.snapshot.endpoints.keys()

    def judge(message: Message) -> Judged:
        record, found = _read(decode, message)
        if record != "DeadLetter":
            return NOT_MEANT
        task = found["task"]
        meant = letters.is_meant(found, chosen) and bool(task["endpoint"])
        standing = seen.standing(task["event_id"], task["endpoint"], _place(message)) if meant else "last"
        return letters.judge(found, chosen, standing, configured=configured, erased_at=known.erased_at)

    return judge


def _letters(settings: Settings, chosen: Selection, decode: Callable[[bytes], tuple[str, Any]], ends: Span) -> Letters:
    """Read to the end of now: a letter that another replay delivered meanwhile is not sent again."""
    cluster, seen = Cluster(settings.kafka, "command"), Letters()
    partitions = partitions_of(settings, cluster, chosen)
    for message in read_span(settings.kafka, starts_of(cluster, partitions, chosen), cluster.end_offsets(partitions)):
        try:
            record, found = _read(decode, message)
        except (PoisonError, UnknownSchemaError):
            continue  # counted when it is read as a step
        if not record:
            continue
        about = found["task"] if record == "DeadLetter" else found
        if not about["endpoint"] or not chosen.is_endpoint(about["endpoint"]):
            continue
        late = message.offset() >= ends.get(Partition(message.topic(), message.partition()), 0)
        seen.note(about["event_id"], about["endpoint"], _place(message), resolved=record != "DeadLetter", late=late)
        if len(seen) > PAIRS_MAX:
            raise ConfigurationError(f"more than {PAIRS_MAX} dead letters; take a part with --account or --endpoint")
    return seen


def _read(decode: Callable[[bytes], tuple[str, Any]], message: Message) -> tuple[str, Any]:
    value = message.value()
    return ("", {}) if value is None else decode(value)


def _events(settings: Settings, chosen: Selection, known: Known) -> _Judge:
    of_topic = {
        settings.topic_prefix + topics.events_topic(event): (event, decoder(RECORDS[event])) for event in topics.EVENTS
    }

    def judge(message: Message) -> Judged:
        event_type, decode = of_topic[message.topic()]
        value = message.value()
        if value is None:
            return NOT_MEANT
        return events.judge(
            event_type,
            decode(value)[1],
            chosen,
            endpoints_of=known.snapshot.endpoints_of,
            erased_at=known.erased_at,
        )

    return judge


def _place(message: Message) -> Place:
    return Place(message.partition(), message.offset(), message.timestamp()[1])
