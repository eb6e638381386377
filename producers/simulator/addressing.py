"""The URL that an operator gave to the provider: path secret and our query parameters. Pure."""

from typing import Final
from urllib.parse import quote, urlencode

from producers.simulator.scenario import Origin

PREFIX: Final = "/api/webhook-feedbacks/"


def target(origin: Origin, *, mid: str | None = None, list_number: str | None = None) -> str:
    """Path and query of a callback; `mid` and `list_number` are given where the payload cannot carry them."""
    secret = f"/{quote(origin.secret, safe='')}" if origin.secret is not None else ""
    fields = {"account": origin.account, "mid": mid, "list": list_number}
    query = urlencode({name: value for name, value in fields.items() if value is not None})
    return f"{PREFIX}{origin.provider}{secret}?{query}"
