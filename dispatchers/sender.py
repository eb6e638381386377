"""One HTTP try: exactly the bytes given, five seconds for everything, never a redirect. The only user of the client.

httpx's interface with aiohttp's transport (a decision record has the figures); the connector asks the egress guard for
every socket. The status line decides the outcome; the body after it is only an excerpt.
"""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, Self

import aiohttp
import httpx
from aiohttp.resolver import AsyncResolver
from httpx_aiohttp.transport import AiohttpResponseStream, AiohttpTransport, map_aiohttp_exceptions
from multidict import CIMultiDict
from yarl import URL

from dispatchers.egress import EgressPolicy, blocked
from dispatchers.verdict import Blocked, Failed, Outcome, Responded
from runtime.clock import mono_ms

BODY_BYTES_READ_MAX: Final = 64 * 1024
"""Read of a response so that its connection can be used again; a longer body closes the connection."""
EXCERPT_BYTES_MAX: Final = 1024
DNS_CACHE_S: Final = 10
DNS_TIMEOUT_S: Final = 2.0
KEEP_ALIVE_S: Final = 30.0
_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=None)
"""The one deadline is ours, around everything."""
USER_AGENT: Final = "Trackly-Webhooks/1"


@dataclass(frozen=True, slots=True)
class Try:
    """What one request came to."""

    outcome: Outcome
    duration_ms: int
    excerpt: bytes = b""


class _ExactTransport(AiohttpTransport):
    """httpx's aiohttp transport, but the URL and the header names leave as they were given.

    The stock one hands aiohttp a string, whose escapes are then normalised (`%2F` becomes `/`): a customer's URL may
    be signed.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; answers when the status line and the headers are there."""
        session: Any = self.client
        headers = CIMultiDict((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)
        with map_aiohttp_exceptions():
            response = await session.post(
                URL(str(request.url), encoded=True),
                data=request.content,
                headers=headers,
                allow_redirects=False,
                auto_decompress=False,
                timeout=_NO_TIMEOUT,
            )
        return httpx.Response(response.status, headers=response.raw_headers, stream=AiohttpResponseStream(response))


class Sender:
    """Posts webhooks; one per process, its connections are shared."""

    def __init__(
        self, policy: EgressPolicy, *, timeout_s: float, connections: int, context: ssl.SSLContext | None = None
    ) -> None:
        """Remember the limits; the client is made on entering."""
        self._policy = policy
        self._timeout_s = timeout_s
        self._connections = connections
        self._context = context
        self._stack = contextlib.AsyncExitStack()
        self._transport: Any = None

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        context = self._context or ssl.create_default_context()
        connector = aiohttp.TCPConnector(
            limit=self._connections,
            limit_per_host=0,
            ssl=context,
            ttl_dns_cache=DNS_CACHE_S,
            resolver=AsyncResolver(timeout=DNS_TIMEOUT_S, tries=1),
            socket_factory=self._policy.socket_for,
            keepalive_timeout=KEEP_ALIVE_S,
        )
        session = aiohttp.ClientSession(
            connector=connector,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Content-Type"),
            timeout=_NO_TIMEOUT,
            read_bufsize=BODY_BYTES_READ_MAX,
        )
        self._transport = _ExactTransport(client=session, verify=context)
        self._stack.push_async_callback(self._transport.aclose)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self._stack.aclose()

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Try:
        """Make one try. What the world may do is a value; anything else raises."""
        started = mono_ms()
        refused = self._policy.check_url(url)
        if refused is not None:
            return Try(Blocked(refused.reason), 0)
        notes: list[str] = []
        token = blocked.set(notes)
        excerpt = bytearray()
        answered: list[Responded] = []
        request = httpx.Request(
            "POST",
            url,
            content=body,
            headers={"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity", **headers},
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._exchange(request, answered, excerpt)
        except (TimeoutError, httpx.TransportError, aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
            outcome: Outcome = answered[0] if answered else _translated(error, notes)
        else:
            outcome = answered[0]
        finally:
            blocked.reset(token)
        return Try(outcome, int(mono_ms() - started), bytes(excerpt[:EXCERPT_BYTES_MAX]))

    async def _exchange(self, request: httpx.Request, answered: list[Responded], excerpt: bytearray) -> None:
        response = await self._transport.handle_async_request(request)
        try:
            answered.append(Responded(response.status_code, response.headers.get("retry-after")))
            size = 0
            async for chunk in response.stream:
                size += len(chunk)
                if len(excerpt) < EXCERPT_BYTES_MAX:
                    excerpt += chunk
                if size > BODY_BYTES_READ_MAX:
                    break
        finally:
            await response.stream.aclose()


_Kind = Literal["timeout_connect", "timeout_response", "connect", "dns", "tls", "protocol"]
_TABLE: Final[tuple[tuple[type[BaseException], _Kind], ...]] = (
    (aiohttp.ClientConnectorDNSError, "dns"),
    (aiohttp.ClientConnectorCertificateError, "tls"),
    (aiohttp.ClientSSLError, "tls"),
    (ssl.SSLError, "tls"),
    (aiohttp.ConnectionTimeoutError, "timeout_connect"),
    (aiohttp.ClientConnectorError, "connect"),
    (aiohttp.ServerTimeoutError, "timeout_response"),
    (aiohttp.ServerDisconnectedError, "protocol"),
    (aiohttp.ClientPayloadError, "protocol"),
    (aiohttp.ClientResponseError, "protocol"),
    (aiohttp.ClientOSError, "connect"),
    (TimeoutError, "timeout_response"),
    (ConnectionError, "connect"),
    (OSError, "connect"),
    (httpx.TimeoutException, "timeout_response"),
    (httpx.ConnectError, "connect"),
    (httpx.TransportError, "protocol"),
    (aiohttp.ClientError, "protocol"),
    (ValueError, "protocol"),
)
"""Foreign exceptions to our words; the first row that fits any exception of the chain counts."""


def _translated(error: BaseException, notes: list[str]) -> Outcome:
    if notes:
        return Blocked(notes[0])
    chain: list[BaseException] = []
    found: BaseException | None = error
    while found is not None and len(chain) < 10:  # noqa: PLR2004 - a chain of causes is short
        chain.append(found)
        found = found.__cause__
    for kind, word in _TABLE:
        if any(isinstance(one, kind) for one in chain):
            return Failed(word)
    raise error
