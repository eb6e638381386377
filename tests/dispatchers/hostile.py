"""Endpoints and name servers on loopback that answer byte by byte what a test tells them, mostly badly."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import cast

from aiohttp.resolver import AsyncResolver

from dispatchers.sender import Sender
from runtime.egress import EgressPolicy
from schemas.settings import EgressSettings

LOCAL = EgressPolicy(EgressSettings(allow_cidrs=("127.0.0.0/8", "::1/128"), allow_plain_http=True))
TIMEOUT_S = 0.6
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def endpoint(
    answer: Answer, context: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[int]:
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        # The caller hangs up in several of these faults, and the test's end cancels what still hangs.
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await answer(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, host, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving)


def raw(data: bytes, *, stay_s: float = 0.0) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(stay_s)

    return answer


def drip(head: bytes, rest: bytes) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        for byte in rest * 1000:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)

    return answer


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()
    writer.transport.abort()


async def sever(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    await asyncio.sleep(30)


async def endless_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: and more\r\n" * 1000)
        await writer.drain()


_OK_CODE, SERVFAIL, _NXDOMAIN = 0, 2, 3
_A, _AAAA = 1, 28
_VERSIONS = {_A: 4, _AAAA: 6}


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """Answers questions for addresses from its table; a name outside it has none, a code instead of addresses is an error."""

    names: dict[str, list[str] | int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # what asyncio hands over is no subclass of it
        self.address = f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode())
            at += 1 + data[at]
        name, kind = ".".join(labels), struct.unpack("!H", data[at + 1 : at + 3])[0]
        if kind == _A:
            self.asked.append(name)
        if name in self.silent:
            return
        found = self.names.get(name, _NXDOMAIN)
        every = [ip_address(text) for text in found] if isinstance(found, list) else []
        code = _OK_CODE if isinstance(found, list) else found
        addresses = [one.packed for one in every if one.version == _VERSIONS.get(kind)]
        answers = b"".join(
            b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(packed)) + packed for packed in addresses
        )
        head = data[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(addresses), 0, 0)
        self._transport.sendto(head + data[12 : at + 5] + answers, addr)


@asynccontextmanager
async def name_server(**names: list[str] | int) -> AsyncIterator[NameServer]:
    """Names are given without the dot: `hook=[...]` is hook.test."""
    server = NameServer({f"{name}.test": found for name, found in names.items()})
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: server, local_addr=("127.0.0.1", 0)
    )
    try:
        yield server
    finally:
        transport.close()


@asynccontextmanager
async def asking(server: NameServer, *, timeout_s: float = TIMEOUT_S) -> AsyncIterator[Sender]:
    """A sender whose names are looked up there, for 0.2 s."""
    assert server.address, "an empty one would ask the machine's own name server"
    resolver = AsyncResolver(nameservers=[server.address], timeout=0.2, tries=1)
    async with Sender(LOCAL, timeout_s=timeout_s, connections=50, resolver=resolver) as sender:
        yield sender
