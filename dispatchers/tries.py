"""One try from ticket to acknowledged records: look up, sign, post, judge, hand on. The async heart of the dispatcher.

T1  The slot is taken before the clock of the try starts, so our own waiting never counts against the endpoint.
T2  The next record and the attempt are acknowledged before the offset counts as done; they are repeated for ever
    while the broker is the reason, any other refusal ends the process.
T3  Results of an older assignment are dropped before anything is produced.
"""

import asyncio
import logging
from typing import Final, Protocol

from dispatchers import metrics
from dispatchers.broker_clock import BrokerClock
from dispatchers.partitions import Ticket
from dispatchers.sender import Sender, Try
from dispatchers.signature import headers_for
from dispatchers.task import attempt_record, dead_letter, next_task, outcome_of
from dispatchers.verdict import Blocked, Dead, Delivered, Responded, RetryAt, Verdict, decide, label
from runtime.clock import mono_ms, mono_s, now_ms
from runtime.config_follower import ConfigFollower
from runtime.kafka.producer import AsyncProducer, Headers
from runtime.kafka.records import Ack, Partition
from runtime.secrets import UnsealError
from schemas import topics
from schemas.codec import encoder
from schemas.config import Endpoint
from schemas.records import DeadLetter, DeliveryTask, TryOutcome
from schemas.settings import Settings

_LOG = logging.getLogger(__name__)

RETRY_PRODUCE_S: Final = 0.2
CONFIG_CHECK_S: Final = 1.0
"""The end of the configuration is looked up once a second at most (DESIGN.md 4.0)."""


class Released(Protocol):
    """Called once the try has ended and its lane may go on."""

    def __call__(self, *, throttle: bool) -> None:
        """`throttle` asks the lane to rest a while."""


class HopRefusedError(Exception):
    """The broker refused a record for a reason that no repetition mends; the process ends, nothing is committed."""


