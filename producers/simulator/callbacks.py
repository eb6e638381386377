"""One call, one callback of a provider: draws what happened and lets the provider's module spell it. Pure."""

import importlib
import pkgutil
from collections.abc import Mapping
from random import Random
from typing import Final

import producers.simulator.spellings as package
from producers.simulator.scenario import Callback, Origin, Scenario, TextFact, draw
from producers.simulator.spelling import Spelling

SPELLINGS: Final[Mapping[str, Spelling]] = {
    module.name: importlib.import_module(f"{package.__name__}.{module.name}").SPELLING
    for module in pkgutil.iter_modules(package.__path__)
}
"""Every module of the package, by its name, which is the provider's."""
PROVIDERS: Final = tuple(sorted(SPELLINGS))
"""Providers that can be simulated."""


def generate(origin: Origin, scenario: Scenario, rng: Random, *, now: int, batch: int = 1) -> Callback:
    """Make the next callback of a provider, authenticated as that provider does.

    `batch` is how many reports or texts it holds, fewer where the provider sends fewer. `now` is in milliseconds since
    the epoch. Two calls never tell the same fact; the provider's repeat of a callback is the same object sent again.

    Raises:
        ValueError: only deliveries are asked for and the provider reports none.
    """
    provider = SPELLINGS[origin.provider]
    facts = draw(scenario, rng, now=now, count=batch, with_reports=provider.reports_max > 0)
    most = provider.texts_max if isinstance(facts[0], TextFact) else provider.reports_max
    return provider.render(facts[:most], origin, rng)
