"""Follows the config topic: every worker decides by the newest snapshot, and knows how far behind it may be.

One thread owns the consumer; a snapshot is replaced as a whole. A broker outage is waited out for ever. A record with
a schema that this version does not know holds the reader back, so that nothing is called unknown by mistake.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pydantic import ValidationError

from runtime.clock import mono_s, now_ms
from runtime.kafka.admin import Cluster, ClusterError
from runtime.kafka.records import Message, Partition
from runtime.kafka.tail import Tail
from runtime.secrets import SecretBox, UnsealError
from schemas import topics
from schemas.codec import PoisonError, UnknownSchemaError, decoder
from schemas.config import Entry, SealedSecret, Snapshot, read_entry, snapshot_of
from schemas.providers.callback import Credentials
from schemas.settings import Settings

_LOG = logging.getLogger(__name__)

BEHIND_S_MAX: Final = 30.0
"""A reader further behind than this must not say that something is unknown (DESIGN.md 4.0)."""
POLL_S: Final = 0.1
CLOSE_S: Final = 1.0
"""Longest that closing waits for the thread: a question to brokers that are down takes ten times as long."""
CHECK_S: Final = 1.0
"""How often the end of the topic is looked up; at most once a second (DESIGN.md 4.0)."""
WAIT_S: Final = 0.2

Opened = tuple[tuple[SealedSecret, str], ...]
"""Sealed secrets beside their values."""


@dataclass(frozen=True, slots=True)
class EndpointSecrets:
    """What signs an endpoint's webhooks now."""

    valid: tuple[str, ...] = field(repr=False)
    """Every valid secret, for `webhook-signature`."""
    documented: str = field(repr=False)
    """The one for `X-Trackly-Signature`: the previous one until the overlap ends."""


@dataclass(frozen=True, slots=True)
class _View:
    """A snapshot and the secrets of it that were opened so far: they come and go together."""

    snapshot: Snapshot
    opened: dict[tuple[str, ...], Opened] = field(default_factory=dict, repr=False)


