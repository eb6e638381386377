"""One HTTP try: exactly the bytes given, five seconds for everything, never a redirect. The only user of the client.

httpx's interface with aiohttp's transport (a decision record has the figures); the connector asks the egress guard for
every socket. The status line decides the outcome; the body after it is only an excerpt. A try that runs out of time is
told by the part that it hung in (dispatchers/phases.py).

A pooled connection that the endpoint closed while it was idle fails a request that nobody refused. Where not one byte
was answered and the request carries its idempotency key (`webhook-id`), it is made once more, within the same time, on
a connection of its own. The endpoint may have taken the first one before it hung up: the key tells it so, and the next
tier would have repeated it all the same. A request without a key (a raw forward) is never repeated.
"""

import asyncio
import contextlib
import errno
import ssl
from collections.abc import AsyncIterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.helpers import is_ip_address
from aiohttp.resolver import AsyncResolver
from httpx_aiohttp.transport import AiohttpTransport, map_aiohttp_exceptions
from multidict import CIMultiDict
from yarl import URL

from dispatchers.excerpt import BODY_BYTES_READ_MAX, Excerpt
from dispatchers.names import Names
from dispatchers.phases import NO_PHASES, Phase, Phases, Stopwatch
from dispatchers.verdict import Blocked, Failed, FailureKind, Outcome, Responded
from runtime.clock import mono_ms
from runtime.deadlines import TimeLimit, limits
from runtime.egress import EgressPolicy, Sockets, sockets

DNS_CACHE_S: Final = 10
DNS_TIMEOUT_S: Final = 2.0
"""For one name server to answer; the next one, if there is one, then has as long."""
KEEP_ALIVE_S: Final = 30.0
_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=None)
"""The one deadline is ours, around everything."""
USER_AGENT: Final = "Trackly-Webhooks/1"
_DEFAULTS: Final = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
IDEMPOTENCY_KEY: Final = "webhook-id"
_MAY_WAIT: Final = range(300, 600)
"""Statuses whose Retry-After may count (dispatchers/verdict.py says which do)."""
_HEAD_END: Final = b"\r\n\r\n"
PLACES_MAX: Final = 10_000
"""URLs remembered; above it the oldest is forgotten and read again when it is called."""


@dataclass(frozen=True, slots=True)
class Try:
    """What one request came to."""

    outcome: Outcome
    duration_ms: int
    excerpt: bytes = b""
    phases: Phases = NO_PHASES
    """Of the last request, where a pooled connection was closed under the first."""


@dataclass(slots=True)
class _Progress:
    """How far one request has come."""

    watch: Stopwatch
    sockets: Sockets = field(default_factory=Sockets)
    reused: bool = True
    """Whether a pooled connection was taken."""
    answered: Responded | None = None
    excerpt: Excerpt | None = None
    """None while nothing of a body came."""


_current: ContextVar[_Progress] = ContextVar("progress")
"""The request that a connection is made for."""


class _Protocol(ResponseHandler):
    """Reads the head of an answer on its own: what is wrong with the body behind it must not hide the status.

    The stock one gives up both when they come in one packet, so that a Content-Length that counts letters instead of
    bytes would be a success or none by chance.
    """

    def data_received(self, data: bytes) -> None:
        """Take what came from the socket."""
        if data.startswith(b"HTTP/") and (found := data.find(_HEAD_END, 0, -1)) >= 0:  # -1: something follows
            body_at = found + len(_HEAD_END)
            super().data_received(data[:body_at])
            data = data[body_at:]
        super().data_received(data)


class _Connector(aiohttp.TCPConnector):
    """Tells each request's progress how its connection came about; aiohttp's tracing does so at a tenth of a try."""

    async def _create_connection(self, req: aiohttp.ClientRequest, *arguments: Any, **options: Any) -> ResponseHandler:
        progress = _current.get()
        progress.reused = False
        progress.watch.restart("connect" if is_ip_address(req.url.raw_host) else "dns", mono_ms())
        made = await super()._create_connection(req, *arguments, **options)
        progress.watch.enter("response", mono_ms())
        return made

    async def _wrap_create_connection(self, *arguments: Any, **options: Any) -> Any:
        """Connect to one of the addresses, in two parts: the protocol is made when TCP stands."""
        (_, *rest), watch = arguments, _current.get().watch
        watch.enter("connect", mono_ms())

        def standing() -> ResponseHandler:
            if options.get("ssl") is not None:
                watch.enter("tls", mono_ms())
            return _Protocol(self._loop)

        return await super()._wrap_create_connection(standing, *rest, **options)


@dataclass(frozen=True, slots=True)
class _Place:
    """A URL as the clients want it, read and judged once: the same few are called again and again."""

    refused: str | None
    url: httpx.URL
    exact: URL


