"""The stores of all partitions that are held, and their restore from the changelog. Touches disk and reads Kafka.

A store is a cache: in doubt it is deleted and rebuilt. Restore: committed positions (waiting for a pending
transaction), then the changelog's end READ_UNCOMMITTED, then read it committed up to that end, then read input. Never
stop at the last stable offset (KAFKA.md).
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from processors import metrics
from processors.store import PartitionStore
from runtime.clock import mono_s
from runtime.kafka.admin import Cluster, insist
from runtime.kafka.changelog import read_to_end
from runtime.kafka.properties import Properties
from runtime.kafka.records import Message, Partition

_LOG: Final = logging.getLogger(__name__)

Committed = Callable[[Sequence[Partition]], Mapping[Partition, int]]
"""Committed positions of input partitions, waiting for a pending transaction; -1 where none is."""


class StateDamagedError(Exception):
    """A store cannot be read even after it was rebuilt from the changelog."""


class Stores:
    """State of the partitions that are held; one thread owns it."""

    def __init__(
        self,
        path: Path,
        *,
        changelog: str,
        properties: Properties,
        cluster: Cluster,
        going: Callable[[], bool],
        wait: Callable[[], bool],
    ) -> None:
        """`going` and `wait` say whether to go on; `wait` waits a little first."""
        self._path = path
        self._changelog = changelog
        self._properties = properties
        self._cluster = cluster
        self._going = going
        self._wait = wait
        self._open: dict[int, PartitionStore] = {}
        self._rebuilt: set[int] = set()
        """Rebuilt since their assignment because something in them could not be read."""

    def get(self, number: int, key: bytes) -> bytes | None:
        """Value of a key of a partition.

        Raises:
            StoreReadError: the directory is damaged.
        """
        return self._open[number].get(key)

    def write(self, number: int, entries: Sequence[tuple[bytes, bytes]], applied: int) -> None:
        """Fold what a committed transaction wrote, with the next changelog offset."""
        self._open[number].write(entries, applied)

    def doubt(self, number: int) -> bool:
        """Something of a partition cannot be read: delete its store; False where that was done before.

        `restore` must follow.
        """
        if number in self._rebuilt:
            return False
        _LOG.error("state of partition %d cannot be read, rebuilding it from the changelog", number)
        self._rebuilt.add(number)
        self._open[number].rebuild()
        metrics.STATE_REBUILDS.inc()
        return True

    def restore(self, held: Sequence[Partition], committed: Committed) -> dict[Partition, int]:
        """Open and bring up to date what is held; answers where each input partition is read from.

        Raises:
            InterruptedError: the process is to stop.
        """
        started = mono_s()
        numbers = sorted({partition.number for partition in held})
        for number in numbers:
            if number not in self._open:
                self._open[number] = PartitionStore(self._path / str(number))
        positions = committed(held)
        logs = [Partition(self._changelog, number) for number in numbers]
        ends = insist(lambda: self._cluster.end_offsets(logs), keep_waiting=self._wait)
        lows = insist(lambda: self._cluster.low_watermarks([*logs, *held]), keep_waiting=self._wait)
        starts = {log: self._start(log, lows[log], ends[log]) for log in logs}
        read_to_end(self._properties, starts=starts, ends=ends, apply=self._apply, keep_waiting=self._going)
        for partition in held:
            if 0 <= positions[partition] < lows[partition]:
                metrics.COMMITTED_LOST.inc()
                _LOG.error("committed offset %d of %s is below the log's start", positions[partition], partition)
        took = mono_s() - started
        metrics.RESTORE_S.set(took)
        _LOG.info("restored", extra={"partitions": len(numbers), "seconds": round(took, 3)})
        return {partition: max(positions[partition], lows[partition]) for partition in held}

    def release(self) -> None:
        """Let go of every store; another process of this machine may take the partition next."""
        for store in self._open.values():
            store.close()
        self._open = {}
        self._rebuilt.clear()

    def _start(self, log: Partition, low: int, end: int) -> int:
        store = self._open[log.number]
        if not low <= store.applied <= end and store.applied != 0:
            _LOG.warning("state of partition %d is not of this changelog, rebuilding", log.number)
            store.rebuild()
            metrics.STATE_REBUILDS.inc()
        return max(store.applied, low)

    def _apply(self, log: Partition, messages: list[Message], position: int) -> None:
        metrics.STATE_ENTRIES.inc(len(messages))
        self._open[log.number].write(((m.key() or b"", m.value()) for m in messages), position)
