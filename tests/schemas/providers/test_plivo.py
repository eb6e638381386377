"""Plivo's signatures against its published vector and its own library."""

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from plivo.utils import validate_signature
from plivo.utils.signature_v3 import validate_v3_signature

from schemas.providers.callback import Answer, Authentic, Authentication, CallbackRequest, Credentials, Forged
from schemas.providers.forms import FORM
from schemas.providers.plivo import ADAPTER
from tests.schemas.providers.fixtures import request_of

TOKEN, NONCE = "my_auth_token", "12345"
FIELDS = {
    "From": "14155551234", "To": "18005551234", "Text": "STOP", "Type": "sms",
    "MessageUUID": "7a242edc-2f57-11e7-98c9-06ab0bf64327",
}  # fmt: skip
URL = "https://api.example.com/hook/plivo"


def authenticate(
    url: str, headers: dict[str, str], *, body: bytes = b"", method: str = "POST", path_secret: str | None = None,
    tokens: list[str] | None = None,
) -> Authentication:  # fmt: skip
    query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    request = CallbackRequest(method, url, {"content-type": FORM, **headers}, query, body, 0, path_secret=path_secret)
    return ADAPTER.authenticate(request, Credentials({"auth_token": tokens or [TOKEN], "secret": ["s3cret"]}))


@pytest.mark.parametrize("header", ["x-plivo-signature-v3", "x-plivo-signature-ma-v3"])
@pytest.mark.parametrize("url, signature", [
    (f"{URL}?account=acc_1", "x5FSe1LxMpfrbFZFRb9u8onp1B0mflK6Feo1JKW4ntw="),
    (URL, "/DqA4gkbXv6ClNB+eegggBHOpStLNczLmjGPzm8/gRQ="),
])  # fmt: skip
def test_a_v3_signature_is_right_and_no_other(url: str, signature: str, header: str) -> None:
    headers, body = {header: signature, "x-plivo-signature-v3-nonce": NONCE}, urlencode(FIELDS).encode()
    assert validate_v3_signature("POST", url, NONCE, TOKEN, signature, dict(FIELDS))
    assert authenticate(url, headers, body=body) == Authentic("signature")
    assert authenticate(url, {**headers, header: f"AAAA,{signature}"}, body=body) == Authentic("signature")
    assert authenticate(url, headers, body=body, tokens=["new", TOKEN]) == Authentic("signature")
    assert authenticate(url, headers, body=body, tokens=["other"]) == Forged("wrong_signature")
    assert authenticate(url, headers, body=body + b"&x=1") == Forged("wrong_signature")
    assert authenticate(url + "&x=1", headers, body=body) == Forged("wrong_signature")
    assert authenticate(url, {**headers, "x-plivo-signature-v3-nonce": "1"}, body=body) == Forged("wrong_signature")
    assert authenticate(url, headers, body=body + b"&x=1", path_secret="s3cret") == Forged("wrong_signature")


def test_a_get_is_signed_over_its_sorted_query_as_plivos_library_does() -> None:
    from plivo.utils.signature_v3 import construct_get_url, get_signature_v3  # noqa: PLC0415 - one test's tools

    url = f"{URL}?account=a&To=18005551234&From=14155551234&Text=STOP"
    signature = get_signature_v3(TOKEN, construct_get_url(url, {}), NONCE)
    headers = {"x-plivo-signature-v3": signature.decode(), "x-plivo-signature-v3-nonce": NONCE}
    assert authenticate(url, headers, method="GET") == Authentic("signature")
    assert authenticate(url + "1", headers, method="GET") == Forged("wrong_signature")


