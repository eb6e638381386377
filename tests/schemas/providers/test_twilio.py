"""Twilio's signature against its published vectors and its own library, and what tells a report from a message."""

import base64
import hashlib
import hmac
from urllib.parse import parse_qsl, quote_from_bytes, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from schemas.parse_report import parse_body
from schemas.providers.callback import (
    Answer,
    Authentic,
    Authentication,
    CallbackRequest,
    Credentials,
    DeliveryReport,
    Forged,
    Malformed,
)
from schemas.providers.forms import FIELDS_MAX, FORM
from schemas.providers.twilio import ADAPTER
from tests.schemas.providers.fixtures import record_of, request_of

TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
CALL = [
    ("CallSid", "CA1234567890ABCDE"), ("Digits", "1234"), ("From", "+14158675309"), ("To", "+18005551212"),
    ("Caller", "+14158675309"),
]  # fmt: skip
DIGITS = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234")]
SID = "SMe287d7109a5a925f182f0e07fe5b223b"
REPORT = [
    ("MessageSid", SID), ("MessageStatus", "undelivered"), ("ErrorCode", "30003"), ("To", "+14155551234"),
    ("From", "+18005551234"), ("AccountSid", "AC00000000000000000000000000000001"), ("SmsSid", SID),
    ("SmsStatus", "undelivered"), ("ApiVersion", "2010-04-01"),
]  # fmt: skip
JSON = b'{"property": "value", "boolean": true}'
JSON_HASH = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"


def authenticate(
    url: str,
    body: bytes,
    signature: str,
    *,
    tokens: list[str] | None = None,
    method: str = "POST",
    headers: dict[str, str] | None = None,
) -> Authentication:
    headers = {"x-twilio-signature": signature, "content-type": FORM, **(headers or {})}
    query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    request = CallbackRequest(method, url, headers, query, body, 0)
    return ADAPTER.authenticate(request, Credentials({"auth_token": tokens or [TOKEN]}))


