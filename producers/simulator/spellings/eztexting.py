"""EZ Texting's spelling: one inbound text as JSON, signed with HMAC-SHA1. Pure; it reports no deliveries.

Source: developers.eztexting.com webhooks (PROVIDERS.md sections 6 and 17.1).
"""

import base64
import hashlib
import hmac
from random import Random
from typing import Final

import orjson

from producers.simulator.addressing import target
from producers.simulator.scenario import Callback, Facts, Origin, TextFact, expected
from producers.simulator.spelling import Spelling
from schemas.ids import content_key
from schemas.timestamps import to_public


def render(facts: Facts, origin: Origin, rng: Random) -> Callback:
    """Write one text; its id is that of the message it answers, so it is drawn from few."""
    (fact,) = facts
    if not isinstance(fact, TextFact):
        raise TypeError("EZ Texting reports no deliveries")
    at = to_public(fact.at).replace("Z", "+00:00")
    body = orjson.dumps(
        {
            "id": str(rng.randrange(100)),
            "type": "inbound_text.received",
            "fromNumber": fact.phone.removeprefix("+"),
            "toNumber": origin.list_number.removeprefix("+"),
            "message": fact.text,
            "received": at,
            "optIn": False,
            "optOut": False,
        }
    )
    headers = {"Content-Type": "application/json", "User-Agent": "EZ Texting"}
    secret = origin.credentials.get("hmac_secret")
    if secret is not None:
        mac = hmac.new(secret.encode(), body, hashlib.sha1).digest()
        headers["X-Signature"] = base64.b64encode(mac).decode()
    key = f"mo:{content_key(f'{fact.phone}|{at}|{fact.text}'.encode())}"
    return Callback("POST", target(origin), headers, body, (expected(origin, fact, key, provider_message_id=None),))


SPELLING: Final = Spelling(render, reports_max=0, texts_max=1, credential="hmac_secret")
