"""Starts a dispatcher: configuration, layout, tiers checked; then one shell per event type on one loop."""

import asyncio
import functools
import gc
import logging
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol

from dispatchers import metrics
from dispatchers.broker_clock import BrokerClock
from dispatchers.endpoint_states import EndpointStates
from dispatchers.flow import Flow
from dispatchers.hold_owner import HoldOwner
from dispatchers.hold_shell import HoldShell
from dispatchers.hold_turns import DRAINS_MAX
from dispatchers.hops import Hops
from dispatchers.pause_owner import PauseOwner
from dispatchers.pauses import PauseBook
from dispatchers.sender import Sender
from dispatchers.shell import TICK_S, EventShell
from dispatchers.tries import Tries
from runtime.clock import mono_ms
from runtime.config_follower import ConfigFollower
from runtime.egress import EgressPolicy
from runtime.kafka.admin import Cluster, ClusterError
from runtime.kafka.producer import AsyncProducer
from runtime.kafka.properties import producer
from runtime.kafka.reader import Reader
from runtime.kafka.records import Partition
from runtime.provisioning import await_topics, verify_layout
from runtime.worker import ConfigurationError, Life, drain_requested
from schemas import topics
from schemas.settings import Settings

_LOG = logging.getLogger(__name__)

LEADERS_S: Final = 15.0
HEARTBEAT_CHECK_S: Final = 0.5
DRAIN_S: Final = 2.0
"""Longest wait for late acknowledgements; those that count were waited for while partitions were given back."""
LINGER_MS: Final = 2
GC_THRESHOLD: Final = 20_000
"""A try leaves no cycles; by default the collector walks every task in flight after each seven hundred allocations,
which took a fifth of the process with 512 tries in flight."""
MEASURE_MS: Final = 500.0
"""How often gauges are set: oftener than anybody scrapes."""


async def main(life: Life, events: tuple[topics.PublicEvent, ...]) -> int:
    """Run one dispatcher until it is asked to drain."""
    settings = life.settings
    if not await asyncio.to_thread(await_topics, settings, keep_waiting=lambda: not life.stopping.is_set()):
        return 0
    follower = ConfigFollower(settings, "dispatcher")
    follower.start()
    if not await follower.wait_ready_async(life.stopping):
        return 0
    counts = await asyncio.to_thread(verify_layout, settings, follower)
    cluster = Cluster(settings.kafka, "dispatcher")
    await asyncio.to_thread(_check_tiers, settings, cluster, events)
    records = AsyncProducer(producer(settings.kafka, "dispatcher", message_timeout_ms=0, linger_ms=LINGER_MS))
    records.start()
    connections = settings.dispatch.inflight_max * (len(events) + 2)
    policy = EgressPolicy(settings.egress)
    with ThreadPoolExecutor(DRAINS_MAX + 2, "tail") as pool:
        async with Sender(policy, timeout_s=settings.dispatch.attempt_timeout_s, connections=connections) as sender:
            parts = _Parts(life, follower, sender, records, cluster, counts, pool)
            await parts.run(events)
        await records.drain(DRAIN_S)
        records.close()
    follower.close()
    return 0


