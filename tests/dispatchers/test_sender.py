"""One HTTP try against endpoints that misbehave on real sockets: every fault has its word, and none takes longer."""

import asyncio
import contextlib
import datetime as dt
import errno
import gzip
import ipaddress
import os
import resource
import ssl
import zlib
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dispatchers.sender import EXCERPT_BYTES_MAX, Sender, Try
from dispatchers.verdict import Blocked, Failed, Responded
from runtime.egress import EgressPolicy
from schemas.settings import EgressSettings
from tests.dispatchers.hostile import (
    LOCAL,
    OK,
    TIMEOUT_S,
    Answer,
    drip,
    endless_headers,
    endpoint,
    hang,
    raw,
    reset,
    sever,
)


async def post(port: int, *, scheme: str = "http", host: str = "127.0.0.1") -> Try:
    async with Sender(LOCAL, timeout_s=TIMEOUT_S, connections=10) as sender:
        return await sender.post(f"{scheme}://{host}:{port}/hook", b'{"a":1}', {"Content-Type": "application/json"})


FAULTS: list[tuple[str, Answer, object]] = [
    ("fine", raw(OK), Responded(200)),
    ("no content", raw(b"HTTP/1.1 204 No Content\r\n\r\n"), Responded(204)),
    ("odd success", raw(b"HTTP/1.1 299 Fine\r\nContent-Length: 0\r\n\r\n"), Responded(299)),
    ("gone", raw(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"), Responded(410)),
    ("busy", raw(b"HTTP/1.1 429 No\r\nRetry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n"),
     Responded(429, "Fri, 31 Dec 9999 23:59:59 GMT")),
    ("redirect to a private address", raw(b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n"),
     Responded(302)),
    ("old protocol", raw(b"HTTP/1.0 200 OK\r\n\r\nbody until close"), Responded(200)),
    ("hang", hang, Failed("timeout_response")),
    ("headers drip", drip(b"HTTP/1.1 200 OK\r\nX: ", b"a"), Failed("timeout_response")),
    ("body drips after the status", drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"b"), Responded(200)),
    ("reset mid-body", reset, Responded(200)),
    ("wrong length", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort"), Responded(200)),
    ("chunk garbage", raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"), Failed("protocol")),
    ("no HTTP at all", raw(b"SSH-2.0-OpenSSH_9.0\r\n\r\n"), Failed("protocol")),
    ("closed without an answer", raw(b""), Failed("protocol")),
    ("reset without an answer", sever, Failed("protocol")),
    ("half a status line", raw(b"HTTP/1.1 20"), Failed("protocol")),
    ("two lengths", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"), Failed("protocol")),
    ("negative length", raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), Failed("protocol")),
    ("header of 100 kB", raw(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n"), Failed("protocol")),
    ("headers without end", endless_headers, Failed("protocol")),
    ("continue, then the answer", raw(b"HTTP/1.1 100 Continue\r\n\r\n" + OK), Responded(200)),
    ("status out of range", raw(b"HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n"), Responded(799)),
]  # fmt: skip


@pytest.mark.parametrize("name, answer, expected", FAULTS, ids=[fault[0] for fault in FAULTS])
async def test_a_fault_has_its_word_in_time(name: str, answer: Answer, expected: object) -> None:
    async with endpoint(answer) as port:
        made = await post(port)
    assert made.outcome == expected
    assert made.duration_ms < TIMEOUT_S * 1000 + 400


async def test_a_huge_body_and_a_gzip_bomb_are_an_excerpt() -> None:
    bomb = gzip.compress(b"0" * 50_000_000, mtime=0)
    for head, body, seen in (
        (b"", b"x" * 2_000_000, b"x"),
        (b"Content-Encoding: gzip\r\n", bomb, b"0"),
    ):
        answer = raw(b"HTTP/1.1 200 OK\r\n" + head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        async with endpoint(answer) as port:
            made = await post(port)
        assert made.outcome == Responded(200)
        assert made.excerpt == seen * EXCERPT_BYTES_MAX


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


async def test_a_refused_connection_and_a_blocked_address() -> None:
    async with endpoint(raw(OK)) as port:
        pass
    assert (await post(port)).outcome == Failed("connect")
    assert isinstance((await post(80, host="10.0.0.1")).outcome, Blocked)


@pytest.mark.parametrize("path", ["\x7f", "\u0000", "a" * 70_000, "a b"])
async def test_a_url_that_no_client_reads_is_blocked_and_ends_nothing(path: str) -> None:
    async with Sender(LOCAL, timeout_s=TIMEOUT_S, connections=1) as sender:
        made = await sender.post(f"http://127.0.0.1:9/{path}", b"{}", {})
    assert made.outcome == Blocked("not a URL")


async def test_a_name_of_idna_2003_that_the_client_would_refuse_is_blocked_and_ends_nothing() -> None:
    assert (await post(80, host="\u2603.test")).outcome == Blocked("not a URL")


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


def certificate(folder: Path, *, host: str, days: int) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=30))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "pair.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + built.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.mark.parametrize(
    "host, days, trusted", [("127.0.0.1", 30, False), ("127.0.0.1", -1, True), ("127.9.9.9", 30, True)]
)
async def test_a_bad_certificate_is_a_tls_failure(tmp_path: Path, host: str, days: int, trusted: bool) -> None:
    server = certificate(tmp_path, host=host, days=days)
    client = ssl.create_default_context(cafile=str(tmp_path / "pair.pem") if trusted else None)
    async with endpoint(raw(OK), server) as port, Sender(LOCAL, timeout_s=2, connections=1, context=client) as sender:
        made = await sender.post(f"https://127.0.0.1:{port}/", b"{}", {})
    assert made.outcome == Failed("tls")


async def test_a_good_certificate_is_none_and_a_handshake_that_hangs_times_out(tmp_path: Path) -> None:
    server = certificate(tmp_path, host="127.0.0.1", days=30)
    client = ssl.create_default_context(cafile=str(tmp_path / "pair.pem"))
    async with endpoint(raw(OK), server) as port, Sender(LOCAL, timeout_s=2, connections=1, context=client) as sender:
        assert (await sender.post(f"https://127.0.0.1:{port}/", b"{}", {})).outcome == Responded(200)
    async with endpoint(hang) as port:
        assert (await post(port, scheme="https")).outcome == Failed("timeout_connect")


async def test_an_endpoint_that_speaks_plain_http_on_a_tls_port_is_a_tls_failure() -> None:
    async def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()

    async with endpoint(plain) as port:
        assert (await post(port, scheme="https")).outcome == Failed("tls")


async def test_an_endpoint_on_ipv6_is_reached() -> None:
    policy = EgressPolicy(EgressSettings(allow_cidrs=("::1/128",), allow_plain_http=True))
    try:
        serving = endpoint(raw(OK), host="::1")
        async with serving as port, Sender(policy, timeout_s=TIMEOUT_S, connections=1) as sender:
            made = await sender.post(f"http://[::1]:{port}/", b"{}", {})
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    assert made.outcome == Responded(200)


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
