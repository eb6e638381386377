"""Any bytes on a socket of the gateway: an answer of 4xx or 5xx or a closed connection, never a 2xx for nothing.

The server, the application and the ingest are the real ones; at the edge stand an account and a log in memory.
"""

import asyncio
import logging
import random
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, cast

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.gateway.app import App
from producers.gateway.ingest import Ingest
from producers.gateway.role import server_of
from runtime.kafka.records import Ack, Refused
from runtime.settings import load
from schemas.providers import registry
from schemas.providers.callback import Credentials
from tests.fuzz.spoil import spoilt
from tests.producers.test_gateway import REPORT
from tests.stage import await_condition

if TYPE_CHECKING:
    from runtime.config_follower import ConfigFollower
    from runtime.kafka.producer import AsyncProducer

BODY = orjson.dumps({"results": [REPORT]})
PATH = "/api/webhook-feedbacks/infobip/path-secret?account=acme"
GOOD = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n\r\n".encode() + BODY
LAST = GOOD.replace(b"Host: x", b"Host: x\r\nConnection: close")
PATIENCE_S = 0.25
"""How long a caller waits for more where only too many answers would be wrong."""
ANSWER_S = 20.0
"""The same where the gateway must answer and close."""
READ_TIMEOUT_S = 0.3

Mood = Literal["takes", "refuses", "silent"]


@dataclass
class Log:
    """What stands for the brokers: it acknowledges every record, refuses every one, or never says a word."""

    mood: Mood = "takes"
    written: int = 0

    def offer(self, sink: Any, topic: str, *, key: str, value: bytes) -> bool:
        assert key
        assert value
        loop = asyncio.get_running_loop()
        if self.mood == "takes":
            self.written += 1
            loop.call_soon(sink, Ack(topic, 0, self.written, 0))
        elif self.mood == "refuses":
            loop.call_soon(sink, Refused("TOPIC_AUTHORIZATION_FAILED", retriable=False))
        return True


@dataclass
class Wire:
    """A gateway on a port of its own, and everything that it said to its log."""

    log: Log = field(default_factory=Log)
    port: int = 0
    said: list[logging.LogRecord] = field(default_factory=list)

    def exchange(self, *callers: "Caller") -> list[bytes]:
        async def all_at_once() -> list[bytes]:
            return await asyncio.gather(*(one.call(self.port) for one in callers))

        return asyncio.run(all_at_once())

    def check_quiet(self) -> None:
        """Nothing went wrong within, and nobody's secret was told."""
        for record in self.said:
            text = record.getMessage()
            assert record.levelno < logging.ERROR, text
            assert record.exc_info is None, text
            assert "path-secret" not in text
        self.said.clear()


class Listener(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, said: list[logging.LogRecord]) -> None:
        super().__init__()
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record)


@dataclass(frozen=True)
class Caller:
    """Bytes in the parts in which they are sent, and whether the caller hangs up without reading."""

    parts: tuple[bytes, ...]
    hangs_up: bool = False
    patience_s: float = PATIENCE_S

    async def call(self, port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answer = b""
        try:
            for part in self.parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)
            while not self.hangs_up:
                more = await asyncio.wait_for(reader.read(65_536), self.patience_s)
                if not more:
                    break
                answer += more
        except (OSError, TimeoutError):
            pass
        finally:
            writer.transport.abort()
        return answer


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    opened = Wire()
    listener = socket.create_server(("127.0.0.1", 0))
    opened.port = listener.getsockname()[1]
    follower = SimpleNamespace(
        trusted=True,
        snapshot=SimpleNamespace(accounts={"acme"}),
        credentials=lambda _account, _provider: Credentials({"secret": ["path-secret"]}),
    )
    environment = {"TRACKLY_GATEWAY__ACK_TIMEOUT_S": "0.1", "TRACKLY_GATEWAY__BODY_BYTES_MAX": "65536"}
    servers: list[Any] = []

    async def serve() -> None:
        chosen = load(environment)
        ingest = Ingest(chosen, cast("ConfigFollower", follower), cast("AsyncProducer", opened.log))
        servers.append(server_of(App(chosen.gateway, registry.by_any_name(), ingest), READ_TIMEOUT_S))
        await servers[0].serve(sockets=[listener])

    handler = Listener(opened.said)
    logging.getLogger().addHandler(handler)
    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    await_condition(lambda: servers and servers[0].started, what="the listener")
    yield opened
    servers[0].should_exit = True
    thread.join()
    logging.getLogger().removeHandler(handler)


def statuses(answer: bytes) -> list[int]:
    assert not answer or answer.startswith(b"HTTP/1.1 ")
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


