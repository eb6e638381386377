"""The tries of held tasks: their lanes, and how each of them comes back to its drain. On the loop.

V1  Lanes of held tasks are beside those of fresh events, with half of an endpoint's limits and a quarter of the
    process's slots, so that fresh events keep their latency.
V2  What ends after its drain is over counts for nothing.
"""

import asyncio
import logging
from collections.abc import Callable

from dispatchers import metrics
from dispatchers.drain import Drain
from dispatchers.flow import REVOKE_S, THROTTLE_S
from dispatchers.intake import Intake
from dispatchers.lanes import Lanes
from dispatchers.partitions import Held, Ticket
from dispatchers.task import dead_letter
from dispatchers.tries import Tries
from runtime.clock import mono_s, now_ms
from runtime.config_follower import ConfigFollower
from runtime.kafka.records import Message
from schemas.settings import Settings

_LOG = logging.getLogger(__name__)


class HeldTries:
    """Everything that drains have under way."""

    def __init__(
        self, settings: Settings, follower: ConfigFollower, tries: Tries, fail: Callable[[BaseException], None]
    ) -> None:
        """`fail` gets what breaks a try, and ends the process with it."""
        self._dispatch = settings.dispatch
        self._follower = follower
        self._tries = tries
        self._fail = fail
        self._intake = Intake(follower)
        self._lanes: Lanes[Ticket] = Lanes(inflight_max=max(1, settings.dispatch.inflight_max // 4))
        self._drain_of: dict[int, Drain] = {}
        """By the id of its Held."""
        self._halted = False
        self._running: set[asyncio.Task[None]] = set()
        self.may_start: Callable[[], bool] = lambda: True
        """Whether the group has confirmed us since the loop last stood still."""

    def of(self, drain: Drain) -> None:
        """Tell this drain what ends."""
        self._drain_of[id(drain.held)] = drain

    def no_more(self, drain: Drain) -> None:
        """It wants to hear nothing more."""
        del self._drain_of[id(drain.held)]

    def deliver(self, ticket: Ticket) -> None:
        """Queue a task; a drain bounds by itself how many it has queued."""
        endpoint = self._follower.snapshot.endpoints.get(ticket.task["endpoint"])
        limit = self._dispatch.concurrency
        rate_per_s = None
        if endpoint is not None:
            limit, rate_per_s = endpoint.concurrency or limit, endpoint.rate_per_s
        self._lanes.admit(
            ticket.task["endpoint"],
            ticket.task["contact_key"],
            ticket,
            ticket.size,
            now=ticket.read_s,
            concurrency=max(1, limit // 2),
            rate_per_s=rate_per_s / 2 if rate_per_s else None,
        )
        self.start_ready()

    def forget(self, held: Held) -> None:
        """Drop what is queued of a drain."""
        self._lanes.drop(lambda ticket: ticket.held is held)

    def halt(self) -> None:
        """Start nothing more."""
        self._halted = True

    def start_ready(self) -> None:
        """Begin every try that may begin."""
        if self._halted or not self._tries.hops.roomy or not self.may_start():
            return
        for ticket in self._lanes.start(mono_s()):
            ticket.held.inflight += 1
            task = asyncio.create_task(self._tries.run(ticket, self))
            self._running.add(task)
            task.add_done_callback(self._reap)

    def released(self, ticket: Ticket, *, throttle: bool) -> None:
        """The try of a ticket has ended: its lane goes on."""
        endpoint = ticket.task["endpoint"]
        if throttle:
            self._lanes.throttle(endpoint, mono_s() + THROTTLE_S)
        self._lanes.finished(endpoint, ticket.task["contact_key"], ticket.size)
        self.start_ready()

    def ended(self, ticket: Ticket, *, done: bool) -> None:
        """A ticket has come to its end."""
        self._end(ticket.held, ticket.offset, done=done)

    def bury(self, ticket: Ticket, reason: str) -> None:
        """Give a task up."""
        held, offset, task = ticket.held, ticket.offset, ticket.task
        held.inflight += 1
        where = (held.partition.topic, held.partition.number, offset)
        letter = dead_letter(task, task["outcomes"], reason, now=now_ms(), source=where)
        hop = self._tries.letter(letter, task["endpoint"])
        self._tries.hops.send([hop], lambda: self._end(held, offset, done=True))

    def bury_poison(self, held: Held, message: Message, error: Exception) -> None:
        """Give up a record that nobody will ever read."""
        held.inflight += 1
        offset = message.offset()
        letter = self._intake.letter(message, error, now=now_ms())
        where = {"partition": held.partition.number, "offset": offset}
        _LOG.error("poison record moved to the dead letters", extra={**where, "reason": letter["reason"]})
        key = (message.key() or b"").decode("utf-8", "replace")
        self._tries.hops.send([self._tries.letter(letter, key)], lambda: self._end(held, offset, done=True))

    async def settle(self) -> None:
        """Wait for what is in flight, within REVOKE_S."""
        if self._running:
            await asyncio.wait(self._running, timeout=REVOKE_S)

    def measure(self) -> None:
        """Set the gauges."""
        metrics.INFLIGHT.labels("drain").set(self._lanes.running)
        metrics.QUEUED.labels("drain").set(self._lanes.queued)
        metrics.LANES.labels("drain").set(len(self._lanes))

    def _end(self, held: Held, offset: int, *, done: bool) -> None:
        drain = self._drain_of.get(id(held))
        if drain is not None:
            drain.ended(offset, done=done)

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fail(error)
