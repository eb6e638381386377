"""One HTTP try against endpoints that misbehave on real sockets: every fault has its word, and none takes longer."""

import asyncio
import datetime as dt
import gzip
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dispatchers.egress import EgressPolicy
from dispatchers.sender import EXCERPT_BYTES_MAX, Sender, Try
from dispatchers.verdict import Blocked, Failed, Responded
from schemas.settings import EgressSettings

LOCAL = EgressPolicy(EgressSettings(allow_cidrs=("127.0.0.0/8",), allow_plain_http=True))
TIMEOUT_S = 0.6
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def endpoint(answer: Answer, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the caller hung up, which several of these faults make it do
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


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


async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    await asyncio.sleep(3)


async def post(port: int, *, scheme: str = "http", host: str = "127.0.0.1") -> Try:
    async with Sender(LOCAL, timeout_s=TIMEOUT_S, connections=10) as sender:
        return await sender.post(f"{scheme}://{host}:{port}/hook", b'{"a":1}', {"Content-Type": "application/json"})


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
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
]  # fmt: skip


@pytest.mark.parametrize("name, answer, expected", FAULTS, ids=[fault[0] for fault in FAULTS])
async def test_a_fault_has_its_word_in_time(name: str, answer: Answer, expected: object) -> None:
    async with endpoint(answer) as port:
        made = await post(port)
    assert made.outcome == expected
    assert made.duration_ms < TIMEOUT_S * 1000 + 400


async def test_a_huge_body_and_a_gzip_bomb_are_an_excerpt() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    for head, body in (
        (b"", b"x" * 2_000_000),
        (b"Content-Encoding: gzip\r\n", bomb),
    ):
        answer = raw(b"HTTP/1.1 200 OK\r\n" + head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        async with endpoint(answer) as port:
            made = await post(port)
        assert made.outcome == Responded(200)
        assert len(made.excerpt) <= EXCERPT_BYTES_MAX


async def test_a_refused_connection_a_blocked_address_and_an_unknown_name() -> None:
    async with endpoint(raw(OK)) as port:
        pass
    assert (await post(port)).outcome == Failed("connect")
    assert isinstance((await post(80, host="10.0.0.1")).outcome, Blocked)
    assert (await post(80, host="no-such-name.invalid")).outcome == Failed("dns")


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
        assert (await post(port, scheme="https")).outcome in {Failed("timeout_response"), Failed("timeout_connect")}


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
