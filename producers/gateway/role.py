"""Starts the gateway: configuration to its end, producer, uvicorn; drains on request."""

import asyncio
import contextlib
import gc
import logging
import socket
import sys
from typing import Final

import uvicorn

from producers.gateway.app import App
from producers.gateway.connection import bounded
from producers.gateway.ingest import Ingest
from runtime.config_follower import ConfigFollower
from runtime.kafka.admin import ClusterError
from runtime.kafka.producer import AsyncProducer
from runtime.kafka.properties import producer
from runtime.provisioning import await_topics, verify_layout
from runtime.worker import ConfigurationError, Life, drain_requested
from schemas.providers import registry

_LOG = logging.getLogger(__name__)

MESSAGE_TIMEOUT_MS: Final = 10_000
"""How long a record may wait in the queue; the caller is answered by its own timer long before (KAFKA.md, trap 7)."""
LINGER_MS: Final = 5
"""Batches of some fifty records a partition at full speed; a provider waits seconds for its answer."""
DRAIN_S: Final = 12.0
BACKLOG: Final = 2048
WATCH_S: Final = 1.0
GC_THRESHOLD: Final = 20_000
"""A request leaves no cycles, so that the collector is rarely needed; by default it runs every ten requests."""
KEEP_ALIVE_S: Final = 75


async def main(life: Life) -> int:
    """Run one gateway until it is asked to drain."""
    settings = life.settings
    listener = _listen(settings.gateway.host, settings.gateway.port)
    follower = ConfigFollower(settings, "gateway")
    follower.start()
    records = AsyncProducer(
        producer(settings.kafka, "gateway", message_timeout_ms=MESSAGE_TIMEOUT_MS, linger_ms=LINGER_MS)
    )
    records.start()
    app = App(settings.gateway, registry.by_any_name(), Ingest(settings, follower, records))
    server = server_of(app, settings.gateway.read_timeout_s)
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    url = f"http://{settings.gateway.host}:{listener.getsockname()[1]}"
    _LOG.info("listening", extra={"url": url})
    sys.stdout.write(f"ready gateway={url}\n")
    sys.stdout.flush()
    watching = asyncio.create_task(_watch(life, follower, records))
    draining = asyncio.create_task(drain_requested(life))
    ended, _ = await asyncio.wait([draining, serving, watching], return_when=asyncio.FIRST_COMPLETED)
    life.not_ready = "draining"
    server.should_exit = True
    await serving
    if watching in ended:
        watching.result()
    watching.cancel()
    if not await records.drain(DRAIN_S):
        _LOG.warning("ended with %d records unacknowledged; none of them was answered 2xx", records.unacked)
    records.close()
    follower.close()
    return 0


def server_of(app: App, read_timeout_s: float) -> uvicorn.Server:
    """The HTTP server around the application, with every bound that it has on the wire."""
    return _Server(
        uvicorn.Config(
            app,
            http=bounded(read_timeout_s),
            ws="none",
            loop="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=True,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=int(DRAIN_S),
        )
    )


class _Server(uvicorn.Server):
    """Signals are the worker's business, not uvicorn's."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]  # noqa: ANN202 - uvicorn's own signature
        """Leave the signal handlers alone."""
        yield


async def _watch(life: Life, follower: ConfigFollower, records: AsyncProducer) -> None:
    """Ready once the configuration is read and the layout holds; not ready while the reader is behind."""
    if not await asyncio.to_thread(await_topics, life.settings, keep_waiting=lambda: not life.stopping.is_set()):
        return
    if not await follower.wait_ready_async(life.stopping):
        return
    while not await _layout_holds(life, follower):  # noqa: ASYNC110 - brokers tell nobody that they are back
        await asyncio.sleep(WATCH_S)
    while True:
        records.check()
        life.not_ready = None if follower.trusted else "configuration reader is behind"
        await asyncio.sleep(WATCH_S)


async def _layout_holds(life: Life, follower: ConfigFollower) -> bool:
    """Ask once; False where the brokers do not answer, which never ends the process."""
    try:
        await asyncio.to_thread(verify_layout, life.settings, follower)
    except ClusterError as error:
        if not error.retriable:
            raise
        life.not_ready = f"topics cannot be verified: {error}"
        return False
    return True


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise ConfigurationError(
            f"{host}:{port} cannot be taken: {error.strerror}; set TRACKLY_GATEWAY__PORT"
        ) from None
    return listener
