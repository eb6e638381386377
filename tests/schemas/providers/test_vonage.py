"""Vonage's two signatures against its published vectors and its own libraries; an unsigned callback is asked for again."""

import base64
import hashlib
import hmac
import time
from dataclasses import replace
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


def test_by_get_our_own_parameters_may_be_signed_too() -> None:
    theirs, ours = {**PLAIN, "text": "x&y"}, {"account": "acme", "list": "+18005551234"}
    for signed in (theirs, theirs | ours):
        sig = hmac.new(SECRET.encode(), vonage_signature.signed_text(signed).encode(), hashlib.sha256).hexdigest()
        for tampered in ({}, {"text": "other"}):
            fields = {**ours, **theirs, "sig": sig, **tampered}
            request = request_of(method="GET", query=urlencode(fields), received_at=AT * 1000)
            assert judged(request) == (Forged("wrong_signature") if tampered else Authentic("signature"))


@pytest.mark.parametrize("announced", ["text/plain", "", "application/json"])
def test_a_signed_json_body_is_found_however_it_is_announced(announced: str) -> None:
    fields = {**PLAIN, "sig": "280c4320703dbc98bfa22db676655ed2acfbfe8792b062ff7622e67f1183c287"}
    body = b" " + orjson.dumps(fields)
    assert judged(request_of(body, content_type=announced, received_at=AT * 1000)) == Authentic("signature")


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


def claiming(algorithm: str) -> str:
    """A token whose MAC is right and whose header names another algorithm."""
    head, payload, _ = token().split(".")
    head = base64.urlsafe_b64encode(orjson.dumps({"alg": algorithm, "typ": "JWT"})).rstrip(b"=").decode()
    mac = hmac.new(KEY.encode(), f"{head}.{payload}".encode(), hashlib.sha256).digest()
    return f"{head}.{payload}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


@pytest.mark.parametrize("algorithm, expected", [
    ("HS256", Authentic("token")),
    ("RS256", Forged("wrong_signature")),
    ("HS512", Forged("wrong_signature")),
    ("none", Forged("wrong_signature")),
])  # fmt: skip
def test_the_header_of_a_token_does_not_choose_how_it_is_checked(algorithm: str, expected: Authentication) -> None:
    assert judged(bearer(claiming(algorithm)), secrets=[KEY]) == expected


def test_a_wrong_signature_refuses_beside_a_good_path_secret() -> None:
    credentials = Credentials({"secret": ["s3cret"], "signature_secret": [SECRET]})
    forged = (bearer(token("another key of at least 32 bytes")), form(PLAIN, "0" * 32))
    for request in forged:
        assert ADAPTER.authenticate(replace(request, path_secret="s3cret"), credentials) == Forged("wrong_signature")
    unsigned = request_of(BODY, content_type="application/json", path_secret="s3cret")
    assert ADAPTER.authenticate(unsigned, credentials) == Authentic("path_secret")


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
