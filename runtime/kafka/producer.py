"""An asyncio face of the idempotent producer: the loop itself asks it for acknowledgements, many at a time.

`AIOProducer` refuses headers and is slow alone (KAFKA.md, trap 4). A thread that polls takes the interpreter from the
loop for every single acknowledgement (a decision record has the figures); asking without waiting, on the loop, does
not. Nothing is ever dropped: a full queue waits.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from runtime.kafka.metrics import PRODUCER_QUEUE
from runtime.kafka.properties import Properties
from runtime.kafka.records import Ack, Produced, Refused

_LOG = logging.getLogger(__name__)

BUSY_S: Final = 0.002
"""Between two looks for acknowledgements while some are due: what it adds to a latency, and some 1 % of a core."""
IDLE_S: Final = 0.1
"""The same while none are: how late an error of the client is told."""
QUEUE_FULL_WAIT_S: Final = 0.005
"""Pause before a record is offered again to a full queue."""

Headers = Sequence[tuple[str, bytes]]
Sink = Callable[[Produced], None]

_FATAL_FOR_GOOD: Final = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_RECORD,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError._INVALID_ARG,  # noqa: SLF001 - librdkafka's local error codes are spelt with an underscore
    }
)


class ProducerBrokenError(Exception):
    """The producer reported a fatal error; the process must end and start anew."""


class AsyncProducer:
    """Produces from one event loop. Every sink is called once, on the loop, with the outcome."""

    def __init__(self, properties: Properties) -> None:
        """Create the client; nothing is sent before `start`."""
        self._fatal: str | None = None
        self._producer = Producer({**properties, "error_cb": self._on_error})
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._idle = True
        self._closed = False
        self._results: list[tuple[Sink, Produced]] = []
        self._unacked = 0

    @property
    def unacked(self) -> int:
        """Records handed over and not answered yet."""
        return self._unacked

    def start(self) -> None:
        """Bind to the running loop and begin to look for acknowledgements."""
        self._loop = asyncio.get_running_loop()
        self._arm(IDLE_S)

    def offer(
        self,
        sink: Sink,
        topic: str,
        *,
        key: bytes | str | None,
        value: bytes | None,
        partition: int = -1,
        headers: Headers | None = None,
    ) -> bool:
        """Hand one record over; False when the queue is full and the caller must wait and offer again.

        Raises:
            ProducerBrokenError: after a fatal client error.
        """
        self.check()

        def on_delivery(error: Any, message: Any) -> None:
            self._results.append((sink, _outcome(error, message)))

        extra: dict[str, Any] = {"headers": list(headers)} if headers else {}
        try:
            self._producer.produce(topic, value, key, partition, on_delivery=on_delivery, **extra)
        except BufferError:
            return False
        except KafkaException as error:
            problem = error.args[0]
            if problem.code() == KafkaError._QUEUE_FULL:  # noqa: SLF001 - librdkafka's spelling
                return False
            self._results.append((sink, Refused(problem.name(), retriable=problem.code() not in _FATAL_FOR_GOOD)))
        self._unacked += 1
        if self._idle:
            self._arm(BUSY_S)
        return True

    def check(self) -> None:
        """Raise ProducerBrokenError after a fatal client error; the process must end."""
        if self._fatal is not None:
            raise ProducerBrokenError(self._fatal)

    async def send(
        self,
        topic: str,
        *,
        key: bytes | str | None,
        value: bytes | None,
        partition: int = -1,
        headers: Headers | None = None,
    ) -> Produced:
        """Produce one record and wait for its outcome; waits for room where the queue is full."""
        future: asyncio.Future[Produced] = asyncio.get_running_loop().create_future()

        def sink(outcome: Produced) -> None:
            if not future.done():
                future.set_result(outcome)

        while not self.offer(  # noqa: ASYNC110 - librdkafka tells nobody when its queue has room
            sink, topic, key=key, value=value, partition=partition, headers=headers
        ):
            await asyncio.sleep(QUEUE_FULL_WAIT_S)
        return await future

    async def drain(self, timeout_s: float) -> bool:
        """Wait until everything handed over is answered; False when the time ran out."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while self._unacked and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - at shutdown only
            await asyncio.sleep(0.01)
        return self._unacked == 0

    def close(self) -> None:
        """Look no more; records that are still queued are lost to nobody but their own sinks. Call after `drain`."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self, wait_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._loop is not None and not self._closed:
            self._idle = wait_s == IDLE_S
            self._timer = self._loop.call_later(wait_s, self._look)

    def _look(self) -> None:
        """Take what was acknowledged since the last look and tell the sinks."""
        self._producer.poll(0)
        PRODUCER_QUEUE.set(len(self._producer))
        results, self._results = self._results, []
        self._unacked -= len(results)
        self._arm(BUSY_S if self._unacked else IDLE_S)
        for sink, outcome in results:
            sink(outcome)

    def _on_error(self, error: Any) -> None:
        if error.fatal():
            self._fatal = error.name()
        _LOG.warning("kafka producer: %s", error.name())


def _outcome(error: Any, message: Any) -> Produced:
    if error is None:
        return Ack(message.topic(), message.partition(), message.offset(), message.timestamp()[1])
    return Refused(error.name(), retriable=error.code() not in _FATAL_FOR_GOOD)