@pytest.mark.parametrize("url, pairs, signature", [
    (URL, CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    (URL.replace(".com", ".com:443"), CALL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
    (URL, CALL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
    (URL.replace(".com", ".com:443"), CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    (URL.replace(".com", ".com:1234"), CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    (URL.replace("https", "http"), CALL, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
    (URL.replace("https", "http").replace(".com", ".com:1234"), CALL, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
    (URL, DIGITS, "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
    ("https://api.tracklysms.com/api/webhook-feedbacks/twilio?account=acc_123", REPORT, "jkPeWMU4tIv+Qgz7RYST7FrCUhk="),
])  # fmt: skip
def test_a_published_signature_is_right_and_no_other(url: str, pairs: list[tuple[str, str]], signature: str) -> None:
    body = urlencode(pairs).encode()
    assert authenticate(url, body, signature) == Authentic("signature")
    assert authenticate(url + "#rc=5", body, signature) == Authentic("signature")
    assert authenticate(url, body, signature, tokens=["old", TOKEN]) == Authentic("signature")
    assert authenticate(url, body, signature, tokens=["other"]) == Forged("wrong_signature")
    assert authenticate(url, body + b"&x=1", signature) == Forged("wrong_signature")
    assert authenticate(url + "&x=1", body, signature) == Forged("wrong_signature")
    assert authenticate(url, body, signature[:-2] + "a=") == Forged("wrong_signature")


@pytest.mark.parametrize("body, expected", [
    (JSON, Authentic("signature")),
    (JSON + b" ", Forged("wrong_signature")),
])  # fmt: skip
def test_a_json_body_is_bound_by_its_hash_in_the_url(body: bytes, expected: Authentication) -> None:
    url = f"{URL}&bodySHA256={JSON_HASH}"
    assert authenticate(url, body, "a9nBmqA0ju/hNViExpshrM61xv4=") == expected


def test_by_get_the_url_alone_is_signed() -> None:
    url = f"{URL}&{urlencode(REPORT)}"
    signature = base64.b64encode(hmac.new(TOKEN.encode(), url.encode(), hashlib.sha1).digest()).decode()
    assert RequestValidator(TOKEN).validate(url, {}, signature)
    assert authenticate(url, b"", signature, method="GET") == Authentic("signature")
    assert authenticate(url + "0", b"", signature, method="GET") == Forged("wrong_signature")
    assert authenticate(url, b"a=b", signature, method="GET") == Authentic("signature")


def test_a_wrong_signature_is_refused_beside_a_good_path_secret_and_a_right_one_suffices_beside_a_bad() -> None:
    body = urlencode(REPORT).encode()
    both = Credentials({"auth_token": [TOKEN], "secret": ["good"]})
    right = RequestValidator(TOKEN).compute_signature("https://api.example.com/hook", dict(REPORT))
    for signature, secret, expected in (
        (right, "good", Authentic("path_secret")),
        (right, "bad", Authentic("signature")),
        (right, None, Authentic("signature")),
        ("wrong", "good", Forged("wrong_signature")),
        ("", "good", Forged("wrong_signature")),
        (None, "good", Authentic("path_secret")),
        (None, "bad", Forged("wrong_secret")),
        (None, None, Forged("missing")),
    ):
        headers = {} if signature is None else {"x-twilio-signature": signature}
        request = request_of(body, headers=headers, content_type=FORM, path_secret=secret)
        assert ADAPTER.authenticate(request, both) == expected


def test_a_signature_is_not_looked_at_where_no_token_is_configured() -> None:
    request = request_of(b"", headers={"x-twilio-signature": "any"}, path_secret="good")
    assert ADAPTER.authenticate(request, Credentials({"secret": ["good"]})) == Authentic("path_secret")
    assert ADAPTER.authenticate(request, Credentials({"auth_token": [""]})) == Forged("not_configured")


class Fields(dict[str, list[str]]):
    """What the library takes for fields with several values."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PAIRS = st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=12)
URLS = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["http", "https"]),
    st.sampled_from(["example.com", "api.example.com", "h-1.example.org", "127.0.0.1"]),
    st.sampled_from(["", ":80", ":443", ":8443"]),
    st.sampled_from(["/", "/api/webhook-feedbacks/twilio", "/a//b;c=1"]),
    st.sampled_from(["", "?account=acc_1", "?account=acc_1&list=%2B18005551234&mid=a+b%20c", "?a=1&a=2&empty="]),
)


@given(url=URLS, pairs=PAIRS, token=st.text("0123456789abcdef", min_size=1, max_size=32))
def test_the_library_and_the_adapter_agree_in_both_directions(
    url: str, pairs: list[tuple[str, str]], token: str
) -> None:
    fields = Fields()
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    validator = RequestValidator(token)
    theirs = validator.compute_signature(url, fields)
    assert authenticate(url, urlencode(pairs).encode(), theirs, tokens=[token]) == Authentic("signature")
    assert authenticate(url, urlencode([*pairs, ("z", "z")]).encode(), theirs, tokens=[token + "0"]) == Forged(
        "wrong_signature"
    )
    ours = base64.b64encode(
        hmac.new(
            token.encode(), (url + "".join(name + value for name, value in sorted(set(pairs)))).encode(), hashlib.sha1
        ).digest()
    ).decode()
    assert validator.validate(url, fields, ours)


@given(text=st.binary(max_size=40))
def test_bytes_outside_utf_8_are_signed_as_they_came(text: bytes) -> None:
    signature = base64.b64encode(
        hmac.new(TOKEN.encode(), URL.encode() + b"Body" + text, hashlib.sha1).digest()
    ).decode()
    assert authenticate(URL, b"Body=" + quote_from_bytes(text).encode(), signature) == Authentic("signature")


@pytest.mark.parametrize("algorithm, expected", [
    ("HMAC_SHA256", Authentic("signature")),
    ("hmac_sha256", Authentic("signature")),
    ("HMAC_SHA1", Forged("wrong_signature")),
    ("HMAC_MD5", Forged("wrong_signature")),
    ("", Forged("wrong_signature")),
])  # fmt: skip
def test_a_shared_key_signs_with_the_algorithm_its_header_names(algorithm: str, expected: Authentication) -> None:
    signature = RequestValidator(TOKEN).compute_signature(URL, dict(CALL), "HMAC_SHA256")
    headers = {"x-twilio-webhooks-signature-settings": f"key=webhooks_sharedkey_1,algorithm={algorithm}"}
    assert authenticate(URL, urlencode(CALL).encode(), signature, headers=headers) == expected


@pytest.mark.parametrize("fields, body", [
    ({"Body": "hi", "SmsStatus": "received"}, b'<?xml version="1.0" encoding="UTF-8"?><Response/>'),
    ({"Body": "", "NumMedia": "1"}, b'<?xml version="1.0" encoding="UTF-8"?><Response/>'),
    ({"MessageStatus": "sent"}, b""),
    ({}, b""),
])  # fmt: skip
def test_only_a_message_is_answered_with_twiml(fields: dict[str, str], body: bytes) -> None:
    form = urlencode({"MessageSid": SID, "From": "+14155551234", "To": "+14155551234", **fields})
    expected = Answer(200, body, "text/xml") if body else Answer(200)
    assert ADAPTER.accepted(request_of(form.encode(), content_type=FORM)) == expected
    assert ADAPTER.accepted(request_of(method="GET", query=form)) == expected


@pytest.mark.parametrize("count, fine", [(FIELDS_MAX - 2, True), (FIELDS_MAX - 1, False)])
def test_a_form_has_at_most_so_many_fields(count: int, fine: bool) -> None:
    form = urlencode([("From", "+14155551234"), ("Body", "x"), *((f"f{at}", "") for at in range(count))])
    split = ADAPTER.split(request_of(form.encode(), content_type=FORM))
    assert isinstance(split, Malformed) is not fine


def report(**fields: str) -> DeliveryReport:
    form = urlencode({"MessageSid": SID, "To": "+14155551234", "From": "+18005551234", **fields}).encode()
    split = ADAPTER.split(request_of(form, content_type=FORM))
    assert not isinstance(split, Malformed)
    parsed = ADAPTER.parse(record_of("twilio", split.fragments[0]))
    assert isinstance(parsed, DeliveryReport)
    return parsed


@pytest.mark.parametrize("codes, status, failure", [
    (("30001 30002 30010 30012 30013 30015 30016 30018 30019 30020 30021 30022 30023 30024 30025 30026 30027 30032 "
     "30033 30034 30035 30037 30038 30039 30040 30041 21610 21408 21606 21611 21617 21703"), "rejected", "other"),
    ("30003", "undeliverable", "absent"),
    ("30004 30008 30017 30410 30500", "undeliverable", "operator"),
    ("30005 30006", "undeliverable", "destination"),
    ("30007 30011 30450 30453 30454", "undeliverable", "other"),
    ("30014 21211 21214 21217 21614", "rejected", "destination"),
    ("21612", "rejected", "operator"),
    ("30036", "expired", "other"),
    ("63018", "pending", "none"),
])  # fmt: skip
@pytest.mark.parametrize("word", ["failed", "undelivered"])
def test_a_code_has_the_status_and_class_of_the_table(word: str, codes: str, status: str, failure: str) -> None:
    for code in codes.split():
        found = report(MessageStatus=word, ErrorCode=code)
        assert (code, found.status, found.failure_class, found.known) == (code, status, failure, True)
        assert found.opted_out is found.emit_unsubscribe is (code == "21610")


def test_a_delivered_message_stays_delivered_whatever_code_is_beside_it() -> None:
    found = report(MessageStatus="delivered", ErrorCode="30005")
    assert (found.status, found.failure_class, found.status_detail) == ("delivered", "none", "delivered")
    assert report(MessageStatus="delivered", ErrorCode="21610").opted_out is False


@pytest.mark.parametrize("fields, kind", [
    ({"SmsStatus": "delivered", "Body": "hi"}, "delivery"),
    ({"SmsStatus": "FAILED", "Body": "hi", "ErrorCode": "30003"}, "delivery"),
    ({"SmsStatus": "received", "Body": "hi"}, "inbound"),
    ({"SmsStatus": " Received ", "Body": "hi"}, "inbound"),
    ({"SmsStatus": "unheard-of", "Body": "hi"}, "inbound"),
    ({"SmsStatus": "unheard-of"}, "delivery"),
    ({"MessageStatus": "unheard-of", "Body": "hi"}, "delivery"),
    ({"MessageStatus": " ", "SmsStatus": "sent"}, "delivery"),
    ({"MessageStatus": "received", "Body": "hi"}, "inbound"),
    ({"Body": ""}, "inbound"),
    ({"NumMedia": "1"}, "inbound"),
])  # fmt: skip
def test_a_status_of_ours_is_a_report_even_beside_its_text(fields: dict[str, str], kind: str) -> None:
    form = urlencode({"MessageSid": SID, "From": "+18005551234", "To": "+14155551234", **fields}).encode()
    split = ADAPTER.split(request_of(form, content_type=FORM))
    assert not isinstance(split, Malformed)
    (fragment,) = split.fragments
    assert fragment.kind == kind
    assert fragment.phone == ("+14155551234" if kind == "delivery" else "+18005551234")


@pytest.mark.parametrize("form, shown", [
    (f"MessageSid={SID}&MessageStatus=delivered", True),
    (f"MessageSid={SID}&MessageStatus=delivered&To=", True),
    (f"MessageSid={SID}&MessageStatus=delivered&From=%2B18005551234", True),
    (f"MessageSid={SID}&MessageStatus=delivered&To=2021", False),
    ("MessageStatus=delivered&From=%2B18005551234", False),
    (f"MessageSid={SID}&Body=hi&To=%2B18005551234", False),
])  # fmt: skip
def test_a_report_that_names_no_contact_is_shown_but_never_a_fragment(form: str, shown: bool) -> None:
    request = request_of(form.encode(), content_type=FORM)
    split = ADAPTER.split(request)
    assert not isinstance(split, Malformed)
    assert (list(split.fragments), [bad.reason for bad in split.bad]) == ([], ["phone_invalid"])
    shows = parse_body("twilio", request)
    assert [one["to"] for one in shows.objects] == [None] * shown
    assert len(shows.refused) == int(not shown)
