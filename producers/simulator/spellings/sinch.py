"""Sinch's spelling: JSON, one recipient's report or one message, signed with a nonce. Pure.

Source: developers.sinch.com/docs/sms callbacks (PROVIDERS.md section 8).
"""

import base64
import hashlib
import hmac
from random import Random
from typing import Any, Final

import orjson

from producers.simulator.addressing import target
from producers.simulator.scenario import (
    Callback,
    Facts,
    Happening,
    Origin,
    ReportFact,
    TextFact,
    expected,
    hexadecimal,
)
from producers.simulator.spelling import Spelling
from schemas.timestamps import to_public

_SPELLINGS: Final[dict[Happening, tuple[str, str, int]]] = {
    "delivered": ("delivered", "Delivered", 0),
    "on_its_way": ("pending", "Dispatched", 401),
    "absent": ("undeliverable", "Failed", 404),
    "operator": ("undeliverable", "Failed", 321),
    "destination": ("undeliverable", "Failed", 300),
    "spam": ("undeliverable", "Failed", 15),
    "expired": ("expired", "Expired", 406),
}
"""Our status; status and code as Sinch writes them."""


def signature(secret: str, body: bytes, nonce: str, at_s: int) -> dict[str, str]:
    """The headers of a signed body."""
    mac = hmac.new(secret.encode(), body + f".{nonce}.{at_s}".encode(), hashlib.sha256).digest()
    name = "x-sinch-webhook-signature"
    return {
        name: base64.b64encode(mac).decode(),
        f"{name}-nonce": nonce,
        f"{name}-timestamp": str(at_s),
        f"{name}-algorithm": "HmacSHA256",
    }


def render(facts: Facts, origin: Origin, rng: Random) -> Callback:
    """Write one fact as a signed POST."""
    first = facts[0]
    if isinstance(first, TextFact):
        name = first.provider_message_id
        content = _text(first, origin)
        expects = [expected(origin, first, f"mo:{name}", provider_message_id=name)]
    else:
        status, word, code = _SPELLINGS[first.happening]
        name = first.provider_message_id
        content = _report(first, word, code)
        key = f"{name}|{first.phone}|{code}|{word.lower()}|{to_public(first.at)}"
        expects = [expected(origin, first, key, provider_message_id=name, status=status)]
    body = orjson.dumps(content)
    headers = {"Content-Type": "application/json", "User-Agent": "Sinch"}
    secret = origin.credentials.get("webhook_secret")
    if secret is not None:
        headers |= signature(secret, body, hexadecimal(rng, 26), first.at // 1000)
    path = target(origin, list_number=origin.list_number if isinstance(first, ReportFact) else None)
    return Callback("POST", path, headers, body, tuple(expects))


def _report(fact: ReportFact, word: str, code: int) -> dict[str, Any]:
    return {
        "type": "recipient_delivery_report_sms",
        "batch_id": fact.provider_message_id,
        "recipient": fact.phone.removeprefix("+"),
        "code": code,
        "status": word,
        "at": to_public(fact.at),
        "client_reference": fact.message_id,
    }


def _text(fact: TextFact, origin: Origin) -> dict[str, Any]:
    return {
        "type": "mo_text",
        "id": fact.provider_message_id,
        "from": fact.phone.removeprefix("+"),
        "to": origin.list_number.removeprefix("+"),
        "body": fact.text,
        "received_at": to_public(fact.at),
        "operator_id": "311071",
    }


SPELLING: Final = Spelling(render, reports_max=1, texts_max=1, credential="webhook_secret")
