"""Vonage's spelling: the SMS API as a form or a query, signed by `sig`, or the Messages API with a token. Pure.

Source: developer.vonage.com SMS delivery receipts and inbound, Messages webhooks (PROVIDERS.md section 7).
"""

import hashlib
import hmac
from random import Random
from typing import Final
from urllib.parse import urlencode

import jwt
import orjson

from producers.simulator.addressing import target
from producers.simulator.scenario import (
    Callback,
    Expected,
    Facts,
    Happening,
    Origin,
    ReportFact,
    expected,
    hexadecimal,
)
from producers.simulator.spelling import Spelling
from schemas.providers.vonage_signature import signed_text
from schemas.timestamps import to_public

_SPELLINGS: Final[dict[Happening, tuple[str, str, str]]] = {
    "delivered": ("delivered", "delivered", "0"),
    "on_its_way": ("pending", "buffered", "0"),
    "absent": ("undeliverable", "failed", "2"),
    "operator": ("undeliverable", "failed", "8"),
    "destination": ("undeliverable", "failed", "3"),
    "spam": ("undeliverable", "failed", "6"),
    "expired": ("expired", "expired", "0"),
}
"""Our status; status and err-code as Vonage writes them."""
_MESSAGES_SHARE: Final = 0.5
"""Share of texts that come by the Messages API."""
_GET_SHARE: Final = 0.3
"""Share of the SMS API's callbacks that come by GET; an account has one way, a run shows both."""
_NO_MARKS: Final = str.maketrans("", "", "-T:")


def render(facts: Facts, origin: Origin, rng: Random) -> Callback:
    """Write one fact: a report as a form or query, a message also as JSON of the Messages API."""
    (fact,) = facts
    name = fact.provider_message_id
    at = to_public(fact.at)
    if isinstance(fact, ReportFact):
        status, word, code = _SPELLINGS[fact.happening]
        fields = {"msisdn": fact.phone.removeprefix("+"), "to": origin.list_number.removeprefix("+"), "status": word}
        fields |= {"err-code": code, "client-ref": fact.message_id, "scts": at[2:16].translate(_NO_MARKS)}
        expects = expected(origin, fact, f"{name}|{word}|", provider_message_id=name, status=status)
    elif rng.random() < _MESSAGES_SHARE:
        body = {"channel": "sms", "message_uuid": name, "from": fact.phone.removeprefix("+"), "timestamp": at}
        body |= {"to": origin.list_number.removeprefix("+"), "text": fact.text}
        expects = expected(origin, fact, f"mo:{name}|", provider_message_id=name)
        return _by_messages_api(orjson.dumps(body), fact.at // 1000, origin, expects, rng)
    else:
        fields = {"msisdn": fact.phone.removeprefix("+"), "to": origin.list_number.removeprefix("+"), "type": "text"}
        fields |= {"text": fact.text, "keyword": fact.text.split(" ", maxsplit=1)[0].upper()}
        expects = expected(origin, fact, f"mo:{name}|", provider_message_id=name)
    fields |= {"messageId": name, "api-key": "abcd1234", "message-timestamp": at[:19].replace("T", " ")}
    secret = origin.credentials.get("signature_secret")
    if secret is not None:
        fields |= {"timestamp": str(fact.at // 1000), "nonce": hexadecimal(rng, 16)}
        fields["sig"] = hmac.new(secret.encode(), signed_text(fields).encode(), hashlib.sha256).hexdigest()
    path = target(origin)
    if rng.random() < _GET_SHARE:
        return Callback("GET", f"{path}&{urlencode(fields)}", {"User-Agent": "Nexmo"}, b"", (expects,))
    headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Nexmo"}
    return Callback("POST", path, headers, urlencode(fields).encode(), (expects,))


def _by_messages_api(body: bytes, at_s: int, origin: Origin, expects: Expected, rng: Random) -> Callback:
    headers = {"Content-Type": "application/json", "User-Agent": "Vonage"}
    secret = origin.credentials.get("signature_secret")
    if secret is not None:
        claims = {
            "iat": at_s,
            "jti": hexadecimal(rng, 32),
            "iss": "Vonage",
            "payload_hash": hashlib.sha256(body).hexdigest(),
            "api_key": "abcd1234",
        }
        headers["Authorization"] = f"Bearer {jwt.encode(claims, secret, algorithm='HS256')}"
    return Callback("POST", target(origin), headers, body, (expects,))


SPELLING: Final = Spelling(render, reports_max=1, texts_max=1, credential="signature_secret")
