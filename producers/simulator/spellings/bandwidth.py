"""Bandwidth's spelling: a JSON list of one event, HTTP Basic. Pure.

Source: dev.bandwidth.com messaging webhooks (PROVIDERS.md section 12).
"""

import base64
from random import Random
from typing import Any, Final

import orjson

from producers.simulator.addressing import target
from producers.simulator.scenario import Callback, Facts, Happening, Origin, ReportFact, expected
from producers.simulator.spelling import Spelling
from schemas.timestamps import to_public

_SPELLINGS: Final[dict[Happening, tuple[str, str, int | None]]] = {
    "delivered": ("delivered", "message-delivered", None),
    "on_its_way": ("pending", "message-sending", None),
    "absent": ("undeliverable", "message-failed", 4702),
    "operator": ("undeliverable", "message-failed", 4750),
    "destination": ("undeliverable", "message-failed", 4720),
    "spam": ("undeliverable", "message-failed", 4770),
    "expired": ("expired", "message-failed", 9902),
}
"""Our status; type and errorCode as Bandwidth writes them."""


def render(facts: Facts, origin: Origin, rng: Random) -> Callback:  # noqa: ARG001 - every provider has this signature
    """Write facts as one list."""
    events, expects = [], []
    for fact in facts:
        name = fact.provider_message_id
        if isinstance(fact, ReportFact):
            status, kind, code = _SPELLINGS[fact.happening]
            message = _message(name, origin, sender=origin.list_number, to=fact.phone) | {"tag": fact.message_id}
            event = _event(kind, fact.at, fact.phone, message) | ({} if code is None else {"errorCode": code})
            key = f"{name}|{kind}|{fact.phone}"
            expects.append(expected(origin, fact, key, provider_message_id=name, status=status))
        else:
            message = _message(name, origin, sender=fact.phone, to=origin.list_number)
            event = _event("message-received", fact.at, origin.list_number, message | {"text": fact.text})
            expects.append(expected(origin, fact, f"mo:{name}", provider_message_id=name))
        events.append(event)
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "BandwidthAPI/v2"}
    basic = origin.credentials.get("basic")
    if basic is not None:
        headers["Authorization"] = f"Basic {base64.b64encode(basic.encode()).decode()}"
    return Callback("POST", target(origin), headers, orjson.dumps(events), tuple(expects))


def _event(kind: str, at: int, to: str, message: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "time": to_public(at), "to": to, "description": kind, "message": message}


def _message(name: str, origin: Origin, *, sender: str, to: str) -> dict[str, Any]:
    return {
        "id": name,
        "owner": origin.list_number,
        "applicationId": "93de2206-9669-4e07-948d-329f4b722ee2",
        "segmentCount": 1,
        "direction": "in" if to == origin.list_number else "out",
        "to": [to],
        "from": sender,
        "text": "",
    }


SPELLING: Final = Spelling(render, reports_max=2000, texts_max=2000, credential="basic")
