"""Bird's signatures against its published vectors, its own library and the Standard Webhooks library."""

import datetime as dt
import hashlib
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
from messagebird.request_validator import RequestValidator
from messagebird.signed_request import SignedRequest
from standardwebhooks import Webhook

from schemas.providers.bird import ADAPTER
from schemas.providers.callback import (
    Authentic,
    Authentication,
    CallbackRequest,
    Credentials,
    DeliveryReport,
    Forged,
    Split,
)
from tests.schemas.providers.fixtures import record_of, request_of

SECRET = "36efdd1aace2e26cd490f0d951138253bef2f7c6d34d18981da781555cc4cebb"
AT = 1_625_479_200
HEAD = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
NO_BODY = (
    HEAD
    + "eyJpc3MiOiJNZXNzYWdlQmlyZCIsIm5iZiI6MTYyNTQ3OTIwMCwiZXhwIjoxNjI1NDc5MjYwLCJqdGkiOiI1OWEyNDRkYy1lOWFkLTRlMjMtO"
    "Tc3OC0zNzFmYWEyMzhmNzIiLCJ1cmxfaGFzaCI6IjBmMTE1ZGIwNjJiN2MwZGQwMzBiMTY4NzhjOTlkZWE1YzM1NGI0OWRjMzdiMzhlYjg4NDYxNzljNz"
    "c4M2U5ZDcifQ.6Fp0rVOsRr1fj9S2GidXAfkmPVofKr8_RTffC6G6r2E"
)
WITH_BODY = (
    HEAD
    + "eyJpc3MiOiJNZXNzYWdlQmlyZCIsIm5iZiI6MTYyNTQ3OTIwMCwiZXhwIjoxNjI1NDc5MjYwLCJqdGkiOiI5M2U1NTAwNi1hMGU4LTQ1MjYtY"
    "TE5MC1mYTVmZjAwZWExMTYiLCJ1cmxfaGFzaCI6IjQxZjA1ZjBkZGQwYTIyYWIyMDlhYzQ2ZjQ3YzQ1NzJkOWNlZmEyNTdlZDc0YjI0MDA0YmFlNzUzZW"
    "NlNmMyNjAiLCJwYXlsb2FkX2hhc2giOiJkZmZkNjAyMWJiMmJkNWIwYWY2NzYyOTA4MDllYzNhNTMxOTFkZDgxYzdmNzBhNGIyODY4OGEzNjIxODI5ODZ"
    "mIn0._H--TOuYFLpeEH39-rg5E3IHVkjHozBcaKVWPRC5m9I"
)
URL, BODY = "https://example.com/path?bar=1&foo=2", b"Hello, World!"


def judged(
    url: str, body: bytes, headers: dict[str, str], arrived_s: int = AT, keys: list[str] | None = None
) -> Authentication:
    query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    request = CallbackRequest("POST" if body else "GET", url, headers, query, body, arrived_s * 1000)
    return ADAPTER.authenticate(request, Credentials({"signing_key": keys or [SECRET]}))


def with_token(token: str) -> dict[str, str]:
    return {"messagebird-signature-jwt": token}


@pytest.mark.parametrize("url, body, token, expected", [
    ("https://example.com/", b"", NO_BODY, Authentic("token")),
    (URL, BODY, WITH_BODY, Authentic("token")),
    ("https://example.com/path?foo=2&bar=1", BODY, WITH_BODY, Forged("wrong_signature")),
    (URL, b"Hello, World?", WITH_BODY, Forged("wrong_signature")),
    (URL, b"", WITH_BODY, Forged("wrong_signature")),
    ("https://example.com/", b"x", NO_BODY, Forged("wrong_signature")),
    (URL, BODY, NO_BODY, Forged("wrong_signature")),
    (URL, BODY, WITH_BODY[:-2], Forged("wrong_signature")),
    (URL, BODY, "", Forged("wrong_signature")),
])  # fmt: skip
def test_a_published_token_is_right_for_its_url_and_body_alone(
    url: str, body: bytes, token: str, expected: Authentication
) -> None:
    assert judged(url, body, with_token(token)) == expected
    assert judged(url, body, with_token(token), keys=["old", SECRET]) == expected
    assert judged(url, body, with_token(token), keys=["old"]) == Forged("wrong_signature")


@pytest.mark.parametrize("arrived_s, expected", [
    (AT - 5, Authentic("token")), (AT - 6, Forged("expired")), (AT + 65, Authentic("token")), (AT + 66, Forged("expired")),
])  # fmt: skip
def test_a_token_lives_a_minute(arrived_s: int, expected: Authentication) -> None:
    assert judged(URL, BODY, with_token(WITH_BODY), arrived_s) == expected


def test_a_legitimate_repeat_with_the_same_id_is_accepted() -> None:
    assert (
        judged(URL, BODY, with_token(WITH_BODY), AT + 30)
        == judged(URL, BODY, with_token(WITH_BODY))
        == Authentic("token")
    )


