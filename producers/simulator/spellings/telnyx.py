"""Telnyx's spelling: one JSON event, signed with Ed25519. Pure.

Source: developers.telnyx.com messaging, receiving webhooks (PROVIDERS.md section 9).
"""

import base64
from random import Random
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

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

_SPELLINGS: Final[dict[Happening, tuple[str, str, str | None]]] = {
    "delivered": ("delivered", "delivered", None),
    "on_its_way": ("pending", "sent", None),
    "absent": ("undeliverable", "delivery_failed", "40006"),
    "operator": ("undeliverable", "delivery_failed", "40008"),
    "destination": ("undeliverable", "delivery_failed", "40001"),
    "spam": ("undeliverable", "delivery_failed", "40002"),
    "expired": ("expired", "delivery_failed", "40005"),
}
"""Our status; the recipient's status and the error code as Telnyx writes them."""


def render(facts: Facts, origin: Origin, rng: Random) -> Callback:
    """Write one fact as a signed POST."""
    (fact,) = facts
    event = hexadecimal(rng, 32)
    if isinstance(fact, ReportFact):
        status, word, code = _SPELLINGS[fact.happening]
        kind, payload = "message.sent" if word == "sent" else "message.finalized", _report(fact, word, code, origin)
        name, key = fact.provider_message_id, f"{event}|{fact.phone}"
        expects = expected(origin, fact, key, provider_message_id=name, status=status)
    else:
        kind, payload = "message.received", _text(fact, origin)
        expects = expected(origin, fact, f"mo:{event}", provider_message_id=fact.provider_message_id)
    body = orjson.dumps(
        {
            "data": {
                "event_type": kind,
                "id": event,
                "occurred_at": to_public(fact.at),
                "record_type": "event",
                "payload": payload,
            },
            "meta": {"attempt": 1, "delivered_to": origin.base_url},
        }
    )
    headers = {"Content-Type": "application/json", "User-Agent": "telnyx-webhooks"}
    seed = origin.credentials.get("public_key")
    if seed is not None:
        headers |= signature(seed, fact.at // 1000, body)
    return Callback("POST", target(origin), headers, body, (expects,))


def signature(seed: str, at_s: int, body: bytes) -> dict[str, str]:
    """The two headers of a body, signed with the private key of a base64 seed."""
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(seed))
    signed = base64.b64encode(key.sign(f"{at_s}|".encode() + body)).decode()
    return {"telnyx-signature-ed25519": signed, "telnyx-timestamp": str(at_s)}


def _report(fact: ReportFact, word: str, code: str | None, origin: Origin) -> dict[str, Any]:
    return {
        "record_type": "message",
        "direction": "outbound",
        "id": fact.provider_message_id,
        "type": "SMS",
        "from": {"phone_number": origin.list_number, "carrier": "", "line_type": ""},
        "to": [{"phone_number": fact.phone, "status": word, "carrier": "T-MOBILE", "line_type": "Wireless"}],
        "tags": [f"mid:{fact.message_id}"],
        "errors": [] if code is None else [{"code": code, "title": "failed", "detail": "failed"}],
        "completed_at": to_public(fact.at),
    }


def _text(fact: TextFact, origin: Origin) -> dict[str, Any]:
    return {
        "record_type": "message",
        "direction": "inbound",
        "id": fact.provider_message_id,
        "type": "SMS",
        "from": {"phone_number": fact.phone, "carrier": "T-MOBILE", "line_type": "Wireless"},
        "to": [{"phone_number": origin.list_number, "status": "webhook_delivered"}],
        "text": fact.text,
        "media": [],
        "parts": 1,
        "received_at": to_public(fact.at),
    }


SPELLING: Final = Spelling(render, reports_max=1, texts_max=1, credential="public_key")