class _Parts:
    """The parts of one dispatcher, made and run together."""

    def __init__(
        self,
        life: Life,
        follower: ConfigFollower,
        sender: Sender,
        records: AsyncProducer,
        cluster: Cluster,
        counts: Mapping[str, int],
        pool: ThreadPoolExecutor,
    ) -> None:
        settings = life.settings
        self._life, self._follower, self._cluster, self._counts = life, follower, cluster, counts
        self._clock = BrokerClock()
        self._hops = Hops(settings.topic_prefix, records, self._clock)
        self._tries = Tries(settings, follower, sender, self._hops)
        self._states = EndpointStates(settings, cluster, counts[topics.ENDPOINT_STATE], pool)
        self._pauses = PauseOwner(settings, follower, self._states, self._hops, cluster, counts[topics.HOLD], pool)
        owner = HoldOwner(settings, follower, self._states, self._pauses, self._tries, self._clock, pool)
        self._owner = owner
        self._hold = HoldShell(life, follower, self._tries, self._states.book, owner)

    async def run(self, events: tuple[topics.PublicEvent, ...]) -> None:
        """Deliver until a drain is asked for; nothing is tried before it is known who is paused."""
        life, settings = self._life, self._life.settings
        self._hops.leaders = await asyncio.to_thread(_leaders, self._cluster, settings)
        following = asyncio.create_task(self._states.run())
        deciding = asyncio.create_task(self._pauses.run())
        shells: list[Shell] = [self._hold]
        try:
            if not await _first(self._states.read_to_end(), following, life):
                return
            for event in events:
                count = self._counts[topics.events_topic(event)]
                shell = EventShell(event, life, self._follower, self._tries, self._states.book, self._clock, count)
                shells.append(shell)
            flows = [one.flow for one in shells]
            self._states.on_pause(functools.partial(_divert, flows, self._states))
            gc.freeze()
            gc.set_threshold(GC_THRESHOLD)
            for one in shells:
                one.start()
            clockwork = _Clockwork(self._hops, self._clock, self._cluster, settings)
            others = [following, deciding, self._owner.failure]
            await _run(life, shells, self._hops, clockwork, self._follower, self._states, others)
            await asyncio.gather(*(one.drain() for one in shells))
            if self._hops.failure.done():
                self._hops.failure.result()
        finally:
            self._tries.close()
            self._pauses.close()
            for one in shells:
                one.halt()
            await _cancelled(following, deciding)


class Shell(Protocol):
    """What reads and delivers in a dispatcher."""

    flow: Flow

    @property
    def readers(self) -> Sequence[Reader]:
        """Its readers."""

    @property
    def ready(self) -> bool:
        """Whether it has its share."""

    def start(self) -> None:
        """Begin to read."""

    def tick(self) -> None:
        """Go on; every TICK_S."""

    def halt(self) -> None:
        """Start nothing more."""

    async def drain(self) -> None:
        """Leave the groups."""

    def measure(self) -> None:
        """Set the gauges."""


def _divert(flows: Sequence[Flow], states: EndpointStates, endpoint: str) -> None:
    """What is queued for an endpoint that is paused now waits in the hold log."""
    if states.book.is_paused(endpoint):
        for flow in flows:
            flow.divert(endpoint)


