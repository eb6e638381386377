"""Logs and the admin listener: JSON lines without personal data, /metrics, /livez, /readyz.

Touches stderr and one HTTP port. Metrics are declared beside the code that moves them, one line each, in the modules
named `metrics`; label sets are closed and hold no account, endpoint, phone number or message id.
"""

import json
import logging
import re
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from prometheus_client import REGISTRY, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from schemas.settings import AdminSettings, LogSettings

_PHONE: Final = re.compile(
    r"(?:\+|%2[Bb])\(?\d(?:[ ().-]{0,2}\d){6,14}"  # said to be one, however it is written
    r"|(?<![\w.])\d{8,15}(?!\w|\.\d)"  # bare digits that are no part of a word, an id or a fraction
    r"|(?<![\w.])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?!\w|\.\d)"  # as people write one at home
)
"""What could be a phone number in a log line; the backstop behind never logging one."""
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

Probe = Callable[[], str | None]
"""Answers None when all is well, else a sentence that says what is not."""


def _mask(text: str) -> str:
    return _PHONE.sub("[number]", text)


class _JsonLines(logging.Formatter):
    """One JSON object a line; `extra` fields become keys."""

    def format(self, record: logging.LogRecord) -> str:
        """Render one record."""
        line: dict[str, Any] = {
            "ts": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _mask(record.getMessage()),
        }
        for name, value in vars(record).items():
            if name not in _STANDARD:
                line[name] = _mask(value) if isinstance(value, str) else value
        if record.exc_info:
            line["exception"] = _mask(self.formatException(record.exc_info))
        return json.dumps(line, default=str)


class _Plain(logging.Formatter):
    """Lines for a person at a terminal, masked in the same way."""

    def format(self, record: logging.LogRecord) -> str:
        """Render one record."""
        return _mask(super().format(record))


def configure_logging(settings: LogSettings, role: str) -> None:
    """Send all logging of the process to stderr in the chosen form."""
    as_json = settings.json_lines if settings.json_lines is not None else not sys.stderr.isatty()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if as_json else _Plain(f"%(asctime)s {role} %(levelname)s %(message)s"))
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
    for noisy in ("httpx", "httpcore", "asyncio", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class AdminServer:
    """Serves /metrics, /livez and /readyz on its own port from a thread of its own."""

    def __init__(self, settings: AdminSettings, *, live: Probe, ready: Probe) -> None:
        """Bind the port; `live` and `ready` are asked on each request."""
        self._server = ThreadingHTTPServer((settings.host, settings.port), _handler(live, ready))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="admin", daemon=True)

    @property
    def port(self) -> int:
        """The port really taken."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()


def _handler(live: Probe, ready: Probe) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One request of a scraper or a probe."""

        timeout = 5

        def do_GET(self) -> None:
            """Answer by path."""
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._send(200, generate_latest(REGISTRY), CONTENT_TYPE_LATEST)
            elif path in {"/livez", "/readyz"}:
                problem = live() if path == "/livez" else ready()
                self._send(503 if problem else 200, (problem or "ok").encode() + b"\n", "text/plain; charset=utf-8")
            else:
                self._send(404, b"/metrics /livez /readyz\n", "text/plain; charset=utf-8")

        def _send(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
            """Scrapes are not logged."""

    return Handler
