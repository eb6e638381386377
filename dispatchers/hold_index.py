"""What waits in one partition of the hold log: by endpoint the first task that is not done, and how many. Pure.

H1  `first` of an endpoint never lies above a task of it that is not done; so the committed position, the lowest `first`
    of all, never passes one either.
H2  A claim may skip tasks that are done, never others: it is only believed below what it says.
H3  A drain reads by itself and may be ahead of this index: what it has done is skipped when it is read here.
H4  Claims speak of the log that they were made for. Without a committed position, or where the log ends below one of
    them, the log was made anew: then they say nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dispatchers.pauses import Claim
from dispatchers.window import done_beyond


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

    def __init__(self, claims: Mapping[str, Claim]) -> None:
        """Begin where the claims of earlier owners say that tasks are done."""
        self._done: dict[str, Claim] = dict(claims)
        """How far an endpoint is done, where that is above what was read here."""
        self._beyond = {
            endpoint: done_beyond(claim.below, claim.beyond) for endpoint, claim in claims.items() if claim.beyond
        }
        """Offsets that are done beyond it and were not read here."""
        self._waiting: dict[str, Waiting] = {}
        self._next: int | None = None

    def __len__(self) -> int:
        """Tasks that wait."""
        return sum(waiting.count for waiting in self._waiting.values())

    def add(self, endpoint: str, offset: int, at: int) -> None:
        """Take over one record as it is read."""
        self._next = offset + 1
        done = self._done.get(endpoint)
        if done is not None and offset < done.below:
            return
        if self._is_beyond(endpoint, offset):
            return
        waiting = self._waiting.get(endpoint)
        if waiting is None:
            first, beyond = (done.below, done.beyond) if done is not None and done.beyond else (offset, "")
            self._waiting[endpoint] = Waiting(first, offset, at, 1, beyond)
        else:
            waiting.last = offset
            waiting.count += 1

    def _is_beyond(self, endpoint: str, offset: int) -> bool:
        beyond = self._beyond.get(endpoint)
        if beyond is None or offset not in beyond:
            return False
        beyond.discard(offset)
        if not beyond:
            del self._beyond[endpoint]
        return True

    def of(self, endpoint: str) -> Waiting | None:
        """What waits for an endpoint."""
        return self._waiting.get(endpoint)

    def endpoints(self) -> Iterator[tuple[str, Waiting]]:
        """Everybody for whom something waits."""
        return iter(list(self._waiting.items()))

    def done(self, endpoint: str, *, below: int, beyond: str, finished: int, oldest_at: int) -> None:
        """A job has finished so many tasks of an endpoint, all below an offset and some from there on."""
        self._remember(endpoint, Claim(below, beyond))
        waiting = self._waiting.get(endpoint)
        if waiting is None:
            return
        waiting.first = max(waiting.first, below)
        waiting.beyond = beyond
        waiting.count = max(0, waiting.count - finished)
        waiting.at = max(waiting.at, oldest_at)
        if waiting.first > waiting.last:
            del self._waiting[endpoint]

    def _remember(self, endpoint: str, claim: Claim) -> None:
        """Keep of a claim what is not read here yet: all else is known by what waits."""
        read_to = self._next or 0
        beyond = {offset for offset in done_beyond(claim.below, claim.beyond) if offset >= read_to}
        if beyond:
            self._beyond[endpoint] = beyond
        else:
            self._beyond.pop(endpoint, None)
        if beyond or claim.below > read_to:
            self._done[endpoint] = claim
        else:
            self._done.pop(endpoint, None)

    def floor(self) -> int | None:
        """Lowest offset whose task may wait; None before the first record."""
        if self._next is None:
            return None
        return min((waiting.first for waiting in self._waiting.values()), default=self._next)


def speak_of_this_log(claims: Mapping[str, Claim], *, committed: int, end: int) -> bool:
    """Whether claims were made for the log as it is (H4); `committed` is -1 where the group has no position."""
    return 0 <= committed <= end and all(claim.below <= end for claim in claims.values())
