"""The exactly-once loop: read, barrier, decide, commit, then remember. One thread; every failure has a named end.

L1  A batch's outputs, changelog and input positions are one transaction; the store follows after the commit.
L2  An abort that the broker confirmed rewinds to the batch's start; the overlay is dropped.
L3  An unknown outcome discards the producer and restores every partition as if newly assigned.
L4  Restore: committed positions (waiting for a pending transaction), then the changelog's end READ_UNCOMMITTED, then
    read it committed up to that end, then read input. Never stop at the last stable offset (KAFKA.md).
"""

import gc
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from processors import metrics
from processors.batch import MISROUTED, UNDECODABLE, Batch, Decider
from processors.facts import Refusal
from processors.interpret import Rules
from processors.store import PartitionStore
from runtime.clock import mono_s, now_ms
from runtime.config_follower import ConfigFollower
from runtime.kafka.admin import Cluster, ClusterError
from runtime.kafka.changelog import read_to_end
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
INPUTS: Final = (topics.RAW, topics.SENDS_SUBMITTED)
"""Those of topics.CO_PARTITIONED that are decided here."""
RETRY_S: Final = 0.2
AHEAD_MS_MAX: Final = 300_000
"""How far a gateway's clock may be ahead of ours and still move stream time."""
GC_THRESHOLD: Final = 200_000
"""Allocations between two collections: a batch holds some 100,000 live objects and no cycles, so looking for them more
often is work for nothing (a tenth of the loop at the default of 700)."""
UNKNOWN_SCHEMA_WAIT_S: Final = 1.0


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
            self._properties, [self._prefix + name for name in INPUTS], self._restore, self._release
        )
        self._cluster = Cluster(settings.kafka, "processor")
        self._decider = Decider(adapters=registry.adapters(), partitions=counts[topics.RAW])
        self._read_callback = decoder("RawCallback")
        self._read_submitted = decoder("SendSubmitted")
        self._stores: dict[int, PartitionStore] = {}
        self._state_dir = Path(settings.state_dir) / "processor" / str(settings.ordinal)
        self._rules = Rules(follower.snapshot)
        self._rules_of = follower.snapshot
        self._blocked: set[Partition] = set()
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
        if self._inputs.held and self._life.not_ready is not None:
            self._life.not_ready = None
        self._note_lag(messages)
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
        self._blocked = set()
        for message in messages:
            topic, number, offset = message.topic(), message.partition(), message.offset()
            if self._blocked and Partition(topic, number) in self._blocked:
                continue
            try:
                self._take(batch, message, number, offset)
            except UnknownSchemaError as error:
                self._blocked.add(Partition(topic, number))
                self._wait_for_upgrade(error)
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
        if is_callback:
            self._decider.take_callback(
                batch, record, key, partition=number, offset=offset, rules=self._rules, read=self._read_state
            )
        elif not self._decider.take_submitted(
            batch, record, key, partition=number, offset=offset, read=self._read_state
        ):
            self._refuse(batch, message, MISROUTED)

    def _refuse(self, batch: Batch, message: Message, refusal: Refusal) -> None:
        self._decider.refuse_bytes(
            batch,
            message.value() or b"",
            message.key() or b"",
            refusal,
            topic=topics.RAW if message.topic() == self._raw else topics.SENDS_SUBMITTED,
            partition=message.partition(),
            offset=message.offset(),
            now=message.timestamp()[1],
        )

    def _read_state(self, number: int, key: bytes) -> bytes | None:
        return self._stores[number].get(key)

    def _wait_for_upgrade(self, error: UnknownSchemaError) -> None:
        """A newer writer during a rolling upgrade: not poison. Its partition is read again until we are upgraded."""
        UNKNOWN_SCHEMA.inc()
        self._life.not_ready = f"a record needs a newer version: {error}"
        _LOG.error("a record needs a newer version of this process: %s", error)
        self._life.stopping.wait(UNKNOWN_SCHEMA_WAIT_S)

    # ---- commit -----------------------------------------------------------------------------------------------------
    def _commit(self, batch: Batch, positions: dict[Partition, int]) -> None:
        if positions:
            self._commit_positions(batch, positions)
        if self._blocked:
            self._inputs.read_from(self._committed())

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
            self._stores[number].write(entries, applied[number] + 1)
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
        return self._inputs.committed(held, keep_waiting=self._waiting) if held else {}

    # ---- restore ----------------------------------------------------------------------------------------------------
    def _restore_after_unknown(self) -> None:
        if not self._producer.init(while_waiting=self._waiting):
            return
        held = list(self._inputs.held)
        if held:
            self._inputs.read_from(self._restore(held))

    def _restore(self, held: Sequence[Partition]) -> dict[Partition, int]:
        """L4; answers where each input partition is read from."""
        started = mono_s()
        numbers = sorted({partition.number for partition in held})
        for number in numbers:
            if number not in self._stores:
                self._stores[number] = PartitionStore(self._state_dir / str(number))
        committed = self._inputs.committed(held, keep_waiting=self._waiting)
        logs = [Partition(self._changelog, number) for number in numbers]
        ends = self._ask(lambda: self._cluster.end_offsets(logs))
        lows = self._ask(lambda: self._cluster.low_watermarks([*logs, *held]))
        starts = {}
        for log in logs:
            store = self._stores[log.number]
            if not lows[log] <= store.applied <= ends[log] and store.applied != 0:
                _LOG.warning("state of partition %d is not of this changelog, rebuilding", log.number)
                store.rebuild()
            starts[log] = max(store.applied, lows[log])
        read_to_end(self._properties, starts=starts, ends=ends, apply=self._apply_changelog, keep_waiting=self._going)
        for partition in held:
            if 0 <= committed[partition] < lows[partition]:
                metrics.COMMITTED_LOST.inc()
                _LOG.error("committed offset %d of %s is below the log's start", committed[partition], partition)
        took = mono_s() - started
        metrics.RESTORE_S.set(took)
        _LOG.info("restored", extra={"partitions": len(numbers), "seconds": round(took, 3)})
        return {partition: max(committed[partition], lows[partition]) for partition in held}

    def _apply_changelog(self, log: Partition, messages: list[Message], position: int) -> None:
        metrics.STATE_ENTRIES.inc(len(messages))
        self._stores[log.number].write(((m.key() or b"", m.value()) for m in messages), position)

    def _release(self) -> None:
        """Let go of every store; another process of this machine may take the partition next."""
        for store in self._stores.values():
            store.close()
        self._stores = {}
        self._producer.abort()

    # ---- small things -----------------------------------------------------------------------------------------------
    def _going(self) -> bool:
        self._life.beat()
        return not self._life.stopping.is_set()

    def _waiting(self) -> bool:
        self._life.beat()
        return not self._life.stopping.wait(RETRY_S)

    def _ask(self, question: Callable[[], Any]) -> Any:
        while True:
            try:
                return question()
            except ClusterError as error:
                if not error.retriable:
                    raise
                _LOG.warning("%s", error)
                if not self._waiting():
                    raise InterruptedError("stopping while the cluster was asked") from error

    def _note_lag(self, messages: Sequence[Message]) -> None:
        """The oldest record that is read and not committed, and its age; 0 where there is none."""
        oldest_ms = min((message.timestamp()[1] for message in messages), default=None)
        OLDEST_UNPROCESSED.labels("callbacks").set(0 if oldest_ms is None else oldest_ms / 1000)
        CONSUMER_LAG.labels("callbacks").set(0 if oldest_ms is None else max(0.0, (now_ms() - oldest_ms) / 1000))


def _remember(applied: dict[int, int], number: int) -> Callable[[int], None]:
    def note(offset: int) -> None:
        applied[number] = offset

    return note
