"""The egress guard on real sockets, through the sender: whatever a name answers, only an allowed address is spoken to.

Two endpoints share a port: 127.0.0.1 is allowed and stands for the public, 127.0.0.2 is not and stands for the private.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dispatchers import sender as sender_module
from dispatchers.sender import Sender, Try
from dispatchers.verdict import Blocked, Failed, Responded
from runtime.egress import BlockedAddressError, EgressPolicy, Refused, as_literal, target_of
from schemas.settings import EgressSettings
from tests.dispatchers.hostile import TIMEOUT_S

PUBLIC, PRIVATE = "127.0.0.1", "127.0.0.2"
POLICY = EgressPolicy(EgressSettings(allow_cidrs=(f"{PUBLIC}/32",), allow_plain_http=True))
NOT_ROUTABLE = Blocked("not a globally routable address")
CLOSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class Answers(AbstractResolver):
    """Answers every name from a list, one item a question, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0) for one in addresses]

    async def close(self) -> None:
        """Nothing is held."""


@dataclass
class Pair:
    port: int = 0
    public: list[bytes] = field(default_factory=list)
    private: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def pair(answer: bytes = CLOSE) -> AsyncIterator[Pair]:
    """The two endpoints; what is connected is noted before a byte is read."""
    both = Pair()

    async def hear(seen: list[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(b"")
        seen[-1] = await reader.read(100)
        writer.write(answer)
        await writer.drain()
        writer.close()

    public = await asyncio.start_server(lambda r, w: hear(both.public, r, w), PUBLIC, 0)
    both.port = public.sockets[0].getsockname()[1]
    private = await asyncio.start_server(lambda r, w: hear(both.private, r, w), PRIVATE, both.port)
    try:
        yield both
    finally:
        public.close()
        private.close()


async def post(resolver: AbstractResolver, url: str, *, policy: EgressPolicy = POLICY, times: int = 1) -> list[Try]:
    async with Sender(policy, timeout_s=TIMEOUT_S, connections=4, resolver=resolver) as sender:
        return [await sender.post(url, b"{}", {"webhook-id": "one"}) for _ in range(times)]


async def test_a_name_that_answers_a_private_address_the_second_time_is_refused_the_second_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sender_module, "DNS_CACHE_S", 0)
    resolver = Answers([PUBLIC], [PRIVATE])
    async with pair() as both:
        made = await post(resolver, f"http://rebind.example:{both.port}/", times=3)
    assert [one.outcome for one in made] == [Responded(200), NOT_ROUTABLE, NOT_ROUTABLE]
    assert resolver.asked == ["rebind.example"] * 3
    assert (len(both.public), both.private) == (1, [])


@pytest.mark.parametrize(
    "addresses, reached",
    [
        ([PRIVATE, PUBLIC], True),
        ([PUBLIC, PRIVATE], True),
        (["10.0.0.1", "::1", PUBLIC], True),
        ([PRIVATE], False),
        ([PRIVATE, "127.0.0.3", "169.254.169.254"], False),
        (["::1"], False),
        (["::ffff:7f00:2"], False),
        (["::ffff:127.0.0.2"], False),
        (["64:ff9b::7f00:2"], False),
        (["2002:7f00:2::1"], False),
        (["::7f00:2"], False),
        (["2001:0:7f00:2::1"], False),
        (["fe80::1%lo", "fe80::1%1"], False),
        (["fd00:ec2::254"], False),
        (["0.0.0.0", "::"], False),
        (["100.100.100.200", "168.63.129.16"], False),
    ],
)
async def test_every_address_of_a_name_is_judged_and_only_an_allowed_one_spoken_to(
    addresses: list[str], reached: bool
) -> None:
    async with pair() as both:
        (made,) = await post(Answers(addresses), f"http://mixed.example:{both.port}/")
    assert made.outcome == (Responded(200) if reached else NOT_ROUTABLE)
    assert (len(both.public), both.private) == (int(reached), [])


async def test_a_refused_address_is_not_fallen_back_to_when_the_allowed_one_fails() -> None:
    async with pair() as both:
        policy = EgressPolicy(EgressSettings(allow_cidrs=("127.0.0.9/32",), allow_plain_http=True))
        for addresses in (["127.0.0.9", PRIVATE], [PRIVATE, "127.0.0.9"]):
            (made,) = await post(Answers(addresses), f"http://mixed.example:{both.port}/", policy=policy)
            assert made.outcome == Failed("connect")
    assert (both.public, both.private) == ([], [])


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location", ["http://127.0.0.2:{port}/", "//127.0.0.2:{port}/", "http://inside.example:{port}/", "/again"]
)
async def test_a_redirect_is_an_answer_and_never_followed(status: int, location: str) -> None:
    head = f"HTTP/1.1 {status} Elsewhere\r\nContent-Length: 0\r\nConnection: close\r\nLocation: {location}\r\n\r\n"
    async with pair() as other, pair(head.format(port=other.port).encode()) as both:
        resolver = Answers([PUBLIC])
        (made,) = await post(resolver, f"http://outside.example:{both.port}/")
    assert made.outcome == Responded(status)
    assert resolver.asked == ["outside.example"]
    assert (len(both.public), both.private, other.public, other.private) == (1, [], [], [])