LINES = [
    f"POST {PATH} HTTP/1.1", f"POST {PATH} HTTP/1.0", f"POST {PATH} HTTP/2.0", f"POST {PATH} HTTP/9.9", f"POST {PATH}",
    f"GET {PATH} HTTP/1.1", f"HEAD {PATH} HTTP/1.1", f"post {PATH} HTTP/1.1", f"OPTIONS {PATH} HTTP/1.1",
    "PRI * HTTP/2.0", f"POST http://x{PATH} HTTP/1.1", "POST http://x HTTP/1.1", "POST http://x?a=b HTTP/1.1",
    "CONNECT x:443 HTTP/1.1", "CONNECT / HTTP/1.1", "OPTIONS * HTTP/1.1", "GET / HTTP/1.1", "GET  / HTTP/1.1",
    "GET /\x00 HTTP/1.1", "GET /\xff HTTP/1.1", "GET //// HTTP/1.1", "GET ? HTTP/1.1", "GET # HTTP/1.1",
    "GET /%00%ff%zz%?%&=%=& HTTP/1.1", f"POST {PATH}%26list=%zz&mid=%00&kind=%ed%a0%80 HTTP/1.1", "", " ",
    f"POST {PATH.replace('infobip', '%69nfobip')} HTTP/1.1", f"POST {PATH.replace('?', '%3f')} HTTP/1.1",
    f"POST {PATH.replace('path-secret', 'path%2Dsecret')} HTTP/1.1", f"POST {PATH}#f HTTP/1.1",
    "POST /api/../api/webhook-feedbacks/infobip/path-secret?account=acme HTTP/1.1", f"POST {PATH}&x={'x' * 20_000} HTTP/1.1",
    f"POST {PATH.replace('infobip', 'cm')} HTTP/1.1", f"GET {PATH.replace('infobip', 'cm')}&GSM=1 HTTP/1.1",
]  # fmt: skip
HEADERS = [
    "Host: x", "Host: x\r\nHost: y", "Host:", "Host: a@b:99999/%", "X: " + "x" * 20_000, "\r\n".join(["X: 1"] * 120), ": x", "X",
    "X : 1", " folded: 1", "X: \x00", "X: \xff", "Connection: close", "Connection: upgrade\r\nUpgrade: websocket",
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c", "Expect: 100-continue", "Expect: 200-ok", "Content-Encoding: gzip",
    "Content-Type: application/json; charset=utf-7", "Content-Type: \xff", "Trailer: Content-Length", "Authorization: Basic !",
    "X-Forwarded-For: path-secret", "Proxy-Connection: keep-alive", "Keep-Alive: timeout=-1",
]  # fmt: skip
LENGTH = len(BODY)
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (LENGTH, BODY)
FRAMES: list[tuple[str, bytes]] = [
    (f"Content-Length: {LENGTH}", BODY), ("", BODY), ("Content-Length: 0", b""), ("Content-Length: 5", BODY),
    (f"Content-Length: {LENGTH + 50}", BODY), (f"Content-Length: {LENGTH}\r\nContent-Length: {LENGTH}", BODY),
    (f"Content-Length: {LENGTH}\r\nContent-Length: 5", BODY), (f"Content-Length: 5, {LENGTH}", BODY), ("Content-Length: -1", BODY),
    (f"Content-Length: +{LENGTH}", BODY), ("Content-Length: 0x10", BODY), ("Content-Length: \xb2", BODY), ("Content-Length:", BODY),
    ("Content-Length: 99999999999999999999999", BODY), ("Content-Length: 70000", b"x" * 70_000), ("Content-Length: 9e1", BODY),
    ("Transfer-Encoding: chunked", CHUNKED), (f"Transfer-Encoding: chunked\r\nContent-Length: {LENGTH}", CHUNKED),
    (f"Content-Length: {LENGTH}\r\nTransfer-Encoding: chunked", BODY), ("Transfer-Encoding: identity", BODY),
    ("Transfer-Encoding: gzip, chunked", CHUNKED), ("Transfer-Encoding: chunked, identity", CHUNKED), ("Transfer-Encoding: xchunked", CHUNKED),
    ("Transfer-Encoding: chunked", b"zz\r\n" + BODY), ("Transfer-Encoding: chunked", b"-1\r\n" + BODY),
    ("Transfer-Encoding: chunked", b"ffffffffffffffffff\r\n" + BODY), ("Transfer-Encoding: chunked", b'%x;x="\r\n"\r\n' % LENGTH + BODY),
    ("Transfer-Encoding: chunked", CHUNKED[:-2] + b"X: 1\r\nContent-Length: 9\r\n\r\n"), ("Transfer-Encoding: chunked", b"1\n{\n0\n\n"),
    ("Transfer-Encoding: chunked", b"%x\r\n" % LENGTH + BODY[:-1] + b"\r\n0\r\n\r\n"), ("Transfer-Encoding: chunked", b"0\r\n\r\n"),
    ("Transfer-Encoding: chunked", b"11170\r\n" + b"x" * 70_000 + b"\r\n0\r\n\r\n"),
    (f"Content-Length: {LENGTH - 1}", BODY[:-1]), ("Content-Length: 3", b"\x00\xff{"), ("Content-Length: 500", b"[" * 500),
]  # fmt: skip


