"""Sinch's signature against its published vector and its own library; batches are cut by recipient."""

import orjson
import pytest
from sinch.domains.authentication.sinch_events.v1.authentication_validation import (
    validate_sinch_event_signature_with_nonce,
)

from schemas.providers.callback import Authentic, Authentication, Credentials, Forged, Malformed, Split
from schemas.providers.envelopes import FRAGMENTS_MAX
from schemas.providers.sinch import ADAPTER
from tests.schemas.providers.fixtures import request_of

SECRET, NONCE, AT = "foo_secret1234", "01FJA8B4A7BM43YGWSG9GBV067", "1634579353"
BODY = (
    b'{"app_id":"01EB37HMH1M6SV18BSNS3G135H","accepted_time":"2020-11-17T15:09:11.659Z",'
    b'"project_id":"c36f3d3d-1513-2edd-ae42-11995557ff61","message_delivery_report":'
    b'{"message_id":"01EQBC1A3BEK731GY4YXEN0C2R","conversation_id":"01EPYATA64TMNZ1FV02JKF12JF",'
    b'"status":"QUEUED_ON_CHANNEL","contact_id":"01EXA07N79THJ20WSN6AS30TMW"}}'
)
SIGNATURE = "Yc+3R1pIS78xLASybulhs8BsSo9BPB3Pr92QCUoczfk="
HEADER = "x-sinch-webhook-signature"
HEADERS = {HEADER: SIGNATURE, f"{HEADER}-nonce": NONCE, f"{HEADER}-timestamp": AT, f"{HEADER}-algorithm": "HmacSHA256"}


def authenticate(
    body: bytes = BODY, *, secrets: list[str] | None = None, changed: dict[str, str] | None = None
) -> Authentication:
    headers = {**HEADERS, **{HEADER + name: value for name, value in (changed or {}).items()}}
    return ADAPTER.authenticate(request_of(body, headers=headers), Credentials({"webhook_secret": secrets or [SECRET]}))


def test_the_published_signature_is_right_and_no_other() -> None:
    assert validate_sinch_event_signature_with_nonce(SECRET, dict(HEADERS), BODY.decode())
    assert authenticate() == Authentic("signature")
    assert authenticate(secrets=["old", SECRET]) == Authentic("signature")
    assert authenticate(secrets=["old"]) == Forged("wrong_signature")
    assert authenticate(BODY + b" ") == Forged("wrong_signature")
    for changed in ({"-nonce": "x"}, {"-timestamp": "1"}, {"-algorithm": "HmacSHA1"}, {"": "AAAA"}):
        assert authenticate(changed=changed) == Forged("wrong_signature")


@pytest.mark.parametrize("missing", ["-nonce", "-timestamp"])
def test_a_signature_without_what_it_was_made_of_is_wrong(missing: str) -> None:
    headers = {name: value for name, value in HEADERS.items() if name != HEADER + missing}
    request = request_of(BODY, headers=headers, path_secret="s3cret")
    credentials = Credentials({"webhook_secret": [SECRET], "secret": ["s3cret"]})
    assert ADAPTER.authenticate(request, credentials) == Forged("wrong_signature")


def test_the_published_body_is_of_another_product_and_tells_nothing() -> None:
    assert ADAPTER.split(request_of(BODY, headers=HEADERS)) == Split((), ignored=1)


def test_http_basic_is_enough_alone() -> None:
    request = request_of(b"{}", headers={"authorization": "Basic dXNlcjpwYXNz"})
    assert ADAPTER.authenticate(request, Credentials({"basic": ["user:pass"]})) == Authentic("basic")


@pytest.mark.parametrize("count, good", [(FRAGMENTS_MAX, True), (FRAGMENTS_MAX + 1, False)])
def test_a_report_has_at_most_so_many_recipients(count: int, good: bool) -> None:
    recipients = [str(14_155_550_000 + number) for number in range(count)]
    body = {"type": "delivery_report_sms", "batch_id": "b", "statuses": [{"code": 0, "recipients": recipients}]}
    found = ADAPTER.split(request_of(orjson.dumps(body)))
    assert isinstance(found, Split if good else Malformed)
    assert not isinstance(found, Split) or len({one.phone for one in found.fragments}) == count
