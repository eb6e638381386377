"""Writes the automatic pauses of the endpoints whose hold partition is ours, and nobody else's. On the loop.

O1  It reads the same partition number of `webhooks.attempts`, by their headers alone, from a while back, and decides
    only once it has read to an end that was taken after the partition came to us.
O2  A pause that an earlier owner wrote is taken over; one that somebody writes meanwhile for an endpoint of ours is
    written again as we know it (DESIGN.md 4.7).
O3  A pause ends by a 2xx, by another URL where the endpoint was gone, and by a person's word.
"""

import asyncio
import hashlib
import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from dispatchers import metrics, notices
from dispatchers.auto_pause import AutoPause, PausePolicy, Streak, after_attempt, after_url
from dispatchers.endpoint_states import EndpointStates
from dispatchers.hops import Hop, Hops
from dispatchers.pauses import FAILING, GONE
from runtime.clock import now_ms
from runtime.config_follower import ConfigFollower
from runtime.kafka.admin import Cluster, insist
from runtime.kafka.records import Message, Partition
from runtime.kafka.tail import Tail
from schemas import topics
from schemas.codec import encoder
from schemas.partitioner import partition_of
from schemas.records import EndpointState
from schemas.settings import DispatchSettings, Settings

_LOG = logging.getLogger(__name__)

LOOK_BACK_MS: Final = 15 * 60_000
"""How far back attempts are read when a partition comes to us: longer than a streak must be to pause."""
LOOK_BACK_MORE_MS: Final = 5 * 60_000
"""Added to the shortest time of a streak where that is configured to be long."""
POLL_S: Final = 0.1
GATHER_S: Final = 0.05
"""Between two reads while attempts come in: nothing here is in a hurry, and waking up for each costs more than it."""
ASK_AGAIN_S: Final = 0.2


def policy_of(settings: DispatchSettings) -> PausePolicy:
    """The pause rules as configured."""
    delays_ms = tuple(round(delay_s * 1000) for delay_s in settings.probe_delays_s)
    return PausePolicy(settings.pause_failures, round(settings.pause_after_s * 1000), delays_ms)


@dataclass(slots=True)
class _CatchUp:
    """A partition that came to us and whose attempts are read; another one takes its place when it comes again."""

    reached: asyncio.Future[None]
    """Ends when everything up to the end is judged, or when the partition is given away."""
    end: int | None = None


