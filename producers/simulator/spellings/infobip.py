"""Infobip's spelling: JSON batches under `results`, a path secret. Pure.

Source: Infobip OpenAPI of SMS reports and inbound messages (PROVIDERS.md sections 2.1 and 2.2).
"""

from random import Random
from typing import Any, Final, NamedTuple

import orjson

from producers.simulator.addressing import target
from producers.simulator.scenario import Callback, Facts, Happening, Origin, ReportFact, TextFact, expected
from producers.simulator.spelling import Spelling
from schemas.timestamps import to_public

_MCC_MNC: Final = "310260"


class _Spelling(NamedTuple):
    status: str
    """In the words of our contract."""
    group: tuple[int, str]
    name: tuple[int, str]
    error: tuple[int, str, int, str, bool]
    """Group id, group name, id, name, permanent."""


_FINE: Final = (0, "OK", 0, "NO_ERROR", False)
_SPELLINGS: Final[dict[Happening, _Spelling]] = {
    "delivered": _Spelling("delivered", (3, "DELIVERED"), (5, "DELIVERED_TO_HANDSET"), _FINE),
    "on_its_way": _Spelling("delivered", (3, "DELIVERED"), (2, "DELIVERED_TO_OPERATOR"), _FINE),
    "absent": _Spelling(
        "undeliverable",
        (2, "UNDELIVERABLE"),
        (9, "UNDELIVERABLE_NOT_DELIVERED"),
        (1, "HANDSET_ERRORS", 27, "EC_ABSENT_SUBSCRIBER", False),
    ),
    "operator": _Spelling(
        "undeliverable",
        (2, "UNDELIVERABLE"),
        (4, "UNDELIVERABLE_REJECTED_OPERATOR"),
        (3, "OPERATOR_ERRORS", 34, "EC_SYSTEM_FAILURE", False),
    ),
    "destination": _Spelling(
        "rejected",
        (5, "REJECTED"),
        (52, "REJECTED_DESTINATION"),
        (1, "HANDSET_ERRORS", 1, "EC_UNKNOWN_SUBSCRIBER", True),
    ),
    "spam": _Spelling("rejected", (5, "REJECTED"), (51, "REJECTED_SPAM"), _FINE),
    "expired": _Spelling(
        "expired", (4, "EXPIRED"), (15, "EXPIRED_EXPIRED"), (1, "HANDSET_ERRORS", 4101, "EC_VALIDITY_EXPIRED", False)
    ),
}


def render(facts: Facts, origin: Origin, rng: Random) -> Callback:
    """Write facts as one POST of a batch."""
    results: list[dict[str, Any]] = []
    expects = []
    bulk = f"B-{rng.getrandbits(40)}"
    for fact in facts:
        if isinstance(fact, ReportFact):
            spelling = _SPELLINGS[fact.happening]
            results.append(_report(fact, spelling, origin, bulk))
            key = f"{fact.message_id}|{spelling.name[0]}|{_time(fact.at)}"
            expects.append(expected(origin, fact, key, provider_message_id=fact.message_id, status=spelling.status))
        else:
            results.append(_text(fact, origin))
            name = fact.provider_message_id
            expects.append(expected(origin, fact, f"mo:{name}", provider_message_id=name))
    body: dict[str, Any] = {"results": results}
    if isinstance(facts[0], TextFact):
        body |= {"messageCount": len(results), "pendingMessageCount": 0}
    headers = {"Content-Type": "application/json", "User-Agent": "Infobip"}
    return Callback("POST", target(origin), headers, orjson.dumps(body), tuple(expects))


def _report(fact: ReportFact, spelling: _Spelling, origin: Origin, bulk: str) -> dict[str, Any]:
    group_id, group_name, error_id, error_name, permanent = spelling.error
    return {
        "bulkId": bulk,
        "price": {"pricePerMessage": 0.0075, "currency": "USD"},
        "status": {
            "groupId": spelling.group[0],
            "groupName": spelling.group[1],
            "id": spelling.name[0],
            "name": spelling.name[1],
            "description": spelling.name[1].replace("_", " ").capitalize(),
        },
        "error": {
            "groupId": group_id,
            "groupName": group_name,
            "id": error_id,
            "name": error_name,
            "description": error_name.removeprefix("EC_").replace("_", " ").capitalize(),
            "permanent": permanent,
        },
        "messageId": fact.message_id,
        "doneAt": _time(fact.at),
        "messageCount": 1,
        "sentAt": _time(fact.at - 2_900),
        "mccMnc": _MCC_MNC,
        "callbackData": f"acc={origin.account}",
        "to": fact.phone.removeprefix("+"),
        "sender": origin.list_number.removeprefix("+"),
        "platform": {"applicationId": "default"},
    }


def _text(fact: TextFact, origin: Origin) -> dict[str, Any]:
    keyword = fact.text.upper() if fact.event == "unsubscribe" else None
    return {
        "messageId": fact.provider_message_id,
        "from": fact.phone.removeprefix("+"),
        "to": origin.list_number.removeprefix("+"),
        "text": fact.text,
        "cleanText": "" if keyword else fact.text,
        "keyword": keyword,
        "receivedAt": _time(fact.at),
        "smsCount": 1,
        "price": {"pricePerMessage": 0, "currency": "USD"},
    }


def _time(at: int) -> str:
    """`2024-01-15T10:30:00.000+0000`."""
    return to_public(at).replace("Z", "+0000")


SPELLING: Final = Spelling(render, reports_max=2000, texts_max=2000)
