"""The dispatcher of one event type: its fresh events and its five tiers, through one flow. All on the loop.

S3  A tier's record is parked until the brokers' clock says that it is due; what is due goes the way of fresh events.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from dispatchers.broker_clock import BrokerClock
from dispatchers.flow import Flow
from dispatchers.intake import Intake
from dispatchers.pauses import PauseBook
from dispatchers.tiers import Tiers
from dispatchers.tries import Tries
from runtime.config_follower import ConfigFollower
from runtime.kafka.positions import Position
from runtime.kafka.properties import consumer
from runtime.kafka.reader import Reader
from runtime.kafka.records import Committed, Message, Partition
from runtime.worker import Life
from schemas import topics
from schemas.settings import Settings

TICK_S: Final = 0.025
"""How often positions are committed, backlogs offered again and lanes woken."""
CLOCK_STEP_S: Final = 0.001
"""The brokers' clock counts whole milliseconds: woken a hair too early, a head would wait for the next tick."""


class EventShell:
    """Delivers the events of one type."""

    def __init__(
        self,
        event: topics.PublicEvent,
        life: Life,
        follower: ConfigFollower,
        tries: Tries,
        pauses: PauseBook,
        clock: BrokerClock,
        partitions: int,
    ) -> None:
        """Make the readers; nothing is read before `start`."""
        self._event = event
        self._partitions = partitions
        self._own_partitions = 1
        """How many of the event's partitions are ours: limits are for the fleet. At least 1."""
        self.tiers = Tiers(event, life.settings, clock)
        self._fresh, self._delayed = self._make_readers(life.settings)
        self.flow = Flow(
            event,
            life,
            follower,
            tries,
            pauses,
            Intake(follower, event),
            lambda: self._own_partitions / self._partitions,
            self._reader_of,
        )
        self.flow.watch(self.readers)
        self._draining = False
        self._timer: asyncio.TimerHandle | None = None

    def _make_readers(self, settings: Settings) -> tuple[Reader, Reader]:
        group = f"{settings.topic_prefix}trackly.dispatcher.{self._event}"
        session_s = settings.dispatch.session_timeout_s
        fresh = consumer(settings.kafka, "dispatcher", group=group, session_timeout_s=session_s)
        delayed = {
            **consumer(settings.kafka, "dispatcher", group=f"{group}.tiers", session_timeout_s=session_s),
            "auto.offset.reset": "error",
            "queued.min.messages": 1000,
            "queued.max.messages.kbytes": 4096,
        }
        events_topic = settings.topic_prefix + topics.events_topic(self._event)
        return (
            Reader(fresh, [events_topic], self, name=f"{self._event}"),
            Reader(delayed, self.tiers.topics, self, name=f"{self._event}.tiers", watermarks=True),
        )

    @property
    def readers(self) -> tuple[Reader, Reader]:
        """Both readers."""
        return self._fresh, self._delayed

    @property
    def ready(self) -> bool:
        """Whether both groups have given us our share, be it empty, and none of it waits for a newer version."""
        return all(reader.joined for reader in self.readers) and not self.flow.waits_for_schema

    def start(self) -> None:
        """Begin to read."""
        self._fresh.start()
        self._delayed.start()

    def tick(self) -> None:
        """Release what is due, let the flow go on. Runs every TICK_S."""
        self._release_due()
        self.flow.tick()
        self._pause()

    def halt(self) -> None:
        """Start nothing more."""
        self._draining = True
        self.flow.halt()
        if self._timer is not None:
            self._timer.cancel()

    async def drain(self) -> None:
        """Leave both groups: what is in flight ends first, within REVOKE_S."""
        self.halt()
        await asyncio.gather(self._fresh.close(), self._delayed.close())
        await self.flow.settle()

    # ---- records ----------------------------------------------------------------------------------------------------
    def records(self, messages: Sequence[Message]) -> None:
        """Records of either reader."""
        parked = full = False
        for message in messages:
            held = self.flow.held.get(Partition(message.topic(), message.partition()))
            if held is None or held.closing:
                continue
            if self.tiers.is_tier(held.partition):
                self.tiers.park(held.partition, message)
                parked = True
            else:
                self.flow.take(held, message, is_task=False)
                full = full or bool(held.backlog)
        if parked:
            self._release_due()
        self.flow.start_ready()
        if parked or full:
            self._pause()

    def _release_due(self) -> None:
        for partition in self.tiers.due():
            held = self.flow.held.get(partition)
            if held is None or held.backlog or held.closing:
                continue
            for message in self.tiers.release(partition):
                self.flow.take(held, message, is_task=True)
        self._arm()

    def _arm(self) -> None:
        """Wake exactly when the next head is due, if that is before the next tick."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wait_s = self.tiers.wait_s()
        if wait_s and wait_s <= TICK_S and not self._draining:
            self._timer = asyncio.get_running_loop().call_later(wait_s + CLOCK_STEP_S, self._wake)

    def _wake(self) -> None:
        try:
            self._release_due()
            self.flow.start_ready()
        except Exception as error:  # noqa: BLE001 - a timer has nobody above it; the role ends the process
            self.flow.fail(error)

    def _pause(self) -> None:
        paused = self.flow.blocked()
        ahead = self.flow.reads_ahead
        for partition in self.flow.held:
            if self.tiers.paused(partition) or (ahead and not self.tiers.is_tier(partition)):
                paused.add(partition)
        for reader in self.readers:
            reader.pause(frozenset(paused))

    def _reader_of(self, partition: Partition) -> Reader:
        return self._delayed if self.tiers.is_tier(partition) else self._fresh

    def measure(self) -> None:
        """Set the gauges of this event type."""
        self.flow.measure()
        self.flow.measure_age(of=lambda partition: not self.tiers.is_tier(partition))

    # ---- assignment -------------------------------------------------------------------------------------------------
    def start_offset(self, partition: Partition, committed: Committed, low: int, high: int) -> int | None:
        """Delay topics have a rule of their own."""
        return self.tiers.start_offset(partition, committed, low, high)

    def assigned(self, partitions: Mapping[Partition, Committed]) -> None:
        """Fresh state for partitions that are ours now."""
        self.flow.assigned(partitions)
        for partition in partitions:
            if self.tiers.is_tier(partition):
                self.tiers.assigned(partition)
        self._count_own()

    async def revoked(self, partitions: Sequence[Partition]) -> Mapping[Partition, Position]:
        """Let the flow end what is in flight, then forget."""
        try:
            return await self.flow.revoked(partitions)
        finally:
            self._gone(partitions)

    def lost(self, partitions: Sequence[Partition]) -> None:
        """They belong to somebody else already."""
        self.flow.lost(partitions)
        self._gone(partitions)

    def _gone(self, partitions: Sequence[Partition]) -> None:
        for partition in partitions:
            if partition not in self.flow.held:
                self.tiers.gone(partition)
        self._count_own()

    def _count_own(self) -> None:
        self._own_partitions = max(1, sum(1 for partition in self.flow.held if not self.tiers.is_tier(partition)))
