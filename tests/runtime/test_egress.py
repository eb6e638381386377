"""The egress guard by tables: hostile URLs each with its reason, addresses however wrapped, exceptions no wider than named."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.egress import URL_CHARS_MAX, BlockedAddressError, EgressPolicy, Refused, Target, target_of, unwrapped
from schemas.settings import EgressSettings

STRICT = EgressPolicy(EgressSettings())
PLAIN = EgressPolicy(EgressSettings(allow_plain_http=True))
LOCAL = EgressPolicy(EgressSettings(allow_cidrs=("127.0.0.0/8",), allow_plain_http=True))
OPEN = EgressPolicy(EgressSettings(allow_cidrs=("0.0.0.0/0", "::/0"), allow_plain_http=True))

HOSTILE: dict[str, list[str]] = {
    "not an http(s) URL": [
        "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "//example.com/", "example.com", "",
        "https://", "https:///path", "https:127.0.0.1/", "https:/127.0.0.1/", "https:///127.0.0.1/",
        "ws://example.com/", "wss://example.com/", "dict://127.0.0.1:11211/", "ldap://127.0.0.1/",
        "data:text/plain,hello", "javascript:alert(1)", "unix:///var/run/docker.sock",
        "http+unix://%2fvar%2frun%2fdocker.sock/", "httpss://example.com/", "https//example.com/",
    ],
    "plain http is not allowed": [
        "http://example.com/",
    ],
    "a URL must not carry credentials": [
        "https://user:secret@example.com/", "https://example.com@127.0.0.1/", "https://user@example.com/",
        "https://good@127.0.0.1/", "https://example.com;@127.0.0.1/", "https://:@127.0.0.1/", "https://@example.com/",
        "https://example.com:443@127.0.0.1/", "https://[::1]@example.com/",
    ],
    "not a URL": [
        "https://127.0.0.1\\@example.com/", "https://example.com:99999/",
        "https://\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54/", "https://\u24dbocalhost/",
        "https://0177.0.0.1/", "https://example.com/" + "a" * URL_CHARS_MAX,
        "https://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/", "https://exa mple.com/", "https://exa\tmple.com/",
        "https://exam\nple.com/", "https://example.com/\r\nHost: localhost", "https://example.com/\x7f",
        "https://exa<mple.com/", "https://example.com\\@127.0.0.1/", "https:\\127.0.0.1/", "https://[127.0.0.1]/",
        "https://[::1].example.com/", "https://[::1]:443:22/", "https://[::1/", "https://::1/", "https://[v1.fe]/",
        "https://example.com:80:443/", "https://example.com:+443/", "https://example.com:4_43/",
        "https://example.com:\u0664\u0664\u0663/", "https://example.com:65536/", "https://example.com:-1/",
        "https://0177.0.0.01/", "https://0300.0250.1.1/", "https://0251.0376.0251.0376/",
        "https://\uff11\uff12\uff17.0.0.1/", "https://\u2113ocalhost/",
        "https://\U0001d425\U0001d428\U0001d41c\U0001d41a\U0001d425\U0001d421\U0001d428\U0001d42c\U0001d42d/",
        "https://local\xadhost/", "https://local\u200bhost/", "https://local\u2060host/", "https://a b.example.com/",
        "https://example.com\u2028/x/", "https://example.com\u3000/", "https://example.com\uff0f@127.0.0.1/",
        "https://example.com\uff20127.0.0.1/", "https://example.com\uff03.evil.example/", "https://a\u2100b.example/",
        "https://\u2603.example/", "https://\u0663.example.com.\u0661/", "ht\ttps://example.com/",
        "\thttps://example.com/", " https://example.com/", "https://example.com/ ", "https://example.com/\x00",
        "https://example.com:443\t@127.0.0.1/",
    ],
    "not a host name": [
        "https://" + "a" * 300 + ".com/", "https://" + "a" * 64 + ".com/", "https://a..b/", "https://./",
        "https://%31%32%37.0.0.1/", "https://example%2ecom/", "https://4294967296/", "https://0x100000000/",
        "https://1.2.3.4.5/", "https://1.2.3.0x/", "https://example.com%40127.0.0.1/", "https://1.1/",
        "https://1\u30021\u30021\u3002256/", "https://[2606:4700::1111%25eth0]/", "https://[2606:4700::1111%eth0]/",
        "https://.localhost/", "https://localhost%00.example.com/", "https://localhost%2eexample.com/",
        "https://%6c%6f%63%61%6c%68%6f%73%74/", "https://%31%30%2e%30%2e%30%2e%31/", "https://*.example.com/",
        "https://example.com,localhost/", "https://..example.com/", "https://example..com/", "https://.example.com/",
        "https://" + ("a" * 63 + ".") * 4 + "com/", "https://127.0.0.1.../", "https://127.0.0.1../",
        "https://localhost../", "https://example.com../",
    ],
    "a name of the local network": [
        "https://localhost/", "https://LOCALHOST/", "https://localhost./", "https://a.localhost/",
        "https://printer.local/", "https://metadata.internal/", "https://router.home.arpa/",
        "https://localhost.localdomain/", "https://db.localdomain/", "https://metadata.google.internal/",
        "https://metadata.google.internal./", "https://METADATA.Google.Internal/", "https://metadata/",
        "https://instance-data/", "https://instance-data.ec2.internal/", "https://kubernetes/",
        "https://kubernetes.default.svc.cluster.local/", "https://host.docker.internal/", "https://intranet/",
        "https://ip6-localhost/", "https://localhost6/", "https://localhost.localdomain6/", "https://a.b.localhost./",
        "https://localhost\u3002/", "https://loc\u0430lhost/", "https://l\u03bfcalhost/",
        "https://nas.lan/", "https://wiki.corp/", "https://router.home/", "https://app.intranet/",
        "https://db.private/", "https://xn--/",
    ],
    "not a globally routable address": [
        "https://127.0.0.1/", "https://127.1/", "https://127.0.1/", "https://0/", "https://0.0.0.0/",
        "https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://017700000001/",
        "https://127.0.0.1./", "https://10.0.0.1/", "https://10.255.255.255/", "https://172.16.0.1/",
        "https://172.31.255.254/", "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data/",
        "https://0xa9fea9fe/", "https://100.64.0.1/", "https://192.0.0.8/", "https://198.18.0.1/",
        "https://198.51.100.7/", "https://203.0.113.9/", "https://192.0.2.1/", "https://224.0.0.1/",
        "https://240.0.0.1/", "https://255.255.255.255/", "https://[::1]/", "https://[::]/",
        "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/",
        "https://[::ffff:169.254.169.254]/", "https://[64:ff9b::7f00:1]/", "https://[64:ff9b::a9fe:a9fe]/",
        "https://[64:ff9b:1::1]/", "https://[2002:7f00:1::]/", "https://[2002:a9fe:a9fe::]/",
        "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/",
        "https://[fc00::1]/", "https://[fd00:ec2::254]/", "https://[ff02::1]/", "https://[2001:db8::1]/",
        "https://[100::1]/", "https://[fec0::1]/", "https://0x7f.1/", "https://127\u30020\u30020\u30021/",
        "https://[::ffff:0:7f00:1]/", "https://[::ffff:0:0]/", "https://[200::1]/", "https://[4000::1]/",
        "https://[5f00::1]/", "https://[2001:0:808:808::f7f7:f7f7]/", "https://[2001:20::1]/",
        "https://[64:ff9b:1:fffe::a00:1]/", "https://168.63.129.16/", "https://[::ffff:168.63.129.16]/",
        "https://100.100.100.200/", "https://192.0.0.192/", "https://127.0.0.1#@example.com/",
        "https://127.0.0.1?@example.com/", "https://127.0.0.1/@example.com/", "https://0x7f.0x0.0x0.0x1/",
        "https://0X7F000001/", "https://00000177.1/", "https://127.0x1/", "https://3232235777/",
        "https://2852039166/", "https://169.254.43518/",
        "https://10.0.0.1./", "https://127\uff0e0\uff0e0\uff0e1/", "https://127\uff610\uff610\uff611/",
        "https://[::ffff:a9fe:a9fe]/", "https://[::ffff:10.0.0.1]/", "https://[::FFFF:7F00:1]/",
        "https://[0:0:0:0:0:ffff:127.0.0.1]/", "https://[::a00:1]/", "https://[64:ff9b::10.0.0.1]/",
        "https://[64:ff9b::192.168.0.1]/", "https://[2002:a00:1::]/", "https://[2002:c0a8:101::1]/",
        "https://[2001:0:a00:1::]/", "https://[2001::1]/", "https://[2001:10::1]/", "https://[3fff::1]/",
        "https://[fe80::1%eth0]/", "https://[fe80::a9fe:a9fe]/", "https://[ff01::1]/", "https://[fd20:ce::254]/",
        "https://169.254.170.2/", "https://169.254.169.123/", "https://192.0.0.170/", "https://198.19.255.255/",
        "https://100.127.255.254/", "https://127.255.255.254/",
    ],
    "port 22 is not allowed": ["https://example.com:22/", "https://127.0.0.1:22/"],
    "port 8443 is not allowed": ["https://example.com:8443/"],
    "port 0 is not allowed": ["https://example.com:0/"],
    "port 5432 is not allowed": ["https://example.com:5432/"],
    "port 6379 is not allowed": ["https://example.com:6379/"],
}  # fmt: skip
"""Why, and what is refused for it: a refusal for another reason would hide that this one is gone."""


@pytest.mark.parametrize("reason, url", [(reason, url) for reason, urls in HOSTILE.items() for url in urls])
def test_a_hostile_url_is_refused_for_its_reason(reason: str, url: str) -> None:
    assert STRICT.refusal(url) == reason


@pytest.mark.parametrize(
    "reason, url",
    [
        (reason, url)
        for reason in ("not an http(s) URL", "a URL must not carry credentials", "not a URL", "not a host name")
        for url in HOSTILE[reason]
    ],
)
def test_what_two_readers_may_read_differently_is_refused_though_every_network_is_allowed(
    reason: str, url: str
) -> None:
    assert OPEN.refusal(url) == reason


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "017700000001", "2130706433", "127.0.0.1.", "0", "[fe80::1%25lo]"])
def test_an_address_that_is_not_written_in_full_is_refused_even_where_its_network_is_allowed(host: str) -> None:
    assert OPEN.refusal(f"http://{host}/") == "not a host name"


@pytest.mark.parametrize(
    "url, target",
    [
        ("https://EXAMPLE.com", Target("https", "example.com", 443)),
        ("HTTP://example.com:080/", Target("http", "example.com", 80)),
        ("http://example.com?@127.0.0.1/", Target("http", "example.com", 80)),
        ("http://example.com#@127.0.0.1/", Target("http", "example.com", 80)),
        ("http://example.com/@127.0.0.1:22/", Target("http", "example.com", 80)),
        ("http://127.0.0.1#@example.com", Target("http", "127.0.0.1", 80)),
        ("https://fa\xdf.example/", Target("https", "xn--fa-hia.example", 443)),
        ("https://b\xfccher.example:8443/", Target("https", "xn--bcher-kva.example", 8443)),
        ("https://127\u30020\u30020\u30021/", Target("https", "127.0.0.1", 443)),
        ("https://[::FFFF:7F00:1]/", Target("https", "::ffff:7f00:1", 443)),
        ("https://a@b/", Refused("a URL must not carry credentials")),
        ("https://example.com:80:443/", Refused("not a URL")),
    ],
)
def test_a_url_leads_where_the_client_goes(url: str, target: Target | Refused) -> None:
    assert target_of(url) == target


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


@pytest.mark.parametrize(
    "address",
    ["::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::1", "2001:0:808:808::80ff:fffe", "2001:0:7f00:1::f7f7:f7f7"],
)  # fmt: skip
def test_an_exception_for_all_of_ipv6_opens_no_ipv4_address_inside_it(address: str) -> None:
    every_six = EgressPolicy(EgressSettings(allow_cidrs=("::/0",)))
    assert every_six.check_address(ip_address("fd00::1")) is None
    assert every_six.check_address(ip_address(address)) is not None


def test_names_of_a_private_network_are_left_to_the_connection_once_any_network_is_allowed() -> None:
    cluster = EgressPolicy(EgressSettings(allow_cidrs=("10.0.0.0/8",), allow_plain_http=True))
    assert cluster.check_url("http://hook.shop.svc.cluster.local:8080/") is None
    assert cluster.check_url("http://hook:8080/") is None
    assert cluster.check_url("http://localhost:8080/") is not None


@pytest.mark.parametrize("network", ["127.0.0.0/8", "::1/128"])
def test_localhost_is_open_where_either_of_its_addresses_is(network: str) -> None:
    assert EgressPolicy(EgressSettings(allow_cidrs=(network,))).check_url("https://localhost/") is None


def test_a_port_is_refused_at_the_connection_too() -> None:
    for port in (22, 0):
        with pytest.raises(BlockedAddressError, match="port"):
            STRICT.socket_for((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port)))
    STRICT.socket_for((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443))).close()


@pytest.mark.parametrize(
    "family, host",
    [
        (socket.AF_INET, "8.8.8.8%eth0"),
        (socket.AF_INET, "010.8.8.8"),
        (socket.AF_INET, "localhost"),
        (socket.AF_INET, ""),
        (socket.AF_INET6, "2606:4700::1111%evil.example"),
    ],
)
def test_what_the_system_would_have_to_look_up_again_is_no_address(family: int, host: str) -> None:
    with pytest.raises(BlockedAddressError, match="not an address"):
        OPEN.socket_for((family, socket.SOCK_STREAM, 6, "", (host, 443, 0, 0)))


def test_a_scope_belongs_to_a_link_local_address() -> None:
    place = ("fe80::1%1", 443, 0, 1)
    OPEN.socket_for((socket.AF_INET6, socket.SOCK_STREAM, 6, "", place)).close()
    with pytest.raises(BlockedAddressError, match="globally"):
        STRICT.socket_for((socket.AF_INET6, socket.SOCK_STREAM, 6, "", place))


@given(st.binary(min_size=4, max_size=4))
def test_a_wrapped_address_is_refused_exactly_when_the_one_inside_is(inner: bytes) -> None:
    plain = STRICT.check_address(ip_address(inner))
    for wrapped in (
        b"\0" * 10 + b"\xff\xff" + inner,
        b"\0" * 12 + inner,
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
