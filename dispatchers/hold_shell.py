"""What every dispatcher does whatever its event types: tasks that are due now, and held tasks. All on the loop.

One reader, group `….dispatcher.hold`, follows `webhooks.tasks` and `webhooks.hold`: tasks go through a flow of their
own, held tasks are looked after by `HoldOwner`.
"""

import asyncio
from collections.abc import Mapping, Sequence

from dispatchers.flow import Flow
from dispatchers.hold_owner import HoldOwner
from dispatchers.intake import Intake
from dispatchers.pauses import PauseBook
from dispatchers.tries import Tries
from runtime.config_follower import ConfigFollower
from runtime.kafka.positions import Position
from runtime.kafka.properties import consumer
from runtime.kafka.reader import Reader
from runtime.kafka.records import Committed, Message, Partition
from runtime.worker import Life
from schemas import topics


class HoldShell:
    """Delivers tasks that are due now and looks after held ones."""

    def __init__(self, life: Life, follower: ConfigFollower, tries: Tries, pauses: PauseBook, owner: HoldOwner) -> None:
        """Make the reader; nothing is read before `start`."""
        settings = life.settings
        self._life = life
        self._hold_topic = settings.topic_prefix + topics.HOLD
        properties = consumer(
            settings.kafka,
            "dispatcher",
            group=f"{settings.topic_prefix}trackly.dispatcher.hold",
            session_timeout_s=settings.dispatch.session_timeout_s,
        )
        names = [self._hold_topic, settings.topic_prefix + topics.TASKS]
        self._reader = Reader(properties, names, self, name="hold")
        self._owner = owner
        self.flow = Flow(
            "tasks", life, follower, tries, pauses, Intake(follower), lambda: 1.0, lambda _partition: self._reader
        )
        self.flow.watch(self.readers)
        owner.tries.may_start = self.flow.may_start

    @property
    def readers(self) -> tuple[Reader]:
        """The one reader."""
        return (self._reader,)

    @property
    def ready(self) -> bool:
        """Whether the group has given us our share, be it empty, and none of it waits for a newer version."""
        return self._reader.joined and not self.flow.waits_for_schema and not self._owner.waits_for_schema

    def start(self) -> None:
        """Begin to read."""
        self._reader.start()

    def tick(self) -> None:
        """Let both go on."""
        self.flow.tick()
        self._owner.tick(self._reader)
        if self._owner.waits_for_schema:
            self._life.not_ready = "a held task needs a newer version"
        self._pause()

    def halt(self) -> None:
        """Start nothing more."""
        self.flow.halt()
        self._owner.halt()

    async def drain(self) -> None:
        """Leave the group: what is in flight ends first."""
        self.halt()
        await self._reader.close()
        await asyncio.gather(self.flow.settle(), self._owner.settle())

    def measure(self) -> None:
        """Set the gauges."""
        self.flow.measure()
        self.flow.measure_age(of=lambda _partition: True)
        self._owner.measure()

    def _pause(self) -> None:
        blocked = self.flow.blocked() | self._owner.blocked()
        if self.flow.reads_ahead:
            blocked |= self.flow.held.keys()
        self._reader.pause(frozenset(blocked))

    # ---- what the reader tells --------------------------------------------------------------------------------------
    def records(self, messages: Sequence[Message]) -> None:
        """Records of either topic."""
        held = [message for message in messages if message.topic() == self._hold_topic]
        self._owner.records(held)
        if len(held) < len(messages):
            for message in messages:
                place = self.flow.held.get(Partition(message.topic(), message.partition()))
                if place is not None and not place.closing:
                    self.flow.take(place, message, is_task=True)
            self.flow.start_ready()
        self._pause()

    def start_offset(self, partition: Partition, committed: Committed, low: int, high: int) -> int | None:  # noqa: ARG002
        """As the client would: committed, else the beginning."""
        return None

    def assigned(self, partitions: Mapping[Partition, Committed]) -> None:
        """Partitions are ours."""
        self._owner.assigned({place: at.offset for place, at in partitions.items() if self._is_hold(place)})
        self.flow.assigned({place: at for place, at in partitions.items() if not self._is_hold(place)})

    async def revoked(self, partitions: Sequence[Partition]) -> Mapping[Partition, Position]:
        """Let go of partitions, each kind in its way."""
        held = [place for place in partitions if self._is_hold(place)]
        tasks = [place for place in partitions if not self._is_hold(place)]
        of_held, of_tasks = await asyncio.gather(self._owner.revoked(held), self.flow.revoked(tasks))
        return {**of_held, **of_tasks}

    def lost(self, partitions: Sequence[Partition]) -> None:
        """Partitions are gone."""
        self._owner.lost([place for place in partitions if self._is_hold(place)])
        self.flow.lost([place for place in partitions if not self._is_hold(place)])

    def _is_hold(self, partition: Partition) -> bool:
        return partition.topic == self._hold_topic
