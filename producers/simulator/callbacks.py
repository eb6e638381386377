"""One call, one callback of a provider: draws what happened and lets the provider's module spell it. Pure."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Final, NamedTuple

from producers.simulator import cm, infobip, twilio
from producers.simulator.scenario import Callback, Facts, Origin, Scenario, TextFact, draw

Render = Callable[[Facts, Origin, Random], Callback]


class _Provider(NamedTuple):
    render: Render
    reports_max: int
    texts_max: int


_PROVIDERS: Final[Mapping[str, _Provider]] = {
    "infobip": _Provider(infobip.render, infobip.BATCH_MAX, infobip.BATCH_MAX),
    "twilio": _Provider(twilio.render, twilio.BATCH_MAX, twilio.BATCH_MAX),
    "cm": _Provider(cm.render, cm.BATCH_MAX, 1),
}
PROVIDERS: Final = tuple(_PROVIDERS)
"""Providers that can be simulated."""


def generate(origin: Origin, scenario: Scenario, rng: Random, *, now: int, batch: int = 1) -> Callback:
    """Make the next callback of a provider, authenticated as that provider does.

    `batch` is how many reports or texts it holds, fewer where the provider sends fewer. `now` is in milliseconds since
    the epoch. Two calls never tell the same fact; the provider's repeat of a callback is the same object sent again.
    """
    provider = _PROVIDERS[origin.provider]
    facts = draw(scenario, rng, now=now, count=min(batch, provider.reports_max))
    if isinstance(facts[0], TextFact):
        facts = facts[: provider.texts_max]
    return provider.render(facts, origin, rng)
