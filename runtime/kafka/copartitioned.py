"""The inputs of a stateful loop: several topics, one partition number, one owner. The loop's thread owns the client.

Range assignor under the classic protocol with static membership: only it keeps equal partition numbers of several
topics together (KAFKA.md, Groups). Every assignment goes through the callback before a record is read.

C1  A partition number is read only while every input's partition of that number is ours; a missing half holds its
    partners back, and after `HALF_S` the process ends.
C2  A partition that was left out is not read again before the next assignment.
C3  A member that is fenced joins anew, as a broker that was away makes a client fence itself; one that is fenced again
    and again has a living twin, and ends.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from runtime.clock import mono_s, now_ms
from runtime.kafka.errors import ends_consumer
from runtime.kafka.metrics import ASSIGNED, LAST_POLL, REBALANCES
from runtime.kafka.properties import Properties
from runtime.kafka.records import Message, Partition

_LOG = logging.getLogger(__name__)

HALF_S: Final = 60.0
"""How long a half may be missing: longer than a rolling restart that changes the inputs needs for one member."""
FENCED_MAX: Final = 5
FENCED_S: Final = 300.0
"""How often within how long a member may be fenced: a twin does it with every join, within seconds. A client does it to
itself when the broker was away for longer than its session: its repeated question to join fences the first one
(confluentinc/librdkafka#3437), and a broker outage must not end processes."""
POLL_S: Final = 0.05
STEP_S: Final = 0.005
MAX_POLL_INTERVAL_MS: Final = 1_800_000
"""A restore runs inside the assignment; this bounds it, half an hour."""

_FENCED: Final = KafkaError(KafkaError.FENCED_INSTANCE_ID).str()

Positions = Mapping[Partition, int]
Assigned = Callable[[Sequence[Partition]], Positions]
"""Restores the partitions and answers where each is read from."""


class NotCoPartitionedError(Exception):
    """The group left us with one half of a co-partition for too long; another member has the other."""


class _FencedError(Exception):
    """This member's consumer is no use any more; another of the same id has joined, be it its own later question."""


class CoPartitionedInputs:
    """Consumes all inputs as one; `assigned` is called with every new assignment before anything is read."""

    def __init__(
        self,
        properties: Properties,
        topics: Sequence[str],
        assigned: Assigned,
        released: Callable[[], None],
    ) -> None:
        """Create the consumer; `properties` hold group and member id."""
        self._topics = list(topics)
        self._assigned = assigned
        self._released = released
        self._held: list[Partition] = []
        self._positions: dict[Partition, int] = {}
        self._left_out: set[Partition] = set()
        self._still_fetched = False
        self._ends_seen: dict[Partition, int] = {}
        self._paused: frozenset[Partition] = frozenset()
        self._halves: frozenset[int] = frozenset()
        self._halves_since_s = 0.0
        self._failure: BaseException | None = None
        self._fenced_s: list[float] = []
        """When this member was fenced lately."""
        self.epoch = 0
        """Grows with every assignment and release; a batch of an older epoch is dropped."""
        self._properties = properties
        self._consumer = self._make()

    def _make(self) -> Any:
        return Consumer(
            {
                **self._properties,
                "partition.assignment.strategy": "range",
                "max.poll.interval.ms": MAX_POLL_INTERVAL_MS,
                "queued.min.messages": 20_000,
                "enable.partition.eof": True,
                "error_cb": lambda error: _LOG.warning("kafka consumer: %s", error.name()),
            }
        )

    @property
    def held(self) -> Sequence[Partition]:
        """Partitions that are ours and whole."""
        return self._held

    @property
    def halves(self) -> frozenset[int]:
        """Partition numbers that wait for their other half (C1)."""
        return self._halves

    @property
    def left_out(self) -> Collection[Partition]:
        """Partitions that are not read before the next assignment (C2)."""
        return self._left_out

    @property
    def still_fetched(self) -> bool:
        """Whether a partition was left out since the last `read_from`."""
        return self._still_fetched

    def subscribe(self) -> None:
        """Join the group."""
        self._consumer.subscribe(
            self._topics, on_assign=self._on_assign, on_revoke=self._on_gone, on_lost=self._on_gone
        )

    def gather(self, *, records_max: int, little_s: float, most_s: float) -> list[Message]:
        """Poll, then drain: waits `little_s` for company while little is there, takes all when much is.

        Answers an empty list after at most 50 ms when nothing comes, or when the assignment changed meanwhile: then
        nobody can tell which records are of the new assignment, so it is read again from its start. (The record of the
        first poll is of the present assignment, also when that poll brought it: dropping it would lose it.)

        Raises:
            KafkaException: an error that no waiting mends; that of a fenced member too, if it is fenced too often.
        """
        try:
            return self._gather(records_max, little_s, most_s)
        except _FencedError as error:
            self._join_anew(error)
            return []

    def _gather(self, records_max: int, little_s: float, most_s: float) -> list[Message]:
        first = self._poll(POLL_S)
        if first is None:
            return []
        epoch = self.epoch
        started = mono_s()
        batch: list[Message] = [first]
        while len(batch) < records_max and (waited := mono_s() - started) < most_s:
            more = self._checked(self._unfenced(self._consumer.consume, records_max - len(batch), 0))
            if more:
                batch.extend(more)
                continue
            if waited >= little_s:
                break
            one = self._poll(min(little_s - waited, STEP_S))
            if one is not None:
                batch.append(one)
        if epoch == self.epoch:
            return batch
        if self._held:
            self.read_from(self._positions)
        return []

    def read_from(self, positions: Positions) -> None:
        """Read every held partition from these positions, dropping what was fetched ahead."""
        self._positions = {p: offset for p, offset in positions.items() if p not in self._left_out}
        self._assign()
        self.epoch += 1

    def next_offset(self, partition: Partition) -> int:
        """Offset behind the last record that was handed out, or behind the end where nothing is left.

        Exact for inputs without transaction markers; an idle partition has no position of its own (KAFKA.md, Groups).
        """
        (at,) = self._consumer.position([TopicPartition(partition.topic, partition.number)])
        return max(int(at.offset), self._ends_seen.get(partition, 0), self._positions.get(partition, 0))

    def pause(self, partitions: frozenset[Partition]) -> None:
        """Say which partitions are not fetched from now on; all others are."""
        if partitions == self._paused:
            return
        self._consumer.pause([TopicPartition(p.topic, p.number) for p in partitions - self._paused])
        self._consumer.resume([TopicPartition(p.topic, p.number) for p in self._paused - partitions])
        self._paused = partitions

    def leave_out(self, partition: Partition) -> None:
        """Read a partition no more until the next assignment; `read_from` must follow (C2)."""
        self._left_out.add(partition)
        self._still_fetched = True

    def group_metadata(self) -> Any:
        """What a transaction needs to commit our positions; fetch it anew for each."""
        return self._consumer.consumer_group_metadata()

    def close(self) -> None:
        """Leave; a static member keeps its partitions until its session ends."""
        self._consumer.close()

    def _join_anew(self, fenced: _FencedError) -> None:
        """C3: let go of everything and begin with a new client."""
        now = mono_s()
        self._fenced_s = [at for at in self._fenced_s if now - at < FENCED_S] + [now]
        if len(self._fenced_s) > FENCED_MAX:
            raise fenced.__cause__ or fenced
        _LOG.warning("this member was fenced, joining anew (%d of %d)", len(self._fenced_s), FENCED_MAX)
        self._consumer.close()
        if self._held:
            self._forget()
        self._paused = frozenset()
        self._consumer = self._make()
        self.subscribe()

    def _poll(self, timeout_s: float) -> Message | None:
        message = self._unfenced(self._consumer.poll, timeout_s)
        LAST_POLL.set(now_ms() / 1000)
        if self._failure is not None:
            raise self._failure
        if self._halves and mono_s() - self._halves_since_s > HALF_S:
            raise NotCoPartitionedError(
                f"{len(self._halves)} co-partitions lack a half for {HALF_S:.0f} s; every member must use the range "
                "assignor and every input topic must have the same number of partitions (`trackly topics check`)"
            )
        if message is None:
            return None
        checked = self._checked([message])
        return checked[0] if checked else None

    def _unfenced(self, read: Callable[..., Any], *arguments: float) -> Any:
        try:
            return read(*arguments)
        except KafkaException as error:
            if _is_fenced(error.args[0]):
                raise _FencedError from error
            raise

    def _checked(self, messages: list[Any]) -> list[Message]:
        good = []
        for message in messages:
            error = message.error()
            if error is None:
                good.append(message)
            elif _is_fenced(error):
                raise _FencedError from KafkaException(error)
            elif ends_consumer(error):
                raise KafkaException(error)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's spelling
                self._ends_seen[Partition(message.topic(), message.partition())] = message.offset()
            else:
                _LOG.warning("kafka consumer: %s", error.name())
        if self._failure is not None:
            raise self._failure
        return good

    def _on_assign(self, _consumer: Any, partitions: list[Any]) -> None:
        REBALANCES.labels("assigned").inc()
        self.epoch += 1
        self._left_out.clear()
        try:
            self._take_whole([Partition(p.topic, p.partition) for p in partitions])
            positions = self._assigned(self._held) if self._held else {}
        except BaseException as error:  # noqa: BLE001 - the client would swallow it; the next poll raises it
            self._failure = error
            positions = {}
        self._positions = dict(positions)
        self._assign()

    def _assign(self) -> None:
        """Read the positions anew; a partition that was paused before would stay so (KAFKA.md, trap 3)."""
        self._still_fetched = False
        self._ends_seen.clear()
        starts = [_start(p, offset) for p, offset in self._positions.items()]
        self._consumer.assign(starts)
        if self._paused and starts:
            self._consumer.resume([TopicPartition(at.topic, at.partition) for at in starts])
        self._paused = frozenset()

    def _take_whole(self, partitions: Sequence[Partition]) -> None:
        """C1: hold the numbers that every topic has, and remember since when another is missing."""
        numbers = [{p.number for p in partitions if p.topic == topic} for topic in self._topics]
        whole = frozenset.intersection(*map(frozenset, numbers))
        halves = frozenset.union(*map(frozenset, numbers)) - whole
        if halves:
            _LOG.warning("%d co-partitions lack a half and are not read", len(halves))
            self._halves_since_s = self._halves_since_s if self._halves else mono_s()
        self._halves = halves
        self._held = sorted(p for p in partitions if p.number in whole)
        ASSIGNED.labels("inputs").set(len(self._held))

    def _on_gone(self, _consumer: Any, partitions: list[Any]) -> None:
        REBALANCES.labels("revoked").inc()
        self._forget()
        self._consumer.unassign()
        _LOG.info("released %d partitions", len(partitions))

    def _forget(self) -> None:
        self.epoch += 1
        self._held = []
        self._left_out.clear()
        ASSIGNED.labels("inputs").set(0)
        self._released()


def _is_fenced(error: Any) -> bool:
    """Whether another member of our id has joined; a fatal error names its reason in its text alone."""
    code = error.code()
    return code == KafkaError.FENCED_INSTANCE_ID or (code == KafkaError._FATAL and _FENCED in error.str())  # noqa: SLF001 - librdkafka's spelling


def _start(partition: Partition, offset: int) -> Any:
    beginning = -2
    return TopicPartition(partition.topic, partition.number, offset if offset >= 0 else beginning)
