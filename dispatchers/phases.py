"""How long the parts of a try take: look-up, TCP, TLS, answer. Pure; whoever acts says when a part begins.

A part that did not happen has no time at all: no look-up of an address, none of the first three on a pooled
connection. One that began is timed until it ended or the try did, so that a try that hangs shows where.
"""

from typing import Final, Literal, NamedTuple

Phase = Literal["dns", "connect", "tls", "response"]


class Phases(NamedTuple):
    """Milliseconds of each part, None where it did not happen."""

    dns_ms: int | None = None
    """Looking the name up; 0 where it was remembered."""
    connect_ms: int | None = None
    """Connecting to its addresses one after the other, TCP alone."""
    tls_ms: int | None = None
    """The TLS handshake."""
    response_ms: int | None = None
    """From sending the request until the status line and the headers were there."""


NO_PHASES: Final = Phases()


class Stopwatch:
    """Times the parts of one request; a part that comes again, for a second address, adds up."""

    __slots__ = ("_last", "_since", "_spent", "phase")

    def __init__(self, phase: Phase, now: float) -> None:
        """Begin with a part; `now` is monotonic milliseconds, here and below."""
        self.phase: Phase = phase
        """The part that is under way, or was when the watch stopped."""
        self._since: float | None = now
        self._spent: dict[Phase, float] | None = None
        """Of the parts before this one."""
        self._last = 0.0
        """Of this one, once it ended."""

    def enter(self, phase: Phase, now: float) -> None:
        """End one part and begin the next."""
        self.stop(now)
        if self._spent is None:
            self._spent = {}
        self._spent[self.phase] = self._spent.get(self.phase, 0.0) + self._last
        self.phase, self._since = phase, now

    def restart(self, phase: Phase, now: float) -> None:
        """Begin a part in place of the one that turned out not to happen."""
        self.phase, self._since = phase, now

    def stop(self, now: float) -> None:
        """End the part; a watch that stands still stays as it is."""
        if self._since is not None:
            self._last = now - self._since
            self._since = None

    def read(self) -> Phases:
        """The times, once it is stopped."""
        if self._spent is None and self.phase == "response":  # a pooled connection: nearly every try
            return Phases(None, None, None, int(self._last))
        spent = dict(self._spent or {})
        spent[self.phase] = spent.get(self.phase, 0.0) + self._last
        return Phases(*(None if (took := spent.get(phase)) is None else int(took) for phase in _ORDER))


_ORDER: Final[tuple[Phase, ...]] = ("dns", "connect", "tls", "response")