class PauseOwner:
    """Decides about the endpoints of the hold partitions that are ours."""

    def __init__(
        self,
        settings: Settings,
        follower: ConfigFollower,
        states: EndpointStates,
        hops: Hops,
        cluster: Cluster,
        partitions: int,
        pool: ThreadPoolExecutor,
    ) -> None:
        """Open the tail of attempts; nothing is owned yet."""
        self._topic = settings.topic_prefix + topics.ATTEMPTS
        self._policy = policy_of(settings.dispatch)
        self._follower = follower
        self._states = states
        self._hops = hops
        self._cluster = cluster
        self._partitions = partitions
        self._pool = pool
        self._tail = Tail(settings.kafka, "dispatcher", on_error=_log_error, skips_gone=True)
        self._changes: list[Mapping[Partition, int] | list[Partition]] = []
        """What the tail is to follow or to leave before its next read."""
        self._encode = encoder("EndpointState")
        self._encode_task = encoder("DeliveryTask")
        self._actor = f"dispatcher:{uuid.uuid4().hex[:8]}"
        self._deciding: set[int] = set()
        """Partitions that are ours and read to the end; of others nothing is written."""
        self._catching_up: dict[int, _CatchUp] = {}
        self._pauses: dict[str, AutoPause] = {}
        self._streaks: dict[str, Streak] = {}
        self._told_dead: dict[str, int] = {}
        self._ended_at: dict[str, int] = {}
        self._stopping = threading.Event()
        states.on_record(self._state_written)
        loop = asyncio.get_running_loop()
        follower.on_change(lambda: _post(loop, self._config_changed))

    @property
    def pauses(self) -> Mapping[str, AutoPause]:
        """The automatic pauses of endpoints of ours."""
        return self._pauses

    def owns(self, endpoint: str) -> bool:
        """Whether we decide about an endpoint now."""
        return partition_of(endpoint.encode(), self._partitions) in self._deciding

    async def run(self) -> None:
        """Read attempts for ever; ends by an error alone."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                changes, self._changes = self._changes, []
                messages = await loop.run_in_executor(self._pool, self._read, changes)
                for message in messages:
                    self._attempt(message)
                self._note_caught_up()
                if messages:
                    await asyncio.sleep(GATHER_S)
        finally:
            await loop.run_in_executor(self._pool, self._tail.close)

    def close(self) -> None:
        """Ask the cluster nothing more."""
        self._stopping.set()

    async def take_over(self, number: int) -> None:
        """Learn what there is to know of a partition, then decide about its endpoints; unless it is given away."""
        place = Partition(self._topic, number)
        ours = self._catching_up[number] = _CatchUp(asyncio.get_running_loop().create_future())
        since = now_ms() - max(LOOK_BACK_MS, self._policy.min_ms + LOOK_BACK_MORE_MS)
        start = await self._ask(lambda: self._cluster.offsets_since([place], since)[place])
        ours.end = await self._ask(lambda: self._cluster.end_offsets([place])[place])
        if self._catching_up.get(number) is not ours:
            return
        for state in self._states.book.auto_states():
            if self._is_in(state["endpoint"], number):
                self._adopt(state)
        self._changes.append({place: start})
        await ours.reached
        if self._catching_up.get(number) is not ours:
            return
        del self._catching_up[number]
        self._deciding.add(number)
        for endpoint in {*self._pauses, *(state["endpoint"] for state in self._states.book.auto_states())}:
            if self._is_in(endpoint, number):
                self._obey(endpoint)
                if not self._is_written(endpoint):
                    self._settle(endpoint)
                self._ended_at.pop(endpoint, None)
        self._config_changed()

    def _note_caught_up(self) -> None:
        """Everything that was read is judged: whoever waited for it goes on."""
        pending = {place for change in self._changes if isinstance(change, Mapping) for place in change}
        for number, one in self._catching_up.items():
            place = Partition(self._topic, number)
            followed = place not in pending and place in self._tail.positions
            if one.end is not None and followed and self._tail.positions[place] >= one.end and not one.reached.done():
                one.reached.set_result(None)

    def _obey(self, endpoint: str) -> None:
        """A person's word that came while nobody decided ends an older pause."""
        manual, pause = self._states.book.manual(endpoint), self._pauses.get(endpoint)
        if pause is not None and manual is not None and not manual["paused"] and manual["updated_at"] > pause.since:
            del self._pauses[endpoint]
            self._streaks.pop(endpoint, None)
            self._ended_at[endpoint] = manual["updated_at"]

    def _settle(self, endpoint: str) -> None:
        """Write what attempts say of an endpoint that the last owner did not write any more, and tell of it."""
        written, pause = self._states.book.auto(endpoint), self._pauses.get(endpoint)
        was_paused = written is not None and written["paused"]
        if pause is not None and not was_paused:
            self._announce(endpoint, pause, at=pause.since)
        elif pause is None and written is not None and was_paused:
            self._announce_end(endpoint, written["reason"] or "", at=self._ended_at.get(endpoint, now_ms()))
        self._write(endpoint)

    def give_away(self, numbers: Iterable[int]) -> None:
        """Decide about these no more."""
        gone = set(numbers)
        self._deciding -= gone
        for number in gone:
            taking = self._catching_up.pop(number, None)
            if taking is not None and not taking.reached.done():
                taking.reached.set_result(None)
        self._changes.append([Partition(self._topic, number) for number in gone])
        for known in (self._pauses, self._streaks, self._told_dead, self._ended_at):
            for endpoint in [name for name in known if partition_of(name.encode(), self._partitions) in gone]:
                del known[endpoint]

    # ---- attempts ---------------------------------------------------------------------------------------------------
    def _read(self, changes: Sequence[Mapping[Partition, int] | list[Partition]]) -> list[Message]:
        for change in changes:
            if isinstance(change, list):
                self._tail.leave(change)
            else:
                self._tail.follow(change)
        return self._tail.read(POLL_S)

    async def _ask(self, question: Callable[[], int]) -> int:
        return await asyncio.to_thread(insist, question, keep_waiting=lambda: not self._stopping.wait(ASK_AGAIN_S))

    def _attempt(self, message: Message) -> None:
        headers = dict(message.headers() or ())
        outcome = headers.get("outcome")
        endpoint = (message.key() or b"").decode("utf-8", "replace")
        if outcome is None or "origin" in headers or notices.is_notices(endpoint):
            return
        at = message.timestamp()[1]
        if "dead" in headers:
            self.tell_of_dead(endpoint, at)
        if at <= self._states.book.settled_at(endpoint):
            return  # a person or an owner has judged it since
        pause = self._pauses.get(endpoint)
        streak = self._streaks.setdefault(endpoint, Streak())
        url_hash = self._url_hash(endpoint)
        after = after_attempt(pause, streak, outcome.decode(), at=at, url_hash=url_hash, policy=self._policy)
        if not streak.failures:
            del self._streaks[endpoint]
        self._become(endpoint, after, at)

    def _become(self, endpoint: str, after: AutoPause | None, at: int) -> None:
        """Take over a new pause, another one or its end; written at once where we decide."""
        before = self._pauses.get(endpoint)
        if after == before:
            return
        if after is None:
            del self._pauses[endpoint]
            if not self.owns(endpoint):
                self._ended_at[endpoint] = at
        else:
            self._pauses[endpoint] = after
        if not self.owns(endpoint):
            return
        self._write(endpoint)
        if before is None and after is not None:
            self._announce(endpoint, after, at=at)
        elif before is not None and after is None:
            self._announce_end(endpoint, before.reason, at=at)

    def _announce(self, endpoint: str, pause: AutoPause, *, at: int) -> None:
        metrics.PAUSES.labels(pause.reason, "begun").inc()
        _LOG.warning("endpoint paused", extra={"endpoint": endpoint, "reason": pause.reason})
        self._tell(notices.PAUSED, endpoint, at=at, reason=pause.reason)

    def _announce_end(self, endpoint: str, reason: str, *, at: int) -> None:
        metrics.PAUSES.labels(GONE if reason == GONE else FAILING, "ended").inc()
        _LOG.warning("endpoint resumed", extra={"endpoint": endpoint, "reason": reason})
        self._tell(notices.RESUMED, endpoint, at=at)

    # ---- what others say --------------------------------------------------------------------------------------------
    def _state_written(self, key: str, record: EndpointState | None) -> None:
        endpoint, _, kind = key.partition("|")
        if not self.owns(endpoint):
            return
        if kind == "manual" and record is not None and not record["paused"]:
            pause = self._pauses.get(endpoint)
            self._streaks.pop(endpoint, None)
            if pause is not None and record["updated_at"] > pause.since:
                self._become(endpoint, None, record["updated_at"])
        elif kind == "auto" and not self._is_mine(record) and not self._is_written(endpoint):
            _LOG.warning("somebody else wrote the pause of an endpoint of ours", extra={"endpoint": endpoint})
            self._write(endpoint)

    def _is_mine(self, record: EndpointState | None) -> bool:
        return record is not None and record["actor"] == self._actor

    def _config_changed(self) -> None:
        endpoints = self._follower.snapshot.endpoints
        for known in (self._streaks, self._told_dead, self._ended_at):
            for endpoint in known.keys() - endpoints.keys():
                del known[endpoint]
        for endpoint, pause in list(self._pauses.items()):
            if not self.owns(endpoint):
                continue
            if endpoint not in endpoints:
                del self._pauses[endpoint]
                self._hops.send([Hop(topics.ENDPOINT_STATE, topics.auto_key(endpoint), None)], _nothing)
            else:
                now = now_ms()
                self._become(endpoint, after_url(pause, self._url_hash(endpoint), now=now), now)

    def _adopt(self, state: EndpointState) -> None:
        if state["paused"]:
            self._pauses[state["endpoint"]] = AutoPause(
                state["reason"] or "",
                state["since"] or 0,
                state["next_probe_at"] or 0,
                state["probes"],
                state["url_hash"] or "",
            )

    def _is_in(self, endpoint: str, number: int) -> bool:
        return partition_of(endpoint.encode(), self._partitions) == number

    def _url_hash(self, endpoint: str) -> str:
        found = self._follower.snapshot.endpoints.get(endpoint)
        return "" if found is None else hashlib.sha256(found.url.encode()).hexdigest()[:16]

    # ---- what we write ----------------------------------------------------------------------------------------------
    def _record(self, endpoint: str) -> EndpointState:
        pause = self._pauses.get(endpoint)
        return {
            "endpoint": endpoint,
            "kind": "auto",
            "paused": pause is not None,
            "reason": None if pause is None else pause.reason,
            "since": None if pause is None else pause.since,
            "next_probe_at": None if pause is None else pause.next_probe_at,
            "probes": 0 if pause is None else pause.probes,
            "hold_partition": None,
            "done_below": None,
            "done_beyond": None,
            "url_hash": None if pause is None else pause.url_hash,
            "actor": self._actor,
            "updated_at": now_ms(),
        }

    def _is_written(self, endpoint: str) -> bool:
        """Whether the book says of an endpoint what we say."""
        written = self._states.book.auto(endpoint)
        mine = self._record(endpoint)
        if written is None:
            return not mine["paused"]
        return all(written[name] == mine[name] for name in ("paused", "reason", "since", "next_probe_at", "probes"))

    def _write(self, endpoint: str) -> None:
        value = self._encode(self._record(endpoint))
        self._hops.send([Hop(topics.ENDPOINT_STATE, topics.auto_key(endpoint), value)], _nothing)

    def tell_of_dead(self, endpoint: str, at: int) -> None:
        """Tell the account that an endpoint has dead letters, once an hour at most."""
        window = notices.window_of(at)
        if self.owns(endpoint) and not notices.is_notices(endpoint) and self._told_dead.get(endpoint) != window:
            self._told_dead[endpoint] = window
            self._tell(notices.DEAD_LETTERS, endpoint, at=window)

    def _tell(self, kind: str, endpoint: str, *, at: int, reason: str | None = None) -> None:
        task = notices.notice(kind, endpoint, at=at, now=now_ms(), reason=reason)
        if task["endpoint"] in self._follower.snapshot.endpoints:
            metrics.NOTICES.labels(kind).inc()
            self._hops.send([Hop(topics.TASKS, task["endpoint"], self._encode_task(task))], _nothing)


def _post(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    """Call on the loop, from the follower's thread; a process that ends has none any more."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(callback)


def _nothing() -> None:
    """Nobody waits for the acknowledgement; a refusal ends the process all the same."""


def _log_error(name: str) -> None:
    _LOG.warning("attempts: %s", name)