class Tries:
    """What every try of a process shares."""

    def __init__(
        self, settings: Settings, follower: ConfigFollower, sender: Sender, producer: AsyncProducer, clock: BrokerClock
    ) -> None:
        """Make the encoders once."""
        self._prefix = settings.topic_prefix
        self._delays_s = settings.dispatch.tier_delays_s
        self._follower = follower
        self._sender = sender
        self._producer = producer
        self._clock = clock
        self.leaders: dict[Partition, int] = {}
        """Leader of each partition of the attempts topic, kept fresh by the role."""
        self._task = encoder("DeliveryTask")
        self._attempt = encoder("Attempt")
        self._dead = encoder("DeadLetter")
        self._attempts_topic = self._prefix + topics.ATTEMPTS
        self._lookup = asyncio.Lock()
        self._looked_up_s = float("-inf")

    async def run(self, ticket: Ticket, *, released: Released) -> None:
        """Make the try and hand the task on; `released(throttle)` is called once the lane may go on."""
        task = ticket.task
        try:
            endpoint = self._follower.snapshot.endpoints.get(task["endpoint"])
            if endpoint is None and await self._is_unknown(task["endpoint"]):
                reason = "endpoint_removed" if task["attempt"] == 1 else "endpoint_unknown"
                await self._bury(ticket, reason, task["outcomes"])
                return
            endpoint = endpoint or self._follower.snapshot.endpoints[task["endpoint"]]
            try:
                made = await self._post(endpoint, task)
            except UnsealError:
                _LOG.exception("secrets of endpoint %s cannot be used", task["endpoint"])
                await self._bury(ticket, "no_secret", task["outcomes"])
                return
            now = now_ms()
            verdict = decide(made.outcome, attempt=task["attempt"], tier_delays_s=self._delays_s, now=now)
        except BaseException:
            released(throttle=False)
            raise
        released(throttle=isinstance(verdict, RetryAt) and verdict.throttle)
        await self._hand_on(ticket, made, verdict, now)

    async def bury(self, record: DeadLetter, key: str) -> None:
        """Write a dead letter of whatever origin."""
        await self._hop(topics.DEAD, key, self._dead(record))

    async def heartbeat(self, partition: int) -> None:
        """Write an empty record to one partition of the attempts topic, for its broker's time."""
        await self._hop(topics.ATTEMPTS, b"", None, partition=partition, headers=[("heartbeat", b"1")])

    async def _post(self, endpoint: Endpoint, task: DeliveryTask) -> Try:
        secrets = self._follower.endpoint_secrets(endpoint.id)
        signed = headers_for(
            body=task["body"],
            event_id=task["event_id"],
            valid_secrets=secrets.valid,
            documented_secret=secrets.documented,
            now_s=now_ms() // 1000,
        )
        return await self._sender.post(
            endpoint.url, task["body"], {**endpoint.headers, "Content-Type": "application/json", **signed}
        )

    async def _hand_on(self, ticket: Ticket, made: Try, verdict: Verdict, now: int) -> None:
        task, outcome = ticket.task, made.outcome
        word = label(outcome)
        status = outcome.status if isinstance(outcome, Responded) else None
        done = outcome_of(task, outcome=word, status_code=status, duration_ms=made.duration_ms, now=now)
        self._count(task, made, word)
        if not ticket.held.alive:
            return
        hops = []
        tier: int | None = None
        match verdict:
            case Delivered():
                latency_s = max(0.0, (now - task["created_at"]) / 1000)
                metrics.DELIVERY_S.labels(task["event_type"]).observe(latency_s)
            case RetryAt(tier=tier):
                topic = topics.tier_topic(task["event_type"], tier)
                hops.append(self._hop(topic, task["endpoint"], self._task(next_task(task, done))))
                metrics.RETRIES.labels(topics.TIERS[tier]).inc()
            case Dead(reason=reason):
                hops.append(self._bury(ticket, reason, [*task["outcomes"], done]))
        hops.append(self._record(task, done, made, verdict, tier, now))
        if word != "success":
            why = outcome.reason if isinstance(outcome, Blocked) else None
            _LOG.info(
                "try failed",
                extra={
                    "endpoint": task["endpoint"], "event_id": task["event_id"], "attempt": task["attempt"],
                    "outcome": word, "status": status, "ms": made.duration_ms, "why": why,
                    "next": topics.TIERS[tier] if tier is not None else "dead",
                },
            )  # fmt: skip
        await asyncio.gather(*hops)

    async def _record(
        self, task: DeliveryTask, done: TryOutcome, made: Try, verdict: Verdict, tier: int | None, now: int
    ) -> None:
        word = {Delivered: "delivered", RetryAt: "retry", Dead: "dead"}[type(verdict)]
        record = attempt_record(
            task,
            done,
            verdict=word,
            excerpt=made.excerpt,
            next_tier=topics.TIERS[tier] if tier is not None else None,
            next_try_at=now + int(self._delays_s[tier] * 1000) if tier is not None else None,
        )
        headers = [("outcome", done["outcome"].encode())]
        await self._hop(topics.ATTEMPTS, task["endpoint"], self._attempt(record), headers=headers)

    async def _bury(self, ticket: Ticket, reason: str, outcomes: list[TryOutcome]) -> None:
        held, task = ticket.held, ticket.task
        if not held.alive:
            return
        where = (held.partition.topic, held.partition.number, ticket.offset)
        await self.bury(dead_letter(task, outcomes, reason, now=now_ms(), source=where), task["endpoint"])
        metrics.DEAD.labels(task["event_type"], reason).inc()
        _LOG.warning(
            "dead letter", extra={"endpoint": task["endpoint"], "event_id": task["event_id"], "reason": reason}
        )

    async def _hop(
        self,
        topic: str,
        key: str | bytes,
        value: bytes | None,
        *,
        partition: int = -1,
        headers: Headers | None = None,
    ) -> None:
        """Produce until the broker has it; the clock learns from every acknowledged attempt."""
        while True:
            answer = await self._producer.send(
                self._prefix + topic, key=key, value=value, partition=partition, headers=headers
            )
            if isinstance(answer, Ack):
                if topic == topics.ATTEMPTS:
                    self._learn(answer)
                return
            if not answer.retriable:
                raise HopRefusedError(f"{topic}: {answer.code}")
            _LOG.warning("%s: %s, again", topic, answer.code)
            await asyncio.sleep(RETRY_PRODUCE_S)

    def _learn(self, ack: Ack) -> None:
        broker = self.leaders.get(Partition(ack.topic, ack.partition))
        if broker is not None and ack.timestamp_ms > 0:
            self._clock.sample(broker, ack.timestamp_ms, mono_ms())

    async def _is_unknown(self, endpoint: str) -> bool:
        """True once the configuration was read to an end taken after the record was, and still lacks the endpoint."""
        async with self._lookup:
            if endpoint in self._follower.snapshot.endpoints:
                return False
            wait_s = self._looked_up_s + CONFIG_CHECK_S - mono_s()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            await asyncio.to_thread(self._follower.read_to_end, keep_waiting=lambda: True)
            self._looked_up_s = mono_s()
            return endpoint not in self._follower.snapshot.endpoints

    def _count(self, task: DeliveryTask, made: Try, word: str) -> None:
        event = task["event_type"]
        child = metrics.ATTEMPT_CHILDREN.get((event, task["attempt"], word))
        if child is not None:
            child.inc()
        metrics.ATTEMPT_S.labels(event).observe(made.duration_ms / 1000)
        if task["attempt"] == 1:
            metrics.FIRST_S.labels(event).observe(max(0.0, (now_ms() - task["created_at"]) / 1000))
