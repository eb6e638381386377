"""Twilio's spelling: a form of one report or message, signed over the public URL. Pure.

Source: twilio.com/docs/usage/security (signature), /docs/messaging (fields) (PROVIDERS.md sections 3.1 and 3.3).
"""

import base64
import hashlib
import hmac
from random import Random
from typing import Final
from urllib.parse import urlencode

from producers.simulator.addressing import target
from producers.simulator.scenario import Callback, Facts, Happening, Origin, ReportFact, TextFact, expected, hexadecimal
from producers.simulator.spelling import Spelling

_API_VERSION: Final = "2010-04-01"
_ACCOUNT_SID: Final = "AC" + "0" * 31 + "1"
_SPELLINGS: Final[dict[Happening, tuple[str, str, str | None]]] = {
    "delivered": ("delivered", "delivered", None),
    "on_its_way": ("pending", "sent", None),
    "absent": ("undeliverable", "undelivered", "30003"),
    "operator": ("undeliverable", "undelivered", "30008"),
    "destination": ("undeliverable", "undelivered", "30005"),
    "spam": ("undeliverable", "undelivered", "30007"),
    "expired": ("expired", "failed", "30036"),
}
"""Our status, MessageStatus, ErrorCode."""


def signature(auth_token: str, url: str, fields: dict[str, str]) -> str:
    """X-Twilio-Signature of a form: HMAC-SHA1 over the URL and every field in the order of its name."""
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def render(facts: Facts, origin: Origin, rng: Random) -> Callback:
    """Write one fact as a signed POST."""
    (fact,) = facts
    if isinstance(fact, ReportFact):
        status, word, code = _SPELLINGS[fact.happening]
        sid = f"SM{fact.provider_message_id}"
        fields = _report(fact, sid, word, code, origin)
        path = target(origin, mid=fact.message_id)
        expects = expected(origin, fact, f"{sid}|{word}", provider_message_id=sid, status=status)
    else:
        sid = f"SM{fact.provider_message_id}"
        fields = _text(fact, sid, origin)
        path = target(origin)
        expects = expected(origin, fact, f"mo:{sid}", provider_message_id=sid)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "User-Agent": "TwilioProxy/1.1",
        "I-Twilio-Idempotency-Token": hexadecimal(rng, 32),
    }
    auth_token = origin.credentials.get("auth_token")
    if auth_token is not None:
        headers["X-Twilio-Signature"] = signature(auth_token, origin.base_url.rstrip("/") + path, fields)
    return Callback("POST", path, headers, urlencode(fields).encode(), (expects,))


def _report(fact: ReportFact, sid: str, word: str, code: str | None, origin: Origin) -> dict[str, str]:
    error = {} if code is None else {"ErrorCode": code}
    return {
        "MessageSid": sid,
        "MessageStatus": word,
        **error,
        "To": fact.phone,
        "From": origin.list_number,
        "AccountSid": _ACCOUNT_SID,
        "SmsSid": sid,
        "SmsStatus": word,
        "ApiVersion": _API_VERSION,
    }


def _text(fact: TextFact, sid: str, origin: Origin) -> dict[str, str]:
    place = {f"{side}{part}": "" for side in ("From", "To") for part in ("City", "State", "Zip")}
    return {
        **place,
        "ToCountry": "US",
        "FromCountry": "US",
        "SmsMessageSid": sid,
        "NumMedia": "0",
        "SmsSid": sid,
        "SmsStatus": "received",
        "Body": fact.text,
        "To": origin.list_number,
        "NumSegments": "1",
        "MessageSid": sid,
        "AccountSid": _ACCOUNT_SID,
        "From": fact.phone,
        "ApiVersion": _API_VERSION,
    }


SPELLING: Final = Spelling(render, reports_max=1, texts_max=1, credential="auth_token")
