"""How many held tasks of each endpoint wait, by what their owners have claimed. Pure.

C1  A held record below the group's position, below its endpoint's claim, or marked in the claim as done is done.
C2  A claim never says more than what was done, so the count is never too small; it can be a little too large.
"""

from collections import Counter
from collections.abc import Mapping

from dispatchers.window import OffsetWindow
from schemas.records import EndpointState
from schemas.topics import claim_key


class Held:
    """Counts held records, handed in by rising offsets of each partition."""

    def __init__(self, states: Mapping[str, EndpointState]) -> None:
        """Count by the claims among the records of `endpoints.state`."""
        self._states = states
        self._windows: dict[tuple[str, int], OffsetWindow] = {}
        self.counts: Counter[str] = Counter()
        """Waiting tasks by endpoint."""

    def note(self, endpoint: str, partition: int, offset: int) -> None:
        """See one held record, at or above the position of its group."""
        claim = self._states.get(claim_key(endpoint, partition))
        below = None if claim is None else claim["done_below"]
        if below is not None and offset < below:
            return
        window = self._windows.get((endpoint, partition))
        if window is None:
            beyond = "" if claim is None else claim["done_beyond"] or ""
            window = self._windows[endpoint, partition] = OffsetWindow(below, beyond)
        if window.begin(offset):
            self.counts[endpoint] += 1
        window.finish(offset)
