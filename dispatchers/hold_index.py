"""What waits in one partition of the hold log: by endpoint the first task that is not done, and how many. Pure.

H1  `first` of an endpoint never lies above a task of it that is not done; so the committed position, the lowest `first`
    of all, never passes one either.
H2  A claim may skip tasks that are done, never others: it is only believed below what it says.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from dispatchers.pauses import Claim
from dispatchers.window import OffsetWindow


@dataclass(slots=True)
class Waiting:
    """The held tasks of one endpoint in one partition."""

    first: int
    """No task of it below this offset waits."""
    last: int
    """Offset of the newest."""
    at: int
    """When the oldest that is known was held, milliseconds since the epoch; a lower bound once some are done."""
    count: int
    beyond: str = ""
    """Which ones from `first` on are done, as the offset window writes it."""


class HoldIndex:
    """One partition of the hold log, for as long as one assignment lasts."""

    def __init__(self, claims: dict[str, Claim]) -> None:
        """Begin where the claims of earlier owners say that tasks are done."""
        self._claims = claims
        self._windows = {
            endpoint: OffsetWindow(claim.below, claim.beyond) for endpoint, claim in claims.items() if claim.beyond
        }
        self._waiting: dict[str, Waiting] = {}
        self._next: int | None = None

    def __len__(self) -> int:
        """Tasks that wait."""
        return sum(waiting.count for waiting in self._waiting.values())

    def add(self, endpoint: str, offset: int, at: int) -> None:
        """Take over one record as it is read."""
        self._next = offset + 1
        claim = self._claims.get(endpoint)
        if claim is not None and offset < claim.below:
            return
        window = self._windows.get(endpoint)
        if window is not None and not window.begin(offset):
            return
        waiting = self._waiting.get(endpoint)
        if waiting is None:
            first, beyond = (claim.below, claim.beyond) if claim is not None and claim.beyond else (offset, "")
            self._waiting[endpoint] = Waiting(first, offset, at, 1, beyond)
        else:
            waiting.last = offset
            waiting.count += 1

    def skip(self, offset: int) -> None:
        """Take over a record that is nobody's."""
        self._next = offset + 1

    def of(self, endpoint: str) -> Waiting | None:
        """What waits for an endpoint."""
        return self._waiting.get(endpoint)

    def endpoints(self) -> Iterator[tuple[str, Waiting]]:
        """Everybody for whom something waits."""
        return iter(list(self._waiting.items()))

    def done(self, endpoint: str, *, below: int, beyond: str, finished: int, oldest_at: int) -> None:
        """A job has finished so many tasks of an endpoint, all below an offset and some from there on."""
        waiting = self._waiting.get(endpoint)
        if waiting is None:
            return
        waiting.first = max(waiting.first, below)
        waiting.beyond = beyond
        waiting.count = max(0, waiting.count - finished)
        waiting.at = max(waiting.at, oldest_at)
        if waiting.first > waiting.last:
            del self._waiting[endpoint]

    def floor(self) -> int | None:
        """Lowest offset whose task may wait; None before the first record."""
        if self._next is None:
            return None
        return min((waiting.first for waiting in self._waiting.values()), default=self._next)
