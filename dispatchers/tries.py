"""One try from ticket to acknowledged records: look up, sign, post, judge, hand on. The async heart of the dispatcher.

T1  The slot is taken before the clock of the try starts, so our own waiting never counts against the endpoint.
T2  The next record and the attempt are acknowledged before the offset counts as done; they are repeated for ever
    while the broker is the reason, any other refusal ends the process.
T3  Results of an older assignment are dropped before anything is produced.
T4  A task of the hold log that must wait on stays where it lies: it ends undone, and nothing is appended again.
T5  Unknown is said of an endpoint only by a configuration read to an end that was taken after its record was read.
"""

import asyncio
import logging
import threading
from typing import Final, NamedTuple, Protocol, assert_never

from dispatchers import metrics
from dispatchers.hops import Hop, Hops
from dispatchers.partitions import Ticket
from dispatchers.sender import Sender, Try
from dispatchers.signature import headers_for
from dispatchers.task import attempt_record, dead_letter, held_task, next_task, outcome_of, waits_with
from dispatchers.verdict import Blocked, Dead, Delivered, Hold, Kind, Responded, RetryAt, Spent, Verdict, decide, label
from runtime.clock import mono_s, now_ms
from runtime.config_follower import ConfigFollower
from runtime.secrets import UnsealError
from schemas import topics
from schemas.codec import encoder
from schemas.config import Endpoint
from schemas.ids import task_id
from schemas.records import DeadLetter, DeadLetterResolved, DeliveryTask, TryOutcome
from schemas.settings import Settings

_LOG = logging.getLogger(__name__)

CONFIG_CHECK_S: Final = 1.0
"""The end of the configuration is looked up once a second at most (DESIGN.md 4.0)."""


class Owner(Protocol):
    """Who hands out tickets; each ticket is released once and then ends once."""

    def released(self, ticket: Ticket, *, throttle: bool) -> None:
        """The try has ended and its lane may go on; `throttle` asks the lane to rest a while."""

    def ended(self, ticket: Ticket, *, done: bool) -> None:
        """Nothing of the ticket is under way any more; `done` when its records are acknowledged."""


class _Made(NamedTuple):
    """A try, what it means, and when it ended."""

    made: Try
    verdict: Verdict
    now: int


class _Given(NamedTuple):
    """A task that cannot be tried."""

    reason: str


