"""Look-ups of names that have just failed fail at once. Touches the clock and the resolver that it wraps.

The connector keeps one look-up in flight a name and remembers what succeeded; this adds what failed, and tells a name
server that did not answer from one that has no answer.
"""

import socket
from typing import Any, Final, Protocol

import aiodns.error

from runtime.clock import mono_s

DNS_FAILED_S: Final = 5.0
"""How long a failed look-up is not repeated: shorter than any tier, so that the next try sees a mended name."""
DNS_FAILED_NAMES_MAX: Final = 10_000
"""Remembered failures; above it the oldest is forgotten, which costs a look-up."""


class Resolver(Protocol):
    """What is wrapped: the client's own resolver over aiodns, or a test's."""

    async def resolve(self, host: str, port: int, family: socket.AddressFamily) -> list[Any]:
        """Look a name up; OSError where that fails."""

    async def close(self) -> None:
        """Give up what is under way."""


class Names:
    """A resolver that remembers failures."""

    def __init__(self, inner: Resolver) -> None:
        """Wrap a resolver; `close` closes it too."""
        self._inner = inner
        self._failed: dict[str, tuple[float, str | None]] = {}
        """Name to when it may be asked for again, and why it failed, None where nobody answered; the oldest first."""

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[Any]:
        """Look a name up.

        Raises:
            TimeoutError: no name server answered in time.
            OSError: it has no address, or the name servers could not say.
        """
        until, why = self._failed.get(host, (0.0, None))
        if mono_s() < until:
            raise _error(why)
        self._failed.pop(host, None)
        try:
            return await self._inner.resolve(host, port, family)
        except OSError as error:
            why = None if _timed_out(error) else str(error.strerror or "look-up failed")
            if len(self._failed) >= DNS_FAILED_NAMES_MAX:
                self._failed.pop(next(iter(self._failed)))
            self._failed[host] = (mono_s() + DNS_FAILED_S, why)
            raise _error(why) from error

    async def close(self) -> None:
        """Close the wrapped resolver."""
        await self._inner.close()


def _error(why: str | None) -> OSError:
    return TimeoutError() if why is None else OSError(None, why)


def _timed_out(error: OSError) -> bool:
    cause = error.__cause__
    return isinstance(cause, aiodns.error.DNSError) and cause.args[:1] == (aiodns.error.ARES_ETIMEOUT,)
