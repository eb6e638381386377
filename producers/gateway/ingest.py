"""From a complete request to records and an answer: authenticate, split, produce, wait for every acknowledgement.

G1  Never a 2xx before the brokers have every fragment and every quarantine copy.
G2  No acknowledgement in time is 503 with Retry-After; what is still written is a repeat, and deduped.
G3  In-flight bytes are capped per account and in all until the delivery report, not until the answer.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from producers import metrics
from producers.gateway.request import KEPT_HEADERS, Target
from runtime.clock import mono_s
from runtime.config_follower import ConfigFollower
from runtime.kafka.producer import AsyncProducer
from runtime.kafka.records import Ack, Produced
from schemas import ids, topics
from schemas.codec import encoder
from schemas.providers.callback import (
    Adapter,
    Answer,
    BadFragment,
    CallbackRequest,
    Credentials,
    Forged,
    Fragment,
    Malformed,
    Split,
)
from schemas.records import Quarantined, RawCallback
from schemas.settings import Settings

INFLIGHT_BYTES_MAX: Final = 100 * 1024 * 1024
"""Of all accounts together; below the producer's own queue of 128 MiB, so that the queue is never the limit."""
RETRY_AFTER_S: Final = 2
_NO_CREDENTIALS: Final = Credentials({})

Slot = tuple[str, str, bytes]
"""Topic, key, value."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer, and the words it is counted under."""

    answer: Answer
    outcome: str
    kind: str = "unknown"
    retry_after_s: int | None = None


class _Waiter:
    """Counts the acknowledgements of one request."""

    __slots__ = ("_bytes", "_left", "_release", "_started", "future", "refused")

    def __init__(self, count: int, size: int, release: Callable[[int], None], future: "asyncio.Future[bool]") -> None:
        self._left = count
        self._bytes = size
        self._release = release
        self._started = mono_s()
        self.future = future
        self.refused = False

    def __call__(self, outcome: Produced) -> None:
        """Take one delivery report; the last one answers and frees the bytes."""
        if not isinstance(outcome, Ack):
            self.refused = True
        self._left -= 1
        if self._left:
            return
        self._release(self._bytes)
        metrics.ACK.observe(mono_s() - self._started)
        if not self.future.done():
            self.future.set_result(not self.refused)


