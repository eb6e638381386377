"""Which endpoints are paused and how far their held tasks are done, as `endpoints.state` says. Pure.

An endpoint is paused while either writer says so: a person (`manual`) or the owner of its hold partition (`auto`).
Each writer only ever writes records of its own kind (DESIGN.md 4.7).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from schemas.records import EndpointState

FAILING: Final = "failing"
"""Too many failures in a row."""
GONE: Final = "gone"
"""It answered 410; another URL ends it."""
REASONS: Final = ("manual", FAILING, GONE)
"""Why an endpoint is paused, in closed words; also the metric label."""


@dataclass(frozen=True, slots=True)
class Claim:
    """How far the held tasks of one endpoint in one hold partition are done."""

    below: int
    """Every one of them below this offset has its verdict acknowledged."""
    beyond: str
    """Which ones from there on are done too, as the offset window writes it."""


class PauseBook:
    """What `endpoints.state` holds, by endpoint."""

    def __init__(self) -> None:
        """Begin with nobody paused."""
        self._manual: dict[str, EndpointState] = {}
        self._auto: dict[str, EndpointState] = {}
        self._claims: dict[int, dict[str, Claim]] = {}
        self._paused: set[str] = set()

    def apply(self, key: str, record: EndpointState | None) -> str | None:
        """Take over one record, None for a tombstone; answers the endpoint if it is now paused or no longer is."""
        endpoint, _, kind = key.partition("|")
        if kind.startswith("hold|"):
            self._claim(endpoint, kind.removeprefix("hold|"), record)
            return None
        states = {"manual": self._manual, "auto": self._auto}.get(kind)
        if states is None:
            return None
        if record is None:
            states.pop(endpoint, None)
        else:
            states[endpoint] = record
        was, now = endpoint in self._paused, self._is_paused(endpoint)
        if now:
            self._paused.add(endpoint)
        else:
            self._paused.discard(endpoint)
        return endpoint if was != now else None

    def is_paused(self, endpoint: str) -> bool:
        """Whether nothing may be tried for it now."""
        return endpoint in self._paused

    def reason(self, endpoint: str) -> str | None:
        """Why it is paused, in a closed word; a person's pause comes first."""
        for states in (self._manual, self._auto):
            state = states.get(endpoint)
            if state is not None and state["paused"]:
                return state["reason"] if state["reason"] in REASONS else REASONS[0]
        return None

    def manual(self, endpoint: str) -> EndpointState | None:
        """What a person ordered last."""
        return self._manual.get(endpoint)

    def auto(self, endpoint: str) -> EndpointState | None:
        """What the owner wrote last."""
        return self._auto.get(endpoint)

    def settled_at(self, endpoint: str) -> int:
        """When a person last ordered something, or an owner last ended a pause; 0 for never."""
        manual, auto = self._manual.get(endpoint), self._auto.get(endpoint)
        ended = 0 if auto is None or auto["paused"] else auto["updated_at"]
        return max(ended, 0 if manual is None else manual["updated_at"])

    def auto_states(self) -> Iterator[EndpointState]:
        """Every automatic pause or its end."""
        return iter(list(self._auto.values()))

    def claims(self, partition: int) -> dict[str, Claim]:
        """Claims of one hold partition by endpoint."""
        return dict(self._claims.get(partition, {}))

    def paused(self) -> frozenset[str]:
        """Every paused endpoint."""
        return frozenset(self._paused)

    def _is_paused(self, endpoint: str) -> bool:
        states = (self._manual.get(endpoint), self._auto.get(endpoint))
        return any(state is not None and state["paused"] for state in states)

    def _claim(self, endpoint: str, partition: str, record: EndpointState | None) -> None:
        if not partition.isdigit():
            return
        claims = self._claims.setdefault(int(partition), {})
        if record is None or record["done_below"] is None:
            claims.pop(endpoint, None)
        else:
            claims[endpoint] = Claim(record["done_below"], record["done_beyond"] or "")
