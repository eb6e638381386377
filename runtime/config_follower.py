"""Follows the config topic: every worker decides by the newest snapshot, and knows how far behind it may be.

One thread owns the consumer; a snapshot is replaced as a whole. A broker outage is waited out for ever.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from runtime.clock import mono_s, now_ms
from runtime.kafka.admin import Cluster, ClusterError
from runtime.kafka.records import Message, Partition
from runtime.kafka.tail import Tail
from runtime.secrets import SecretBox, UnsealError
from schemas import topics
from schemas.codec import PoisonError, UnknownSchemaError, decoder
from schemas.config import Entry, Snapshot, read_entry, snapshot_of
from schemas.providers.callback import Credentials
from schemas.settings import Settings

_LOG = logging.getLogger(__name__)

BEHIND_S_MAX: Final = 30.0
"""A reader further behind than this must not say that something is unknown (DESIGN.md 4.0)."""
POLL_S: Final = 0.1
CHECK_S: Final = 1.0
"""How often the end of the topic is looked up; at most once a second (DESIGN.md 4.0)."""
RETRY_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class EndpointSecrets:
    """What signs an endpoint's webhooks now."""

    valid: tuple[str, ...]
    """Every valid secret, for `webhook-signature`."""
    documented: str
    """The one for `X-Trackly-Signature`: the previous one until the overlap ends."""

    def __repr__(self) -> str:
        """Never shows a secret."""
        return f"EndpointSecrets({len(self.valid)})"


