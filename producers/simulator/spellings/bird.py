"""Bird's spelling: classic reports by GET, classic messages as a form, each with a signed token. Pure.

Source: developers.messagebird.com SMS messaging, verifying requests (PROVIDERS.md section 11).
"""

import hashlib
from random import Random
from typing import Final
from urllib.parse import urlencode

import jwt

from producers.simulator.addressing import target
from producers.simulator.scenario import (
    Callback,
    Facts,
    Happening,
    Origin,
    ReportFact,
    expected,
    hexadecimal,
)
from producers.simulator.spelling import Spelling
from schemas.timestamps import to_public

LIFE_S: Final = 60
"""How long a token of Bird's lives."""
_SPELLINGS: Final[dict[Happening, tuple[str, str, str | None]]] = {
    "delivered": ("delivered", "delivered", None),
    "on_its_way": ("pending", "buffered", None),
    "absent": ("undeliverable", "delivery_failed", "27"),
    "operator": ("undeliverable", "delivery_failed", "34"),
    "destination": ("undeliverable", "delivery_failed", "1"),
    "spam": ("undeliverable", "delivery_failed", "607"),
    "expired": ("expired", "expired", None),
}
"""Our status; status and statusErrorCode as Bird writes them."""


def render(facts: Facts, origin: Origin, rng: Random) -> Callback:
    """Write one fact: a report in the query of a GET, a message as a form."""
    (fact,) = facts
    name = fact.provider_message_id
    at = to_public(fact.at)[:19] + "+00:00"
    headers = {"User-Agent": "MessageBird"}
    if isinstance(fact, ReportFact):
        status, word, code = _SPELLINGS[fact.happening]
        fields = {"id": name, "reference": fact.message_id, "recipient": fact.phone.removeprefix("+"), "status": word}
        fields |= {"statusDatetime": at, "mccmnc": "20408", "ported": "0"}
        fields |= {} if code is None else {"statusErrorCode": code}
        path = f"{target(origin, list_number=origin.list_number)}&{urlencode(fields)}"
        expects = expected(origin, fact, f"{name}|{fact.phone}|{word}|{at}", provider_message_id=name, status=status)
        method, body = "GET", b""
    else:
        fields = {"id": name, "recipient": origin.list_number.removeprefix("+"), "body": fact.text}
        fields |= {"originator": fact.phone.removeprefix("+"), "createdDatetime": at}
        path, method, body = target(origin), "POST", urlencode(fields).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        expects = expected(origin, fact, f"mo:{name}", provider_message_id=name)
    key = origin.credentials.get("signing_key")
    if key is not None:
        url = origin.base_url.rstrip("/") + path
        headers["MessageBird-Signature-JWT"] = token(key, url, body, at_s=fact.at // 1000, name=hexadecimal(rng, 32))
    return Callback(method, path, headers, body, (expects,))


def token(key: str, url: str, body: bytes, *, at_s: int, name: str) -> str:
    """The signed token of a request."""
    claims = {"iss": "MessageBird", "nbf": at_s, "exp": at_s + LIFE_S, "jti": name}
    claims["url_hash"] = hashlib.sha256(url.encode()).hexdigest()
    if body:
        claims["payload_hash"] = hashlib.sha256(body).hexdigest()
    return jwt.encode(claims, key, algorithm="HS256")


SPELLING: Final = Spelling(render, reports_max=1, texts_max=1, credential="signing_key")