_NOWHERE: Final = (httpx.URL(), URL())


class _ExactTransport(AiohttpTransport):
    """httpx's aiohttp transport, but the URL and the header names leave as they were given.

    The stock one hands aiohttp a string, whose escapes are then normalised (`%2F` becomes `/`): a customer's URL may
    be signed.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; answers when the status line and the headers are there."""
        session: Any = self.client
        body: Any = request.stream
        headers = CIMultiDict((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)
        with map_aiohttp_exceptions():
            response = await session.post(
                request.extensions["exact_url"],
                data=b"".join(body),
                headers=headers,
                allow_redirects=False,
                auto_decompress=False,
                timeout=_NO_TIMEOUT,
            )
        return httpx.Response(response.status, headers=response.raw_headers, stream=_Body(response))


class _Body(httpx.AsyncByteStream):
    """A response's body as it comes off the socket."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        """Take a response whose headers are there."""
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Chunks as they come, of any size; errors are the client's own, which the sender's table knows."""
        while chunk := await self._response.content.readany():
            yield chunk

    async def aclose(self) -> None:
        """Give the connection back, or close it where something of the body is left."""
        self._response.release() if self._response.content.at_eof() else self._response.close()


class _Names(Names, AbstractResolver):
    """Remembered look-ups as the connector wants them."""


class Sender:
    """Posts webhooks; one per process, its connections are shared."""

    def __init__(
        self,
        policy: EgressPolicy,
        *,
        timeout_s: float,
        connections: int,
        context: ssl.SSLContext | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        """Remember the limits; the client is made on entering. A resolver that is given is closed on leaving.

        `connections` is how many tries may be under way; one more waits for its slot before its time begins.
        """
        self._policy = policy
        self._timeout_s = timeout_s
        self._limits = limits(timeout_s)
        self._connections = connections
        self._under_way = 0
        self._ended = asyncio.Event()
        self._context = context
        self._resolver = resolver
        self._stack = contextlib.AsyncExitStack()
        self._pooled: Any = None
        self._single: Any = None
        self._places: dict[str, _Place] = {}

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        context = self._context or ssl.create_default_context()
        names = _Names(self._resolver or AsyncResolver(timeout=DNS_TIMEOUT_S, tries=1))
        self._stack.push_async_callback(names.close)
        self._pooled = self._transport(context, names, keepalive_timeout=KEEP_ALIVE_S)
        self._single = self._transport(context, names, force_close=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self._stack.aclose()

    def _transport(self, context: ssl.SSLContext, names: AbstractResolver, **options: Any) -> _ExactTransport:
        connector = _Connector(
            limit=0,  # nobody waits for a connection with the clock running: the slots are the limit
            limit_per_host=0,
            ssl=context,
            ttl_dns_cache=DNS_CACHE_S,
            resolver=names,
            socket_factory=self._policy.socket_for,
            **options,
        )
        session = aiohttp.ClientSession(
            connector=connector,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Content-Type"),
            timeout=_NO_TIMEOUT,
            read_bufsize=BODY_BYTES_READ_MAX,
        )
        transport = _ExactTransport(client=session, verify=context)
        self._stack.push_async_callback(transport.aclose)
        return transport

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Try:
        """Make one try. What the world may do is a value; anything else raises."""
        place = self._places.get(url) or self._judge(url)
        if place.refused is not None:
            return Try(Blocked(place.refused), 0)
        while self._under_way >= self._connections:
            self._ended.clear()
            await self._ended.wait()
        self._under_way += 1
        try:
            return await self._timed(place, body, headers)
        finally:
            self._under_way -= 1
            self._ended.set()

    async def _timed(self, place: _Place, body: bytes, headers: dict[str, str]) -> Try:
        started = mono_ms()
        progress = _Progress(Stopwatch("response", started))
        try:
            with TimeLimit(self._limits):
                await self._exchange(self._pooled, place, body, headers, progress)
        except _FOREIGN as error:
            now = mono_ms()
            progress.watch.stop(now)
            if _stale(error, progress, headers):
                progress = _Progress(Stopwatch("response", now))
                outcome = await self._once_more(
                    place, body, headers, progress, self._timeout_s - (now - started) / 1000
                )
            else:
                outcome = progress.answered or _translated(error, progress)
        else:
            outcome = _answer(progress)
        return _made(outcome, progress, int(mono_ms() - started))

    def _judge(self, url: str) -> _Place:
        """What can be said of a URL without looking its name up, remembered."""
        refused = self._policy.check_url(url)
        if refused is not None:
            place = _Place(refused.reason, *_NOWHERE)
        else:
            try:
                place = _Place(None, parsed := httpx.URL(url), URL(str(parsed), encoded=True))
            except (httpx.InvalidURL, ValueError):
                place = _Place("not a URL", *_NOWHERE)
        if len(self._places) >= PLACES_MAX:
            self._places.pop(next(iter(self._places)))
        self._places[url] = place
        return place

    async def _once_more(
        self, place: _Place, body: bytes, headers: dict[str, str], progress: _Progress, left_s: float
    ) -> Outcome:
        try:
            async with asyncio.timeout(left_s):
                await self._exchange(self._single, place, body, headers, progress)
        except _FOREIGN as error:
            progress.watch.stop(mono_ms())
            return progress.answered or _translated(error, progress)
        return _answer(progress)

    async def _exchange(
        self, transport: _ExactTransport, place: _Place, body: bytes, headers: dict[str, str], progress: _Progress
    ) -> None:
        request = httpx.Request(
            "POST",
            place.url,
            stream=httpx.ByteStream(body),
            headers=[(name.encode("ascii"), value.encode()) for name, value in {**_DEFAULTS, **headers}.items()],
            extensions={"exact_url": place.exact},
        )
        notes, mine = sockets.set(progress.sockets), _current.set(progress)
        try:
            response = await transport.handle_async_request(request)
        finally:
            sockets.reset(notes)
            _current.reset(mine)
        progress.watch.stop(mono_ms())
        stream: Any = response.stream
        try:
            status = response.status_code
            progress.answered = Responded(status, response.headers.get("retry-after") if status in _MAY_WAIT else None)
            async for chunk in stream:
                if progress.excerpt is None:
                    progress.excerpt = Excerpt(response.headers.get("content-encoding", ""))
                if not progress.excerpt.take(chunk):
                    break
        finally:
            await stream.aclose()


def _answer(progress: _Progress) -> Responded:
    assert progress.answered is not None
    return progress.answered


def _made(outcome: Outcome, progress: _Progress, duration_ms: int) -> Try:
    phases = progress.watch.read()
    if isinstance(outcome, Blocked):  # the guard was asked, nobody was called
        phases = phases._replace(connect_ms=None)
    return Try(outcome, duration_ms, b"" if progress.excerpt is None else progress.excerpt.kept, phases)


_FOREIGN: Final = (TimeoutError, httpx.TransportError, aiohttp.ClientError, ssl.SSLError, OSError, ValueError)
_OURS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
"""This machine is out of something: no endpoint's failure, so it ends the process."""
_TIMEOUTS: Final[dict[Phase, FailureKind]] = {
    "dns": "timeout_dns",
    "connect": "timeout_connect",
    "tls": "timeout_tls",
    "response": "timeout_response",
}
_FAILURES: Final[dict[Phase, FailureKind]] = {"dns": "dns", "connect": "connect", "tls": "tls", "response": "protocol"}
"""Foreign exceptions to our words, by the part that they ended: once there is a connection, whatever ends it without a
status line is the endpoint's way of speaking HTTP."""


def _chain(error: BaseException) -> list[BaseException]:
    found: BaseException | None = error
    chain: list[BaseException] = []
    while found is not None and found not in chain:
        chain.append(found)
        found = found.__cause__
    return chain


def _stale(error: BaseException, progress: _Progress, headers: dict[str, str]) -> bool:
    """Whether a pooled connection turned out to be closed before one byte of an answer (the module's docstring)."""
    if not progress.reused or progress.answered is not None or IDEMPOTENCY_KEY not in headers:
        return False
    for one in _chain(error):
        if isinstance(one, aiohttp.ServerDisconnectedError):
            return isinstance(one.message, str)  # otherwise the beginning of an answer
        if isinstance(one, ConnectionResetError | BrokenPipeError):
            return True
        if isinstance(one, aiohttp.ClientOSError):
            return one.errno in {errno.ECONNRESET, errno.EPIPE}
    return False


def _translated(error: BaseException, progress: _Progress) -> Outcome:
    chain = _chain(error)
    if any(isinstance(one, OSError) and one.errno in _OURS for one in chain):
        raise error
    guard = progress.sockets
    if guard.refused and not guard.made:  # of several addresses one was allowed: its failure counts
        return Blocked(guard.refused[0])
    if any(isinstance(one, aiohttp.InvalidURL) for one in chain):
        return Blocked("not a URL")  # an address in a form that the client refuses to guess at, such as 127.1
    phase = progress.watch.phase
    if any(isinstance(one, ssl.SSLError) for one in chain):
        return Failed("tls")  # also one that comes after the handshake: TLS 1.3 refuses a client then
    if any(isinstance(one, TimeoutError) for one in chain):
        return Failed(_TIMEOUTS[phase])
    if any(isinstance(one, ValueError) for one in chain):
        return Failed("protocol")
    return Failed(_FAILURES[phase])
