"""One call, one callback of a provider: draws what happened and lets the provider's module spell it. Pure."""

import importlib
import pkgutil
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Final

import producers.simulator.spellings as package
from producers.simulator.scenario import Callback, Facts, Origin, ReportFact, Scenario, TextFact, draw
from producers.simulator.spelling import Spelling

SPELLINGS: Final[Mapping[str, Spelling]] = {
    module.name: importlib.import_module(f"{package.__name__}.{module.name}").SPELLING
    for module in pkgutil.iter_modules(package.__path__)
}
"""Every module of the package, by its name, which is the provider's."""
PROVIDERS: Final = tuple(sorted(SPELLINGS))
"""Providers that can be simulated."""
LATE_MAX: Final = 1000
"""Reports that wait to come late; beyond it the oldest is not sent at all, as providers do too."""
_LATE_SHARE: Final = 0.5
"""Share of callbacks that are late reports while any wait."""
_EARLIER_MS: Final = 500
"""How long before its end a message was on its way."""


class Source:
    """Callbacks of one provider, of which some come in the wrong order."""

    def __init__(
        self, origin: Origin, scenario: Scenario, rng: Random, *, batch: int = 1, disorder: float = 0.0
    ) -> None:
        """`disorder` is the share of final reports whose `on its way` comes behind them."""
        self._origin, self._scenario, self._rng = origin, scenario, rng
        self._batch, self._disorder = batch, disorder
        self._late: deque[ReportFact] = deque(maxlen=LATE_MAX)

    def next(self, *, now: int) -> Callback:
        """The next callback, made at `now`, milliseconds since the epoch."""
        spelling, rng = SPELLINGS[self._origin.provider], self._rng
        if self._late and rng.random() < _LATE_SHARE:
            return spelling.render([self._late.popleft()], self._origin, rng)
        facts = _facts(self._origin, self._scenario, rng, now=now, batch=self._batch)
        for fact in facts:
            if isinstance(fact, ReportFact) and fact.happening != "on_its_way" and rng.random() < self._disorder:
                self._late.append(replace(fact, happening="on_its_way", at=fact.at - _EARLIER_MS))
        return spelling.render(facts, self._origin, rng)


def generate(origin: Origin, scenario: Scenario, rng: Random, *, now: int, batch: int = 1) -> Callback:
    """Make the next callback of a provider, authenticated as that provider does.

    `batch` is how many reports or texts it holds, fewer where the provider sends fewer. `now` is in milliseconds since
    the epoch. Two calls never tell the same fact; the provider's repeat of a callback is the same object sent again.

    Raises:
        ValueError: only deliveries are asked for and the provider reports none.
    """
    facts = _facts(origin, scenario, rng, now=now, batch=batch)
    return SPELLINGS[origin.provider].render(facts, origin, rng)


def _facts(origin: Origin, scenario: Scenario, rng: Random, *, now: int, batch: int) -> Facts:
    provider = SPELLINGS[origin.provider]
    facts = draw(scenario, rng, now=now, count=batch, with_reports=provider.reports_max > 0)
    most = provider.texts_max if isinstance(facts[0], TextFact) else provider.reports_max
    return facts[:most]
