"""The exactly-once loop: read, barrier, decide, commit, then remember. One thread; every failure has a named end.

L1  A batch's outputs, changelog and input positions are one transaction; the store follows after the commit.
L2  An abort that the broker confirmed rewinds to the batch's start; the overlay is dropped.
L3  An unknown outcome discards the producer and restores every partition as if newly assigned.
L4  A record or state of a newer version holds its own partition back, and no other, until this process is upgraded.
L5  State that cannot be read is rebuilt from the changelog; where that is corrupt itself, the record goes to
    quarantine: a contact whose consent is not known must not begin anew.
"""

import gc
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from processors import metrics
from processors.aggregate import UnknownVersionError, UnreadableStateError
from processors.backlog import Backlog
from processors.batch import MISROUTED, STATE_UNREADABLE, UNDECODABLE, Batch, Decider
from processors.facts import Refusal
from processors.interpret import Rules
from processors.store import StoreReadError
from processors.stores import StateDamagedError, Stores
from runtime.clock import mono_s, now_ms
from runtime.config_follower import ConfigFollower
from runtime.kafka.admin import Cluster
from runtime.kafka.copartitioned import CoPartitionedInputs
from runtime.kafka.metrics import CONSUMER_LAG, OLDEST_UNPROCESSED, UNKNOWN_SCHEMA
from runtime.kafka.properties import Properties, consumer, transactional
from runtime.kafka.records import Message, Partition
from runtime.kafka.transactions import OutcomeUnknownError, RewoundError, TransactionalProducer
from runtime.worker import Life
from schemas import topics
from schemas.codec import PoisonError, UnknownSchemaError, decoder
from schemas.providers import registry
from schemas.records import RawCallback

_LOG = logging.getLogger(__name__)

GROUP: Final = "trackly.processor"
DECIDED: Final = (topics.RAW, topics.SENDS_SUBMITTED)
"""Those of topics.CO_PARTITIONED that are decided here; the group subscribes to all, so that none of its members ever
has to change its subscription."""
RETRY_S: Final = 0.2
AHEAD_MS_MAX: Final = 300_000
"""How far a gateway's clock may be ahead of ours and still move stream time."""
GC_THRESHOLD: Final = 200_000
"""Allocations between two collections: a batch holds some 100,000 live objects and no cycles, so looking for them more
often is work for nothing (a tenth of the loop at the default of 700)."""


class _StateInDoubtError(Exception):
    """A store was deleted and must be restored before the batch is read again."""


