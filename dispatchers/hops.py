"""Records that leave a dispatcher: produced until the broker has them, without a task or an await for each.

A refusal that repetition may mend is repeated for ever; any other ends the process, so that nothing is committed that
did not arrive. Every acknowledged attempt is a sample of its broker's clock.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from dispatchers.broker_clock import BrokerClock
from runtime.clock import mono_ms
from runtime.kafka.producer import AsyncProducer, Headers
from runtime.kafka.records import Ack, Partition, Produced
from schemas import topics

_LOG = logging.getLogger(__name__)

RETRY_S: Final = 0.2
"""Pause after a refusal that repetition may mend."""
QUEUE_FULL_S: Final = 0.02
"""Pause before a record is offered again to a full queue."""
OPEN_MAX: Final = 4096
"""Records without an acknowledgement above which no try starts: a broker that takes no records must not gather the
results of endpoints that still answer. Twice what a full process leaves behind in one round of tries."""


class HopRefusedError(Exception):
    """The broker refused a record for a reason that no repetition mends; the process ends, nothing is committed."""


class Hop(NamedTuple):
    """One record to produce."""

    topic: str
    """Without the prefix."""
    key: str | bytes
    value: bytes | None
    headers: Headers | None = None
    partition: int = -1


class Hops:
    """Produces hops; everything on the loop."""

    def __init__(self, prefix: str, producer: AsyncProducer, clock: BrokerClock) -> None:
        """Begin with nothing under way."""
        self._prefix = prefix
        self._producer = producer
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._attempts = prefix + topics.ATTEMPTS
        self.open = 0
        """Records handed over and not acknowledged."""
        self.leaders: dict[Partition, int] = {}
        """Leader of each partition of the attempts topic, kept fresh by the role."""
        self.failure: asyncio.Future[None] = self._loop.create_future()
        """Carries what must end the process."""

    @property
    def roomy(self) -> bool:
        """Whether tries may start."""
        return self.open < OPEN_MAX

    def check(self) -> None:
        """Raise what broke the producer."""
        self._producer.check()

    def send(self, hops: Sequence[Hop], acknowledged: Callable[[], None]) -> None:
        """Produce all, then call back once, when the brokers have every one."""
        left = len(hops)

        def one_more() -> None:
            nonlocal left
            left -= 1
            if not left:
                acknowledged()

        for hop in hops:
            self.open += 1
            self._offer(hop, one_more)

    def heartbeat(self, partition: int, acknowledged: Callable[[], None]) -> None:
        """Write an empty record to one partition of the attempts topic, for its broker's time."""
        self.send([Hop(topics.ATTEMPTS, b"", None, [("heartbeat", b"1")], partition)], acknowledged)

    def _offer(self, hop: Hop, then: Callable[[], None]) -> None:
        if self.failure.done():
            return

        def sink(outcome: Produced) -> None:
            self._guarded(self._answered, hop, then, outcome)

        self._guarded(self._produce, hop, then, sink)

    def _produce(self, hop: Hop, then: Callable[[], None], sink: Callable[[Produced], None]) -> None:
        topic, key, value, headers, partition = hop
        name = self._prefix + topic
        if not self._producer.offer(sink, name, key=key, value=value, partition=partition, headers=headers):
            self._loop.call_later(QUEUE_FULL_S, self._offer, hop, then)

    def _answered(self, hop: Hop, then: Callable[[], None], outcome: Produced) -> None:
        if isinstance(outcome, Ack):
            self.open -= 1
            if outcome.topic == self._attempts:
                self._learn(outcome)
            then()
        elif outcome.retriable:
            _LOG.warning("%s: %s, again", hop.topic, outcome.code)
            self._loop.call_later(RETRY_S, self._offer, hop, then)
        else:
            raise HopRefusedError(f"{hop.topic}: {outcome.code}")

    def _learn(self, ack: Ack) -> None:
        broker = self.leaders.get(Partition(ack.topic, ack.partition))
        if broker is not None and ack.timestamp_ms > 0:
            self._clock.sample(broker, ack.timestamp_ms, mono_ms())

    def _guarded(self, step: Callable[..., None], *arguments: object) -> None:
        """A callback of the loop has nobody above it: what it raises must reach the role."""
        try:
            step(*arguments)
        except Exception as error:  # noqa: BLE001 - handed to the role, which ends the process with it
            if not self.failure.done():
                self.failure.set_exception(error)
