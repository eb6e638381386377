"""Writes the tasks of a replay and keeps how far it came.

Y1  A position is committed only when every task of the records below it is acknowledged: a kill repeats a few, under
    the same task id and `webhook-id`, and leaves none out.
Y2  What the replay is for, and where it ends, lies beside every position: `--resume` needs the id alone.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from dispatchers.replay.selection import SOURCES, Note, Selection, UnreadableNoteError, replayed
from dispatchers.replay.sources import Step, partitions_of, starts_of
from runtime.clock import mono_s
from runtime.kafka.admin import Cluster
from runtime.kafka.bookmarks import METADATA_BYTES_MAX, Bookmarks
from runtime.kafka.one_shot import Write, Writer
from runtime.kafka.records import Partition
from runtime.pacing import paced
from runtime.worker import ConfigurationError
from schemas import topics
from schemas.codec import encoder
from schemas.settings import Settings

COMMIT_S: Final = 0.25
"""Between two commits: what a kill repeats."""
TOGETHER_MAX: Final = 500
"""Tasks between two commits; the same."""


@dataclass(slots=True)
class Replay:
    """One replay: from `positions` to `ends`; one thread owns it."""

    replay_id: str
    selection: Selection
    positions: dict[Partition, int]
    """Offsets to go on from."""
    ends: Mapping[Partition, int]
    replayed: int = 0
    """Acknowledged in this run."""
    by_endpoint: Counter[str] = field(default_factory=Counter)
    """What was written, or in a dry run would be."""

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to read."""
        return all(self.positions[partition] >= end for partition, end in self.ends.items())

    def keep(self, marks: Bookmarks) -> None:
        """Commit how far it came.

        Raises:
            ClusterError: it may not be there; a later commit makes up for it.
            ConfigurationError: the selection is too long to be kept.
        """
        kept = {
            partition: (position, Note(self.selection, self.ends[partition]).text())
            for partition, position in self.positions.items()
        }
        if any(len(text.encode()) > METADATA_BYTES_MAX for _, text in kept.values()):
            raise ConfigurationError(f"what is selected takes more than {METADATA_BYTES_MAX} bytes to write down")
        marks.write(kept)

    def count(self, steps: Iterable[Step]) -> None:
        """Say what would be replayed; writes nothing."""
        for step in steps:
            self.by_endpoint.update(task["endpoint"] for task in step.tasks)
        self.replayed = self.by_endpoint.total()

    def run(
        self,
        settings: Settings,
        steps: Iterator[Step],
        marks: Bookmarks,
        *,
        rate: float | None,
        moved: Callable[[int], None] = lambda _records: None,
    ) -> None:
        """Write what is left; `rate` in tasks a second, `moved` is called with the records that are behind us.

        Raises:
            ClusterError: it can be gone on with.
        """
        writer = Writer(settings.kafka)
        writes = paced(self._writes(settings, steps, moved), rate)
        while not self.is_finished:
            writer.write(self._batch(writes), acked=self._acked)
            self.keep(marks)

    def _batch(self, writes: Iterator[Write]) -> Iterator[Write]:
        """What goes between two commits; after the last one the positions are the ends."""
        until = mono_s() + COMMIT_S
        for _ in range(TOGETHER_MAX):
            write = next(writes, None)
            if write is None:
                self.positions.update(self.ends)
                return
            yield write
            if mono_s() >= until:
                return

    def _writes(self, settings: Settings, steps: Iterable[Step], moved: Callable[[int], None]) -> Iterator[Write]:
        """A record is behind us once all of its tasks were handed over, that is when more is asked for."""
        encode, topic = encoder("DeliveryTask"), settings.topic_prefix + topics.TASKS
        for step in steps:
            for task in step.tasks:
                self.by_endpoint[task["endpoint"]] += 1
                yield Write(topic, task["endpoint"], encode(replayed(task, self.replay_id)))
            moved(step.position - self.positions[step.partition])
            self.positions[step.partition] = step.position

    def _acked(self) -> None:
        self.replayed += 1


def bookmarks(settings: Settings, replay_id: str) -> Bookmarks:
    """The positions of a replay; the group is its own."""
    return Bookmarks(settings.kafka, f"{settings.topic_prefix}trackly.replay.{replay_id}")


def begun(settings: Settings, selection: Selection, replay_id: str) -> Replay:
    """A replay from the beginning; it ends at what is there now.

    Raises:
        ClusterError: a topic is missing or does not answer.
    """
    cluster = Cluster(settings.kafka, "command")
    partitions = partitions_of(settings, cluster, selection)
    starts = starts_of(cluster, partitions, selection)
    return Replay(replay_id, selection, starts, cluster.end_offsets(partitions))


def gone_on_with(settings: Settings, marks: Bookmarks, replay_id: str) -> Replay:
    """A replay from where it was left, for what it was begun for.

    Raises:
        ClusterError: no answer.
        ConfigurationError: there is no such replay, or no longer.
    """
    cluster = Cluster(settings.kafka, "command")
    everywhere = [
        partition for source in SOURCES for partition in partitions_of(settings, cluster, Selection(source=source))
    ]
    found = marks.read(everywhere)
    if not found:
        raise ConfigurationError(f"there is no replay {replay_id}, or the brokers keep its positions no longer")
    try:
        notes = {partition: Note.read(committed.metadata) for partition, committed in found.items()}
    except UnreadableNoteError as error:
        raise ConfigurationError(f"the positions of replay {replay_id} cannot be gone on from: {error}") from None
    selection = next(iter(notes.values())).selection
    positions = {partition: committed.offset for partition, committed in found.items()}
    return Replay(replay_id, selection, positions, {partition: note.end for partition, note in notes.items()})