class Processor:
    """Reads callbacks and decides them exactly once."""

    def __init__(self, life: Life, follower: ConfigFollower, counts: dict[str, int]) -> None:
        """Make the clients; nothing is read before `run`."""
        settings = life.settings
        self._life = life
        self._follower = follower
        self._prefix = settings.topic_prefix
        self._limits = settings.processor
        group = f"{self._prefix}{GROUP}"
        member = f"{group}-{settings.ordinal}"
        self._properties: Properties = {
            **consumer(settings.kafka, "processor", group=group, session_timeout_s=self._limits.session_timeout_s),
            "group.instance.id": member,
        }
        self._producer = TransactionalProducer(transactional(settings.kafka, "processor", transactional_id=member))
        self._inputs = CoPartitionedInputs(
            self._properties,
            [self._prefix + name for name in topics.CO_PARTITIONED],
            self._assigned,
            self._release,
            read=[self._prefix + name for name in DECIDED],
        )
        self._decider = Decider(adapters=registry.adapters(), partitions=counts[topics.RAW])
        self._read_callback = decoder("RawCallback")
        self._read_submitted = decoder("SendSubmitted")
        self._stores = Stores(
            Path(settings.state_dir) / "processor" / str(settings.ordinal),
            changelog=self._prefix + topics.AGGREGATE,
            properties=self._properties,
            cluster=Cluster(settings.kafka, "processor"),
            going=self._going,
            wait=self._waiting,
        )
        self._rules = Rules(follower.snapshot)
        self._rules_of = follower.snapshot
        self._held_back: set[Partition] = set()
        self._left_out: set[Partition] = set()
        """Those of the partitions held back that are not fetched any more."""
        self._backlog = Backlog()
        self._topics = {name: self._prefix + name for name in topics.CATALOGUE}
        self._changelog = self._topics[topics.AGGREGATE]
        self._raw = self._topics[topics.RAW]

    def run(self) -> int:
        """Work until the process is asked to drain."""
        if not self._producer.init(while_waiting=self._waiting):
            return 0
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)
        self._inputs.subscribe()
        try:
            while not self._life.stopping.is_set():
                self._life.beat()
                self._step()
        finally:
            self._release()
            self._inputs.close()
        return 0

    def _step(self) -> None:
        limits = self._limits
        messages = self._inputs.gather(
            records_max=limits.batch_records_max, little_s=limits.gather_s, most_s=limits.batch_s_max
        )
        self._show_readiness()
        if messages:
            self._backlog.gathered(message.timestamp()[1] for message in messages)
        self._show_backlog()
        if not messages:
            return
        try:
            self._barrier(messages)
            batch, positions = self._decide(messages)
            self._commit(batch, positions)
        except RewoundError as error:
            _LOG.warning("transaction aborted, batch is read again: %s", error)
            metrics.TRANSACTIONS.labels("aborted").inc()
            self._inputs.read_from(self._rewound(messages))
        except _StateInDoubtError:
            self._inputs.read_from(self._restore(self._inputs.held))
        except OutcomeUnknownError as error:
            _LOG.warning("outcome of a transaction is unknown, restoring: %s", error)
            metrics.TRANSACTIONS.labels("unknown").inc()
            self._restore_after_unknown()

    def _barrier(self, messages: Sequence[Message]) -> None:
        """The named step between read and decide: send requests wait here for callbacks and commands (DESIGN.md 4.3).

        No send request is read yet, so there is nothing to wait for.
        """

    # ---- decide -----------------------------------------------------------------------------------------------------
    def _decide(self, messages: Sequence[Message]) -> tuple[Batch, dict[Partition, int]]:
        if self._follower.snapshot is not self._rules_of:
            self._rules_of = self._follower.snapshot
            self._rules = Rules(self._rules_of)
        batch = Batch(latest=now_ms() + AHEAD_MS_MAX)
        positions: dict[Partition, int] = {}
        for message in messages:
            topic, number, offset = message.topic(), message.partition(), message.offset()
            if self._held_back and Partition(topic, number) in self._held_back:
                continue
            try:
                self._take(batch, message, number, offset)
            except (UnknownSchemaError, UnknownVersionError) as error:
                self._hold_back(Partition(topic, number), message.timestamp()[1], error)
                continue
            positions[Partition(topic, number)] = offset + 1
        return batch, positions

    def _take(self, batch: Batch, message: Message, number: int, offset: int) -> None:
        """Decide one record, or keep it in quarantine where its bytes are no record."""
        key, value = message.key() or b"", message.value() or b""
        is_callback = message.topic() == self._raw
        try:
            _, record = (self._read_callback if is_callback else self._read_submitted)(value)
        except PoisonError:
            self._refuse(batch, message, UNDECODABLE)
            return
        try:
            if is_callback:
                self._decider.take_callback(
                    batch, record, key, partition=number, offset=offset, rules=self._rules, read=self._stores.get
                )
            elif not self._decider.take_submitted(
                batch, record, key, partition=number, offset=offset, read=self._stores.get
            ):
                self._refuse(batch, message, MISROUTED)
        except StoreReadError as error:
            if not self._stores.doubt(number):
                raise StateDamagedError(f"partition {number}, after a rebuild: {error}") from error
            raise _StateInDoubtError from error
        except UnreadableStateError as error:
            if self._stores.doubt(number):
                raise _StateInDoubtError from error
            _LOG.error("state of a contact in partition %d is corrupt in the changelog itself", number)
            self._refuse(batch, message, STATE_UNREADABLE, record if is_callback else None)

    def _refuse(self, batch: Batch, message: Message, refusal: Refusal, callback: RawCallback | None = None) -> None:
        number, offset, now = message.partition(), message.offset(), message.timestamp()[1]
        if callback is not None:
            self._decider.refuse(batch, callback, refusal, partition=number, offset=offset, now=now)
            return
        self._decider.refuse_bytes(
            batch,
            message.value() or b"",
            message.key() or b"",
            refusal,
            topic=topics.RAW if message.topic() == self._raw else topics.SENDS_SUBMITTED,
            partition=number,
            offset=offset,
            now=now,
        )

    def _hold_back(self, partition: Partition, stamp_ms: int, error: Exception) -> None:
        """L4: not poison but a newer writer during a rolling upgrade; whoever is upgraded reads it from there."""
        UNKNOWN_SCHEMA.inc()
        _LOG.error("%s waits for a newer version of this process: %s", partition, error)
        self._held_back.add(partition)
        self._backlog.hold_back(stamp_ms)
        self._inputs.leave_out(partition)

    # ---- commit -----------------------------------------------------------------------------------------------------
    def _commit(self, batch: Batch, positions: dict[Partition, int]) -> None:
        if positions:
            self._commit_positions(batch, positions)
        self._backlog.decided()
        if self._held_back != self._left_out:
            self._inputs.read_from(self._committed())
            self._left_out = set(self._held_back)

    def _commit_positions(self, batch: Batch, positions: dict[Partition, int]) -> None:
        started = mono_s()
        state = self._decider.finish(batch)
        applied: dict[int, int] = {}
        self._producer.begin()
        produce, names = self._producer.produce, self._topics
        for output in batch.outputs:
            produce(names[output.topic], output.key, output.value, output.partition)
        for number, entries in state.items():
            for key, value in entries[:-1]:
                produce(self._changelog, key, value, number)
            key, value = entries[-1]
            produce(self._changelog, key, value, number, acked=_remember(applied, number))
        self._producer.commit(positions, self._inputs.group_metadata())
        for number, entries in state.items():
            self._stores.write(number, entries, applied[number] + 1)
        for metric, moved in batch.counts.items():
            metric.inc(moved)
        metrics.TRANSACTIONS.labels("committed").inc()
        metrics.TRANSACTION_S.observe(mono_s() - started)
        metrics.BATCH.observe(len(batch.outputs))

    def _rewound(self, messages: Sequence[Message]) -> dict[Partition, int]:
        """Where to read from after an abort: the batch's start, and the committed position where it had no record."""
        starts = self._committed()
        for message in messages:
            partition = Partition(message.topic(), message.partition())
            starts[partition] = min(starts.get(partition, message.offset()), message.offset())
        return starts

    def _committed(self) -> dict[Partition, int]:
        held = self._inputs.held
        return self._committed_of(held) if held else {}

    def _committed_of(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        return self._inputs.committed(partitions, keep_waiting=self._waiting)

    # ---- restore ----------------------------------------------------------------------------------------------------
    def _restore_after_unknown(self) -> None:
        if not self._producer.init(while_waiting=self._waiting):
            return
        held = list(self._inputs.held)
        if held:
            self._inputs.read_from(self._restore(held))

    def _assigned(self, held: Sequence[Partition]) -> dict[Partition, int]:
        self._held_back, self._left_out = set(), set()
        self._backlog.cleared()
        return self._restore(held)

    def _restore(self, held: Sequence[Partition]) -> dict[Partition, int]:
        return self._stores.restore(held, self._committed_of)

    def _release(self) -> None:
        self._stores.release()
        self._backlog.cleared()
        self._producer.abort()

    # ---- small things -----------------------------------------------------------------------------------------------
    def _going(self) -> bool:
        self._life.beat()
        return not self._life.stopping.is_set()

    def _waiting(self) -> bool:
        self._life.beat()
        return not self._life.stopping.wait(RETRY_S)

    def _show_readiness(self) -> None:
        if self._held_back:
            self._life.not_ready = f"{len(self._held_back)} partitions wait for a newer version of this process"
        elif self._inputs.halves:
            self._life.not_ready = f"{len(self._inputs.halves)} co-partitions lack their other half"
        elif self._inputs.held:
            self._life.not_ready = None

    def _show_backlog(self) -> None:
        OLDEST_UNPROCESSED.labels("callbacks").set((self._backlog.oldest_ms or 0) / 1000)
        CONSUMER_LAG.labels("callbacks").set(self._backlog.age_s(now_ms()))


def _remember(applied: dict[int, int], number: int) -> Callable[[int], None]:
    def note(offset: int) -> None:
        applied[number] = offset

    return note
