"""The egress guard: which URLs may be registered, which addresses connected to. Pure but for the socket it makes.

Truth is the address that is really connected to, so names, literals, redirects and rebinding are all the same to it.
Everything that is not globally routable is refused unless an allow-list says otherwise (DELIVERY.md, Egress guard).
A URL is read by the very parsers that the client calls it with: who reads it otherwise guards another URL.
"""

import contextlib
import re
import socket
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from yarl import URL

from schemas.settings import EgressSettings

_NETS: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32", "2001::/23", "2001:db8::/32", "3fff::/20",
    )
)  # fmt: skip
"""IANA special-purpose registries, spelt out so that a Python version changes nothing; and Azure's 168.63.129.16, a
public address that answers as the platform's metadata and DNS service."""
_UNICAST: Final = IPv6Network("2000::/3")
"""All of IPv6 that is handed out (IANA, IPv6 address space); whatever else there is, wraps or is not routable."""
_NAT64: Final = IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = IPv6Network("::/96")
PORTS: Final = frozenset({80, 443})
HOST_CHARS_MAX: Final = 253
URL_CHARS_MAX: Final = 8192
"""More than servers commonly take in a request line; the client itself refuses to read one of more than 65,536."""
_DEFAULT_PORT: Final = {"https": 443, "http": 80}
_UNSEEN: Final = re.compile(r"[\x00-\x20\x7f\\]")
"""Characters that URL parsers drop, or read as something else than the next parser does."""
_NAME: Final = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
"""A label has 63 octets at most (RFC 1035, section 2.3.4)."""
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label that makes the whole host an address, good or bad (WHATWG URL, host parsing)."""
_LOOPBACK: Final = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
_LOOPBACK_NAMES: Final = ("localhost", "localdomain", "localdomain6")
_LOCAL_NAMES: Final = ("local", "internal", "home.arpa", "corp", "home", "intranet", "lan", "private")
"""Never delegated: RFC 6762 (with its appendix G), RFC 8375, and what ICANN keeps for private use."""

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a URL or address is not called; safe to show to its owner."""

    reason: str


class BlockedAddressError(OSError):
    """The address that would be connected to is not allowed."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads, as the client reads it."""

    scheme: str
    host: str
    """A name in ASCII or an address, in lower case and without brackets."""
    port: int


@dataclass(slots=True)
class Sockets:
    """What the guard said while one request connects; the connector may wrap its exception beyond recognition."""

    refused: list[str] = field(default_factory=list)
    """Reasons."""
    made: int = 0


sockets: ContextVar[Sockets | None] = ContextVar("sockets", default=None)
"""Notes of the request that is being made."""


