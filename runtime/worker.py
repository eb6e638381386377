"""The life of one process: settings, logs, admin port, signals, exit code. Knows nothing of what the role does.

SIGTERM and SIGINT ask for a drain; a second one ends the process at once. A role that raises ends non-zero.
"""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

import uvloop

from runtime.clock import mono_s
from runtime.kafka.properties import PropertyRefusedError, ProtocolRefusedError
from runtime.schema_registry import HttpRegistry, RegistryUnavailableError
from runtime.settings import SettingsError, load, masked
from runtime.telemetry import AdminServer, configure_logging
from schemas.codec import use_registry
from schemas.settings import Settings

_LOG = logging.getLogger(__name__)

EXIT_FAILED: Final = 1
EXIT_CONFIGURATION: Final = 2
EXIT_TRY_AGAIN: Final = 75
STALLED_S: Final = 30
"""A loop that made no progress for so long is not alive; longer than any broker request of ours waits."""


class ConfigurationError(Exception):
    """The process cannot run as configured; the text says what to change."""


class Life:
    """What a role shares with its process: the wish to stop, its heartbeat, and why it is not ready."""

    def __init__(self, settings: Settings, role: str) -> None:
        """Begin alive and not ready."""
        self.settings = settings
        self.role = role
        self.stopping = threading.Event()
        self.not_ready: str | None = "starting"
        self._beat = mono_s()
        self._on_stop: list[Callable[[], object]] = []

    def beat(self) -> None:
        """Say that the role's own loop goes on; liveness is this, not the broker's reachability."""
        self._beat = mono_s()

    def call_on_stop(self, callback: Callable[[], object]) -> None:
        """Run a short callback when the process is asked to drain (from the signal handler's thread)."""
        self._on_stop.append(callback)

    def stop(self) -> None:
        """Ask for a drain."""
        self.stopping.set()
        for callback in self._on_stop:
            callback()

    def liveness(self) -> str | None:
        """Why the process should be restarted, or None."""
        silent_s = mono_s() - self._beat
        return f"no progress for {silent_s:.0f} s" if silent_s > STALLED_S else None

    def readiness(self) -> str | None:
        """Why the process should get no work now, or None."""
        return "draining" if self.stopping.is_set() else self.not_ready


AsyncRole = Callable[[Life], Awaitable[int]]
SyncRole = Callable[[Life], int]


def run_async(role: str, main: AsyncRole) -> int:
    """Run a role on uvloop to its end and answer the exit code."""

    def body(life: Life) -> int:
        async def started() -> int:
            loop = asyncio.get_running_loop()
            drain = asyncio.Event()
            life.call_on_stop(lambda: loop.call_soon_threadsafe(drain.set))
            _catch_signals(life)
            heartbeat = asyncio.create_task(_beat(life))
            try:
                return await main(life)
            finally:
                heartbeat.cancel()

        return uvloop.run(started())

    return _run(role, body)


def run_sync(role: str, main: SyncRole) -> int:
    """Run a role whose loop is its own and answer the exit code."""

    def body(life: Life) -> int:
        _catch_signals(life)
        return main(life)

    return _run(role, body)


async def drain_requested(life: Life) -> None:
    """Wait on the loop until the process is asked to drain."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    life.call_on_stop(lambda: loop.call_soon_threadsafe(asked.set))
    if not life.stopping.is_set():
        await asked.wait()


async def _beat(life: Life) -> None:
    while True:
        life.beat()
        await asyncio.sleep(1)


def _run(role: str, body: Callable[[Life], int]) -> int:
    try:
        settings = load()
    except SettingsError as error:
        print(f"trackly {role}: {error}", file=sys.stderr)  # noqa: T201 - logging is not configured yet
        return EXIT_CONFIGURATION
    configure_logging(settings.log, role)
    if settings.kafka.schema_registry_url is not None:
        use_registry(HttpRegistry(settings.kafka.schema_registry_url))
    life = Life(settings, role)
    try:
        admin = AdminServer(settings.admin, live=life.liveness, ready=life.readiness)
    except OSError as error:
        _LOG.error("admin port %s cannot be taken: %s", settings.admin.port, error.strerror)
        return EXIT_CONFIGURATION
    admin.start()
    _LOG.info("starting", extra={"role": role, "admin_port": admin.port, "settings": masked(settings)})
    try:
        code = body(life)
    except (ConfigurationError, PropertyRefusedError, ProtocolRefusedError) as error:
        _LOG.error("%s", error)
        code = EXIT_CONFIGURATION
    except RegistryUnavailableError as error:
        _LOG.error("%s", error)
        code = EXIT_TRY_AGAIN
    except Exception as error:  # noqa: BLE001 - the one place where any failure becomes a log line and a non-zero exit
        code = _code_of(error)
    finally:
        admin.stop()
    _LOG.info("ended", extra={"role": role, "exit_code": code})
    return code


def _code_of(error: Exception) -> int:
    """What ended the role; brokers that went away while it was starting are worth another try."""
    from runtime.kafka.admin import ClusterError  # noqa: PLC0415 - commands without Kafka load no client

    if isinstance(error, ClusterError) and error.retriable:
        _LOG.error("%s", error)
        return EXIT_TRY_AGAIN
    _LOG.error("ended by an error", exc_info=error)
    return EXIT_FAILED


def _catch_signals(life: Life) -> None:
    def on_signal(number: int, _frame: object) -> None:
        if life.stopping.is_set():
            _end_at_once(number)
        life.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)


def _end_at_once(number: int) -> NoReturn:
    os._exit(128 + number)
