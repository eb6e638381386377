"""The fault list of DELIVERY.md, each against a real socket: its outcome, its verdict with the tier, its label, in time.

1. What an endpoint says: statuses, redirects, Retry-After.
2. How it says it: slowly, endlessly, wrongly, not at all.
3. What comes before: name, TCP, TLS.
4. Which part of the try took the time.
"""

import asyncio
import contextlib
import functools
import gzip
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

from dispatchers.excerpt import BODY_BYTES_READ_MAX, EXCERPT_BYTES_MAX
from dispatchers.metrics import ATTEMPT_CHILDREN
from dispatchers.phases import Phases
from dispatchers.sender import Sender, Try
from dispatchers.verdict import Blocked, Dead, Delivered, Failed, Outcome, Responded, RetryAt, Verdict, decide, label
from tests.dispatchers.certificates import certificate
from tests.dispatchers.hostile import (
    LOCAL,
    OK,
    SERVFAIL,
    TIMEOUT_S,
    Answer,
    asking,
    drip,
    endless_headers,
    endpoint,
    hang,
    name_server,
    raw,
    reset,
    sever,
)

TIERS = (60.0, 300.0, 900.0, 3600.0, 7200.0)
NOW = 1_705_314_600_000
"""2024-01-15T10:30:00Z"""
NEXT, SLOWER = RetryAt(0), RetryAt(0, throttle=True)


class Judged(NamedTuple):
    outcome: Outcome
    verdict: Verdict
    label: str


def judged(made: Try) -> Judged:
    """What a dispatcher makes of a first try; its label has a counter."""
    word = label(made.outcome)
    assert ("delivery", 1, word) in ATTEMPT_CHILDREN
    return Judged(made.outcome, decide(made.outcome, attempt=1, tier_delays_s=TIERS, now=NOW), word)


@functools.cache
def trusting() -> ssl.SSLContext:
    """What every sender would make for itself, at 40 ms apiece."""
    return ssl.create_default_context()


async def post(port: int, *, scheme: str = "http", context: ssl.SSLContext | None = None) -> Try:
    async with Sender(LOCAL, timeout_s=TIMEOUT_S, connections=10, context=context or trusting()) as sender:
        made = await sender.post(f"{scheme}://127.0.0.1:{port}/hook", b"{}", {"Content-Type": "application/json"})
    assert made.duration_ms < TIMEOUT_S * 1000 + 400
    return made


def status(line: str, *headers: str) -> Answer:
    return raw("\r\n".join([f"HTTP/1.1 {line}", *headers, "Content-Length: 0", "", ""]).encode())


# ---- 1. what an endpoint says ---------------------------------------------------------------------------------------
STATUSES: list[tuple[str, Verdict, str]] = [
    ("200 OK", Delivered(), "success"),
    ("299 Fine", Delivered(), "success"),
    ("101 Switching Protocols", NEXT, "http_1xx"),
    ("304 Not Modified", NEXT, "http_3xx"),
    ("400 Bad Request", NEXT, "http_4xx"),
    ("413 Content Too Large", NEXT, "http_4xx"),
    ("429 Too Many Requests", SLOWER, "http_429"),
    ("500 Internal Server Error", NEXT, "http_5xx"),
    ("501 Not Implemented", NEXT, "http_5xx"),
    ("502 Bad Gateway", SLOWER, "http_5xx"),
    ("503 Service Unavailable", SLOWER, "http_5xx"),
    ("504 Gateway Timeout", SLOWER, "http_5xx"),
    ("799 Odd", NEXT, "http_5xx"),
]


@pytest.mark.parametrize("line, verdict, word", STATUSES)
async def test_a_status_has_its_verdict(line: str, verdict: Verdict, word: str) -> None:
    async with endpoint(status(line)) as port:
        assert judged(await post(port)) == (Responded(int(line[:3])), verdict, word)


async def test_no_content_is_a_success_and_gone_is_told_apart() -> None:
    async with endpoint(raw(b"HTTP/1.1 204 No Content\r\n\r\n")) as port:
        assert judged(await post(port)) == (Responded(204), Delivered(), "success")
    async with endpoint(status("410 Gone")) as port:
        made = await post(port)
    assert (made.outcome, label(made.outcome)) == (Responded(410), "http_410")


