"""Which faults a run makes and when: a schedule that a seed alone decides. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

FaultKind = Literal[
    "kill", "freeze", "restart", "scale_up", "scale_down", "broker_restart", "broker_kill", "store_delete",
    "store_corrupt", "broker_cut", "broker_hang", "broker_slow",
]  # fmt: skip

GATEWAYS: Final = ("gateway-0", "gateway-1")
PROCESSORS: Final = ("processor-0", "processor-1")
DISPATCHERS: Final = ("dispatcher-0", "dispatcher-1")
FORWARDERS: Final = ("forwarder-0",)
ROLES: Final = (*GATEWAYS, *PROCESSORS, *DISPATCHERS, *FORWARDERS)
"""What always runs."""
SPARES: Final = ("processor-2", "dispatcher-2")
"""What is scaled up to and down from."""
FIRST_S: Final = 5.0
"""Something must be under way before it is broken."""
LAST_S: Final = 5.0
"""No fault begins so short before the end of the load, or it would break what is idle."""
GAP_S: Final = (2.0, 6.0)
"""Rest after a fault: sometimes too short to recover in, which is meant."""
RESTARTS: Final = frozenset({"broker_restart", "broker_kill"})
DOWN_S: Final = (0.0, 3.0)
FROZEN_BEYOND_S: Final = (1.0, 4.0)
"""How much longer than a session a process is frozen, so that its partitions go elsewhere before it wakes."""
AWAY_S: Final = (0.5, 9.0)
"""How long the network to the broker is cut or hangs: from a blip to longer than a session."""
SLOW_FOR_S: Final = (4.0, 9.0)
BROKER_START_S: Final = 6.0
"""What a start of the broker takes on a machine that everything runs on; for the sum of the schedule only."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault: when it begins after the start of the load, what it is, to whom and for how long."""

    at_s: float
    kind: FaultKind
    targets: tuple[str, ...]
    for_s: float


def schedule(seed: int, seconds: float, *, session_s: float) -> list[Planned]:
    """Faults for a run of so many seconds: from shuffled decks, so that a longer run makes every kind of them."""
    rng = Random(seed)
    planned: list[Planned] = []
    deck: list[tuple[FaultKind, tuple[str, ...]]] = []
    at_s = FIRST_S
    while True:
        deck = deck or _deck(rng)
        kind, targets = deck.pop()
        for_s = _lasts(kind, rng, session_s)
        if at_s + for_s > seconds - LAST_S:
            return planned
        planned.append(Planned(round(at_s, 2), kind, targets, round(for_s, 2)))
        at_s += for_s + rng.uniform(*GAP_S) + (BROKER_START_S if kind in RESTARTS else 0.0)


def _deck(rng: Random) -> list[tuple[FaultKind, tuple[str, ...]]]:
    """One of each that matters, and one kill of several at once."""

    def one(names: Sequence[str]) -> tuple[str, ...]:
        return (rng.choice(names),)

    cards: list[tuple[FaultKind, tuple[str, ...]]] = [
        ("kill", one(PROCESSORS)),
        ("kill", one(DISPATCHERS)),
        ("kill", one((*GATEWAYS, *FORWARDERS))),
        ("kill", tuple(rng.sample(ROLES, 3))),
        ("freeze", one(PROCESSORS)),
        ("freeze", one(DISPATCHERS)),
        ("freeze", one(GATEWAYS)),
        ("restart", one(PROCESSORS)),
        ("restart", one(DISPATCHERS)),
        ("restart", one(GATEWAYS)),
        ("scale_up", one(SPARES)),
        ("scale_down", one(SPARES)),
        ("broker_restart", ()),
        ("broker_kill", ()),
        ("broker_cut", ()),
        ("broker_hang", ()),
        ("broker_slow", ()),
        ("store_delete", one(PROCESSORS)),
        ("store_corrupt", one(PROCESSORS)),
    ]
    rng.shuffle(cards)
    return cards


def _lasts(kind: FaultKind, rng: Random, session_s: float) -> float:
    match kind:
        case "freeze":
            return session_s + rng.uniform(*FROZEN_BEYOND_S)
        case "scale_up" | "scale_down":
            return 0.0
        case "broker_cut" | "broker_hang":
            return rng.uniform(*AWAY_S)
        case "broker_slow":
            return rng.uniform(*SLOW_FOR_S)
        case _:
            return rng.uniform(*DOWN_S)
