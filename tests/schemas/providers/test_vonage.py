"""Vonage's two signatures against its published vectors and its own libraries; an unsigned callback is asked for again."""

import hashlib
import time
from urllib.parse import urlencode

import jwt
import orjson
import pytest
from vonage_http_client.auth import Auth
from vonage_jwt.verify_jwt import verify_signature

from schemas.providers import vonage_signature
from schemas.providers.callback import Authentic, Authentication, CallbackRequest, Credentials, Forged
from schemas.providers.forms import FORM
from schemas.providers.vonage import ADAPTER
from tests.schemas.providers.fixtures import request_of

SECRET = "signature_secret"
AT = 1_234_567_890
PLAIN = {"param1": "value1", "param2": "value2", "timestamp": str(AT)}
SPECIAL = {"param1": "value&1", "param2": "value=2", "timestamp": str(AT)}


def form(fields: dict[str, str], sig: str, arrived_s: int = AT) -> CallbackRequest:
    return request_of(urlencode({**fields, "sig": sig}).encode(), content_type=FORM, received_at=arrived_s * 1000)


def judged(request: CallbackRequest, method: str | None = None, secrets: list[str] | None = None) -> Authentication:
    methods = {"signature_method": [method]} if method else {}
    return ADAPTER.authenticate(request, Credentials({"signature_secret": secrets or [SECRET], **methods}))


@pytest.mark.parametrize("fields, method, sig", [
    (PLAIN, "sha256", "280c4320703dbc98bfa22db676655ed2acfbfe8792b062ff7622e67f1183c287"),
    (PLAIN, "md5", "724c2bf6ca423c36e20631b11d1c5753"),
    (SPECIAL, "md5", "2bbf0abafb2c55e5af6231513896a2ac"),
    ({"param": "value", "timestamp": str(AT)}, "md5", "655a4d0b7f064dff438defc52b012cf5"),
])  # fmt: skip
def test_a_published_signature_is_right_and_no_other(fields: dict[str, str], method: str, sig: str) -> None:
    sdk = Auth(api_key="k", api_secret="s", signature_secret=SECRET, signature_method=method)
    assert sdk.sign_params(dict(fields)) == sig
    for given in (sig, sig.upper()):
        assert judged(form(fields, given), method) == Authentic("signature")
    assert judged(form(fields, sig)) == Authentic("signature"), "without a configured method every HMAC is tried"
    assert judged(form(fields, sig), "sha512") == Forged("wrong_signature")
    assert judged(form(fields, sig), method, ["old", SECRET]) == Authentic("signature")
    assert judged(form(fields, sig), method, ["old"]) == Forged("wrong_signature")
    assert judged(form({**fields, "x": "1"}, sig), method) == Forged("wrong_signature")


@pytest.mark.parametrize("send", ["form", "get", "json"])
def test_the_signature_is_found_in_form_query_and_json(send: str) -> None:
    sig = "280c4320703dbc98bfa22db676655ed2acfbfe8792b062ff7622e67f1183c287"
    fields = {**PLAIN, "sig": sig}
    request = {
        "form": form(PLAIN, sig),
        "get": request_of(method="GET", query=f"account=a&{urlencode(fields)}", received_at=AT * 1000),
        "json": request_of(orjson.dumps(fields), content_type="application/json", received_at=AT * 1000),
    }[send]
    assert judged(request) == Authentic("signature")


def test_md5_with_the_secret_behind_the_text_is_the_older_method() -> None:
    text = vonage_signature.signed_text(PLAIN) + SECRET
    sig = hashlib.md5(text.encode()).hexdigest()
    assert judged(form(PLAIN, sig), "md5hash") == Authentic("signature")
    assert judged(form(PLAIN, sig), "md5") == Forged("wrong_signature")


@pytest.mark.parametrize("away_s, expected", [(300, Authentic("signature")), (301, Forged("expired"))])
def test_a_signature_lives_five_minutes(away_s: int, expected: Authentication) -> None:
    sig = "724c2bf6ca423c36e20631b11d1c5753"
    assert judged(form(PLAIN, sig, AT + away_s)) == expected


# ---- Messages API ----------------------------------------------------------------------------------------------------
BODY = b'{"channel":"sms","message_uuid":"1","from":"14155551234","to":"18005551234","text":"STOP"}'
KEY = "qwertyuiopasdfghjklzxcvbnm123456"
PUBLISHED = (
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJPbmxpbmUgSldUIEJ1aWxkZXIiLCJpYXQiOjE2OTc2MzQ2ODAsImV4cCI6MzMyNTQ1NDA4"
    "MjgsImF1ZCI6IiIsInN1YiI6IiJ9.88vJc3I2HhuqEDixHXVhc9R30tA6U_HQHZTC29y6CGM"
)


def bearer(token: str, body: bytes = BODY, arrived_s: int = AT) -> CallbackRequest:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    return request_of(body, headers=headers, received_at=arrived_s * 1000)


def token(key: str = KEY, **changed: object) -> str:
    claims = {"iat": AT, "jti": "1", "iss": "Vonage", "payload_hash": hashlib.sha256(BODY).hexdigest(), **changed}
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm="HS256")


@pytest.mark.parametrize("request_made, expected", [
    (bearer(token()), Authentic("token")),
    (bearer(token(), BODY + b" "), Forged("wrong_signature")),
    (bearer(token("another key of at least 32 bytes")), Forged("wrong_signature")),
    (bearer(token(payload_hash=None)), Forged("wrong_signature")),
    (bearer(token(iat="x")), Forged("malformed")),
    (bearer(token(), arrived_s=AT + 301), Forged("expired")),
    (bearer("asdf"), Forged("wrong_signature")),
    (bearer(jwt.encode({"iat": AT}, key="", algorithm="none")), Forged("wrong_signature")),
    (bearer(PUBLISHED), Forged("wrong_signature")),
])  # fmt: skip
def test_a_token_is_right_for_its_body_alone(request_made: CallbackRequest, expected: Authentication) -> None:
    assert judged(request_made, secrets=["old", KEY]) == expected


def test_vonages_own_library_reads_the_same_tokens() -> None:
    assert verify_signature(PUBLISHED, KEY)
    assert not verify_signature(PUBLISHED, "asdf")
    assert verify_signature(token(iat=int(time.time())), KEY)


def test_an_unsigned_callback_is_asked_for_again() -> None:
    assert judged(request_of(BODY, content_type="application/json")) == Forged("missing")
    assert ADAPTER.missing_status == 503
