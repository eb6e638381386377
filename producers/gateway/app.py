"""The ASGI shell: bounded reading, one answer. Nothing it prints names a path, because a path may hold a secret."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from producers import metrics
from producers.gateway.ingest import Ingest, Outcome
from producers.gateway.request import BadTarget, Target, read_headers, read_target
from runtime.clock import mono_s, now_ms
from schemas.providers.callback import Adapter, Answer, CallbackRequest
from schemas.settings import GatewaySettings

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_BAD_TARGET_OUTCOMES: Final = {404: "not_found", 414: "bad_request", 400: "bad_request"}


class _TooLargeError(Exception):
    """The body is larger than allowed."""


class _GoneError(Exception):
    """The caller hung up."""


class App:
    """Answers `POST|GET /api/webhook-feedbacks/{provider}[/{secret}]`."""

    def __init__(self, settings: GatewaySettings, adapters: Mapping[str, Adapter], ingest: Ingest) -> None:
        """Keep what every request needs; `adapters` are by name and alias."""
        self._settings = settings
        self._adapters = adapters
        self._ingest = ingest
        base = (settings.public_base_url or "").rstrip("/")
        self._base = base or None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection scope."""
        if scope["type"] != "http":
            return
        started = mono_s()
        target = read_target(scope["path"], scope["query_string"])
        provider = "other"
        if isinstance(target, BadTarget):
            answer = Answer(target.status, target.detail.encode())
            outcome = Outcome(answer, _BAD_TARGET_OUTCOMES[target.status])
        else:
            adapter = self._adapters.get(target.provider)
            provider = adapter.name if adapter is not None else "other"
            try:
                outcome = await self._serve(scope, receive, target, adapter)
            except _GoneError:
                return
        metrics.REQUEST_CHILDREN[provider, outcome.kind, outcome.outcome].inc()
        metrics.DURATION.observe(mono_s() - started)
        await _answer(send, outcome)

    async def _serve(self, scope: Scope, receive: Receive, target: Target, adapter: Adapter | None) -> Outcome:
        early = self._ingest.admit(target, adapter)
        if early is not None:
            return early
        assert adapter is not None
        if scope["method"] not in adapter.methods:
            return Outcome(Answer(405, b"method not allowed"), "method")
        headers = read_headers(scope["headers"])
        if headers is None:
            return Outcome(Answer(431, b"headers too large"), "too_large")
        try:
            body = await self._read(headers, receive)
        except _TooLargeError:
            limit = self._settings.body_bytes_max
            return Outcome(Answer(413, f"body larger than {limit} bytes".encode()), "too_large")
        except TimeoutError:
            return Outcome(Answer(408, b"body came too slowly"), "too_slow")
        request = CallbackRequest(
            method=scope["method"],
            url=self._url(scope, headers),
            headers=headers,
            query=target.query,
            body=body,
            received_at=now_ms(),
            path_secret=target.path_secret,
            kind=target.kind,
        )
        return await self._ingest.take(target, adapter, request)

    async def _read(self, headers: Mapping[str, str], receive: Receive) -> bytes:
        """The whole body, bounded in bytes and time."""
        limit = self._settings.body_bytes_max
        declared = headers.get("content-length", "0")
        if declared.isdigit() and int(declared) > limit:
            raise _TooLargeError
        async with asyncio.timeout(self._settings.read_timeout_s):
            message = await receive()
            if not message.get("more_body", False) and message["type"] == "http.request":
                first: bytes = message.get("body", b"")
                if len(first) > limit:
                    raise _TooLargeError
                return first
            parts: list[bytes] = []
            size = 0
            while True:
                if message["type"] == "http.disconnect":
                    raise _GoneError
                part = message.get("body", b"")
                size += len(part)
                if size > limit:
                    raise _TooLargeError
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts)
                message = await receive()

    def _url(self, scope: Scope, headers: Mapping[str, str]) -> str:
        """The URL as the provider sees it; without a configured base the Host header has to do."""
        base = self._base or f"{scope['scheme']}://{headers.get('host', '')}"
        query = scope["query_string"]
        path = scope["raw_path"].decode("latin-1")
        return f"{base}{path}?{query.decode('latin-1')}" if query else f"{base}{path}"


async def _answer(send: Send, outcome: Outcome) -> None:
    answer = outcome.answer
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
    ]
    if outcome.retry_after_s is not None:
        headers.append((b"retry-after", str(outcome.retry_after_s).encode()))
    if answer.status in {408, 413}:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
