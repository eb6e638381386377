"""Starts the gateway: configuration to its end, producer, uvicorn; drains on request."""

import asyncio
import contextlib
import logging
import socket
from typing import Final

import uvicorn

from producers.gateway.app import App
from producers.gateway.ingest import Ingest
from runtime.config_follower import ConfigFollower
from runtime.kafka.producer import AsyncProducer
from runtime.kafka.properties import producer
from runtime.provisioning import await_topics, verify_layout
from runtime.worker import ConfigurationError, Life, drain_requested
from schemas.providers import registry

_LOG = logging.getLogger(__name__)

MESSAGE_TIMEOUT_MS: Final = 10_000
"""How long a record may wait in the queue; the caller is answered by its own timer long before (KAFKA.md, trap 7)."""
LINGER_MS: Final = 2
DRAIN_S: Final = 12.0
BACKLOG: Final = 2048
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
    server = _Server(
        uvicorn.Config(
            app,
            http="httptools",
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
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    print(f"ready gateway=http://{settings.gateway.host}:{listener.getsockname()[1]}", flush=True)  # noqa: T201 - result
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
    await asyncio.to_thread(verify_layout, life.settings, follower)
    while True:
        records.check()
        life.not_ready = None if follower.trusted else "configuration reader is behind"
        await asyncio.sleep(1)


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