class ConfigFollower:
    """Reads `config` from its beginning and keeps reading; may be asked from any thread and any event loop."""

    def __init__(self, settings: Settings, role: str) -> None:
        """Create the follower; nothing is read before `start`."""
        self._partition = Partition(settings.topic_prefix + topics.CONFIG, 0)
        self._kafka = settings.kafka
        self._role = role
        self._box = None if settings.secret_keys is None else SecretBox.from_settings(settings.secret_keys)
        self._decode = decoder("ConfigRecord")
        self._cluster = Cluster(settings.kafka, role)
        self._entries: dict[str, Entry] = {}
        self._removed: set[str] = set()
        """Keys whose last record is a tombstone that the topic still holds."""
        self._view = _View(snapshot_of(()))
        self._at_end_s: float | None = None
        self._failure: BaseException | None = None
        self._stop = threading.Event()
        self._moved = threading.Condition()
        self._listeners: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._run, name="config", daemon=True)
        # the thread's own
        self._unread: list[Message] = []
        self._target: tuple[int, float] | None = None
        self._refusal: str | None = None
        self._held_back = False

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self) -> None:
        """Stop reading."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=CLOSE_S)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call back after every new snapshot, on the follower's thread."""
        self._listeners.append(callback)

    @property
    def snapshot(self) -> Snapshot:
        """The newest snapshot.

        Raises:
            BaseException: whatever ended the reader; a snapshot that nobody renews is never handed out.
        """
        self._raise_failure()
        return self._view.snapshot

    def was_removed(self, kind: str, full_id: str) -> bool:
        """Whether an entry was there and was deleted, as far back as the topic tells."""
        return f"{kind}|{full_id}" in self._removed

    @property
    def ready(self) -> bool:
        """Whether the topic was read to an end that was taken after the start."""
        return self._at_end_s is not None

    @property
    def behind_s(self) -> float:
        """Seconds since the end was taken that the reader has reached last; infinite before the first time."""
        return float("inf") if self._at_end_s is None else mono_s() - self._at_end_s

    @property
    def end_taken_s(self) -> float:
        """Monotonic time at which the end was taken that the reader has reached last; 0 before the first time."""
        self._raise_failure()
        return self._at_end_s or 0.0

    @property
    def trusted(self) -> bool:
        """Whether `unknown` may be said by this snapshot; raises what ended the reader, as `snapshot` does."""
        self._raise_failure()
        return self.behind_s <= BEHIND_S_MAX

    def wait_ready(self, *, keep_waiting: Callable[[], bool]) -> bool:
        """Wait until `ready`; False when `keep_waiting` says no first; raises what ended the reader."""
        return self._wait(lambda: self.ready, keep_waiting)

    async def wait_ready_async(self, stopping: threading.Event) -> bool:
        """The same for an event loop."""
        return await asyncio.to_thread(self.wait_ready, keep_waiting=lambda: not stopping.is_set())

    def read_to_end(self, *, keep_waiting: Callable[[], bool]) -> bool:
        """Wait until the position has passed an end that was taken after this call; False as in `wait_ready`.

        Any number of callers share one look-up a second.
        """
        asked_s = mono_s()
        return self._wait(lambda: self._at_end_s is not None and self._at_end_s >= asked_s, keep_waiting)

    async def read_to_end_async(self, stopping: threading.Event) -> bool:
        """The same for an event loop."""
        return await asyncio.to_thread(self.read_to_end, keep_waiting=lambda: not stopping.is_set())

    def credentials(self, account: str, provider: str) -> Credentials | None:
        """Credentials of a provider of an account that count at this moment, or None where it has none configured.

        Raises:
            UnsealError: one cannot be opened with our keys.
        """
        view = self._view
        found = view.snapshot.accounts.get(account)
        access = found.providers.get(provider) if found is not None else None
        if access is None:
            return None
        now = now_ms()
        values = {
            name: _valid(self._opened(view, sealed, ("account", account, provider, name)), now)
            for name, sealed in access.credentials.items()
        }
        return Credentials(values, allow_unauthenticated=access.allow_unauthenticated)

    def endpoint_secrets(self, endpoint: str) -> EndpointSecrets:
        """What signs an endpoint's webhooks at this moment.

        Raises:
            UnsealError: the endpoint is gone, a secret cannot be opened with our keys, or none is valid now.
        """
        view = self._view
        found = view.snapshot.endpoints.get(endpoint)
        sealed = found.secrets if found is not None else ()
        belongs_to = found.sealed_for if found is not None else ()
        valid = _valid(self._opened(view, sealed, belongs_to), now_ms())
        if not valid:
            raise UnsealError(f"endpoint {endpoint} has no valid secret")
        return EndpointSecrets(valid, valid[0])

    def _opened(self, view: _View, sealed: tuple[SealedSecret, ...], belongs_to: tuple[str, ...]) -> Opened:
        opened = view.opened.get(belongs_to)
        if opened is None:
            if self._box is None:
                raise UnsealError("TRACKLY_SECRET_KEYS is not set, and the configuration holds sealed secrets")
            context = "|".join(belongs_to)
            opened = view.opened[belongs_to] = tuple((one, self._box.open(one, context)) for one in sealed)
        return opened

    def _wait(self, condition: Callable[[], bool], keep_waiting: Callable[[], bool]) -> bool:
        with self._moved:
            while not condition():
                self._raise_failure()
                if not keep_waiting():
                    return False
                self._moved.wait(WAIT_S)
        return True

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    # ---- on the thread ----------------------------------------------------------------------------------------------
    def _run(self) -> None:
        try:
            tail = Tail(
                self._kafka,
                self._role,
                [self._partition],
                on_error=lambda name: _LOG.warning("config reader: %s", name),
            )
            try:
                self._follow(tail)
            finally:
                tail.close()
        except BaseException as error:  # noqa: BLE001 - must reach whoever waits
            _LOG.error("config reader ended: %s", type(error).__name__)  # raised, with its trace, where it is asked
            with self._moved:
                self._failure = error
                self._moved.notify_all()

    def _follow(self, tail: Tail) -> None:
        next_check_s = 0.0
        while not self._stop.is_set():
            if self._target is None and mono_s() >= next_check_s:
                self._take_target()
                next_check_s = mono_s() + CHECK_S
            if self._unread:
                self._stop.wait(CHECK_S)  # held back by a newer writer; a registry may know its schema by then
            else:
                self._unread = tail.read(POLL_S)
            self._apply()
            self._judge_position(self._unread[0].offset() if self._unread else tail.positions[self._partition])

    def _take_target(self) -> None:
        taken_s = mono_s()
        try:
            self._target = (self._cluster.end_offsets([self._partition])[self._partition], taken_s)
            self._refusal = None
        except ClusterError as error:
            if error.code != self._refusal:
                self._refusal = error.code
                _LOG.warning("end of config: %s; asked again until it answers", error)

    def _judge_position(self, position: int) -> None:
        """At the end means: as of the moment before the end was asked for."""
        with self._moved:
            if self._target is not None and position >= self._target[0]:
                self._at_end_s = self._target[1]
                self._target = None
            self._moved.notify_all()

    def _apply(self) -> None:
        """Take what was read, up to a record that this version cannot read."""
        changed = False
        for index, message in enumerate(self._unread):
            try:
                changed |= self._apply_one(message)
            except UnknownSchemaError as error:
                if not self._held_back:
                    _LOG.error("config record at offset %s needs a newer version: %s", message.offset(), error)
                self._held_back = True
                self._unread = self._unread[index:]
                break
        else:
            self._unread, self._held_back = [], False
        if changed:
            self._view = _View(snapshot_of(self._entries.values()))
            for listener in self._listeners:
                listener()

    def _apply_one(self, message: Message) -> bool:
        """Apply one record; the log never names its key, which may hold a number."""
        key, value = (message.key() or b"").decode("utf-8", "replace"), message.value()
        if value is None:
            self._removed.add(key)
            return self._entries.pop(key, None) is not None
        try:
            _, record = self._decode(value)
            entry = read_entry(record["kind"], record["payload"])
        except (PoisonError, ValidationError) as error:
            _LOG.error("config record at offset %s ignored: %s", message.offset(), type(error).__name__)
            return False
        if entry is not None:
            self._entries[key] = entry
            self._removed.discard(key)
        return entry is not None


def _valid(opened: Opened, now: int) -> tuple[str, ...]:
    return tuple(value for sealed, value in opened if sealed.is_valid(now))
