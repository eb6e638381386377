"""A customer's endpoint in a process of its own: answers 200, and tells when each webhook id first came.

Prints its port; every line on stdin is answered by one JSON line, webhook id to seconds since the epoch.
"""

import asyncio
import json
import sys
import time
from typing import Any

import httptools
import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
Seen = dict[str, float]


class Endpoint(asyncio.Protocol):
    """One connection."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._name = ""
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"webhook-id":
            self._name = value.decode()

    def on_message_complete(self) -> None:
        self._seen.setdefault(self._name, time.time())
        self._transport.write(ANSWER)


async def main() -> None:
    seen: Seen = {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Endpoint(seen), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
