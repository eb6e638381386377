"""Customers' endpoints in a process of their own, well and badly behaved; keeps when each webhook id first came.

The first part of a path is how its answer is made (BEHAVIOURS), so a configuration decides who behaves. Prints its
ports as one JSON line; every line on stdin is a question (QUESTIONS) and is answered by one JSON line.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import httptools
import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
HUGE_BYTES = 1024**3
CHUNK = b"x" * 65_536
DRIP_S = 1.0
BACKLOG = 8192
"""Connections that wait to be accepted: thousands of endpoints are called at once."""


class Seen:
    """What came."""

    def __init__(self) -> None:
        self.first: dict[str, float] = {}
        self.requests = 0
        self.paths: set[str] = set()

    def add(self, name: str, path: str) -> None:
        self.first.setdefault(name, time.time())
        self.requests += 1
        self.paths.add(path)


class Customer(asyncio.Protocol):
    """One connection."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._parser = httptools.HttpRequestParser(self)
        self._name = self._path = ""
        self._left = 0
        self._writable = self._open = True

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, _exc: Exception | None) -> None:
        self._open = False

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._path = url.decode()

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"webhook-id":
            self._name = value.decode()

    def on_message_complete(self) -> None:
        self._seen.add(self._name, self._path)
        BEHAVIOURS[self._path.split("/")[1]](self)

    def answer(self) -> None:
        if self._open:
            self._transport.write(ANSWER)

    def hang(self) -> None:
        """Answer nothing."""

    def slow(self) -> None:
        asyncio.get_running_loop().call_later(0.5, self.answer)

    def drip(self, at: int = 0) -> None:
        if self._open and at < len(ANSWER):
            self._transport.write(ANSWER[at : at + 1])
            asyncio.get_running_loop().call_later(DRIP_S, self.drip, at + 1)

    def huge(self) -> None:
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % HUGE_BYTES)
        self._left = HUGE_BYTES
        self._pour()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._pour()

    def _pour(self) -> None:
        while self._left > 0 and self._writable and self._open:
            self._left -= len(CHUNK)
            self._transport.write(CHUNK)


BEHAVIOURS: dict[str, Callable[[Customer], None]] = {
    "well": Customer.answer,
    "hang": Customer.hang,
    "slow": Customer.slow,
    "drip": Customer.drip,
    "huge": Customer.huge,
}
QUESTIONS: dict[str, Callable[[Seen], object]] = {
    "first": lambda seen: seen.first,
    "counts": lambda seen: [len(seen.first), seen.requests],
    "paths": lambda seen: sorted(seen.paths),
}


async def main() -> None:
    seen = Seen()
    loop = asyncio.get_running_loop()
    speaking = await loop.create_server(lambda: Customer(seen), "127.0.0.1", 0, backlog=BACKLOG)
    silent = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, backlog=BACKLOG)
    names, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("127.0.0.1", 0))
    ports = [server.sockets[0].getsockname()[1] for server in (speaking, silent)]
    ports.append(names.get_extra_info("sockname")[1])
    print(json.dumps(ports), flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(QUESTIONS[line.strip()](seen)), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
