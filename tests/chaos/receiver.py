"""The customers of a run: one healthy endpoint, one that flaps, one that is slow; every hit is logged with its answer."""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from aiohttp import web

FLAP_S: Final = 12.0
"""One round of the endpoint that flaps."""
FLAP_DOWN_S: Final = 4.0
"""How much of it is bad: long enough for a pause, short enough for most tries to find it up again."""
SLOW_S: Final = 0.15
BAD: Final = (500, 503, 429, 302, None, None)
"""What it answers then; None hangs up."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a hit gets: a status after a while, or None for a broken connection."""

    status: int | None
    after_s: float = 0.0


def behave(endpoint: str, at_s: float, rng: Random) -> Answer:
    """How an endpoint answers at a time; its name says what it is."""
    if endpoint.endswith("/slow"):
        return Answer(200, SLOW_S)
    if endpoint.endswith("/flapping") and at_s % FLAP_S < FLAP_DOWN_S:
        return Answer(rng.choice(BAD))
    return Answer(200)


class Receiver:
    """A thread with a socket; `/forward/...` takes raw forwards and is no endpoint."""

    def __init__(self, log: Path, seed: int, behaviour: Callable[[str, float, Random], Answer] = behave) -> None:
        """Listen; nothing is told before the port is known."""
        self._log = log.open("ab")
        self._behave = behaviour
        self._rng = Random(seed)
        self.good: set[tuple[str, str]] = set()
        """Pairs that were answered 2xx."""
        self.hits = 0
        self.forwards = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        if not started.wait(10):
            raise RuntimeError("the receiver does not listen")

    def close(self) -> None:
        """Stop listening; the log is complete then."""
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
        self._log.close()

    def url(self, endpoint: str) -> str:
        """Where an endpoint is, by its full id."""
        return f"http://127.0.0.1:{self.port}/hook/{endpoint}"

    def forward_url(self, number: str) -> str:
        """Where the raw callbacks of a list go."""
        return f"http://127.0.0.1:{self.port}/forward/{number}"

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        started.set()
        self._loop.run_forever()

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_post("/hook/{account}/{endpoint}", self._hook)
        app.router.add_post("/forward/{number}", self._forward)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024).start()
        self.port = self._runner.addresses[0][1]

    async def _hook(self, request: web.Request) -> web.Response:
        arrived_at = int(time.time() * 1000)
        endpoint = f"{request.match_info['account']}/{request.match_info['endpoint']}"
        webhook_id = request.headers["webhook-id"]
        await request.read()
        answer = self._behave(endpoint, time.monotonic(), self._rng)
        if answer.after_s:
            await asyncio.sleep(answer.after_s)
        if answer.status == 200:
            self.good.add((webhook_id, endpoint))
        hit = {"webhook_id": webhook_id, "endpoint": endpoint, "arrived_at": arrived_at, "status": answer.status}
        self._log.write(json.dumps(hit).encode() + b"\n")
        self.hits += 1
        if answer.status is None and request.transport is not None:
            request.transport.close()
        return web.Response(status=answer.status or 500)

    async def _forward(self, request: web.Request) -> web.Response:
        await request.read()
        self.forwards += 1
        return web.Response(status=200)
