"""A TCP proxy before the broker, a process of its own, which is told on its standard input what to do to every connection.

`pass` lets everything through, `cut` breaks what is open and refuses what comes, `hang` keeps connections open and lets
nothing through, `slow SECONDS` holds every piece back so long. Bytes are never lost, changed or put in another order
unless their connection ends. Run as `python -m tests.chaos.proxy LISTEN_PORT TARGET_PORT`.
"""

import asyncio
import contextlib
import subprocess
import sys
from collections import deque
from typing import Any, Final

import uvloop

HOST: Final = "127.0.0.1"


class Proxy:
    """What all connections obey."""

    def __init__(self, target_port: int) -> None:
        """Begin by letting everything through."""
        self.target_port = target_port
        self.mode = "pass"
        self.delay_s = 0.0
        self.sides: set[Side] = set()

    def obey(self, line: str) -> None:
        """Take one order; an unknown one is an error."""
        self.mode, _, delay = line.strip().partition(" ")
        if self.mode not in {"pass", "cut", "hang", "slow"}:
            raise ValueError(f"no such order: {line!r}")
        self.delay_s = float(delay) if self.mode == "slow" else 0.0
        for side in list(self.sides):
            side.obey()


class Side(asyncio.Protocol):
    """One end of a connection; what it reads goes out at the other."""

    def __init__(self, proxy: Proxy, other: "Side | None" = None) -> None:
        """The end that a client opened has no other yet."""
        self._proxy = proxy
        self._loop = asyncio.get_running_loop()
        self.other = other
        self._transport: Any = None
        self._waiting: deque[tuple[float, bytes]] = deque()
        """What was read and is not written, with when it may be."""
        self._timer: asyncio.TimerHandle | None = None
        self._opening: asyncio.Task[Any] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open the other end, unless this is it."""
        self._transport = transport
        self._proxy.sides.add(self)
        if self.other is None:
            self._opening = self._loop.create_task(self._open())
        else:
            self.other.other = self
            self.other.flush()
        self.obey()

    async def _open(self) -> None:
        with contextlib.suppress(OSError):
            await self._loop.create_connection(lambda: Side(self._proxy, self), HOST, self._proxy.target_port)
            return
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Keep until it may go on."""
        at = self._loop.time() + self._proxy.delay_s
        if self._waiting:
            at = max(at, self._waiting[-1][0])
        self._waiting.append((at, data))
        self.flush()

    def flush(self) -> None:
        """Write what may be written, in order."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.other is None or not self.other.is_open or self._proxy.mode == "hang":
            return
        while self._waiting:
            at, data = self._waiting[0]
            if at > self._loop.time() and self._proxy.mode == "slow":
                self._timer = self._loop.call_at(at, self.flush)
                return
            self._waiting.popleft()
            self.other._transport.write(data)

    @property
    def is_open(self) -> bool:
        """Whether it can be written to and read from."""
        return self._transport is not None and not self._transport.is_closing()

    def obey(self) -> None:
        """Do what the proxy was told."""
        if not self.is_open:
            return
        if self._proxy.mode == "cut":
            self._transport.abort()
        elif self._proxy.mode == "hang":
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
            self.flush()

    def pause_writing(self) -> None:
        """What cannot be written is not read."""
        if self.other is not None and self.other.is_open:
            self.other._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on, unless nothing may."""
        if self.other is not None and self.other.is_open and self._proxy.mode != "hang":
            self.other._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """The other end goes too, once it has what was read."""
        self._proxy.sides.discard(self)
        if self.other is not None and self.other.is_open:
            self.flush()
            self.other._transport.close()


async def serve(listen_port: int, target_port: int) -> None:
    """Proxy until the input ends."""
    loop = asyncio.get_running_loop()
    proxy = Proxy(target_port)
    server = await loop.create_server(lambda: Side(proxy), HOST, listen_port)
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    print("ready", flush=True)
    while line := await orders.readline():
        proxy.obey(line.decode())
        print("done", flush=True)
    server.close()


class ProxyProcess:
    """The proxy as whoever gives the orders sees it."""

    def __init__(self, listen_port: int, target_port: int) -> None:
        """Start it, and wait until it listens."""
        self.port = listen_port
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.proxy", str(listen_port), str(target_port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._heard("ready")

    def order(self, line: str) -> None:
        """Give an order, and wait until it is carried out."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        self._heard("done")

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def _heard(self, word: str) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode().strip()
        if line != word:
            raise RuntimeError(f"the proxy said {line!r} instead of {word!r}")


if __name__ == "__main__":
    uvloop.run(serve(*map(int, sys.argv[1:])))
