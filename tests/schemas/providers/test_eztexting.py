"""EZ Texting's optional signature, and that two answers to one message are two."""

import base64
import hashlib
import hmac

import orjson
import pytest

from schemas.providers.callback import Authentic, Credentials, Forged, InboundMessage, Split
from schemas.providers.eztexting import ADAPTER
from tests.schemas.providers.fixtures import record_of, request_of

BODY = b'{"type":"inbound_text.received"}'
MAC = hmac.new(b"key", BODY, hashlib.sha1).digest()
CREDENTIALS = Credentials({"hmac_secret": ["old", "key"], "secret": ["s3cret"]})


@pytest.mark.parametrize("signature, secret, expected", [
    (base64.b64encode(MAC).decode(), None, Authentic("hmac")),
    (MAC.hex(), None, Authentic("hmac")),
    (MAC.hex().upper(), None, Authentic("hmac")),
    (MAC.hex()[:-2] + "zz", None, Forged("wrong_signature")),
    ("", "s3cret", Forged("wrong_signature")),
    (None, "s3cret", Authentic("path_secret")),
    (None, None, Forged("missing")),
])  # fmt: skip
def test_the_signature_is_base64_or_hex_and_the_path_secret_does_alone(
    signature: str | None, secret: str | None, expected: object
) -> None:
    headers = {} if signature is None else {"x-signature": signature}
    assert ADAPTER.authenticate(request_of(BODY, headers=headers, path_secret=secret), CREDENTIALS) == expected


def test_a_changed_body_is_refused_beside_a_good_path_secret() -> None:
    request = request_of(BODY + b" ", headers={"x-signature": base64.b64encode(MAC).decode()}, path_secret="s3cret")
    assert ADAPTER.authenticate(request, CREDENTIALS) == Forged("wrong_signature")


def test_two_answers_to_one_message_have_keys_of_their_own_and_a_repeat_has_the_same() -> None:
    event = {"id": "9", "type": "inbound_text.received", "fromNumber": "14155551234", "toNumber": "18005551234"}
    keys = []
    for text, at in (("yes", "01"), ("STOP", "02"), ("STOP", "02")):
        body = orjson.dumps({**event, "message": text, "received": f"2026-09-14T17:06:{at}.042+00:00"})
        split = ADAPTER.split(request_of(body))
        assert isinstance(split, Split)
        parsed = ADAPTER.parse(record_of("eztexting", split.fragments[0]))
        assert isinstance(parsed, InboundMessage)
        keys.append(parsed.natural_key)
    assert keys[0] != keys[1] == keys[2]
