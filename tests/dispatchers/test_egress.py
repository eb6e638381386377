"""The egress guard: hostile URLs and addresses, and a name that answers differently the second time."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from dispatchers.egress import URL_CHARS_MAX, BlockedAddressError, EgressPolicy, Sockets, sockets, unwrapped
from schemas.settings import EgressSettings
from tests.dispatchers.receiver import Receiver

STRICT = EgressPolicy(EgressSettings())
PLAIN = EgressPolicy(EgressSettings(allow_plain_http=True))
LOCAL = EgressPolicy(EgressSettings(allow_cidrs=("127.0.0.0/8",), allow_plain_http=True))

HOSTILE_URLS = [
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "//example.com/",
    "example.com",
    "",
    "https://",
    "https:///path",
    "https://user:secret@example.com/",
    "https://example.com@127.0.0.1/",
    "https://user@example.com/",
    "https://127.0.0.1\\@example.com/",
    "https://example.com:22/",
    "https://example.com:8443/",
    "https://example.com:99999/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://a.localhost/",
    "https://printer.local/",
    "https://metadata.internal/",
    "https://router.home.arpa/",
    "https://\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54/",
    "https://ⓛocalhost/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.1./",
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://172.16.0.1/",
    "https://172.31.255.254/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://0xa9fea9fe/",
    "https://100.64.0.1/",
    "https://192.0.0.8/",
    "https://198.18.0.1/",
    "https://198.51.100.7/",
    "https://203.0.113.9/",
    "https://192.0.2.1/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a9fe:a9fe::]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://[100::1]/",
    "https://[fec0::1]/",
    "https://" + "a" * 300 + ".com/",
    "https://" + "a" * 64 + ".com/",
    "https://example.com/" + "a" * URL_CHARS_MAX,
    "https://example.com:0/",
    "https://a..b/",
    "https://./",
    "https://%31%32%37.0.0.1/",
    "https://example%2ecom/",
    "https://4294967296/",
    "https://0x100000000/",
    "https://1.2.3.4.5/",
    "https://1.2.3.0x/",
    "https://0x7f.1/",
    "https://127\u30020\u30020\u30021/",
    "https://①②⑦.⓪.⓪.①/",
    "https://exa mple.com/",
    "https://exa\tmple.com/",
    "https://exam\nple.com/",
    "https://example.com/\r\nHost: localhost",
    "https://example.com/\x7f",
    "https://exa<mple.com/",
    "https://localhost.localdomain/",
    "https://db.localdomain/",
    "https://[::ffff:0:7f00:1]/",
    "https://[::ffff:0:0]/",
    "https://[200::1]/",
    "https://[4000::1]/",
    "https://[5f00::1]/",
    "https://[2001:0:808:808::f7f7:f7f7]/",
    "https://[2001:20::1]/",
    "https://[64:ff9b:1:fffe::a00:1]/",
    "https://168.63.129.16/",
    "https://[::ffff:168.63.129.16]/",
    "https://100.100.100.200/",
    "https://192.0.0.192/",
]


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_a_hostile_url_is_refused(url: str) -> None:
    assert STRICT.check_url(url) is not None


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/",
        "https://example.com:443/hook?x=1",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
        "https://[64:ff9b::808:808]/",
        "https://bücher.example/",
        "https://example.com./",
        "https://my_host.example.com/",
        "https://1.example.com/",
        "https://example.com/a%20b?c=[d]",
        "https://[2002:808:808::1]/",
        "https://[::ffff:8.8.8.8]/",
    ],
)
def test_a_public_url_is_not(url: str) -> None:
    assert STRICT.check_url(url) is None


def test_exceptions_open_only_what_they_name() -> None:
    assert PLAIN.check_url("http://example.com/") is None
    assert PLAIN.check_url("http://127.0.0.1/") is not None
    assert LOCAL.check_url("http://127.0.0.1:4711/") is None
    assert LOCAL.check_url("http://localhost:4711/") is None
    assert LOCAL.check_url("http://10.0.0.1/") is not None
    assert LOCAL.check_address(ip_address("::ffff:127.0.0.1")) is None
    assert LOCAL.check_address(ip_address("::ffff:10.0.0.1")) is not None


def test_names_of_a_private_network_are_left_to_the_connection_once_any_network_is_allowed() -> None:
    cluster = EgressPolicy(EgressSettings(allow_cidrs=("10.0.0.0/8",), allow_plain_http=True))
    assert cluster.check_url("http://hook.shop.svc.cluster.local:8080/") is None
    assert cluster.check_url("http://localhost:8080/") is not None


def test_a_port_is_refused_at_the_connection_too() -> None:
    for port in (22, 0):
        with pytest.raises(BlockedAddressError, match="port"):
            STRICT.socket_for((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port)))
    STRICT.socket_for((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443))).close()


@given(st.binary(min_size=4, max_size=4))
def test_a_wrapped_address_is_refused_exactly_when_the_one_inside_is(inner: bytes) -> None:
    plain = STRICT.check_address(ip_address(inner))
    for wrapped in (
        b"\0" * 10 + b"\xff\xff" + inner,
        b"\0\x64\xff\x9b" + b"\0" * 8 + inner,
        b"\x20\x02" + inner + b"\0" * 10,
    ):
        assert STRICT.check_address(ip_address(wrapped)) == plain


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_what_python_calls_not_global_is_refused(address: IPv4Address | IPv6Address) -> None:
    if not address.is_global and unwrapped(address) == [address]:
        assert STRICT.check_address(address) is not None


@given(st.text(max_size=60))
def test_any_text_is_judged_and_never_raises(text: str) -> None:
    for url in (text, "https://" + text, f"https://{text}/", f"https://example.com/{text}"):
        STRICT.check_url(url)


class Rebinding(AbstractResolver):
    """Public for who checks, private for who connects."""

    def __init__(self) -> None:
        self.answers = ["8.8.8.8", "127.0.0.1"]

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def test_a_name_that_turns_private_is_refused_at_the_connection() -> None:
    receiver = Receiver()
    resolver = Rebinding()
    checked = await resolver.resolve("rebind.example", receiver.port)
    assert STRICT.check_address(ip_address(checked[0]["host"])) is None
    policy = EgressPolicy(EgressSettings(allow_plain_http=True))
    notes = Sockets()
    token = sockets.set(notes)
    factory: Any = policy.socket_for
    connector = aiohttp.TCPConnector(resolver=resolver, socket_factory=factory, use_dns_cache=False)
    try:
        async with aiohttp.ClientSession(connector=connector) as session:
            with pytest.raises(aiohttp.ClientConnectorError) as caught:
                await session.post(f"http://rebind.example:{receiver.port}/")
    finally:
        sockets.reset(token)
        receiver.close()
    assert isinstance(caught.value.os_error, BlockedAddressError)
    assert (notes.refused, notes.made) == (["not a globally routable address"], 0)
    assert not receiver.hits