ASKED: list[tuple[tuple[str, ...], int]] = [
    (("120",), 1),
    (("0",), 0),
    (("-5",), 0),
    (("99999999999999999999",), 4),
    (("NaN",), 0),
    (("",), 0),
    (("Mon, 15 Jan 2024 11:30:00 GMT",), 3),
    (("Mon, 15 Jan 2024 11:30:00 -0000",), 3),
    (("Mon, 15 Jan 2024 11:30:00 +0100",), 0),
    (("Thu, 01 Jan 1970 00:00:00 GMT",), 0),
    (("Fri, 31 Dec 9999 23:59:59 GMT",), 4),
    (("Fri, 31 Dec 99999 23:59:59 GMT",), 0),
    (("120", "7200"), 0),
    (("120", "Mon, 15 Jan 2024 11:30:00 GMT"), 0),
]
"""Values of Retry-After to the tier; two headers say nothing, since nobody knows which one is meant."""


@pytest.mark.parametrize("values, tier", ASKED, ids=[" and ".join(values) for values, _ in ASKED])
@pytest.mark.parametrize("line", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_a_retry_after_however_absurd_names_a_tier(line: str, values: tuple[str, ...], tier: int) -> None:
    async with endpoint(status(line, *(f"Retry-After: {value}" for value in values))) as port:
        made = await post(port)
    assert judged(made).verdict == RetryAt(tier, throttle=True)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["/hook", "http://10.0.0.1/"])
async def test_a_redirect_is_never_followed_neither_in_a_circle_nor_inwards(code: int, target: str) -> None:
    calls = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        await status(f"{code} Elsewhere", f"Location: {target}")(reader, writer)

    async with endpoint(answer) as port:
        assert judged(await post(port)) == (Responded(code), NEXT, "http_3xx")
    assert calls == 1


