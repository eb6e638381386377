"""An asyncio face of the idempotent producer: a pump thread serves it, acknowledgements reach the loop in batches.

`AIOProducer` refuses headers and is slow alone (KAFKA.md, trap 4). Nothing is ever dropped: a full queue waits.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from runtime.kafka.metrics import PRODUCER_QUEUE
from runtime.kafka.properties import Properties
from runtime.kafka.records import Ack, Produced, Refused

_LOG = logging.getLogger(__name__)

PUMP_WAIT_S: Final = 0.1
"""Longest wait of the pump for an acknowledgement; bounds how late `close` is seen."""
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
        self._closing = threading.Event()
        self._pump = threading.Thread(target=self._run, name="producer-pump", daemon=True)
        self._results: list[tuple[Sink, Produced]] = []
        self._results_lock = threading.Lock()
        self._unacked = 0

    @property
    def unacked(self) -> int:
        """Records handed over and not answered yet."""
        return self._unacked

    def start(self) -> None:
        """Bind to the running loop and start the pump thread."""
        self._loop = asyncio.get_running_loop()
        self._pump.start()

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
            self._collect(sink, _outcome(error, message))

        extra: dict[str, Any] = {"headers": list(headers)} if headers else {}
        try:
            self._producer.produce(topic, value, key, partition, on_delivery=on_delivery, **extra)
        except BufferError:
            return False
        except KafkaException as error:
            problem = error.args[0]
            if problem.code() == KafkaError._QUEUE_FULL:  # noqa: SLF001 - librdkafka's spelling
                return False
            self._unacked += 1
            self._collect(sink, Refused(problem.name(), retriable=problem.code() not in _FATAL_FOR_GOOD))
            return True
        self._unacked += 1
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
        """Stop the pump; records that are still queued are lost to nobody but their own sinks. Call after `drain`."""
        self._closing.set()
        if self._pump.is_alive():
            self._pump.join(timeout=5)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(PUMP_WAIT_S)
            PRODUCER_QUEUE.set(len(self._producer))

    def _on_error(self, error: Any) -> None:
        if error.fatal():
            self._fatal = error.name()
        _LOG.warning("kafka producer: %s", error.name())

    def _collect(self, sink: Sink, outcome: Produced) -> None:
        with self._results_lock:
            self._results.append((sink, outcome))
            first = len(self._results) == 1
        if first and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        with self._results_lock:
            results, self._results = self._results, []
        self._unacked -= len(results)
        for sink, outcome in results:
            sink(outcome)


def _outcome(error: Any, message: Any) -> Produced:
    if error is None:
        return Ack(message.topic(), message.partition(), message.offset(), message.timestamp()[1])
    return Refused(error.name(), retriable=error.code() not in _FATAL_FOR_GOOD)
