"""How much may be in flight: bytes of each account and of all, from produce to delivery report. Pure."""

from typing import Final

INFLIGHT_BYTES_MAX: Final = 96 * 1024 * 1024
"""Of all accounts together; below the producer's own queue of 128 MiB, so that the queue is never the limit."""
RECORD_OVERHEAD_BYTES: Final = 1024
"""Counted for every record beside its bytes, so that small records meet this limit before the queue's 100,000."""
BODIES_BYTES_MAX: Final = 64 * 1024 * 1024
"""Bodies that have come in part, of all connections together."""


class InFlight:
    """Counts bytes by account; one account's storm leaves room for the others."""

    def __init__(self, account_max: int, total_max: int = INFLIGHT_BYTES_MAX) -> None:
        """Begin empty."""
        self._account_max = account_max
        self._total_max = total_max
        self._accounts: dict[str, int] = {}
        self.total = 0

    def take(self, account: str, size: int) -> bool:
        """Reserve bytes; False where the account or all together have too much.

        An account with nothing in flight gets one request of any size.
        """
        held = self._accounts.get(account, 0)
        if (held and held + size > self._account_max) or self.total + size > self._total_max:
            return False
        self._accounts[account] = held + size
        self.total += size
        return True

    def give(self, account: str, size: int) -> None:
        """Free bytes that were taken."""
        left = self._accounts[account] - size
        if left:
            self._accounts[account] = left
        else:
            del self._accounts[account]
        self.total -= size