class ConfigFollower:
    """Reads `config` from its beginning and keeps reading."""

    def __init__(self, settings: Settings, role: str) -> None:
        """Create the follower; nothing is read before `start`."""
        self._partition = Partition(settings.topic_prefix + topics.CONFIG, 0)
        self._kafka = settings.kafka
        self._role = role
        keys = settings.secret_keys
        self._box = SecretBox(keys.get_secret_value()) if keys is not None else None
        self._decode = decoder("ConfigRecord")
        self._entries: dict[str, Entry] = {}
        self._position = 0
        self._target: int | None = None
        self._at_end_s: float | None = None
        self._stop = threading.Event()
        self._moved = threading.Condition()
        self._listeners: list[Callable[[], None]] = []
        self._cache: dict[Any, Any] = {}
        self._thread = threading.Thread(target=self._run, name="config", daemon=True)
        self._cluster = Cluster(settings.kafka, role)
        self._failure: BaseException | None = None
        self.snapshot: Snapshot = snapshot_of(())

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self) -> None:
        """Stop reading."""
        self._stop.set()
        self._thread.join(timeout=5)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call back after every new snapshot, on the follower's thread."""
        self._listeners.append(callback)

    @property
    def ready(self) -> bool:
        """Whether the topic was read to an end that was taken after the start."""
        return self._at_end_s is not None

    @property
    def behind_s(self) -> float:
        """Seconds since the reader was last known to be at the end; infinite before the first time."""
        return mono_s() - self._at_end_s if self._at_end_s is not None else float("inf")

    @property
    def trusted(self) -> bool:
        """Whether `unknown` may be said by this snapshot."""
        return self.behind_s <= BEHIND_S_MAX

    def wait_ready(self, *, keep_waiting: Callable[[], bool]) -> bool:
        """Wait until `ready`; False when `keep_waiting` says no first."""
        with self._moved:
            while not self.ready:
                if self._failure is not None:
                    raise self._failure
                if not keep_waiting():
                    return False
                self._moved.wait(RETRY_S)
        return True

    async def wait_ready_async(self, stopping: threading.Event) -> bool:
        """The same for an event loop."""
        return await asyncio.to_thread(self.wait_ready, keep_waiting=lambda: not stopping.is_set())

    def read_to_end(self, *, keep_waiting: Callable[[], bool]) -> bool:
        """Wait until the position has passed an end offset that is taken after this call."""
        end: int | None = None
        while end is None:
            try:
                end = self._cluster.end_offsets([self._partition])[self._partition]
            except ClusterError as error:
                if not error.retriable:
                    raise
                _LOG.warning("end of config: %s", error)
                if not keep_waiting():
                    return False
                self._stop.wait(RETRY_S)
        with self._moved:
            while self._position < end:
                if not keep_waiting():
                    return False
                self._moved.wait(RETRY_S)
        return True

    def credentials(self, account: str, provider: str) -> Credentials | None:
        """Unsealed credentials of a provider of an account, or None where it has none configured."""
        snapshot = self.snapshot
        key = (id(snapshot), "credentials", account, provider)
        if key not in self._cache:
            self._cache[key] = self._unseal_credentials(snapshot, account, provider)
        found: Credentials | None = self._cache[key]
        return found

    def endpoint_secrets(self, endpoint: str) -> EndpointSecrets:
        """What signs an endpoint's webhooks at this moment.

        Raises:
            UnsealError: a secret cannot be opened with our keys.
        """
        snapshot = self.snapshot
        key = (id(snapshot), "endpoint", endpoint)
        opened = self._cache.get(key)
        if opened is None:
            entry = snapshot.endpoints[endpoint]
            opened = tuple((s, self._open(s, f"endpoint|{endpoint}")) for s in entry.secrets)
            self._cache[key] = opened
        now = now_ms()
        valid = tuple(value for sealed, value in opened if sealed.is_valid(now))
        if not valid:
            raise UnsealError(f"endpoint {endpoint} has no valid secret")
        return EndpointSecrets(valid, valid[0])

    def _unseal_credentials(self, snapshot: Snapshot, account: str, provider: str) -> Credentials | None:
        found = snapshot.accounts.get(account)
        access = found.providers.get(provider) if found is not None else None
        if access is None:
            return None
        opened = {
            name: tuple(self._open(secret, f"account|{account}|{provider}|{name}") for secret in values)
            for name, values in access.credentials.items()
        }
        return Credentials(opened, allow_unauthenticated=access.allow_unauthenticated)

    def _open(self, secret: Any, context: str) -> str:
        if self._box is None:
            raise UnsealError("TRACKLY_SECRET_KEYS is not set, and the configuration holds sealed secrets")
        return self._box.open(secret, context)

    # ---- on the thread ----------------------------------------------------------------------------------------------
    def _run(self) -> None:
        tail = Tail(
            self._kafka, self._role, self._partition, on_error=lambda name: _LOG.warning("config reader: %s", name)
        )
        try:
            next_check = 0.0
            while not self._stop.is_set():
                if mono_s() >= next_check:
                    self._take_target()
                    next_check = mono_s() + CHECK_S
                self._apply(tail.read(POLL_S))
                self._judge_position(tail.position)
        except BaseException as error:  # noqa: BLE001 - must reach whoever waits
            self._failure = error
            _LOG.exception("config reader ended")
        finally:
            tail.close()

    def _take_target(self) -> None:
        try:
            self._target = self._cluster.end_offsets([self._partition])[self._partition]
        except ClusterError as error:
            _LOG.warning("end of config: %s", error)
            self._target = None

    def _judge_position(self, position: int) -> None:
        with self._moved:
            self._position = position
            if self._target is not None and self._position >= self._target:
                self._at_end_s = mono_s()
                self._target = None
            self._moved.notify_all()

    def _apply(self, messages: list[Message]) -> None:
        changes = [self._apply_one(message) for message in messages]
        if any(changes):
            self.snapshot = snapshot_of(self._entries.values())
            self._cache = {}
            for listener in self._listeners:
                listener()

    def _apply_one(self, message: Message) -> bool:
        key, value = (message.key() or b"").decode(), message.value()
        if value is None:
            return self._entries.pop(key, None) is not None
        try:
            _, record = self._decode(value)
            entry = read_entry(record["kind"], record["payload"])
        except (PoisonError, UnknownSchemaError, ValidationError) as error:
            _LOG.error("config record %s at offset %s ignored: %s", key, message.offset(), type(error).__name__)
            return False
        if entry is not None:
            self._entries[key] = entry
        return entry is not None
