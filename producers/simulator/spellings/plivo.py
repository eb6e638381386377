"""Plivo's spelling: a form of one report or message, signed over URL and fields. Pure.

Source: plivo.com/docs messaging, signature validation V3 (PROVIDERS.md section 10).
"""

import base64
import hashlib
import hmac
from random import Random
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

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

_SPELLINGS: Final[dict[Happening, tuple[str, str, str]]] = {
    "delivered": ("delivered", "delivered", ""),
    "on_its_way": ("pending", "sent", ""),
    "absent": ("undeliverable", "failed", "80"),
    "operator": ("undeliverable", "undelivered", "90"),
    "destination": ("undeliverable", "failed", "70"),
    "spam": ("undeliverable", "failed", "30"),
    "expired": ("expired", "expired", ""),
}
"""Our status; Status and ErrorCode as Plivo writes them."""


def signature(auth_token: str, url: str, fields: dict[str, str], nonce: str) -> str:
    """X-Plivo-Signature-V3 of a form."""
    parts = urlsplit(url)
    query = "&".join(f"{name}={value}" for name, value in sorted(parse_qsl(parts.query, keep_blank_values=True)))
    joined = "".join(name + fields[name] for name in sorted(fields))
    signed = f"{parts.scheme}://{parts.netloc}{parts.path}?{query}{'.' if query else ''}{joined}.{nonce}"
    return base64.b64encode(hmac.new(auth_token.encode(), signed.encode(), hashlib.sha256).digest()).decode()


def render(facts: Facts, origin: Origin, rng: Random) -> Callback:
    """Write one fact as a signed POST."""
    (fact,) = facts
    name = fact.provider_message_id
    at = to_public(fact.at)[:23].replace("T", " ")
    if isinstance(fact, ReportFact):
        status, word, code = _SPELLINGS[fact.happening]
        fields = {"Status": word, "ErrorCode": code, "To": fact.phone.removeprefix("+"), "DeliveryReportTime": at}
        fields |= {"From": origin.list_number.removeprefix("+"), "Units": "1", "MCC": "310", "MNC": "260"}
        path = target(origin, mid=fact.message_id)
        expects = expected(origin, fact, f"{name}|{word}|1", provider_message_id=name, status=status)
        fields |= {"Sequence": "1", "ParentMessageUUID": name, "PartInfo": "1 of 1"}
    else:
        fields = {"Text": fact.text, "From": fact.phone.removeprefix("+"), "To": origin.list_number.removeprefix("+")}
        fields |= {"Units": "1", "MessageTime": at}
        path = target(origin)
        expects = expected(origin, fact, f"mo:{name}", provider_message_id=name)
    fields |= {"MessageUUID": name, "Type": "sms"}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Plivo"}
    token = origin.credentials.get("auth_token")
    if token is not None:
        nonce = hexadecimal(rng, 20)
        headers |= {
            "X-Plivo-Signature-V3": signature(token, origin.base_url.rstrip("/") + path, fields, nonce),
            "X-Plivo-Signature-V3-Nonce": nonce,
        }
    return Callback("POST", path, headers, urlencode(fields).encode(), (expects,))


SPELLING: Final = Spelling(render, reports_max=1, texts_max=1, credential="auth_token")