async def test_a_flapping_endpoint_is_judged_anew_by_every_try_on_one_connection() -> None:
    lines, connections = iter(["500 No", "200 OK", "503 No", "200 OK"]), 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for line in lines:
            await reader.readuntil(b"\r\n\r\n{}")
            writer.write(f"HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()

    async with endpoint(answer) as port, Sender(LOCAL, timeout_s=TIMEOUT_S, connections=1) as sender:
        made = [judged(await sender.post(f"http://127.0.0.1:{port}/", b"{}", {})) for _ in range(4)]
    assert [one.verdict for one in made] == [NEXT, Delivered(), SLOWER, Delivered()]
    assert connections == 1


# ---- 2. how it says it ----------------------------------------------------------------------------------------------
RESPONSE_HANGS = Failed("timeout_response"), NEXT, "timeout_response"
NO_HTTP = Failed("protocol"), NEXT, "protocol"
TAKEN = Responded(200), Delivered(), "success"
MANNERS: list[tuple[str, Answer, tuple[Outcome, Verdict, str]]] = [
    ("accepts, then hangs", hang, RESPONSE_HANGS),
    ("headers byte by byte", drip(b"HTTP/1.1 200 OK\r\nX: ", b"a"), RESPONSE_HANGS),
    ("status line byte by byte", drip(b"", OK), RESPONSE_HANGS),
    ("continue, and nothing more", raw(b"HTTP/1.1 100 Continue\r\n\r\n", stay_s=30), RESPONSE_HANGS),
    ("continue, then the answer", raw(b"HTTP/1.1 100 Continue\r\n\r\n" + OK), TAKEN),
    ("old protocol, closed", raw(b"HTTP/1.0 200 OK\r\n\r\nbody until close"), TAKEN),
    ("reset in the body", reset, TAKEN),
    ("length too large", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort"), TAKEN),
    ("length too small", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more"), TAKEN),
    ("garbage after a chunk", raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nZZ"), TAKEN),
    ("garbage for a chunk", raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"), TAKEN),
    ("garbage that ends as a head does", raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n\r\n"), TAKEN),
    ("no HTTP at all", raw(b"SSH-2.0-OpenSSH_9.0\r\n\r\n"), NO_HTTP),
    ("closed without an answer", raw(b""), NO_HTTP),
    ("reset without an answer", sever, NO_HTTP),
    ("half a status line", raw(b"HTTP/1.1 20"), NO_HTTP),
    ("two lengths", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"), NO_HTTP),
    ("negative length", raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), NO_HTTP),
    ("header of 100 kB", raw(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n"), NO_HTTP),
    ("headers without end", endless_headers, NO_HTTP),
]  # fmt: skip


@pytest.mark.parametrize("name, answer, expected", MANNERS, ids=[manner[0] for manner in MANNERS])
async def test_a_fault_of_manner_has_its_word_in_time(
    name: str, answer: Answer, expected: tuple[Outcome, Verdict, str]
) -> None:
    async with endpoint(answer) as port:
        assert judged(await post(port)) == expected


async def test_of_a_body_that_drips_the_status_counts_and_the_excerpt_is_what_came_in_time() -> None:
    async with endpoint(drip(b"HTTP/1.1 500 No\r\nContent-Length: 9999\r\n\r\n", b"b")) as port:
        made = await post(port)
    assert judged(made) == (Responded(500), NEXT, "http_5xx")
    assert made.duration_ms >= TIMEOUT_S * 1000
    assert 1 < len(made.excerpt) < 100
    assert set(made.excerpt) == {ord("b")}
    assert made.phases.response_ms is not None
    assert made.phases.response_ms < TIMEOUT_S * 1000 / 2, "to the headers, not to the end of the body"


@pytest.mark.parametrize("head", [b"Content-Length: 1073741824", b"X-Length: none"])
async def test_of_a_gigabyte_only_the_beginning_is_read(head: bytes) -> None:
    sent = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
        while sent < 1 << 30:
            writer.write(b"x" * BODY_BYTES_READ_MAX)
            await writer.drain()
            sent += BODY_BYTES_READ_MAX

    async with endpoint(answer) as port:
        made = await post(port)
        assert judged(made) == TAKEN
    assert made.excerpt == b"x" * EXCERPT_BYTES_MAX
    assert made.duration_ms < TIMEOUT_S * 1000
    assert sent < 64 * 1024 * 1024, "what the sockets' buffers took"


async def test_a_gzip_bomb_is_inflated_no_further_than_what_is_kept() -> None:
    bomb = gzip.compress(b"0" * 50_000_000, mtime=0)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    async with endpoint(raw(head + bomb)) as port:
        made = await post(port)
    assert judged(made) == TAKEN
    assert made.excerpt == b"0" * EXCERPT_BYTES_MAX


# ---- 3. what comes before -------------------------------------------------------------------------------------------
async def test_a_refused_connection_and_a_blocked_address() -> None:
    async with endpoint(raw(OK)) as port:
        pass
    made = await post(port)
    assert judged(made) == (Failed("connect"), NEXT, "connect")
    async with Sender(LOCAL, timeout_s=TIMEOUT_S, connections=1) as sender:
        blocked = await sender.post("http://10.0.0.1/", b"{}", {})
    assert isinstance(blocked.outcome, Blocked)
    assert judged(blocked)[1:] == (Dead("blocked_address"), "blocked")


@contextlib.contextmanager
def deaf() -> Iterator[int]:
    """A port whose queue of connections is full, so that the next one is never answered."""
    with socket.socket() as listening, contextlib.ExitStack() as stack:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


async def test_a_connection_that_is_never_answered_times_out_in_connecting() -> None:
    with deaf() as port:
        made = await post(port)
    assert judged(made) == (Failed("timeout_connect"), NEXT, "timeout_connect")
    assert made.phases.connect_ms is not None
    assert made.phases._replace(connect_ms=None) == Phases()


NO_TLS = Failed("tls"), NEXT, "tls"


@dataclass
class Presented:
    address: str = "127.0.0.1"
    days: int = 30
    trusted: bool = True


@pytest.mark.parametrize(
    "presented, expected",
    [
        (Presented(), TAKEN),
        (Presented(trusted=False), NO_TLS),
        (Presented(days=-1), NO_TLS),
        (Presented(address="127.9.9.9"), NO_TLS),
    ],
    ids=["good", "self-signed", "expired", "of another host"],
)
async def test_a_certificate_is_verified(
    tmp_path: Path, presented: Presented, expected: tuple[Outcome, Verdict, str]
) -> None:
    path = tmp_path / "pair.pem"
    server = certificate(path, address=presented.address, days=presented.days)
    client = ssl.create_default_context(cafile=str(path) if presented.trusted else None)
    async with endpoint(raw(OK), server) as port:
        made = await post(port, scheme="https", context=client)
    assert judged(made) == expected
    assert (made.phases.dns_ms, made.phases.response_ms is None) == (None, expected is NO_TLS)
    assert made.phases.tls_ms is not None


async def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)
    await writer.drain()


async def hung_up(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


HANDSHAKES: list[tuple[str, Answer, tuple[Outcome, Verdict, str]]] = [
    ("hangs", hang, (Failed("timeout_tls"), NEXT, "timeout_tls")),
    ("byte by byte", drip(b"\x16\x03\x03\x20\x00", b"\x02"), (Failed("timeout_tls"), NEXT, "timeout_tls")),
    ("plain HTTP", plain, NO_TLS),
    ("hung up", hung_up, NO_TLS),
]


async def unread(answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A handshake has no line to wait for."""
    reader.feed_data(b"\r\n\r\n")
    await answer(reader, writer)


@pytest.mark.parametrize("name, answer, expected", HANDSHAKES, ids=[one[0] for one in HANDSHAKES])
async def test_a_handshake_that_comes_to_nothing_is_a_failure_of_tls(
    name: str, answer: Answer, expected: tuple[Outcome, Verdict, str]
) -> None:
    async with endpoint(lambda reader, writer: unread(answer, reader, writer)) as port:
        made = await post(port, scheme="https")
    assert judged(made) == expected
    assert made.phases.tls_ms is not None
    assert made.phases.response_ms is None


@pytest.mark.parametrize("name, kind", [("unknown", "dns"), ("servfail", "dns"), ("silent", "timeout_dns")])
async def test_a_name_that_leads_nowhere_has_its_word(name: str, kind: str) -> None:
    async with name_server(servfail=SERVFAIL) as names, asking(names) as sender:
        names.silent.add("silent.test")
        made = await sender.post(f"http://{name}.test:9/", b"{}", {})
        again = await sender.post(f"http://{name}.test:9/", b"{}", {})
    assert judged(made)[1:] == judged(again)[1:] == (NEXT, kind)
    assert isinstance(made.outcome, Failed)
    assert made.phases.dns_ms is not None
    assert made.phases._replace(dns_ms=None) == Phases()
    assert made.duration_ms < TIMEOUT_S * 1000


def _ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as found:
        found.bind(("::1", 0))
        return True
    return False


@pytest.mark.skipif(not _ipv6(), reason="this machine has no ::1")
@pytest.mark.parametrize("host", ["[::1]", "six.test"])
async def test_an_endpoint_on_ipv6_alone_is_reached(host: str) -> None:
    async with endpoint(raw(OK), host="::1") as port, name_server(six=["::1"]) as names, asking(names) as sender:
        assert judged(await sender.post(f"http://{host}:{port}/", b"{}", {})) == TAKEN


# ---- 4. which part took the time ------------------------------------------------------------------------------------
async def later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await reader.readuntil(b"\r\n\r\n{}")
        await asyncio.sleep(0.1)
        writer.write(OK)
        await writer.drain()


async def test_a_part_that_did_not_happen_has_no_time(tmp_path: Path) -> None:
    server = certificate(tmp_path / "pair.pem", address="127.0.0.1", days=30)
    client = ssl.create_default_context(cafile=str(tmp_path / "pair.pem"))
    async with endpoint(later, server) as port, Sender(LOCAL, timeout_s=2, connections=1, context=client) as sender:
        first, second = [await sender.post(f"https://127.0.0.1:{port}/", b"{}", {}) for _ in range(2)]
    async with endpoint(later) as port, name_server(hook=["127.0.0.1"]) as names, asking(names) as sender:
        named = await sender.post(f"http://hook.test:{port}/", b"{}", {})
    happened = [tuple(part is not None for part in made.phases) for made in (first, second, named)]
    assert happened == [(False, True, True, True), (False, False, False, True), (True, True, False, True)]
    for made in (first, second, named):
        assert made.phases.response_ms is not None
        assert 90 <= made.phases.response_ms <= made.duration_ms
        assert sum(part or 0 for part in made.phases) <= made.duration_ms


async def test_a_try_that_hangs_shows_where() -> None:
    async with endpoint(hang) as port:
        made = await post(port)
    assert made.phases.response_ms is not None
    assert made.phases.response_ms >= TIMEOUT_S * 1000 * 0.8