class Tries:
    """What every try of a process shares."""

    def __init__(self, settings: Settings, follower: ConfigFollower, sender: Sender, hops: Hops) -> None:
        """Make the encoders once."""
        self._delays_s = settings.dispatch.tier_delays_s
        self._follower = follower
        self._sender = sender
        self.hops = hops
        self._task = encoder("DeliveryTask")
        self._attempt = encoder("Attempt")
        self._dead = encoder("DeadLetter")
        self._resolve = encoder("DeadLetterResolved")
        self._seen = set(follower.snapshot.endpoints)
        """Every endpoint that was configured since the start: one of them that is missing was removed."""
        follower.on_change(lambda: self._seen.update(follower.snapshot.endpoints))
        self._closing = threading.Event()
        self._read_to_end_s = float("-inf")
        """When the newest end that the configuration was read to was taken, or before."""
        self._look_up: asyncio.Task[None] | None = None

    def close(self) -> None:
        """End a look-up of the configuration that waits for the brokers."""
        self._closing.set()

    async def run(self, ticket: Ticket, owner: Owner) -> None:
        """Make the try and hand the task on."""
        throttle = False
        try:
            result = await self._try(ticket)
            if isinstance(result, _Made):
                verdict = result.verdict
                throttle = isinstance(verdict, Hold) or (isinstance(verdict, RetryAt) and verdict.throttle)
                self._count(ticket.task, result)
        finally:
            owner.released(ticket, throttle=throttle)
        if result is None or not ticket.held.alive:
            owner.ended(ticket, done=False)
            return
        hops = self._bury(ticket, result.reason) if isinstance(result, _Given) else self._hand_on(ticket, result)
        stays = ticket.in_hold and isinstance(result, _Made) and isinstance(result.verdict, Hold)
        self.hops.send(hops, lambda: owner.ended(ticket, done=not stays))

    def held(self, task: DeliveryTask) -> Hop:
        """The hop of a task that has to wait for its endpoint."""
        return Hop(topics.HOLD, task["endpoint"], self._task(held_task(task, now=now_ms())))

    def letter(self, record: DeadLetter, key: str) -> Hop:
        """The hop of a dead letter of whatever origin."""
        metrics.DEAD.labels(record["task"]["event_type"], record["reason"]).inc()
        return Hop(topics.DEAD, key, self._dead(record))

    async def _try(self, ticket: Ticket) -> _Made | _Given | None:
        """None when the partition went away before a try could be made."""
        task = ticket.task
        endpoint = self._follower.snapshot.endpoints.get(task["endpoint"])
        if endpoint is None:
            await self._read_config_since(ticket)
            if ticket.held.closing or not ticket.held.alive or self._closing.is_set():
                return None
            endpoint = self._follower.snapshot.endpoints.get(task["endpoint"])
            if endpoint is None:
                return _Given(self._reason_of_absence(task["endpoint"]))
        try:
            headers = self._headers(endpoint, task)
        except UnsealError as error:
            _LOG.error("secrets of endpoint %s cannot be used: %s", task["endpoint"], error)
            return _Given("no_secret")
        made = await self._sender.post(endpoint.url, task["body"], headers)
        now = now_ms()
        verdict = decide(
            made.outcome, attempt=task["attempt"], tier_delays_s=self._delays_s, now=now, kind=_kind(ticket)
        )
        return _Made(made, verdict, now)

    def _reason_of_absence(self, endpoint: str) -> str:
        """Removed where it was seen since the start, or the configuration topic still tells of it; else unknown."""
        was_there = endpoint in self._seen or self._follower.was_removed("endpoint", endpoint)
        return "endpoint_removed" if was_there else "endpoint_unknown"

    def _headers(self, endpoint: Endpoint, task: DeliveryTask) -> dict[str, str]:
        secrets = self._follower.endpoint_secrets(endpoint.id)
        signed = headers_for(
            body=task["body"],
            event_id=task["event_id"],
            valid_secrets=secrets.valid,
            documented_secret=secrets.documented,
            now_s=now_ms() // 1000,
        )
        test = {"X-Trackly-Test": "1"} if task["origin"] == "test" else {}
        replay = {"X-Trackly-Replay": task["replay_id"]} if task["replay_id"] is not None else {}
        return {**endpoint.headers, "Content-Type": "application/json", **signed, **test, **replay}

    def _hand_on(self, ticket: Ticket, result: _Made) -> list[Hop]:
        """What a try leaves behind: the next record, if any, and the attempt."""
        task, (made, verdict, now) = ticket.task, result
        word = label(made.outcome)
        status = made.outcome.status if isinstance(made.outcome, Responded) else None
        done = outcome_of(task, outcome=word, status_code=status, duration_ms=made.duration_ms, now=now)
        match verdict:
            case Delivered():
                return [*self._resolved(task, now), self._record(task, done, made, "delivered")]
            case Spent():
                return [self._record(task, done, made, "spent")]
            case Hold():
                _log_failure(task, result, word, next_step="hold")
                record = self._record(task, done, made, "hold")
                if ticket.in_hold:
                    return [record]
                metrics.HELD_OF["gone"].inc()
                return [self.held(task), record]
            case RetryAt(tier=tier):
                metrics.RETRIES_OF[tier].inc()
                _log_failure(task, result, word, next_step=topics.TIERS[tier])
                topic = topics.tier_topic(waits_with(task["event_type"]), tier)
                again = Hop(topic, task["endpoint"], self._task(next_task(task, done)))
                next_try_at = now + round(self._delays_s[tier] * 1000)
                return [
                    again,
                    self._record(task, done, made, "retry", next_tier=topics.TIERS[tier], next_try_at=next_try_at),
                ]
            case Dead(reason=reason):
                _log_failure(task, result, word, next_step="dead")
                return [*self._bury(ticket, reason, done), self._record(task, done, made, "dead")]
            case _:
                assert_never(verdict)

    def _bury(self, ticket: Ticket, reason: str, *last: TryOutcome) -> list[Hop]:
        held, task = ticket.held, ticket.task
        where = (held.partition.topic, held.partition.number, ticket.offset)
        _LOG.warning(
            "dead letter", extra={"endpoint": task["endpoint"], "event_id": task["event_id"], "reason": reason}
        )
        letter = dead_letter(task, [*task["outcomes"], *last], reason, now=now_ms(), source=where)
        return [self.letter(letter, task["endpoint"])]

    def _resolved(self, task: DeliveryTask, now: int) -> list[Hop]:
        """The word that a dead letter is none any more, once a replay of its event has arrived."""
        if task["replay_id"] is None:
            return []
        record: DeadLetterResolved = {
            "task_id": task_id(task["event_id"], task["endpoint"]),
            "event_id": task["event_id"],
            "endpoint": task["endpoint"],
            "replay_id": task["replay_id"],
            "resolved_at": now,
        }
        return [Hop(topics.DEAD, task["endpoint"], self._resolve(record))]

    def _record(
        self,
        task: DeliveryTask,
        done: TryOutcome,
        made: Try,
        verdict: str,
        *,
        next_tier: str | None = None,
        next_try_at: int | None = None,
    ) -> Hop:
        record = attempt_record(
            task,
            done,
            verdict=verdict,
            excerpt=made.excerpt,
            phases=made.phases,
            next_tier=next_tier,
            next_try_at=next_try_at,
        )
        headers = [("outcome", done["outcome"].encode())]
        if task["origin"] in {"test", "notice"}:
            headers.append(("origin", task["origin"].encode()))
        if verdict == "dead":
            headers.append(("dead", b"1"))
        return Hop(topics.ATTEMPTS, task["endpoint"], self._attempt(record), headers)

    async def _read_config_since(self, ticket: Ticket) -> None:
        """Wait for a look-up that began after the record was read; all who wait share one, once a second at most."""
        while self._read_to_end_s < ticket.read_s and not ticket.held.closing and not self._closing.is_set():
            if self._look_up is None or self._look_up.done():
                self._look_up = asyncio.create_task(self._look_config_up())
            await asyncio.shield(self._look_up)

    async def _look_config_up(self) -> None:
        await asyncio.sleep(max(0.0, self._read_to_end_s + CONFIG_CHECK_S - mono_s()))
        began = mono_s()
        if await asyncio.to_thread(self._follower.read_to_end, keep_waiting=lambda: not self._closing.is_set()):
            self._read_to_end_s = began

    def _count(self, task: DeliveryTask, result: _Made) -> None:
        event, made = task["event_type"], result.made
        metrics.ATTEMPT_CHILDREN[event, task["attempt"], label(made.outcome)].inc()
        metrics.ATTEMPT_S_OF[event].observe(made.duration_ms / 1000)
        since_s = max(0.0, (result.now - task["created_at"]) / 1000)
        if task["attempt"] == 1 and task["origin"] == "event":
            metrics.FIRST_S_OF[event].observe(since_s)
        if isinstance(result.verdict, Delivered) and task["origin"] == "event":
            metrics.DELIVERY_S_OF[event].observe(since_s)


def _kind(ticket: Ticket) -> Kind:
    if ticket.task["origin"] == "test":
        return "only"
    return "probe" if ticket.probe else "ordinary"


def _log_failure(task: DeliveryTask, result: _Made, word: str, *, next_step: str) -> None:
    """One line per try that failed; no URL, phone number, body or secret."""
    outcome = result.made.outcome
    _LOG.info(
        "try failed",
        extra={
            "endpoint": task["endpoint"], "event_id": task["event_id"], "attempt": task["attempt"],
            "outcome": word, "status": outcome.status if isinstance(outcome, Responded) else None,
            "ms": result.made.duration_ms, "why": outcome.reason if isinstance(outcome, Blocked) else None,
            "next": next_step,
        },
    )  # fmt: skip
