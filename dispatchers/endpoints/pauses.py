"""Pauses of an endpoint as records say them, and the record of an order. Pure.

P1  An endpoint is paused where either kind says so; a pause by hand is the one that is shown.
P2  An order is a record of kind `manual`. `resume` writes paused = false with a later `updated_at`: that is also the
    wish that ends an automatic pause, whose owner alone writes its own kind (DESIGN.md 4.7).
P3  What changes nothing is not written: pausing what is paused by hand, resuming what is not paused at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit, urlunsplit

from schemas.config import Snapshot, notices_id
from schemas.records import EndpointState
from schemas.timestamps import to_public
from schemas.topics import auto_key, manual_key

BY_HAND: Final = "paused by hand"
ACTIVE: Final = "active"
MANUAL: Final = "manual"
"""Reason and kind of what a person ordered."""
NOTICES: Final = ("notice",)
"""What goes to an account's endpoint for notices."""
States = Mapping[str, EndpointState]
"""Records of `endpoints.state` by their keys."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The order changes nothing; `sentence` says why."""

    sentence: str


Order = Literal["pause", "resume"]


def order(kind: Order, endpoint: str, states: States, *, actor: str, now: int) -> EndpointState | Unchanged:
    """The record that an order becomes; `now` in milliseconds since the epoch."""
    by_hand, automatic = states.get(manual_key(endpoint)), states.get(auto_key(endpoint))
    held = by_hand is not None and by_hand["paused"]
    if kind == "pause" and by_hand is not None and held:
        return Unchanged(f"{endpoint} is paused by hand already{_since(by_hand)}")
    if kind == "resume" and not held and (automatic is None or not automatic["paused"]):
        return Unchanged(f"{endpoint} is not paused")
    paused = kind == "pause"
    return {
        "endpoint": endpoint,
        "kind": MANUAL,
        "paused": paused,
        "reason": MANUAL if paused else None,
        "since": now if paused else None,
        "next_probe_at": None,
        "probes": 0,
        "hold_partition": None,
        "done_below": None,
        "done_beyond": None,
        "url_hash": None,
        "actor": actor,
        "updated_at": now,
    }


def configured(snapshot: Snapshot) -> dict[str, tuple[str, tuple[str, ...]]]:
    """URL and events of every endpoint by its id; an account's notices have one too (DELIVERY.md)."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {
        one.id: (one.url, one.events) for one in snapshot.endpoints.values()
    }
    for account in snapshot.accounts.values():
        if account.notify is not None:
            found[notices_id(account.id)] = account.notify.url, NOTICES
    return found


def shown(endpoint: str, url: str, events: Sequence[str], states: States) -> dict[str, Any]:
    """An endpoint for a person: no secret, and no query, which may hold one."""
    by_hand, automatic = states.get(manual_key(endpoint)), states.get(auto_key(endpoint))
    state, since, probe = ACTIVE, None, None
    if by_hand is not None and by_hand["paused"]:
        state, since = BY_HAND, by_hand["since"]
    elif automatic is not None and automatic["paused"]:
        state, since, probe = f"paused: {automatic['reason']}", automatic["since"], automatic["next_probe_at"]
    return {
        "id": endpoint,
        "state": state,
        "since": None if since is None else to_public(since),
        "next_probe_at": None if probe is None else to_public(probe),
        "events": list(events),
        "url": _bare(url),
    }


def line(one: Mapping[str, Any], *, width: int) -> str:
    """One endpoint as a line; `width` is that of the longest id."""
    state = str(one["state"])
    if one["since"] is not None:
        state += f" since {one['since']}"
    if one["next_probe_at"] is not None:
        state += f", next probe {one['next_probe_at']}"
    held = f"  {one['held']} held" if "held" in one else ""
    return f"{one['id']:<{width}}  {state}{held}  {','.join(one['events'])}  {one['url']}"


def _since(state: EndpointState) -> str:
    return "" if state["since"] is None else f" since {to_public(state['since'])}"


def _bare(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
