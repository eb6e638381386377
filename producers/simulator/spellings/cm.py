"""CM.com's spelling: JSON, reports in batches without a sender, one message alone, a path secret. Pure.

Source: developers.cm.com messaging, incoming messages and status reports (PROVIDERS.md sections 4.1 and 4.2).
"""

from random import Random
from typing import Any, Final

import orjson

from producers.simulator.addressing import target
from producers.simulator.scenario import Callback, Facts, Happening, Origin, ReportFact, TextFact, expected
from producers.simulator.spelling import Spelling
from schemas.ids import content_key
from schemas.timestamps import to_public

_OPERATOR: Final = "31026"
_SPELLINGS: Final[dict[Happening, tuple[str, str, str, str]]] = {
    "delivered": ("delivered", "2", "", "Delivered"),
    "on_its_way": ("pending", "0", "", "Accepted"),
    "absent": ("undeliverable", "3", "24", "Undeliverable: handset temporarily absent"),
    "operator": ("undeliverable", "3", "25", "Undeliverable: temporary failure of the operator's network"),
    "destination": ("undeliverable", "3", "23", "Undeliverable: invalid or barred MSISDN"),
    "spam": ("undeliverable", "3", "28", "Undeliverable: suspicion of SPAM"),
    "expired": ("expired", "3", "8", "Expired at the SMSC"),
}
"""Our status; code, errorCode and errorDescription as CM writes them."""


def render(facts: Facts, origin: Origin, rng: Random) -> Callback:  # noqa: ARG001 - every provider has this signature
    """Write reports as one POST, or a single message as one."""
    reports = [fact for fact in facts if isinstance(fact, ReportFact)]
    texts = [fact for fact in facts if isinstance(fact, TextFact)]
    if texts:
        (text,) = texts
        body = orjson.dumps(_text(text, origin))
        expects = [expected(origin, text, f"mo:{content_key(body)}", provider_message_id=None)]
    else:
        items = [_report(fact) for fact in reports]
        body = orjson.dumps({"messages": {"msg": items[0] if len(items) == 1 else items}})
        expects = [
            expected(
                origin,
                fact,
                _key(fact),
                provider_message_id=fact.message_id,
                status=_SPELLINGS[fact.happening][0],
            )
            for fact in reports
        ]
    headers = {"Content-Type": "application/json", "User-Agent": "CM.com"}
    return Callback("POST", target(origin, list_number=origin.list_number), headers, body, tuple(expects))


def _key(fact: ReportFact) -> str:
    _, code, error, _ = _SPELLINGS[fact.happening]
    return f"{fact.message_id}|{fact.phone}|{code}|{error}|{_time(fact.at)}"


def _report(fact: ReportFact) -> dict[str, Any]:
    _, code, error, description = _SPELLINGS[fact.happening]
    return {
        "received": _time(fact.at),
        "to": _number(fact.phone),
        "reference": fact.message_id,
        "status": {"code": code, "errorCode": error, "errorDescription": description},
        "operator": _OPERATOR,
    }


def _text(fact: TextFact, origin: Origin) -> dict[str, Any]:
    return {
        "messageContext": "",
        "from": {"number": _number(fact.phone), "name": ""},
        "to": {"number": _number(origin.list_number)},
        "message": {"text": fact.text, "media": {"mediaUri": "", "contentType": "", "title": ""}, "custom": {}},
        "reference": "",
        "groupings": [origin.account, fact.provider_message_id, ""],
        "timeUtc": _time(fact.at),
        "channel": "SMS",
    }


def _number(number: str) -> str:
    """CM writes 00 for the plus."""
    return "00" + number.removeprefix("+") if number.startswith("+") else number


def _time(at: int) -> str:
    """`2024-01-15T10:35:00`, UTC without a suffix."""
    return to_public(at)[:19]


SPELLING: Final = Spelling(render, reports_max=2000, texts_max=1)