class EgressPolicy:
    """The guard with its exceptions."""

    def __init__(self, settings: EgressSettings) -> None:
        """Read the exceptions."""
        self._allowed = tuple(ip_network(text) for text in settings.allow_cidrs)
        self._plain_http = settings.allow_plain_http
        self._ports = PORTS | frozenset(settings.allow_ports)
        self._any_port = bool(settings.allow_cidrs) and not settings.allow_ports

    def check_url(self, url: str) -> Refused | None:
        """What can be said of a URL before a name is looked up; None where nothing speaks against it."""
        target = target_of(url)
        if isinstance(target, Refused):
            return target
        if target.scheme == "http" and not self._plain_http:
            return Refused("plain http is not allowed")
        return self._check_port(target.port) or self._check_host(target.host)

    def refusal(self, url: str) -> str | None:
        """Why `check_url` refuses a URL, for those who only pass it on."""
        refused = self.check_url(url)
        return None if refused is None else refused.reason

    def check_address(self, address: Address) -> Refused | None:
        """Whether an address may be connected to, however it is wrapped."""
        for inner in unwrapped(address):
            if any(inner.version == net.version and inner in net for net in self._allowed):
                continue
            if not _routable(inner):
                return Refused("not a globally routable address")
        return None

    def socket_for(self, address_info: Sequence[Any]) -> socket.socket:
        """Make the socket for one resolved address; aiohttp calls it before every connect.

        Raises:
            BlockedAddressError: the address or its port is refused.
        """
        family, kind, protocol, _, place = address_info
        refused = self._check_place(str(place[0])) or self._check_port(place[1])
        notes = sockets.get()
        if refused is not None:
            if notes is not None:
                notes.refused.append(refused.reason)
            raise BlockedAddressError(refused.reason)
        if notes is not None:
            notes.made += 1
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def _check_port(self, port: int) -> Refused | None:
        if port in self._ports or (self._any_port and port > 0):
            return None
        return Refused(f"port {port} is not allowed")

    def _check_place(self, text: str) -> Refused | None:
        """An address as the connector spells it; what the system would first have to look up is none."""
        try:
            address = ip_address(text)
        except ValueError:
            return Refused("not an address")
        if isinstance(address, IPv6Address) and address.scope_id is not None and not address.is_link_local:
            return Refused("not an address")
        return self.check_address(address)

    def _check_host(self, host: str) -> Refused | None:
        name = host.removesuffix(".")  # one ends a complete name; of more the client would drop some
        literal = as_literal(name)
        if literal is not None:
            return self.check_address(literal) or (None if _is_plain(host, literal) else Refused("not a host name"))
        if len(name) > HOST_CHARS_MAX or not _NAME.fullmatch(name) or _NUMBER.fullmatch(name.rpartition(".")[2]):
            return Refused("not a host name")
        if _ends(name, _LOOPBACK_NAMES):
            closed = all(self.check_address(address) for address in _LOOPBACK)
            return Refused("a name of the local network") if closed else None
        local = "." not in name or _ends(name, _LOCAL_NAMES)
        if local and not self._allowed:  # else its addresses decide, when they are connected to
            return Refused("a name of the local network")
        return None


def target_of(url: str) -> Target | Refused:
    """Where the client would go; refused where it goes nowhere, or where two readers of URLs would differ."""
    nothing = Refused("not a URL")
    if len(url) > URL_CHARS_MAX or _UNSEEN.search(url):
        return nothing
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        if parts.scheme not in _DEFAULT_PORT or not host:
            return Refused("not an http(s) URL")
        if "@" in parts.netloc:
            return Refused("a URL must not carry credentials")
        called = URL(str(httpx.URL(url)), encoded=True)
        found = Target(called.scheme, (called.raw_host or "").lower(), called.port or 0)
    except (ValueError, httpx.InvalidURL):
        return nothing
    read = Target(
        parts.scheme, host if host.isascii() else found.host, _DEFAULT_PORT[parts.scheme] if port is None else port
    )
    return found if found == read else nothing


def _ends(name: str, endings: Sequence[str]) -> bool:
    return any(name == ending or name.endswith("." + ending) for ending in endings)


def _routable(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    return not any(address.version == net.version and address in net for net in _NETS)


def _is_plain(host: str, literal: Address) -> bool:
    """Whether an address is spelt as every resolver reads it, and without a scope; the client takes no other."""
    return str(literal) == host if isinstance(literal, IPv4Address) else "%" not in host


def as_literal(host: str) -> Address | None:
    """Read a host as an address in every form a resolver would: dotted, octal, hexadecimal, one number, IPv6."""
    with contextlib.suppress(ValueError):
        return ip_address(host)
    with contextlib.suppress(OSError):
        return IPv4Address(socket.inet_aton(host))
    return None


def unwrapped(address: Address) -> list[Address]:
    """Every address that is reached through this one: mapped, compatible, 6to4 and NAT64 stand for the one inside.

    Teredo stands for both of the addresses inside and, being no way to reach a server, for itself.
    """
    if isinstance(address, IPv4Address):
        return [address]
    if address.teredo is not None:
        return [*address.teredo, address]
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and (address in _NAT64 or (address in _COMPATIBLE and int(address) > 1)):
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return [address] if inner is None else [inner]
