"""The egress guard: which URLs may be registered, which addresses connected to. Pure but for the socket it makes.

Truth is the address that is really connected to, so names, literals, redirects and rebinding are all the same to it.
Everything that is not globally routable is refused unless an allow-list says otherwise (DELIVERY.md, Egress guard).
"""

import socket
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final
from urllib.parse import urlsplit

from schemas.settings import EgressSettings

_NETS: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32",
        "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
"""IANA special-purpose registries, spelt out so that a Python version changes nothing."""
_NAT64: Final = IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = IPv6Network("::/96")
PORTS: Final = frozenset({80, 443})
HOST_CHARS_MAX: Final = 253

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a URL or address is not called; safe to show to its owner."""

    reason: str


class BlockedAddressError(OSError):
    """The address that would be connected to is not allowed."""


blocked: ContextVar[list[str] | None] = ContextVar("blocked", default=None)
"""Reasons noted while one request connects; the connector may wrap the exception beyond recognition."""


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
        if parts.scheme not in {"https", "http"} or not host:
            return Refused("not an http(s) URL")
        if parts.scheme == "http" and not self._plain_http:
            return Refused("plain http is not allowed")
        if parts.username is not None or parts.password is not None or "\\" in url:
            return Refused("a URL must not carry credentials")
        if not self._any_port and (port or (443 if parts.scheme == "https" else 80)) not in self._ports:
            return Refused(f"port {port} is not allowed")
        return self._check_host(host)

    def check_address(self, address: Address) -> Refused | None:
        """Whether an address may be connected to, however it is wrapped."""
        for inner in unwrapped(address):
            if any(inner.version == net.version and inner in net for net in self._allowed):
                continue
            if any(inner.version == net.version and inner in net for net in _NETS):
                return Refused("not a globally routable address")
        return None

    def socket_for(self, address_info: Sequence[Any]) -> socket.socket:
        """Make the socket for one resolved address; aiohttp calls it before every connect.

        Raises:
            BlockedAddressError: the address is refused.
        """
        family, kind, protocol, _, place = address_info
        refused = self.check_address(ip_address(str(place[0]).partition("%")[0]))
        if refused is not None:
            notes = blocked.get()
            if notes is not None:
                notes.append(refused.reason)
            raise BlockedAddressError(refused.reason)
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def _check_host(self, host: str) -> Refused | None:
        if len(host) > HOST_CHARS_MAX:
            return Refused("host name too long")
        try:
            name = host.encode("idna").decode().lower().rstrip(".")
        except UnicodeError:
            return Refused("not a host name")
        literal = as_literal(name)
        if literal is not None:
            return self.check_address(literal)
        if name == "localhost" or name.endswith((".localhost", ".local", ".internal", ".home.arpa", ".localdomain")):
            loopback = self.check_address(IPv4Address("127.0.0.1"))
            return None if loopback is None else Refused("a name of the local network")
        return None if name else Refused("not a host name")


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
    """The address and every address wrapped in it: mapped, compatible, 6to4, NAT64, Teredo."""
    found: list[Address] = []
    if isinstance(address, IPv4Address):
        return [address]
    inner: list[IPv4Address | None] = [address.ipv4_mapped, address.sixtofour]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
    if address.teredo is not None:
        inner += list(address.teredo)
    found = [one for one in inner if one is not None]
    return found or [address]