@st.composite
def raw_requests(draw: st.DrawFn) -> bytes:
    line = draw(st.sampled_from(LINES[:1]) | st.sampled_from(LINES))
    declared, body = draw(st.sampled_from(FRAMES))
    headers = draw(st.lists(st.sampled_from(HEADERS), max_size=3))
    end = draw(st.sampled_from(["\r\n"] * 8 + ["\n", "\r", "\r\n\r\n"]))
    head = end.join([line, "Host: x", *headers, *([declared] if declared else []), "", ""])
    data = head.encode("latin-1") + body
    return spoilt(data, draw(st.integers(0, 2**32))) if draw(st.integers(0, 3)) == 0 else data


@st.composite
def callers(draw: st.DrawFn) -> Caller:
    data = b"".join(draw(st.lists(raw_requests() | st.just(GOOD), min_size=1, max_size=3)))
    if draw(st.integers(0, 9)) == 0:
        data = draw(st.binary(max_size=300))
    rng = random.Random(draw(st.integers(0, 2**32)))
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(4)))
    if rng.random() < 0.2:
        data = data[: rng.randrange(len(data) + 1)]
    parts = tuple(data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True))
    return Caller(parts, hangs_up=rng.random() < 0.2)


@settings(max_examples=25, deadline=None)
@given(st.lists(callers(), min_size=1, max_size=12), st.sampled_from(["takes", "takes", "refuses", "silent"]))
def test_any_bytes_get_an_error_or_no_answer_and_2xx_only_what_was_written(
    wire: Wire, several: list[Caller], mood: Mood
) -> None:
    wire.log.mood, wire.log.written = mood, 0
    told = [code for answer in wire.exchange(*several) for code in statuses(answer)]
    assert set(told) <= {100, 200, 400, 401, 404, 405, 408, 413, 414, 431, 503}
    assert told.count(200) <= wire.log.written
    wire.check_quiet()
    wire.log.mood = "takes"
    assert statuses(wire.exchange(Caller((LAST,), patience_s=ANSWER_S))[0]) == [200]


@pytest.mark.parametrize("line", LINES, ids=[repr(line[:60]) for line in LINES])
@pytest.mark.parametrize("declared, body", [FRAMES[0], FRAMES[16]], ids=["length", "chunked"])
def test_no_request_line_ends_the_gateway_or_reaches_its_log(wire: Wire, line: str, declared: str, body: bytes) -> None:
    wire.log.mood, wire.log.written = "takes", 0
    request = f"{line}\r\nHost: x\r\nConnection: close\r\n{declared}\r\n\r\n".encode("latin-1") + body
    (answer,) = wire.exchange(Caller((request,)))
    assert statuses(answer).count(200) <= wire.log.written
    wire.check_quiet()


@pytest.mark.parametrize("declared, body", FRAMES, ids=[repr(f"{name[:50]} {body[:12]!r}") for name, body in FRAMES])
def test_however_a_body_is_framed_a_2xx_is_for_what_was_written(wire: Wire, declared: str, body: bytes) -> None:
    wire.log.mood, wire.log.written = "takes", 0
    framed = f"{declared}\r\n" if declared else ""
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{framed}\r\n".encode("latin-1")
    (answer,) = wire.exchange(Caller((head, body)))
    assert statuses(answer).count(200) <= wire.log.written <= 1
    wire.check_quiet()


@pytest.mark.parametrize("offer", ["h2c", "websocket", "TLS/1.3, foo/2"])
@pytest.mark.parametrize("cut", [0, 40, 130, -100, -1])
def test_an_offer_of_another_protocol_costs_no_body(wire: Wire, offer: str, cut: int) -> None:
    """Java's HttpClient makes one with the first request of every plain connection."""
    wire.log.mood, wire.log.written = "takes", 0
    connection = f"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {offer}\r\nHTTP2-Settings: AAMAAABkAAQ\r\nHost: x"
    offered = GOOD.replace(b"Host: x", connection.encode())
    data = offered * 3 + LAST
    (answer,) = wire.exchange(Caller((data[:cut], data[cut:]), patience_s=ANSWER_S))
    assert (statuses(answer), wire.log.written) == ([200] * 4, 4)
    wire.check_quiet()


def test_many_offers_at_once_are_read_one_after_the_other(wire: Wire) -> None:
    wire.log.mood, wire.log.written = "takes", 0
    offered = b"POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" * 2000
    (answer,) = wire.exchange(Caller((offered, LAST), patience_s=ANSWER_S))
    assert statuses(answer) == [404] * 2000 + [200]
    wire.check_quiet()


def test_a_tunnel_is_refused(wire: Wire) -> None:
    (answer,) = wire.exchange(Caller((b"CONNECT / HTTP/1.1\r\nHost: x\r\n\r\nanything",), patience_s=ANSWER_S))
    assert statuses(answer) == [400]