class Ingest:
    """What every request shares: producer, encoders, caps."""

    def __init__(self, settings: Settings, follower: ConfigFollower, producer: AsyncProducer) -> None:
        """Make the encoders once."""
        self._follower = follower
        self._producer = producer
        self._ack_timeout_s = settings.gateway.ack_timeout_s
        self._account_max = settings.gateway.account_inflight_bytes_max
        self._raw_topic = settings.topic_prefix + topics.RAW
        self._quarantine_topic = settings.topic_prefix + topics.QUARANTINE
        self._raw = encoder("RawCallback")
        self._quarantined = encoder("Quarantined")
        self._inflight: dict[str, int] = {}
        self._inflight_all = 0

    def admit(self, target: Target, adapter: Adapter | None) -> Outcome | None:
        """What can be said before the body is read; None where it must be read."""
        if not self._follower.trusted:
            return Outcome(Answer(503, b"configuration is not read yet"), "not_ready", retry_after_s=RETRY_AFTER_S)
        if adapter is None or target.account not in self._follower.snapshot.accounts:
            return Outcome(Answer(404, b"unknown provider or account"), "not_found")
        return None

    async def take(self, target: Target, adapter: Adapter, request: CallbackRequest) -> Outcome:
        """Answer a request that was read to its end."""
        credentials = self._follower.credentials(target.account, adapter.name) or _NO_CREDENTIALS
        shown = adapter.authenticate(request, credentials)
        if isinstance(shown, Forged):
            metrics.SIGNATURE_CHILDREN[adapter.name, shown.reason].inc()
            return Outcome(Answer(401, b"credential missing or wrong"), "unauthorized")
        split = adapter.split(request)
        match split:
            case Malformed():
                copy = self._whole(target, adapter, request, split.detail)
                refused = await self._produce(target.account, [copy])
                if refused is not None:
                    return refused
                metrics.QUARANTINE_CHILDREN[adapter.name].inc()
                return Outcome(adapter.malformed(request, split.detail), "malformed")
            case Split():
                return await self._take_split(target, adapter, request, split)
            case _:
                assert_never(split)

    async def _take_split(self, target: Target, adapter: Adapter, request: CallbackRequest, split: Split) -> Outcome:
        slots = [self._fragment(target, adapter, request, one) for one in split.fragments]
        slots += [self._bad(target, adapter, request, one) for one in split.bad]
        if not slots:
            return Outcome(adapter.accepted(request), "ignored")
        refused = await self._produce(target.account, slots)
        if refused is not None:
            return refused
        if split.fragments:
            metrics.FRAGMENT_CHILDREN[adapter.name].inc(len(split.fragments))
            metrics.LAST_CHILDREN[adapter.name].set(request.received_at / 1000)
        if split.bad:
            metrics.QUARANTINE_CHILDREN[adapter.name].inc(len(split.bad))
        kind = split.fragments[0].kind if split.fragments else "unknown"
        return Outcome(adapter.accepted(request), "accepted", kind)

    async def _produce(self, account: str, slots: Sequence[Slot]) -> Outcome | None:
        """Hand over and wait; None when the brokers have everything."""
        size = sum(len(value) for _, _, value in slots)
        held = self._inflight.get(account, 0)
        if (held and held + size > self._account_max) or self._inflight_all + size > INFLIGHT_BYTES_MAX:
            return Outcome(Answer(503, b"too much in flight"), "overloaded", retry_after_s=RETRY_AFTER_S)
        self._inflight[account] = held + size
        self._inflight_all += size
        metrics.INFLIGHT.set(self._inflight_all)

        def release(freed: int) -> None:
            left = self._inflight[account] - freed
            if left:
                self._inflight[account] = left
            else:
                del self._inflight[account]
            self._inflight_all -= freed
            metrics.INFLIGHT.set(self._inflight_all)

        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        waiter = _Waiter(len(slots), size, release, future)
        timer = loop.call_later(self._ack_timeout_s, _give_up, future)
        for topic, key, value in slots:
            while not self._producer.offer(waiter, topic, key=key, value=value):  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.005)
        good = await future
        timer.cancel()
        if good:
            return None
        return Outcome(Answer(503, b"not acknowledged in time"), "unavailable", retry_after_s=RETRY_AFTER_S)

    def _fragment(self, target: Target, adapter: Adapter, request: CallbackRequest, fragment: Fragment) -> Slot:
        record: RawCallback = {
            "account": target.account,
            "provider": adapter.name,
            "kind": fragment.kind if fragment.kind != "unknown" else target.kind,
            "phone": fragment.phone,
            "body": fragment.body,
            "content_type": fragment.content_type,
            "headers": {name: value for name, value in request.headers.items() if name in KEPT_HEADERS},
            "query": dict(target.kept_query),
            "mid": target.mid,
            "list": target.list_number,
            "received_at": request.received_at,
            "redriven": False,
        }
        return self._raw_topic, topics.contact_key(target.account, fragment.phone), self._raw(record)

    def _bad(self, target: Target, adapter: Adapter, request: CallbackRequest, bad: BadFragment) -> Slot:
        record = self._quarantine_record(target, adapter, request, bad.body, bad.reason, bad.detail)
        record["kind"], record["phone"], record["content_type"] = bad.kind, bad.phone, bad.content_type
        return self._quarantine_topic, ids.content_key(bad.body), self._quarantined(record)

    def _whole(self, target: Target, adapter: Adapter, request: CallbackRequest, detail: str) -> Slot:
        record = self._quarantine_record(target, adapter, request, request.body, "malformed", detail)
        record["split"] = False
        return self._quarantine_topic, ids.content_key(request.body), self._quarantined(record)

    def _quarantine_record(
        self, target: Target, adapter: Adapter, request: CallbackRequest, body: bytes, reason: str, detail: str
    ) -> Quarantined:
        return {
            "account": target.account,
            "provider": adapter.name,
            "kind": target.kind,
            "phone": None,
            "body": body,
            "content_type": request.content_type,
            "headers": {name: value for name, value in request.headers.items() if name in KEPT_HEADERS},
            "query": dict(target.kept_query),
            "mid": target.mid,
            "list": target.list_number,
            "received_at": request.received_at,
            "reason": reason,
            "detail": detail,
            "stage": "gateway",
            "split": True,
            "source_topic": None,
            "source_partition": None,
            "source_offset": None,
            "quarantined_at": request.received_at,
        }


def _give_up(future: "asyncio.Future[bool]") -> None:
    if not future.done():
        future.set_result(False)
