"""The ASGI shell: bounded reading, one answer. Nothing it prints names a path, because a path may hold a secret."""

import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from producers import metrics
from producers.gateway.connection import LATE
from producers.gateway.ingest import RETRY_AFTER_S, Ingest, Outcome
from producers.gateway.limits import BODIES_BYTES_MAX
from producers.gateway.request import BadTarget, Target, read_headers, read_target
from runtime.clock import mono_s, now_ms
from schemas.providers.callback import Adapter, Answer, CallbackRequest
from schemas.settings import GatewaySettings

_LOG = logging.getLogger(__name__)

Scope = Mapping[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

TARGETS_MAX: Final = 1024
"""Read targets that are kept; only authenticated ones, so that no caller without a credential can fill it."""
_BAD_TARGET_OUTCOMES: Final = {404: "not_found", 414: "bad_request", 400: "bad_request"}
_GONE: Final = Outcome(Answer(499), "gone")
"""The caller hung up; nobody reads an answer."""
_FAILED: Final = Outcome(Answer(503, b"internal error"), "failed", retry_after_s=RETRY_AFTER_S)
"""Providers repeat a 503, and drop for good what they hear 4xx for (PROVIDERS.md section 0.1)."""


class App:
    """Answers `POST|GET /api/webhook-feedbacks/{provider}[/{secret}]`."""

    def __init__(self, settings: GatewaySettings, adapters: Mapping[str, Adapter], ingest: Ingest) -> None:
        """Keep what every request needs; `adapters` are by name and alias."""
        self._settings = settings
        self._adapters = adapters
        self._ingest = ingest
        self._base = (settings.public_base_url or "").rstrip("/") or None
        self._targets: dict[tuple[bytes, bytes], Target] = {}
        self._bodies_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection scope."""
        if scope["type"] != "http":
            return
        started = mono_s()
        try:
            outcome = await self._serve(scope, receive)
        except Exception as error:  # noqa: BLE001 - one odd request must not end the process; it is counted and shown
            _LOG.error("a request failed: %s", _where(error))
            outcome = _FAILED
        metrics.REQUEST_CHILDREN[outcome.provider, outcome.kind, outcome.outcome].inc()
        metrics.DURATION.observe(mono_s() - started)
        if outcome is _GONE:
            return
        head, body = _messages(outcome.answer, outcome.retry_after_s, outcome.allow)
        await send(head)
        await send(body)

    async def _serve(self, scope: Scope, receive: Receive) -> Outcome:
        place = (scope["raw_path"], scope["query_string"])
        target = self._targets.get(place) or read_target(*place)
        if isinstance(target, BadTarget):
            return Outcome(Answer(target.status, target.detail.encode()), _BAD_TARGET_OUTCOMES[target.status])
        adapter = self._adapters.get(target.provider)
        early = self._ingest.admit(target, adapter)
        if early is not None:
            return early
        assert adapter is not None
        method: str = scope["method"]
        if method not in adapter.methods:
            allow = ", ".join(adapter.methods)
            return Outcome(Answer(405, b"method not allowed"), "method", provider=adapter.name, allow=allow)
        headers = read_headers(scope["headers"])
        if headers is None:
            return Outcome(Answer(431, b"headers too large"), "too_large", provider=adapter.name)
        body = await self._read(scope, headers, receive, adapter)
        if isinstance(body, Outcome):
            return body
        base = self._base or f"{scope['scheme']}://{headers.get('host', '')}"
        request = CallbackRequest(
            method=method,
            url=base + target.path_and_query,
            headers=headers,
            query=target.query,
            body=body,
            received_at=now_ms(),
            path_secret=target.path_secret,
            kind=target.kind,
        )
        outcome = await self._ingest.take(target, adapter, request)
        if outcome.outcome == "accepted" and method == "POST" and target.mid is None:
            self._keep(place, target)
        return outcome

    async def _read(
        self, scope: Scope, headers: Mapping[str, str], receive: Receive, adapter: Adapter
    ) -> bytes | Outcome:
        """The whole body, bounded in bytes; its time is bounded by the connection."""
        limit = self._settings.body_bytes_max
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > limit:
            return _too_large(limit, adapter)
        message = await receive()
        if message["type"] == "http.request" and not message["more_body"]:
            body: bytes = message["body"]
            return body if len(body) <= limit else _too_large(limit, adapter)
        parts: list[bytes] = []
        try:
            refused = await self._gather(parts, message, scope, receive, adapter)
        finally:
            self._bodies_bytes -= sum(map(len, parts))
        return b"".join(parts) if refused is None else refused

    async def _gather(
        self, parts: list[bytes], message: Message, scope: Scope, receive: Receive, adapter: Adapter
    ) -> Outcome | None:
        """Fill `parts` to the body's end; an outcome where that is not reached."""
        size = 0
        while message["type"] == "http.request":
            part: bytes = message["body"]
            parts.append(part)
            size += len(part)
            self._bodies_bytes += len(part)
            if size > self._settings.body_bytes_max:
                return _too_large(self._settings.body_bytes_max, adapter)
            if not message["more_body"]:
                return None
            if LATE in scope["state"]:
                return Outcome(Answer(408, b"body came too slowly"), "too_slow", provider=adapter.name)
            if self._bodies_bytes > BODIES_BYTES_MAX:
                answer = Answer(503, b"too many bodies at once")
                return Outcome(answer, "overloaded", retry_after_s=RETRY_AFTER_S, provider=adapter.name)
            message = await receive()
        return _GONE

    def _keep(self, place: tuple[bytes, bytes], target: Target) -> None:
        if place not in self._targets:
            if len(self._targets) >= TARGETS_MAX:
                self._targets.clear()
            self._targets[place] = target


def _too_large(limit: int, adapter: Adapter) -> Outcome:
    return Outcome(Answer(413, f"body larger than {limit} bytes".encode()), "too_large", provider=adapter.name)


@lru_cache(maxsize=256)
def _messages(answer: Answer, retry_after_s: int | None, allow: str | None) -> tuple[Message, Message]:
    """The two ASGI messages of an answer; they are few, and uvicorn only reads them."""
    headers = [(b"content-length", str(len(answer.body)).encode())]
    if answer.body:
        headers.append((b"content-type", answer.content_type.encode()))
    if retry_after_s is not None:
        headers.append((b"retry-after", str(retry_after_s).encode()))
    if allow is not None:
        headers.append((b"allow", allow.encode()))
    if answer.status == 408:  # noqa: PLR2004 - the one status after which the rest of the body is not waited for
        headers.append((b"connection", b"close"))
    head = {"type": "http.response.start", "status": answer.status, "headers": headers}
    return head, {"type": "http.response.body", "body": answer.body}


def _where(error: Exception) -> str:
    """Kind and place of a defect, without its text, which may hold what the caller sent."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at " + " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-4:]))
