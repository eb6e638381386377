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
from typing import Any, Final

from processors import metrics
from processors.aggregate import UnknownVersionError, UnreadableStateError
from processors.backlog import Backlog
from processors.barrier import Barrier
from processors.batch import MISROUTED, STATE_UNREADABLE, UNDECODABLE, Batch, Place
from processors.decider import Decider
from processors.facts import Refusal
from processors.interpret import Rules
from processors.orders import HashOf, Orders
from processors.store import StoreReadError
from processors.stores import StateDamagedError, Stores
from runtime.clock import mono_s, now_ms
from runtime.config_follower import ConfigFollower
from runtime.kafka.admin import Cluster, insist
from runtime.kafka.copartitioned import CoPartitionedInputs
from runtime.kafka.metrics import CONSUMER_LAG, OLDEST_UNPROCESSED, UNKNOWN_SCHEMA
from runtime.kafka.properties import Properties, consumer, transactional
from runtime.kafka.records import Message, Partition
from runtime.kafka.transactions import OutcomeUnknownError, RewoundError, TransactionalProducer
from runtime.worker import Life
from schemas import topics
from schemas.codec import PoisonError, UnknownSchemaError, decoder
from schemas.providers import registry

_LOG = logging.getLogger(__name__)

GROUP: Final = "trackly.processor"
READ_FIRST: Final = (topics.RAW, topics.CONTACT_COMMANDS)
"""What may hold a STOP or an order that a send request must not overtake."""
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

    def __init__(self, life: Life, follower: ConfigFollower, counts: dict[str, int], *, hash_of: HashOf | None) -> None:
        """Make the clients; nothing is read before `run`.

        `hash_of` is the keyed hash of an erased contact; without it erasures are refused.
        """
        settings = life.settings
        self._life = life
        self._follower = follower
        self._prefix = settings.topic_prefix
        self._limits = settings.processor
        group = f"{self._prefix}{GROUP}"
        member = f"{group}-{settings.ordinal}"
        self._group = group
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
        )
        self._partitions = counts[topics.RAW]
        self._decider = Decider(adapters=registry.adapters(), partitions=self._partitions)
        self._orders = Orders(self._decider, hash_of=hash_of)
        self._barrier = Barrier()
        self._input_names = {self._prefix + name: name for name in topics.CO_PARTITIONED}
        self._requested = self._prefix + topics.SENDS_REQUESTED
        self._decode = {self._prefix + name: decoder(*topics.CATALOGUE[name].records) for name in topics.CO_PARTITIONED}
        self._cluster = Cluster(settings.kafka, "processor")
        self._stores = Stores(
            Path(settings.state_dir) / "processor" / str(settings.ordinal),
            changelog=self._prefix + topics.AGGREGATE,
            properties=self._properties,
            cluster=self._cluster,
            going=self._going,
            wait=self._waiting,
        )
        self._rules_of = follower.snapshot
        self._rules = Rules(self._rules_of, partitions=self._partitions)
        self._backlog = Backlog()
        self._topics = {name: self._prefix + name for name in topics.CATALOGUE}
        self._changelog = self._topics[topics.AGGREGATE]

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
        if not messages and not self._barrier:
            return
        try:
            batch, positions = self._decide(self._behind_barrier(messages))
            self._commit(batch, positions)
        except RewoundError as error:
            _LOG.warning("transaction aborted, batch is read again: %s", error)
            metrics.TRANSACTIONS.labels("aborted").inc()
            self._read_from(self._rewound(messages))
        except _StateInDoubtError:
            self._read_from(self._restore(self._inputs.held))
        except OutcomeUnknownError as error:
            _LOG.warning("outcome of a transaction is unknown, restoring: %s", error)
            metrics.TRANSACTIONS.labels("unknown").inc()
            self._restore_after_unknown()

    def _behind_barrier(self, messages: Sequence[Message]) -> Sequence[Message]:
        """The named step between read and decide: send requests come last, once all they must see is read."""
        asked = [message for message in messages if message.topic() == self._requested]
        if not asked and not self._barrier:
            return messages
        if asked:
            numbers = {message.partition() for message in asked}
            first = [Partition(self._prefix + name, number) for name in READ_FIRST for number in numbers]
            asked_s = mono_s() if self._names_unknown_list(asked) else None
            ends = insist(lambda: self._cluster.end_offsets(first), keep_waiting=self._waiting)
            self._barrier.add(asked, ends, configuration_s=asked_s)
            messages = [message for message in messages if message.topic() != self._requested]
        ready = self._barrier.reached(self._inputs.next_offset, self._inputs.left_out, self._follower.end_taken_s)
        self._inputs.pause(self._barrier.partitions)
        return [*messages, *ready]

    def _names_unknown_list(self, asked: Sequence[Message]) -> bool:
        decode, rules = self._decode[self._requested], self._rules
        for message in asked:
            try:
                _, request = decode(message.value() or b"")
            except (PoisonError, UnknownSchemaError):
                continue  # judged where it is decided
            if not rules.knows(request["account"], request["list_number"]):
                return True
        return False

    # ---- decide -----------------------------------------------------------------------------------------------------
    def _decide(self, messages: Sequence[Message]) -> tuple[Batch, dict[Partition, int]]:
        if self._follower.snapshot is not self._rules_of:
            self._rules_of = self._follower.snapshot
            self._rules = Rules(self._rules_of, partitions=self._partitions)
        now = now_ms()
        batch = Batch(latest=now + AHEAD_MS_MAX, now=now)
        positions: dict[Partition, int] = {}
        held_back = self._inputs.left_out
        for message in messages:
            topic, number, offset = message.topic(), message.partition(), message.offset()
            if held_back and self._is_held_back(topic, number):
                continue
            try:
                self._take(batch, message, number, offset)
            except (UnknownSchemaError, UnknownVersionError) as error:
                self._hold_back(Partition(topic, number), message.timestamp()[1], error)
                continue
            positions[Partition(topic, number)] = offset + 1
        return batch, positions

    def _is_held_back(self, topic: str, number: int) -> bool:
        """L4; a request waits with what it must see, also where that was held back earlier in this very batch."""
        seen_first = [self._prefix + name for name in READ_FIRST] if topic == self._requested else []
        return any(Partition(name, number) in self._inputs.left_out for name in (topic, *seen_first))

    def _take(self, batch: Batch, message: Message, number: int, offset: int) -> None:
        """Decide one record, or keep it in quarantine where its bytes are no record."""
        topic, value = message.topic(), message.value() or b""
        place = Place(self._input_names[topic], number, offset, message.key() or b"")
        try:
            _, record = self._decode[topic](value)
        except PoisonError:
            self._decider.refuse_bytes(batch, value, UNDECODABLE, place, message.timestamp()[1])
            return
        try:
            refusal = self._decide_one(batch, record, place)
        except StoreReadError as error:
            if not self._stores.doubt(number):
                raise StateDamagedError(f"partition {number}, after a rebuild: {error}") from error
            raise _StateInDoubtError from error
        except UnreadableStateError as error:
            if self._stores.doubt(number):
                raise _StateInDoubtError from error
            _LOG.error("state of a contact in partition %d is corrupt in the changelog itself", number)
            refusal = self._unreadable(batch, record, place, message.timestamp()[1])
        if refusal is not None:
            self._decider.refuse_bytes(batch, value, refusal, place, message.timestamp()[1])

    def _decide_one(self, batch: Batch, record: Any, place: Place) -> Refusal | None:
        """Decide by topic; the refusal of what is no callback, whose bytes are then kept."""
        rules, read = self._rules, self._stores.get
        match place.topic:
            case topics.RAW:
                self._decider.take_callback(batch, record, place, rules=rules, read=read)
            case topics.SENDS_REQUESTED:
                self._orders.take_request(batch, record, place, rules=rules, read=read)
            case topics.SENDS_SUBMITTED:
                if not self._orders.take_submitted(batch, record, place, rules=rules, read=read):
                    return MISROUTED
            case topics.CONTACT_COMMANDS:
                return self._orders.take_command(batch, record, place, rules=rules, read=read)
            case _:
                raise ValueError(f"{place.topic} is no input")
        return None

    def _unreadable(self, batch: Batch, record: Any, place: Place, now: int) -> Refusal | None:
        """What is known of the contact is lost: callbacks and commands are kept, and no send is approved."""
        match place.topic:
            case topics.RAW:
                self._decider.refuse(batch, record, STATE_UNREADABLE, place, now)
            case topics.SENDS_REQUESTED:
                self._orders.answer(batch, record, place, "state_unreadable")
            case _:
                return STATE_UNREADABLE
        return None

    def _hold_back(self, partition: Partition, stamp_ms: int, error: Exception) -> None:
        """L4: not poison but a newer writer during a rolling upgrade; whoever is upgraded reads it from there."""
        UNKNOWN_SCHEMA.inc()
        _LOG.error("%s waits for a newer version of this process: %s", partition, error)
        self._backlog.hold_back(stamp_ms)
        self._inputs.leave_out(partition)

    # ---- commit -----------------------------------------------------------------------------------------------------
    def _commit(self, batch: Batch, positions: dict[Partition, int]) -> None:
        if positions:
            self._commit_positions(batch, positions)
        self._backlog.decided()
        if self._inputs.still_fetched:
            self._read_from(self._committed())

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

    def _read_from(self, positions: dict[Partition, int]) -> None:
        self._barrier.clear()
        self._inputs.read_from(positions)

    def _committed(self) -> dict[Partition, int]:
        held = self._inputs.held
        return self._committed_of(held) if held else {}

    def _committed_of(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        return insist(lambda: self._cluster.committed(self._group, partitions), keep_waiting=self._waiting)

    # ---- restore ----------------------------------------------------------------------------------------------------
    def _restore_after_unknown(self) -> None:
        if not self._producer.init(while_waiting=self._waiting):
            return
        held = list(self._inputs.held)
        if held:
            self._read_from(self._restore(held))

    def _assigned(self, held: Sequence[Partition]) -> dict[Partition, int]:
        self._barrier.clear()
        self._backlog.cleared()
        return self._restore(held)

    def _restore(self, held: Sequence[Partition]) -> dict[Partition, int]:
        return self._stores.restore(held, self._committed_of)

    def _release(self) -> None:
        self._stores.release()
        self._barrier.clear()
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
        if self._inputs.left_out:
            self._life.not_ready = f"{len(self._inputs.left_out)} partitions wait for a newer version of this process"
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
