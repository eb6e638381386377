"""The signature headers, verified by whoever verifies them: two libraries and a customer's own ten lines."""

import base64
import hashlib
import hmac
import json
import time

import pytest
from standardwebhooks.webhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError as StandardError
from svix.webhooks import Webhook as SvixWebhook
from svix.webhooks import WebhookVerificationError as SvixError

from dispatchers.signature import headers_for, standard_key, verify

BODY = json.dumps({"event": "reply", "body": "Grüße 👋"}, ensure_ascii=False).encode()
RAW = base64.b64encode(b"0123456789abcdef01234567").decode()
PREFIXED = "whsec_" + RAW
PLAIN = "pässword-of-a-customer"


def signed(*valid: str, documented: str, body: bytes = BODY, now_s: int | None = None) -> dict[str, str]:
    now_s = int(time.time()) if now_s is None else now_s
    return headers_for(body=body, event_id="evt_1", valid_secrets=valid, documented_secret=documented, now_s=now_s)


def as_a_customer_checks(body: bytes, header: str, secret: str) -> bool:
    expected = "sha256=" + hmac.new(secret.encode("utf-8"), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, header)


@pytest.mark.parametrize("secret", [PREFIXED, PLAIN, "whsec_not base64"])
def test_a_customers_own_function_finds_the_documented_header_good(secret: str) -> None:
    headers = signed(secret, documented=secret)
    assert as_a_customer_checks(BODY, headers["X-Trackly-Signature"], secret)
    assert not as_a_customer_checks(BODY + b" ", headers["X-Trackly-Signature"], secret)


@pytest.mark.parametrize("handed", [PREFIXED, RAW])
def test_a_secret_with_its_prefix_is_handed_to_a_library_as_it_is(handed: str) -> None:
    headers = signed(PREFIXED, documented=PREFIXED)
    assert Webhook(handed).verify(BODY, headers) == json.loads(BODY)
    SvixWebhook(handed).verify(BODY, headers)


def test_any_other_secret_is_handed_to_a_library_in_base64() -> None:
    handed = base64.b64encode(PLAIN.encode()).decode()
    headers = signed(PLAIN, documented=PLAIN)
    Webhook(handed).verify(BODY, headers)
    SvixWebhook(handed).verify(BODY, headers)


def test_during_a_rotation_both_secrets_verify_and_the_documented_header_keeps_the_old_one() -> None:
    headers = signed(PLAIN, PREFIXED, documented=PLAIN)
    assert headers["webhook-signature"].count("v1,") == 2
    assert headers["webhook-signature"].count(" ") == 1
    Webhook(PREFIXED).verify(BODY, headers)
    Webhook(base64.b64encode(PLAIN.encode()).decode()).verify(BODY, headers)
    assert verify(body=BODY, secret=PLAIN, signature=headers["X-Trackly-Signature"])
    assert not verify(body=BODY, secret=PREFIXED, signature=headers["X-Trackly-Signature"])


@pytest.mark.parametrize("change", ["body", "webhook-id", "webhook-timestamp"])
def test_a_library_refuses_what_was_changed(change: str) -> None:
    headers = signed(PREFIXED, documented=PREFIXED)
    body = BODY + b" " if change == "body" else BODY
    if change != "body":
        headers[change] = str(int(headers["webhook-timestamp"]) + 1)
    with pytest.raises(StandardError):
        Webhook(PREFIXED).verify(body, headers)
    with pytest.raises(SvixError):
        SvixWebhook(PREFIXED).verify(body, headers)


def test_a_library_refuses_an_old_time_so_each_try_signs_its_own() -> None:
    old = signed(PREFIXED, documented=PREFIXED, now_s=int(time.time()) - 3600)
    with pytest.raises(StandardError):
        Webhook(PREFIXED).verify(BODY, old)
    first, second = (signed(PREFIXED, documented=PREFIXED, now_s=now) for now in (1000, 1001))
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-signature"] != second["webhook-signature"]
    assert first["X-Trackly-Signature"] == second["X-Trackly-Signature"]


@pytest.mark.parametrize(
    "signature, good",
    [
        ("sha256={}", True),
        ("  sha256={}\n", True),
        ("{}", False),
        ("sha1={}", False),
        ("SHA256={}", False),
        ("sha256=", False),
        ("", False),
        ("sha256=ü{}", False),
        ("sha256={}00", False),
        ("\udcff", False),
    ],
)
def test_verify_takes_the_documented_form_only(signature: str, good: bool) -> None:
    digest = hmac.new(PLAIN.encode(), BODY, hashlib.sha256).hexdigest()
    assert verify(body=BODY, secret=PLAIN, signature=signature.replace("{}", digest)) is good


def test_a_prefix_without_base64_behind_it_is_part_of_the_secret() -> None:
    assert standard_key("whsec_not base64") == b"whsec_not base64"
    assert standard_key(PREFIXED) == b"0123456789abcdef01234567"
