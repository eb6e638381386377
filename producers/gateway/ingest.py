"""From a complete request to records and an answer: authenticate, split, produce, wait for every acknowledgement.

G1  Never a 2xx before the brokers have every fragment and every quarantine copy.
G2  No acknowledgement in time is 503 with Retry-After; what is still written is a repeat, and deduped.
G3  In-flight bytes are capped per account and in all until the delivery report, not until the answer.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final, assert_never

from producers import metrics
from producers.gateway.limits import RECORD_OVERHEAD_BYTES, InFlight
from producers.gateway.records import Records, Slot
from producers.gateway.request import Target, kept_fields
from runtime.clock import mono_s
from runtime.config_follower import ConfigFollower
from runtime.deadlines import Deadlines
from runtime.kafka.producer import AsyncProducer, ProducerBrokenError
from runtime.kafka.records import Ack, Produced
from runtime.secrets import UnsealError
from schemas.providers.callback import Adapter, Answer, CallbackRequest, Credentials, Forged, Malformed, Split
from schemas.records import CallbackKind
from schemas.settings import Settings

_LOG = logging.getLogger(__name__)

RETRY_AFTER_S: Final = 2
SEALED_LOGGED_MAX: Final = 100
"""Different unreadable credentials that are logged before the list is forgotten."""
TOO_LARGE_CODE: Final = "MSG_SIZE_TOO_LARGE"
"""The one refusal that trying again cannot help and that the caller caused."""
NOT_TAKEN: Final = "NOT_TAKEN"
"""The producer's queue was full, or the producer is broken, which ends the process (role.py)."""
_NO_CREDENTIALS: Final = Credentials({})


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer, and the words it is counted under."""

    answer: Answer
    outcome: str
    kind: CallbackKind = "unknown"
    retry_after_s: int | None = None
    provider: str = "other"
    allow: str | None = None
    """Methods, with 405."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """What must be acknowledged before an outcome may be told."""

    slots: Sequence[Slot]
    then: Outcome
    target: Target
    """Without credentials in the query."""
    fragments: int = 0
    bad: int = 0


class _Waiter:
    """Counts the acknowledgements of one request; the last one answers and frees the bytes."""

    __slots__ = ("_account", "_inflight", "_left", "_size", "_started", "future", "refused")

    def __init__(self, count: int, account: str, size: int, inflight: InFlight) -> None:
        self._left = count
        self._account = account
        self._size = size
        self._inflight = inflight
        self._started = mono_s()
        self.future: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        self.refused: str | None = None

    def __call__(self, outcome: Produced) -> None:
        """Take one delivery report."""
        if outcome.__class__ is not Ack:
            assert not isinstance(outcome, Ack)
            self.refused = outcome.code
        self.less(1)

    def less(self, count: int) -> None:
        """Wait for so many reports less."""
        self._left -= count
        if self._left:
            return
        self._inflight.give(self._account, self._size)
        metrics.ACK.observe(mono_s() - self._started)
        if not self.future.done():
            self.future.set_result(self.refused is None)


class Ingest:
    """What every request shares: configuration, producer, caps."""

    def __init__(self, settings: Settings, follower: ConfigFollower, producer: AsyncProducer) -> None:
        """Make what is needed once."""
        self._follower = follower
        self._producer = producer
        self._records = Records(settings.topic_prefix)
        self._inflight = InFlight(settings.gateway.account_inflight_bytes_max)
        self._deadlines = Deadlines(settings.gateway.ack_timeout_s, _give_up)
        self._sealed: set[tuple[str, str]] = set()
        metrics.INFLIGHT.set_function(lambda: self._inflight.total)

    def admit(self, target: Target, adapter: Adapter | None) -> Outcome | None:
        """What can be said before the body is read; None where it must be read."""
        if not self._follower.trusted:
            return _unavailable("configuration is not read yet", "not_ready", adapter)
        if adapter is None or target.account not in self._follower.snapshot.accounts:
            provider = adapter.name if adapter is not None else "other"
            return Outcome(Answer(404, b"unknown provider or account"), "not_found", provider=provider)
        return None

    async def take(self, target: Target, adapter: Adapter, request: CallbackRequest) -> Outcome:
        """Answer a request that was read to its end."""
        decided = self._decide(target, adapter, request)
        if isinstance(decided, Outcome):
            return decided
        waiter = self._hand_over(target.account, decided.slots)
        if waiter is None:
            return _unavailable("too much in flight", "overloaded", adapter)
        good = await waiter.future
        if not good:
            return await self._not_written(decided.target, adapter, request, waiter)
        if decided.fragments:
            metrics.FRAGMENT_CHILDREN[adapter.name].inc(decided.fragments)
            metrics.LAST_ACCEPTED_S[adapter.name] = request.received_at / 1000
        if decided.bad:
            metrics.QUARANTINE_CHILDREN[adapter.name].inc(decided.bad)
        return decided.then

    def _decide(self, target: Target, adapter: Adapter, request: CallbackRequest) -> Outcome | _Batch:
        try:
            credentials = self._follower.credentials(target.account, adapter.name) or _NO_CREDENTIALS
        except UnsealError as error:
            self._log_sealed(target.account, adapter.name, error)
            return _unavailable("credentials cannot be read", "unavailable", adapter)
        name = adapter.name
        shown = adapter.authenticate(request, credentials)
        if isinstance(shown, Forged):
            metrics.SIGNATURE_CHILDREN[name, shown.reason].inc()
            status = adapter.missing_status if shown.reason == "missing" else 401
            return Outcome(Answer(status, b"credential missing or wrong"), "unauthorized", provider=name)
        secret = frozenset(chain.from_iterable(credentials.secrets.values())) if request.query else frozenset()
        if target.kept_query:
            target = replace(target, kept_query=kept_fields(target.kept_query, secret))
        if target.flaw is not None:
            copy = self._records.of_whole(target, name, request, reason="malformed", detail=f"{target.flaw}.")
            then = Outcome(Answer(400, target.flaw.encode()), "bad_request", provider=name)
            return _Batch([copy], then, target, bad=1)
        split = adapter.split(request)
        match split:
            case Malformed(detail):
                copy = self._records.of_whole(target, name, request, reason="malformed", detail=detail)
                then = Outcome(adapter.malformed(request, detail), "malformed", provider=name)
                return _Batch([copy], then, target, bad=1)
            case Split():
                return self._decide_split(target, adapter, request, split, secret)
            case _:
                assert_never(split)

    def _decide_split(
        self, target: Target, adapter: Adapter, request: CallbackRequest, split: Split, secret: frozenset[str]
    ) -> Outcome | _Batch:
        slots = self._records.of_fragments(target, adapter.name, request, split.fragments, credentials=secret)
        slots += [self._records.of_bad(target, adapter.name, request, bad) for bad in split.bad]
        answer = adapter.accepted(request)
        if not slots:
            return Outcome(answer, "ignored", provider=adapter.name)
        kind = split.fragments[0].kind if split.fragments else "unknown"
        then = Outcome(answer, "accepted", kind, provider=adapter.name)
        return _Batch(slots, then, target, len(split.fragments), len(split.bad))

    async def _not_written(
        self, target: Target, adapter: Adapter, request: CallbackRequest, refused: _Waiter
    ) -> Outcome:
        """The answer where the brokers did not take everything; what no repeat can mend leaves a copy first."""
        if refused.refused != TOO_LARGE_CODE:
            return _unavailable("not acknowledged in time", "unavailable", adapter)
        copy = self._records.of_whole(
            target, adapter.name, request, reason="too_large", detail="The brokers take no record of this size."
        )
        waiter = self._hand_over(target.account, [copy])
        if waiter is None:
            return _unavailable("too much in flight", "overloaded", adapter)
        if not await waiter.future and waiter.refused != TOO_LARGE_CODE:
            return _unavailable("not acknowledged in time", "unavailable", adapter)
        if waiter.refused is None:
            metrics.QUARANTINE_CHILDREN[adapter.name].inc()
        return Outcome(Answer(413, b"larger than the brokers take"), "too_large", provider=adapter.name)

    def _hand_over(self, account: str, slots: Sequence[Slot]) -> _Waiter | None:
        """Produce everything; None where too much is in flight already."""
        size = len(slots) * RECORD_OVERHEAD_BYTES + sum([len(value) for _, _, value in slots])
        if not self._inflight.take(account, size):
            return None
        waiter = _Waiter(len(slots), account, size, self._inflight)
        for done, (topic, key, value) in enumerate(slots):
            try:
                has_room = self._producer.offer(waiter, topic, key=key, value=value)
            except ProducerBrokenError:
                has_room = False
            if not has_room:
                waiter.refused = NOT_TAKEN
                waiter.less(len(slots) - done)
                break
        self._deadlines.add(waiter.future)
        return waiter

    def _log_sealed(self, account: str, provider: str, error: UnsealError) -> None:
        """Once for each credential, not for each request."""
        if len(self._sealed) >= SEALED_LOGGED_MAX:
            self._sealed.clear()
        if (account, provider) not in self._sealed:
            self._sealed.add((account, provider))
            _LOG.error("callbacks of %s for account %s are answered 503: %s", provider, account, error)


def _give_up(future: "asyncio.Future[bool | None]") -> None:
    future.set_result(None)


def _unavailable(detail: str, outcome: str, adapter: Adapter | None) -> Outcome:
    provider = adapter.name if adapter is not None else "other"
    return Outcome(Answer(503, detail.encode()), outcome, retry_after_s=RETRY_AFTER_S, provider=provider)
