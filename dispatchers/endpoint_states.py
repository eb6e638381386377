"""Follows `endpoints.state`: every dispatcher knows who is paused; the book changes on the loop and nowhere else.

A broker outage is waited out; what cannot be read ends the process, since a pause that nobody sees is none.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from dispatchers.pauses import PauseBook
from runtime.kafka.admin import Cluster, ClusterError
from runtime.kafka.metrics import UNKNOWN_SCHEMA
from runtime.kafka.records import Message, Partition
from runtime.kafka.tail import Tail
from schemas import topics
from schemas.codec import PoisonError, UnknownSchemaError, decoder
from schemas.records import EndpointState
from schemas.settings import Settings

_LOG = logging.getLogger(__name__)

POLL_S: Final = 0.25
ASK_AGAIN_S: Final = 0.2

Listener = Callable[[str], None]


class EndpointStates:
    """The book of pauses and claims, kept up to date."""

    def __init__(self, settings: Settings, cluster: Cluster, partitions: int, pool: ThreadPoolExecutor) -> None:
        """Open the tail; nothing is read before `run`."""
        topic = settings.topic_prefix + topics.ENDPOINT_STATE
        self.book = PauseBook()
        self._names = [Partition(topic, number) for number in range(partitions)]
        self._cluster = cluster
        self._pool = pool
        self._tail = Tail(settings.kafka, "dispatcher", self._names, on_error=_log_error)
        self._decode = decoder("EndpointState")
        self._moved = asyncio.Condition()
        self._applied = dict.fromkeys(self._names, 0)
        """Next offset of each partition that the book does not know; the tail may be ahead of it."""
        self._paused_listeners: list[Listener] = []
        self._record_listeners: list[Callable[[str, EndpointState | None], None]] = []

    def on_pause(self, listener: Listener) -> None:
        """Call back with the endpoint when one is paused or no longer is."""
        self._paused_listeners.append(listener)

    def on_record(self, listener: Callable[[str, EndpointState | None], None]) -> None:
        """Call back with key and record, after the book has taken it over."""
        self._record_listeners.append(listener)

    async def run(self) -> None:
        """Read for ever; ends by an error alone."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                messages = await loop.run_in_executor(self._pool, self._tail.read, POLL_S)
                for message in messages:
                    self._apply(message)
                self._applied = dict(self._tail.positions)
                async with self._moved:
                    self._moved.notify_all()
        finally:
            await loop.run_in_executor(self._pool, self._tail.close)

    async def read_to_end(self) -> None:
        """Wait until everything is read that was there when this was called."""
        ends = await self.ends(self._names)
        async with self._moved:
            await self._moved.wait_for(lambda: all(self._applied[name] >= end for name, end in ends.items()))

    async def ends(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Ends of whatever logs; asks until the brokers answer."""
        while True:
            try:
                return await asyncio.to_thread(self._cluster.end_offsets, partitions)
            except ClusterError as error:
                if not error.retriable:
                    raise
                _LOG.warning("ends of %s: %s", partitions[0].topic, error)
                await asyncio.sleep(ASK_AGAIN_S)

    def _apply(self, message: Message) -> None:
        key, value = (message.key() or b"").decode("utf-8", "replace"), message.value()
        try:
            record = None if value is None else self._decode(value)[1]
        except PoisonError:
            _LOG.error("endpoint state at offset %s of %s is unreadable", message.offset(), message.partition())
            return
        except UnknownSchemaError:
            UNKNOWN_SCHEMA.inc()
            raise
        changed = self.book.apply(key, record)
        if changed is not None:
            for listener in self._paused_listeners:
                listener(changed)
        for told in self._record_listeners:
            told(key, record)


def _log_error(name: str) -> None:
    _LOG.warning("endpoint states: %s", name)