def test_birds_own_library_accepts_what_we_accept() -> None:
    now = int(dt.datetime.now(dt.UTC).timestamp())
    claims = {
        "iss": "MessageBird", "nbf": now, "exp": now + 60, "jti": "1",
        "url_hash": hashlib.sha256(URL.encode()).hexdigest(), "payload_hash": hashlib.sha256(BODY).hexdigest(),
    }  # fmt: skip
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    assert RequestValidator(SECRET).validate_signature(token, URL, BODY)
    assert judged(URL, BODY, with_token(token), now) == Authentic("token")
    for name, value in (("iss", "Other"), ("nbf", "x"), ("exp", None)):
        other = jwt.encode({**claims, name: value}, SECRET, algorithm="HS256") if name != "nbf" else None
        if other is not None:
            assert isinstance(judged(URL, BODY, with_token(other), now), Forged)


# ---- the older header ------------------------------------------------------------------------------------------------
OLD_KEY, OLD_AT = "PlLrKaqvZNRR5zAjm42ZT6q1SQxgbbGd", 1_547_198_231
QUERY = {
    "recipient": "31612345678", "reference": "FOO", "statusDatetime": "2019-01-11T09:17:11+00:00",
    "id": "eef0ab57a9e049be946f3821568c2b2e", "status": "delivered", "mccmnc": "20408", "ported": "1",
}  # fmt: skip
OLD_URL = "https://example.com/hook?account=acme&recipient=31612345678&reference=FOO&statusDatetime=2019-01-11T09%3A17%3A11%2B00%3A00&id=eef0ab57a9e049be946f3821568c2b2e&status=delivered&mccmnc=20408&ported=1"


@pytest.mark.parametrize("body, signature", [
    (b"", "KVBdcVdz2lYMwcBLZCRITgxUfA/WkwSi+T3Wxl2HL6w="),
    (b'{"foo":"bar"}', "2bl+38H4oHVg03pC3bk2LvCB0IHFgfC4cL5HPQ0LdmI="),
])  # fmt: skip
def test_a_published_signature_of_the_older_header_is_right_and_no_other(body: bytes, signature: str) -> None:
    headers = {"messagebird-signature": signature, "messagebird-request-timestamp": str(OLD_AT)}
    with pytest.warns(DeprecationWarning, match="signed_request"):
        assert SignedRequest(signature, OLD_AT, body.decode(), dict(QUERY)).verify(OLD_KEY)
    assert judged(OLD_URL, body, headers, OLD_AT, [OLD_KEY]) == Authentic("signature")
    assert judged(OLD_URL + "&x=1", body, headers, OLD_AT, [OLD_KEY]) == Forged("wrong_signature")
    assert judged(OLD_URL, body + b" ", headers, OLD_AT, [OLD_KEY]) == Forged("wrong_signature")
    assert judged(OLD_URL, body, headers, OLD_AT, ["other"]) == Forged("wrong_signature")
    assert judged(OLD_URL, body, headers, OLD_AT + 60, [OLD_KEY]) == Authentic("signature")
    assert judged(OLD_URL, body, headers, OLD_AT + 61, [OLD_KEY]) == Forged("expired")
    assert judged(OLD_URL, body, headers, OLD_AT - 61, [OLD_KEY]) == Forged("expired")
    without_time = {"messagebird-signature": signature}
    assert judged(OLD_URL, body, without_time, OLD_AT, [OLD_KEY]) == Forged("malformed")


# ---- Standard Webhooks -----------------------------------------------------------------------------------------------
def test_a_standard_webhook_is_checked_as_its_library_signs_it() -> None:
    key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    moment = dt.datetime.fromtimestamp(AT, dt.UTC)
    signature = Webhook(key).sign("msg_1", moment, BODY.decode())
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(AT), "webhook-signature": f"v1,AAAA {signature}"}
    assert judged(URL, BODY, headers, keys=["not base64!", key]) == Authentic("signature")
    assert judged(URL, BODY + b" ", headers, keys=[key]) == Forged("wrong_signature")
    assert judged(URL, BODY, {**headers, "webhook-id": "msg_2"}, keys=[key]) == Forged("wrong_signature")
    assert judged(URL, BODY, headers, AT + 301, [key]) == Forged("expired")


# ---- what a report is known by ---------------------------------------------------------------------------------------
def test_two_recipients_of_one_message_are_two_facts() -> None:
    keys = set()
    for number in ("14155551234", "14155559876"):
        query = f"id=x&recipient={number}&status=delivered&statusDatetime=2023-07-28T17:57:12%2B00:00"
        split = ADAPTER.split(request_of(method="GET", query=query))
        assert isinstance(split, Split)
        parsed = ADAPTER.parse(record_of("bird", split.fragments[0]))
        assert isinstance(parsed, DeliveryReport)
        keys.add(parsed.natural_key)
    assert len(keys) == 2
