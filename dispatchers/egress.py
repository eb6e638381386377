"""The egress guard: which URLs may be registered, which addresses connected to. Pure but for the socket it makes.

Truth is the address that is really connected to, so names, literals, redirects and rebinding are all the same to it.
Everything that is not globally routable is refused unless an allow-list says otherwise (DELIVERY.md, Egress guard).
"""

import re
import socket
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final
from urllib.parse import urlsplit

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
_NAME: Final = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label that makes the whole host an address, good or bad (WHATWG URL, host parsing)."""
_LOOPBACK_NAMES: Final = ("localhost", "localdomain")
_LOCAL_NAMES: Final = ("local", "internal", "home.arpa")

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a URL or address is not called; safe to show to its owner."""

    reason: str


class BlockedAddressError(OSError):
    """The address that would be connected to is not allowed."""


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
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            return Refused("not a URL")
        if len(url) > URL_CHARS_MAX or _UNSEEN.search(url):
            return Refused("not a URL")
        if parts.scheme not in _DEFAULT_PORT or not host:
            return Refused("not an http(s) URL")
        if parts.scheme == "http" and not self._plain_http:
            return Refused("plain http is not allowed")
        if parts.username is not None or parts.password is not None:
            return Refused("a URL must not carry credentials")
        return self._check_port(_DEFAULT_PORT[parts.scheme] if port is None else port) or self._check_host(host)

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
        refused = self.check_address(ip_address(str(place[0]).partition("%")[0])) or self._check_port(place[1])
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

    def _check_host(self, host: str) -> Refused | None:
        try:
            name = host.encode("idna").decode().lower().rstrip(".") if len(host) <= HOST_CHARS_MAX else ""
        except UnicodeError:
            return Refused("not a host name")
        literal = as_literal(name)
        if literal is not None:
            return self.check_address(literal)
        if not _NAME.fullmatch(name) or _NUMBER.fullmatch(name.rpartition(".")[2]):
            return Refused("not a host name")
        if _ends(name, _LOOPBACK_NAMES):
            return self.check_address(IPv4Address("127.0.0.1")) and Refused("a name of the local network")
        if _ends(name, _LOCAL_NAMES) and not self._allowed:  # else its addresses decide, when they are connected to
            return Refused("a name of the local network")
        return None


def _ends(name: str, endings: Sequence[str]) -> bool:
    return any(name == ending or name.endswith("." + ending) for ending in endings)


def _routable(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    return not any(address.version == net.version and address in net for net in _NETS)


def as_literal(host: str) -> Address | None:
    """Read a host as an address in every form a resolver would: dotted, octal, hexadecimal, one number, IPv6."""
    try:
        return ip_address(host.partition("%")[0].strip("[]"))
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
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
