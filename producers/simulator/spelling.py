"""What a provider's module offers: how it writes callbacks, how many facts fit in one, and what it signs with. Pure."""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from producers.simulator.scenario import Callback, Facts, Origin

Render = Callable[[Facts, Origin, Random], Callback]


class Spelling(NamedTuple):
    """One provider's way of writing."""

    render: Render
    reports_max: int
    """Most reports of one callback; 0 where the provider reports no deliveries."""
    texts_max: int
    """Most inbound messages of one callback."""
    credential: str | None = None
    """Name in the configuration file of what the provider signs with; None where a path secret is all it can show."""
