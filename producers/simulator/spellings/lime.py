"""Lime Cellular's spelling: a query of one keyword, a path secret; neither id nor time. Pure; it reports no deliveries.

Source: support.limecellular.com, keyword to response URL (PROVIDERS.md section 5).
"""

from random import Random
from typing import Final
from urllib.parse import urlencode

from producers.simulator.addressing import target
from producers.simulator.scenario import Callback, Facts, Origin, TextFact, expected
from producers.simulator.spelling import Spelling


def render(facts: Facts, origin: Origin, rng: Random) -> Callback:  # noqa: ARG001 - every provider has this signature
    """Write one text as a GET: an opt-out by its action, anything else as a keyword and what follows it."""
    (fact,) = facts
    if not isinstance(fact, TextFact):
        raise TypeError("Lime reports no deliveries")
    fields = {"mobile_number": fact.phone.removeprefix("+")}
    if fact.event == "unsubscribe":
        fields |= {"action": "optout", "keyword": fact.text}
    else:
        keyword, _, data = fact.text.partition(" ")
        fields |= {"keyword": keyword} | ({"data": data} if data else {})
    path = f"{target(origin, list_number=origin.list_number)}&{urlencode(fields)}"
    headers = {"User-Agent": "LimeCellular"}
    return Callback("GET", path, headers, b"", (expected(origin, fact, "", provider_message_id=None),))


SPELLING: Final = Spelling(render, reports_max=0, texts_max=1)