def test_a_v2_signature_proves_nothing_alone_and_can_refuse() -> None:
    signature = "ehV3IKhLysWBxC1sy8INm0qGoQYdYsHwuoKjsX7FsXc="
    headers = {"x-plivo-signature-v2": signature, "x-plivo-signature-v2-nonce": NONCE}
    assert validate_signature("https://answer.url", NONCE, signature, TOKEN)
    assert authenticate("https://answer.url", headers) == Forged("missing")
    assert authenticate("https://answer.url", headers, path_secret="s3cret") == Authentic("path_secret")
    wrong = {**headers, "x-plivo-signature-v2": "AAAA"}
    assert authenticate("https://answer.url", wrong, path_secret="s3cret") == Forged("wrong_signature")
    assert authenticate("https://answer.url", headers, tokens=["my_auth_tokens"]) == Forged("wrong_signature")


def test_a_right_v3_signature_is_enough_whatever_stands_in_the_weaker_header() -> None:
    headers = {
        "x-plivo-signature-v3": "/DqA4gkbXv6ClNB+eegggBHOpStLNczLmjGPzm8/gRQ=", "x-plivo-signature-v3-nonce": NONCE,
        "x-plivo-signature-v2": "AAAA", "x-plivo-signature-v2-nonce": NONCE,
    }  # fmt: skip
    body = urlencode(FIELDS).encode()
    assert authenticate(URL, headers, body=body) == Authentic("signature")
    wrong = {**headers, "x-plivo-signature-v3": "AAAA"}
    assert authenticate(URL, wrong, body=body, path_secret="s3cret") == Forged("wrong_signature")


def test_the_main_accounts_signature_counts_beside_a_subaccounts_that_we_cannot_check() -> None:
    headers = {
        "x-plivo-signature-v3": "AAAA", "x-plivo-signature-v3-nonce": NONCE,
        "x-plivo-signature-ma-v3": "/DqA4gkbXv6ClNB+eegggBHOpStLNczLmjGPzm8/gRQ=",
    }  # fmt: skip
    assert authenticate(URL, headers, body=urlencode(FIELDS).encode()) == Authentic("signature")


@pytest.mark.parametrize("url", ["https://[/hook", "http://[::1/hook?x=1", "https://\ud800/", ""])
@pytest.mark.parametrize("version", ["v2", "v3"])
def test_a_host_that_cannot_be_read_is_a_wrong_signature(url: str, version: str) -> None:
    request = CallbackRequest("POST", url, {f"x-plivo-signature-{version}": "AAAA"}, (), b"", 0)
    credentials = Credentials({"auth_token": [TOKEN, "\ud800"]})
    assert ADAPTER.authenticate(request, credentials) == Forged("wrong_signature")


@pytest.mark.parametrize("fields", [
    [("Text", "a&b=c d+é😀"), ("From", "14155551234")],
    [("b", "2"), ("a", ""), ("b", "1"), ("B", "x")],
    [],
])  # fmt: skip
@pytest.mark.parametrize("query", ["", "?account=a%20b&x=%2B1&x=0&y=", "?list=%2B18005551234"])
def test_odd_fields_are_signed_as_plivos_library_signs_them(fields: list[tuple[str, str]], query: str) -> None:
    from plivo.utils.signature_v3 import construct_post_url, get_signature_v3  # noqa: PLC0415 - one test's tools

    grouped: dict[str, str | list[str]] = {}
    for name in dict(fields):
        values = [value for other, value in fields if other == name]
        grouped[name] = values if len(values) > 1 else values[0]
    signature = get_signature_v3(TOKEN, construct_post_url(URL + query, grouped).decode(), NONCE).decode()
    headers = {"x-plivo-signature-v3": signature, "x-plivo-signature-v3-nonce": NONCE}
    assert authenticate(URL + query, headers, body=urlencode(fields).encode()) == Authentic("signature")


def test_a_message_is_answered_with_empty_xml_and_a_report_with_nothing() -> None:
    message = ADAPTER.accepted(request_of(urlencode(FIELDS).encode(), content_type=FORM))
    assert (message.status, message.content_type) == (200, "application/xml")
    assert message.body.endswith(b"<Response/>")
    assert ADAPTER.accepted(request_of(b"Status=sent&To=14155551234", content_type=FORM)) == Answer(200)