@pytest.mark.parametrize("host", ["8.8.8.8%lo", "localhost", "127.2", "2130706434", "::1%lo", ""])
async def test_an_answer_that_would_be_looked_up_again_reaches_nobody(host: str) -> None:
    async with pair() as both:
        open_to_all = EgressPolicy(EgressSettings(allow_cidrs=("0.0.0.0/0", "::/0"), allow_plain_http=True))
        (made,) = await post(Answers([host]), f"http://odd.example:{both.port}/", policy=open_to_all)
    assert made.outcome == Blocked("not an address")
    assert (both.public, both.private) == ([], [])


@pytest.mark.parametrize(
    "host", [PRIVATE, "127.2", "0x7f.2", "[::ffff:7f00:2]", "[::ffff:127.0.0.2]", "public@127.0.0.2", "127\u30020\u30020\u30022"]
)  # fmt: skip
async def test_a_literal_of_a_private_address_reaches_nobody_and_asks_nobody(host: str) -> None:
    resolver = Answers([PUBLIC])
    async with pair() as both:
        (made,) = await post(resolver, f"http://{host}:{both.port}/")
    assert isinstance(made.outcome, Blocked)
    assert (both.public, both.private, resolver.asked) == ([], [], [])


async def test_no_proxy_and_no_credentials_are_taken_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("default login someone password hush\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    async with pair() as proxy, pair() as both:
        for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy"):
            monkeypatch.setenv(name, f"http://{PUBLIC}:{proxy.port}")
            monkeypatch.setenv(name.upper(), f"http://{PUBLIC}:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        (reached,) = await post(Answers([PUBLIC]), f"http://hook.example:{both.port}/")
        (refused,) = await post(Answers([PRIVATE]), f"https://hook.example:{both.port}/")
    assert (reached.outcome, refused.outcome) == (Responded(200), NOT_ROUTABLE)
    assert (proxy.public, proxy.private) == ([], [])
    assert both.public[0].startswith(b"POST / HTTP/1.1\r\n")
    assert b"authorization" not in both.public[0].lower()


class Watching(EgressPolicy):
    """The real guard, but it connects nowhere: it keeps what it was asked for."""

    def __init__(self, settings: EgressSettings) -> None:
        super().__init__(settings)
        self.places: list[tuple[str, int]] = []

    def socket_for(self, address_info: Any) -> socket.socket:
        host, port, *_ = address_info[4]
        self.places.append((host, port))
        raise BlockedAddressError("only watched")


PIECES = [
    "example.com", "hook.example", "localhost", "127.0.0.1", "8.8.8.8", "127.1", "0x7f", "2130706433", "[::1]", "[2606:4700::1111]",
    "[::ffff:8.8.8.8]", "[fe80::1%25lo]", "@", ":", ":80", ":443", ":22", "/", "//", "\\", "?", "#", ";", "&", "=", "%", "%2e", "%40",
    "%2f", "%00", ".", "..", "-", "_", "a", "1", "x", "user", "xn--", "\t", "\n", " ", "\u3002", "\uff0e", "\uff61", "\uff11", "\xdf",
    "\xfc", "\u24db", "\u200d", "\xad", "\u03c2", "\u2100", "\u0661", "[", "]", "*", "'", "|",
]  # fmt: skip


LABELS = [
    "hook",
    "EXAMPLE",
    "com",
    "fa\xdf",
    "b\xfccher",
    "\u03c2",
    "\u4f8b",
    "\xcf",
    "a_b",
    "-a",
    "1",
    "0x7f",
    "127",
    "xn--a",
    "",
]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["http://", "https://", "HTTP://", "http:", "https:/"]),
    st.one_of(
        st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map("".join),
        st.lists(st.sampled_from(LABELS), min_size=2, max_size=4).map(".".join),
        st.text(max_size=20),
    ),
    st.sampled_from(["", "/", "/hook?a=%2F#b", ":443/"]),
)
@example("https://", "fa\xdf.example", "/")
@example("http://", "\u03c2\u03c3.example", "/")
@example("http://", "127\u30020\u30020\u30021", "/")
@example("http://", "[2606:4700::1111]:80", "/")
@example("http://", "example.com?@127.0.0.1", "/")
@example("http://", "example.com.", "/")
@example("http://", "example.com..", "/")
def test_the_client_goes_where_the_guard_was_told_whatever_the_url(scheme: str, middle: str, end: str) -> None:
    url = scheme + middle + end
    policy = Watching(EgressSettings(allow_cidrs=("127.0.0.0/8",), allow_plain_http=True))
    resolver = Answers(["203.0.113.7"])
    asyncio.run(post(resolver, url, policy=policy))
    if policy.check_url(url) is not None:
        assert (resolver.asked, policy.places) == ([], [])
        return
    judged = target_of(url)
    assert not isinstance(judged, Refused)
    ((host, port),) = policy.places
    assert port == judged.port
    if resolver.asked:
        assert (resolver.asked, host) == ([judged.host], "203.0.113.7")
        assert as_literal(judged.host) is None, "an address is nothing to look up"
    else:
        assert as_literal(judged.host) == as_literal(host.lower()) is not None
    seen = urlsplit(url).hostname or ""
    assert not seen.isascii() or seen == judged.host, "no reader of the standard library sees another host"
