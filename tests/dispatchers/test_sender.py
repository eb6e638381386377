"""One HTTP try against endpoints that misbehave on real sockets: every fault has its word, and none takes longer."""

import asyncio
import contextlib
import errno
import gzip
import os
import resource
import zlib

import httpx
import pytest

from dispatchers.phases import Phases
from dispatchers.sender import Sender, Try
from dispatchers.verdict import Blocked, Responded
from tests.dispatchers.hostile import (
    LOCAL,
    OK,
    TIMEOUT_S,
    endpoint,
    raw,
)


async def post(port: int, *, scheme: str = "http", host: str = "127.0.0.1") -> Try:
    async with Sender(LOCAL, timeout_s=TIMEOUT_S, connections=10) as sender:
        return await sender.post(f"{scheme}://{host}:{port}/hook", b'{"a":1}', {"Content-Type": "application/json"})


@pytest.mark.parametrize(
    "encoding, body, excerpt",
    [
        (b"gzip", gzip.compress(b"no such list", mtime=0), b"no such list"),
        (b"deflate", zlib.compress(b"no such list"), b"no such list"),
        (b"gzip", b"not gzip at all", b"not gzip at all"),
        (b"br", b"left as it came", b"left as it came"),
        (b"identity", b"no such list", b"no such list"),
    ],
)
async def test_the_excerpt_can_be_read_though_the_endpoint_compressed_it(
    encoding: bytes, body: bytes, excerpt: bytes
) -> None:
    answer = raw(
        b"HTTP/1.1 500 E\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s" % (encoding, len(body), body)
    )
    async with endpoint(answer) as port:
        made = await post(port)
    assert (made.outcome, made.excerpt) == (Responded(500), excerpt)


async def test_an_answer_before_the_request_was_read_is_an_answer() -> None:
    answer = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx", stay_s=3)
    async with endpoint(answer) as port, Sender(LOCAL, timeout_s=TIMEOUT_S, connections=1) as sender:
        made = await sender.post(f"http://127.0.0.1:{port}/", b"x" * 8_000_000, {})
    assert made.outcome == Responded(200)


@pytest.mark.parametrize("path", ["\x7f", "\u0000", "a" * 70_000, "a b"])
async def test_a_url_that_no_client_reads_is_blocked_and_ends_nothing(path: str) -> None:
    async with Sender(LOCAL, timeout_s=TIMEOUT_S, connections=1) as sender:
        made = await sender.post(f"http://127.0.0.1:9/{path}", b"{}", {})
    assert made.outcome == Blocked("not a URL")


async def test_a_name_of_idna_2003_that_the_client_would_refuse_is_blocked_and_ends_nothing() -> None:
    assert (await post(80, host="\u2603.test")).outcome == Blocked("not a URL")


@pytest.mark.parametrize("host", ["127.1", "2130706433", "127.0.0.1."])
async def test_an_address_that_only_the_client_refuses_is_blocked_too(host: str) -> None:
    made = await post(80, host=host)
    assert isinstance(made.outcome, Blocked)
    assert made.phases == Phases()


async def test_being_out_of_file_handles_is_nobodys_failure_but_ours() -> None:
    url = "http://127.0.0.1:9/"
    LOCAL.check_url(url)  # loads the codec of host names, which takes a handle
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    fillers: list[int] = []
    async with Sender(LOCAL, timeout_s=TIMEOUT_S, connections=1) as sender:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
            with contextlib.suppress(OSError):
                while True:
                    fillers.append(os.open(os.devnull, os.O_RDONLY))
            with pytest.raises(httpx.TransportError) as caught:
                await sender.post(url, b"{}", {})
        finally:
            for filler in fillers:
                os.close(filler)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.EMFILE


async def test_exactly_the_bytes_and_headers_given_are_sent_and_connections_are_reused() -> None:
    seen: list[bytes] = []
    connections = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            seen.append(head + await reader.readexactly(7))
            writer.write(OK)
            await writer.drain()

    async with endpoint(answer) as port, Sender(LOCAL, timeout_s=TIMEOUT_S, connections=10) as sender:
        for _ in range(3):
            await sender.post(f"http://127.0.0.1:{port}/hook?x=%2F", b'{"a":1}', {"X-Trackly-Signature": "sha256=0"})
    assert connections == 1
    first = seen[0]
    assert first.startswith(b"POST /hook?x=%2F HTTP/1.1\r\n")
    assert b"Accept-Encoding: identity\r\n" in first
    assert b"X-Trackly-Signature: sha256=0\r\n" in first
    assert first.endswith(b'\r\n\r\n{"a":1}')


async def test_a_custom_header_replaces_ours_of_that_name() -> None:
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        await writer.drain()

    async with endpoint(answer) as port, Sender(LOCAL, timeout_s=TIMEOUT_S, connections=1) as sender:
        await sender.post(f"http://127.0.0.1:{port}/", b"", {"user-agent": "Shop/2"})
    assert seen[0].lower().count(b"user-agent") == 1
    assert b"user-agent: Shop/2\r\n" in seen[0]
