"""Raw payloads to a list's own URLs: one try, no signature, no retry. The same guard and sender, its own lanes.

A slow URL fills its own lane, and nobody else's. Nothing is put aside, nothing is tried twice but after a crash. A
forward is given up without its try only where its URL leaves no room: its own lane is full, or it waits longest when
the whole or its partition's window is full. Others lose nothing by it: when everybody keeps up, partitions wait.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from dispatchers import metrics
from dispatchers.lanes import Lanes
from dispatchers.membership import Membership
from dispatchers.partitions import Held, Pending
from dispatchers.sender import Sender
from dispatchers.verdict import label
from dispatchers.window import OffsetWindow
from runtime.clock import mono_s
from runtime.config_follower import ConfigFollower
from runtime.egress import EgressPolicy
from runtime.kafka.metrics import UNKNOWN_SCHEMA
from runtime.kafka.positions import Position
from runtime.kafka.properties import consumer
from runtime.kafka.reader import Reader
from runtime.kafka.records import Committed, Message, Partition
from runtime.provisioning import await_topics, verify_layout
from runtime.worker import Life, drain_requested
from schemas import topics
from schemas.codec import PoisonError, UnknownSchemaError, decoder
from schemas.records import ForwardTask

_LOG = logging.getLogger(__name__)

TICK_S: Final = 0.05
REVOKE_S: Final = 5.5
SCHEMA_RETRY_S: Final = 1.0
CONCURRENCY: Final = 8
INFLIGHT_MAX: Final = 256
LANE_RECORDS_MAX: Final = 5000
"""Queued forwards of one URL: the largest callback has 2,000 reports, and several come one after another."""

_Ticket = tuple[Held, int, ForwardTask, str]
"""Partition, offset, task, and the URL that is its lane."""


class Forwarder:
    """Follows the forwards topic."""

    def __init__(self, life: Life, follower: ConfigFollower, sender: Sender) -> None:
        """Make the reader; nothing is read before `start`."""
        settings = life.settings
        self._life = life
        self._follower = follower
        self._sender = sender
        self._lanes: Lanes[_Ticket] = Lanes(inflight_max=INFLIGHT_MAX, lane_records_max=LANE_RECORDS_MAX)
        self._held: dict[Partition, Held] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._decode = decoder("ForwardTask")
        group = f"{settings.topic_prefix}trackly.forwarder"
        properties = consumer(
            settings.kafka, "forwarder", group=group, session_timeout_s=settings.dispatch.session_timeout_s
        )
        self.reader = Reader(properties, [settings.topic_prefix + topics.FORWARDS], self, name="forwards")
        self._membership = Membership(
            [self.reader], session_s=settings.dispatch.session_timeout_s, ask_for_positions=self._ask_for_positions
        )
        self._draining = False
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def halt(self) -> None:
        """Start nothing more."""
        self._draining = True

    def tick(self) -> None:
        """Offer what waited, start what may start, commit, pause."""
        self._membership.beat()
        for held in self._held.values():
            if held.window.full:
                self._make_room()
            while held.backlog and held.may_look(mono_s()):
                if held.window.full or not self._accept(held, held.backlog.popleft()):
                    break
        self._start()
        for partition, held in self._held.items():
            floor = held.window.floor
            if held.dirty and floor is not None:
                held.dirty = False
                self.reader.commit(partition, floor, held.window.metadata())
        self.reader.pause(frozenset(p for p, held in self._held.items() if held.backlog or held.window.full))
        if self.reader.joined and not any(held.waiting_for_schema for held in self._held.values()):
            self._life.not_ready = None

    def start_offset(self, partition: Partition, committed: Committed, low: int, high: int) -> int | None:  # noqa: ARG002
        """As the client would: committed, else the beginning."""
        return None

    def assigned(self, partitions: Mapping[Partition, Committed]) -> None:
        """Partitions are ours."""
        for partition, committed in partitions.items():
            floor = committed.offset if committed.offset >= 0 else None
            self._held[partition] = Held(partition, OffsetWindow(floor, committed.metadata))

    def records(self, messages: Sequence[Message]) -> None:
        """Records came."""
        for message in messages:
            held = self._held.get(Partition(message.topic(), message.partition()))
            if held is None:
                continue
            if held.backlog or held.window.full:
                held.backlog.append(Pending(message))
            else:
                self._accept(held, Pending(message))
        self._start()

    async def revoked(self, partitions: Sequence[Partition]) -> Mapping[Partition, Position]:
        """Let what is in flight end, then answer what is done."""
        leaving = [self._held.pop(partition) for partition in partitions if partition in self._held]
        for held in leaving:
            held.closing = True
            held.backlog.clear()
        self._lanes.drop(lambda ticket: ticket[0].closing)
        positions: dict[Partition, Position] = {}
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REVOKE_S):
                    for held in leaving:
                        await held.settled()
        finally:
            for held in leaving:
                held.alive = False
                if held.window.floor is not None:
                    positions[held.partition] = (held.window.floor, held.window.metadata())
        return positions

    def lost(self, partitions: Sequence[Partition]) -> None:
        """Partitions are gone."""
        for partition in partitions:
            held = self._held.pop(partition, None)
            if held is not None:
                held.alive, held.closing = False, True
        self._lanes.drop(lambda ticket: ticket[0].closing)

    def _accept(self, held: Held, pending: Pending) -> bool:
        message = pending.message
        offset = message.offset()
        try:
            _, task = self._decode(message.value() or b"")
        except UnknownSchemaError as error:
            if not held.waiting_for_schema:
                UNKNOWN_SCHEMA.inc()
            self._life.not_ready = f"a record needs a newer version: {error}"
            held.wait_for_schema(mono_s() + SCHEMA_RETRY_S)
            held.backlog.appendleft(pending)
            return False
        except PoisonError:
            _LOG.error("undecodable forward skipped", extra={"partition": held.partition.number, "offset": offset})
            self._skip(held, message, "undecodable")
            return True
        held.waiting_for_schema = False
        url = self._url_of(task)
        if url is None:
            self._skip(held, message, "no_url")
            return True
        if self._lanes.room(url) == "whole_full":
            self._make_room()
        room = self._lanes.room(url)
        if room == "whole_full":
            held.backlog.appendleft(pending)
            return False
        if not held.window.begin(offset):
            held.dirty = True
            return True
        held.begun(message, 1)
        ticket: _Ticket = (held, offset, task, url)
        if room == "lane_full":
            self._shed([ticket])
        else:
            contact = f"{offset}@{held.partition}"
            self._lanes.admit(url, contact, ticket, len(task["body"]), now=mono_s(), concurrency=CONCURRENCY)
        return True

    def _make_room(self) -> None:
        """Give up what is queued for the URL that waits longest, where that is long."""
        slowest = self._lanes.slowest(mono_s())
        if slowest is not None:
            self._shed(self._lanes.take(slowest))

    def _shed(self, tickets: Sequence[_Ticket]) -> None:
        """Give up what a URL cannot keep up with: a forward has one try and no retry, and others must not wait."""
        for held, offset, _, _ in tickets:
            metrics.FORWARDS.labels("overflow").inc()
            held.task_done(offset)

    def _skip(self, held: Held, message: Message, outcome: str) -> None:
        held.waiting_for_schema = False
        metrics.FORWARDS.labels(outcome).inc()
        if held.window.begin(message.offset()):
            held.window.finish(message.offset())
        held.dirty = True

    def _ask_for_positions(self) -> None:
        for partition, held in self._held.items():
            if held.window.floor is not None:
                self.reader.commit(partition, held.window.floor, held.window.metadata())

    def _url_of(self, task: ForwardTask) -> str | None:
        found = self._follower.snapshot.lists.get(f"{task['account']}/{task['list_number']}")
        if found is None:
            return None
        return found.forward.delivery if task["kind"] == "delivery" else found.forward.reply

    def _start(self) -> None:
        if self._draining or not self._membership.may_start():
            return
        for ticket in self._lanes.start(mono_s()):
            ticket[0].inflight += 1
            task = asyncio.create_task(self._run(ticket))
            self._tasks.add(task)
            task.add_done_callback(self._reap)

    async def _run(self, ticket: _Ticket) -> None:
        held, offset, task, url = ticket
        try:
            made = await self._sender.post(url, task["body"], {"Content-Type": task["content_type"]})
            metrics.FORWARDS.labels(label(made.outcome)).inc()
        finally:
            self._lanes.finished(url, f"{offset}@{held.partition}", len(task["body"]))
        if held.alive:
            held.task_done(offset)
        held.ended()
        self._start()

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not self.failure.done():
            self.failure.set_exception(error)


async def main(life: Life) -> int:
    """Run one forwarder until it is asked to drain."""
    settings = life.settings
    if not await asyncio.to_thread(await_topics, settings, keep_waiting=lambda: not life.stopping.is_set()):
        return 0
    follower = ConfigFollower(settings, "forwarder")
    follower.start()
    if not await follower.wait_ready_async(life.stopping):
        return 0
    await asyncio.to_thread(verify_layout, settings, follower)
    policy = EgressPolicy(settings.egress)
    async with Sender(policy, timeout_s=settings.dispatch.attempt_timeout_s, connections=INFLIGHT_MAX) as sender:
        forwarder = Forwarder(life, follower, sender)
        forwarder.reader.start()

        async def tick() -> None:
            while True:
                forwarder.tick()
                await asyncio.sleep(TICK_S)

        ticking = asyncio.create_task(tick())
        stop = asyncio.create_task(drain_requested(life))
        ends = [forwarder.reader.done, forwarder.failure]
        await asyncio.wait([stop, ticking, *ends], return_when=asyncio.FIRST_COMPLETED)
        for end in (ticking, *ends):
            if end.done():
                end.result()
        ticking.cancel()
        forwarder.halt()
        await forwarder.reader.close()
    follower.close()
    return 0
