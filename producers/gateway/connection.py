"""What uvicorn leaves open on a connection: how many there are, and how long and how large a head may be.

The protocol itself stays uvicorn's. One timer covers a request's head and body, armed only when they do not come at
once; a late body is marked in the scope, and the application answers 408.

An offer of another protocol (`Upgrade: h2c`) is ignored, as RFC 9110 section 7.8 allows. httptools ends such a request
at its head and drops the body: the callback would be taken for an empty one, which some providers are answered 200.
"""

import asyncio
import sys
from typing import Any, ClassVar, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from producers.gateway.request import HEADER_BYTES_MAX, QUERY_BYTES_MAX

CONNECTIONS_MAX: Final = 4096
"""Of one process; a provider opens some hundred at most (Infobip's window: 10,000 for all of its customers)."""
HEAD_BYTES_MAX: Final = HEADER_BYTES_MAX + QUERY_BYTES_MAX
"""A head that is still incomplete beyond this is refused; the exact limits are checked on the complete one."""
DISCARDED_BYTES_MAX: Final = 8 * 1024 * 1024
"""Of a body that was refused before it was read; closing at once would destroy the answer on its way."""
LATE: Final = "trackly.late"
"""Key in the scope's state: the time for reading is over."""
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Connection(HttpToolsProtocol):
    """One connection of a provider; `bounded` makes the class that is used."""

    read_timeout_s: ClassVar[float]
    connections_max: ClassVar[int]
    _reading = False
    _come = 0
    _timer: asyncio.TimerHandle | None = None
    _data = b""
    _again = b""
    """What is parsed once more: the head of a request without its offer, and what came behind it."""
    _offered = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Refuse one connection too many; close one that stays silent."""
        super().connection_made(transport)
        if len(self.connections) > self.connections_max:
            transport.abort()
            return
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, then look at what is still missing."""
        self._again = data
        while self._again:
            self._data, self._again = self._again, b""
            super().data_received(self._data)
        self._data = b""
        if self._reading:
            self._more_to_come(len(data))

    def on_message_begin(self) -> None:
        """Begin to read."""
        super().on_message_begin()
        self._offered = False
        self._reading = True
        self._come = 0

    def on_headers_complete(self) -> None:
        """Begin to answer, unless the head is read again without its offer of another protocol."""
        self._offered = self.parser.should_upgrade()
        if not self._offered:
            super().on_headers_complete()
        elif self.parser.get_method() == b"CONNECT":
            raise ValueError("a tunnel")  # the parser turns it into 400

    def _unsupported_upgrade_warning(self) -> None:
        """Read the request as one without an offer; called while the parser's exception is handled."""
        exception = sys.exception()
        assert exception is not None
        line = b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        kept = [b"%s: %s" % (name, value) for name, value in self.headers if name != b"upgrade"]
        self._again = b"\r\n".join([line, *kept, b"", self._data[exception.args[0] :]])
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own

    def on_message_complete(self) -> None:
        """End to read."""
        if self._offered:
            return
        self._reading = False
        self._disarm()
        super().on_message_complete()

    def _more_to_come(self, size: int) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.read_timeout_s, self._late)
        if self._head_is_open():
            self._come += size
            if self._come > HEAD_BYTES_MAX:
                self._refuse(_TOO_LARGE)
        elif self.cycle.response_complete:
            self._come += size
            if self._come > DISCARDED_BYTES_MAX:
                self.transport.close()

    def _late(self) -> None:
        self._timer = None
        if self._head_is_open():
            self._refuse(_TOO_SLOW)
        elif self.cycle.response_complete:
            self.transport.close()
        else:
            state: dict[str, Any] = self.cycle.scope["state"]
            state[LATE] = True
            self.cycle.message_event.set()

    def _head_is_open(self) -> bool:
        cycle: Any = self.cycle
        return cycle is None or cycle.scope is not self.scope

    def _refuse(self, answer: bytes) -> None:
        """Answer for a head that will not be read, where no earlier request of the connection is being answered."""
        cycle: Any = self.cycle
        if cycle is None or cycle.response_complete:
            self.transport.write(answer)
        self.transport.close()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def bounded(read_timeout_s: float, *, connections_max: int = CONNECTIONS_MAX) -> type[Connection]:
    """Make the protocol class for a reading time in seconds; uvicorn takes a class, not an object."""
    return type("Bounded", (Connection,), {"read_timeout_s": read_timeout_s, "connections_max": connections_max})