async def _first(wanted: Coroutine[Any, Any, None], other: asyncio.Task[None], life: Life) -> bool:
    """Wait for what is wanted, but raise what ends the other first; False when a drain is asked for before."""
    task, stop = asyncio.ensure_future(wanted), asyncio.ensure_future(drain_requested(life))
    await asyncio.wait([task, other, stop], return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if not task.done():
        task.cancel()
        if other.done():
            other.result()
        return False
    await task
    return True


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Clockwork:
    """Keeps the brokers' clock fed: leaders, heartbeats, skew."""

    def __init__(self, hops: Hops, clock: BrokerClock, cluster: Cluster, settings: Settings) -> None:
        self._hops = hops
        self._clock = clock
        self._cluster = cluster
        self._settings = settings
        self._asked: set[int] = set()
        """Brokers whose heartbeat is not acknowledged: one that is down keeps nobody else waiting."""

    async def run(self) -> None:
        """Refresh leaders now and then, and ask a silent broker for its time."""
        refreshed = mono_ms()
        while True:
            if mono_ms() - refreshed > LEADERS_S * 1000:
                refreshed = mono_ms()
                try:
                    self._hops.leaders = await asyncio.to_thread(_leaders, self._cluster, self._settings)
                except ClusterError as error:
                    _LOG.warning("leaders: %s", error)
            first_of: dict[int, int] = {}
            for partition, broker in self._hops.leaders.items():
                first_of.setdefault(broker, partition.number)
            for broker in self._clock.needs_heartbeat(frozenset(first_of), mono_ms()):
                if broker not in self._asked:
                    self._asked.add(broker)
                    self._hops.heartbeat(first_of[broker], functools.partial(self._asked.discard, broker))
            metrics.CLOCK_SKEW.set(self._clock.skew_ms() / 1000)
            await asyncio.sleep(HEARTBEAT_CHECK_S)


async def _run(
    life: Life,
    shells: Sequence[Shell],
    hops: Hops,
    clockwork: _Clockwork,
    follower: ConfigFollower,
    states: EndpointStates,
    others: Sequence[asyncio.Future[None]],
) -> None:
    """Tick until a drain is asked for; whatever fails ends the process."""

    async def tick() -> None:
        measured = float("-inf")
        while True:
            hops.check()
            for shell in shells:
                shell.tick()
            if mono_ms() - measured > MEASURE_MS:
                measured = mono_ms()
                _measure(shells, follower, states.book)
            if all(shell.ready for shell in shells):
                life.not_ready = None if follower.trusted else "configuration reader is behind"
            await asyncio.sleep(TICK_S)

    background = [asyncio.create_task(tick()), asyncio.create_task(clockwork.run())]
    ends: list[asyncio.Future[None]] = [reader.done for shell in shells for reader in shell.readers]
    ends += [shell.flow.failure for shell in shells]
    ends += [hops.failure, *others]
    stop = asyncio.create_task(drain_requested(life))
    await asyncio.wait([stop, *background, *ends], return_when=asyncio.FIRST_COMPLETED)
    for task in background:
        if not task.done():
            task.cancel()
    for end in (*background, *ends):
        if end.done() and not end.cancelled():
            end.result()


def _measure(shells: Sequence[Shell], follower: ConfigFollower, book: PauseBook) -> None:
    """Set the gauges; those of the tiers have no event label, so they are gathered over the event types."""
    parked = [0] * len(topics.TIERS)
    overdue_s = [0.0] * len(topics.TIERS)
    for shell in shells:
        shell.measure()
        if isinstance(shell, EventShell):
            shell.tiers.add_to(parked, overdue_s)
    for index, tier in enumerate(topics.TIERS):
        metrics.PARKED.labels(tier).set(parked[index])
        metrics.DUE_LAG.labels(tier).set(overdue_s[index])
    paused = len(book.paused() & follower.snapshot.endpoints.keys())
    metrics.ENDPOINTS.labels("paused").set(paused)
    metrics.ENDPOINTS.labels("active").set(len(follower.snapshot.endpoints) - paused)


def _leaders(cluster: Cluster, settings: Settings) -> dict[Partition, int]:
    return cluster.leaders([settings.topic_prefix + topics.ATTEMPTS])


def _check_tiers(settings: Settings, cluster: Cluster, events: tuple[topics.PublicEvent, ...]) -> None:
    """A tier that forgets before it is due, or stamps producers' time, would lose or hurry tries: refuse to start.

    So would a hold log that forgets before what is too old was looked for.
    """
    names = {
        settings.topic_prefix + topics.tier_topic(event, i): i for event in events for i in range(len(topics.TIERS))
    }
    attempts = settings.topic_prefix + topics.ATTEMPTS
    hold = settings.topic_prefix + topics.HOLD
    configs = cluster.configs([*names, attempts, hold])
    for name, tier in names.items():
        needed = int(2 * settings.dispatch.tier_delays_s[tier] * 1000) + topics.DAY_MS
        kept = int(configs[name].get("retention.ms", "0"))
        if 0 <= kept < needed:
            raise ConfigurationError(f"{name}: retention.ms is {kept}, a delay of this tier needs at least {needed}")
    needed = int(settings.dispatch.hold_age_max_s * 1000) + topics.DAY_MS
    kept = int(configs[hold].get("retention.ms", "0"))
    if 0 <= kept < needed:
        raise ConfigurationError(f"{hold}: retention.ms is {kept}, the longest holding needs at least {needed}")
    for name in (*names, attempts):
        if configs[name].get("message.timestamp.type") != "LogAppendTime":
            raise ConfigurationError(f"{name}: message.timestamp.type must be LogAppendTime")
