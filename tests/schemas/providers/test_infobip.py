"""Infobip: the rule that honours both vocabularies, its code lists, batches, and its four ways to authenticate."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.parse_report import parse_body
from schemas.providers.callback import (
    Authentic,
    Authentication,
    Credentials,
    DeliveryReport,
    Forged,
    InboundMessage,
    Malformed,
    Nothing,
    Split,
    Unparsable,
)
from schemas.providers.envelopes import FRAGMENTS_MAX
from schemas.providers.infobip import ADAPTER
from tests.schemas.providers.fixtures import record_of, request_of


def split(body: bytes) -> Split:
    found = ADAPTER.split(request_of(body, content_type="application/json"))
    assert isinstance(found, Split)
    return found


def report(status: dict[str, Any], error: dict[str, Any] | None = None) -> DeliveryReport:
    item = {"messageId": "m", "to": "14155551234", "doneAt": "2024-01-15T10:30:00.000+0000", "status": status}
    found = split(json.dumps({"results": [item if error is None else item | {"error": error}]}).encode())
    parsed = ADAPTER.parse(record_of("infobip", found.fragments[0]))
    assert isinstance(parsed, DeliveryReport)
    return parsed


def status_of(group: int | None, number: int | None, name: str | None) -> dict[str, Any]:
    return {key: value for key, value in (("groupId", group), ("id", number), ("name", name)) if value is not None}


@pytest.mark.parametrize("group, number, name, status, detail, failure", [
    # The public contract's row, then Infobip's own, for every number of PROVIDERS.md section 2.5.
    (3, 5, "DELIVERED_TO_HANDSET", "delivered", "DELIVERED_TO_HANDSET", "none"),
    (3, 5, None, "delivered", "DELIVERED_TO_HANDSET", "none"),
    (3, 6, "DELIVERED_TO_OPERATOR", "delivered", "DELIVERED_TO_OPERATOR", "none"),
    (3, 6, None, "delivered", "DELIVERED_TO_OPERATOR", "none"),
    (5, 6, "REJECTED_NETWORK", "rejected", "REJECTED_OPERATOR", "operator"),
    (3, 2, "DELIVERED_TO_OPERATOR", "delivered", "DELIVERED_TO_OPERATOR", "none"),
    (2, 7, "REJECTED_ABSENT_SUBSCRIBER", "undeliverable", "REJECTED_ABSENT_SUBSCRIBER", "absent"),
    (2, 7, None, "undeliverable", "REJECTED_ABSENT_SUBSCRIBER", "absent"),
    (1, 7, "PENDING_ENROUTE", "pending", "PENDING_ENROUTE", "none"),
    (2, 9, "REJECTED_SYSTEM_ERROR", "undeliverable", "REJECTED_SYSTEM_ERROR", "other"),
    (2, 9, None, "undeliverable", "REJECTED_SYSTEM_ERROR", "other"),
    (2, 9, "UNDELIVERABLE_NOT_DELIVERED", "undeliverable", "UNDELIVERABLE_NOT_DELIVERED", "other"),
    (5, 21, "REJECTED_SYSTEM_ERROR", "rejected", "REJECTED_SYSTEM_ERROR", "other"),
    (2, 14, "REJECTED_OPERATOR", "undeliverable", "REJECTED_OPERATOR", "operator"),
    (2, 14, None, "undeliverable", "REJECTED_OPERATOR", "operator"),
    (5, 14, "REJECTED_DESTINATION_BLOCKLISTED", "rejected", "REJECTED_DESTINATION_BLOCKLISTED", "other"),
    (2, 15, "REJECTED_DUPLICATE", "undeliverable", "REJECTED_DUPLICATE", "other"),
    (2, 15, None, "undeliverable", "REJECTED_DUPLICATE", "other"),
    (4, 15, "EXPIRED_EXPIRED", "expired", "EXPIRED_EXPIRED", "other"),
    (5, 23, "REJECTED_DUPLICATE_MESSAGE_ID", "rejected", "REJECTED_DUPLICATE_MESSAGE_ID", "other"),
    (5, 51, "REJECTED_SPAM", "rejected", "REJECTED_SPAM", "spam"),
    (5, 51, None, "rejected", "REJECTED_SPAM", "spam"),
    (5, 51, "MISSING_TO", "rejected", "MISSING_TO", "other"),
    (5, 52, "REJECTED_DESTINATION", "rejected", "REJECTED_DESTINATION", "destination"),
    (5, 52, None, "rejected", "REJECTED_DESTINATION", "destination"),
    # The same names without a group, the same numbers alone.
    (None, None, "REJECTED_DESTINATION", "rejected", "REJECTED_DESTINATION", "destination"),
    (None, None, "UNDELIVERABLE_REJECTED_OPERATOR", "undeliverable", "REJECTED_OPERATOR", "operator"),
    (None, None, "expired_expired", "expired", "expired_expired", "other"),
    (None, 51, "MISSING_TO", "rejected", "MISSING_TO", "other"),
    (None, 100, "UNDELIVERABLE_REJECTED_PLATFORM", "rejected", "UNDELIVERABLE_REJECTED_PLATFORM", "other"),
    (2, 100, "UNDELIVERABLE_REJECTED_PLATFORM", "undeliverable", "UNDELIVERABLE_REJECTED_PLATFORM", "other"),
    (None, 52, None, "pending", "UNKNOWN", "none"),
    (5, 51, "52", "rejected", "52", "other"),
    (9, 52, None, "pending", "UNKNOWN", "none"),
    (0, 0, "ACCEPTED", "pending", "ACCEPTED", "none"),
    (5, 8, "REJECTED_PREFIX_MISSING", "rejected", "REJECTED_DESTINATION", "destination"),
    (5, 10, "REJECTED_DND", "rejected", "REJECTED_DND", "other"),
    (5, 18, "REJECTED_DESTINATION_NOT_REGISTERED", "rejected", "REJECTED_DESTINATION_NOT_REGISTERED", "other"),
    (4, 87, "SIGNALS_BLOCKED", "expired", "SIGNALS_BLOCKED", "other"),
    (5, 87, "SIGNALS_BLOCKED", "rejected", "SIGNALS_BLOCKED", "other"),
    (5, 100, "UNDELIVERABLE_REJECTED_PLATFORM", "rejected", "UNDELIVERABLE_REJECTED_PLATFORM", "other"),
    (5, 4, "UNDELIVERABLE_REJECTED_OPERATOR", "rejected", "REJECTED_OPERATOR", "operator"),
])  # fmt: skip
@pytest.mark.parametrize("error", [None, {"groupId": 0, "groupName": "Ok", "id": 0, "name": "NO_ERROR"}])
def test_status_and_detail_are_two_lookups(
    group: int | None, number: int | None, name: str | None, status: str, detail: str, failure: str,
    error: dict[str, Any] | None,
) -> None:  # fmt: skip
    found = report(status_of(group, number, name), error)
    assert (found.status, found.status_detail, found.failure_class) == (status, detail, failure)


GENERIC = {"groupId": 2, "groupName": "undeliverable", "id": 9, "name": "UNDELIVERABLE_NOT_DELIVERED"}
CODES = {
    "destination": "1 5 9 11 345 351 352 568 569 629 3041",
    "absent": "6 27 31 32 33 8 2 256 257 258 628 581",
    "spam": "607 561",
    "operator": "10 12 13 15 20 21 24 34 35 36 51 71 255 259 260 261 262 500 501 502 503 504 505 506 507 508 509 560 565"
    " 566 630 631 632 633 810 815 1024 1025 1026 1027 1028 1029 1030 1031 1152 1153 1154 1155 1156 1157 1158 1159 1160"
    " 1161 1162 1163 1164 1165 1166 1281 1282 1283 1284 1536 1537 1538 1539 1540 1541 1792 1793 1794 1795 1796 2048"
    " 2050 4097",
    "other": "603 573 811 4098 4101 4100 323 355 368 375 433 488 541 542 609 4099 4202 562 563 564 571 572 574 577 578"
    " 579 580 592 594 597 598 601 604 608 2049 2052 2053 2051 4096 4102 4103 4104 5492 5754",
}


@pytest.mark.parametrize("failure, code", [(name, code) for name, codes in CODES.items() for code in codes.split()])
def test_an_error_behind_a_generic_name_has_the_class_of_the_table(failure: str, code: str) -> None:
    found = report(GENERIC, {"groupId": 1, "id": int(code), "permanent": True})
    assert (found.failure_class, found.known, found.raw_code) == (failure, True, code)
    expired, rejected = {"811", "4098", "4101"}, {"4100"}
    assert found.status == ("expired" if code in expired else "rejected" if code in rejected else "undeliverable")
    assert found.opted_out is found.emit_unsubscribe is (code in {"603", "573"})


@pytest.mark.parametrize("error, failure, known", [
    ({"name": "EC_UNKNOWN_SUBSCRIBER"}, "destination", True),
    ({"name": "ec_unknown_subscriber", "id": 27}, "destination", True),
    ({"name": "EC_SM_DF_memoryCapacityExceeded"}, "absent", True),
    ({"name": "EC_BRAND_NEW", "id": 27, "groupId": 1}, "absent", True),
    ({"name": "EC_BRAND_NEW", "id": 1, "groupId": 10}, "other", False),
    ({"name": "EC_BRAND_NEW"}, "other", False),
    ({"id": 5, "name": "EC_UNIDENTIFIED_SUBSCRIBER", "permanent": False}, "absent", True),
    ({"id": 351, "permanent": False}, "absent", True),
    ({"id": 351}, "destination", True),
    ({"id": 1, "permanent": False}, "destination", True),
    (None, "other", True),
])  # fmt: skip
def test_an_error_is_found_by_name_then_by_group_and_number(
    error: dict[str, Any] | None, failure: str, known: bool
) -> None:
    found = report(GENERIC, error)
    assert (found.failure_class, found.known) == (failure, known)


@pytest.mark.parametrize("name, error, failure", [
    ("REJECTED_NETWORK", {"id": 1}, "destination"),
    ("REJECTED_NETWORK", {"id": 5754}, "other"),
    ("REJECTED_NETWORK", {"id": 999_999}, "operator"),
    ("REJECTED_FLOODING_FILTER", {"id": 1}, "other"),
    ("REJECTED_OPERATOR", {"id": 1}, "operator"),
    ("REJECTED", {"id": 607}, "spam"),
])  # fmt: skip
def test_a_telling_name_beats_the_error_but_for_one(name: str, error: dict[str, Any], failure: str) -> None:
    assert report({"groupId": 5, "name": name}, error).failure_class == failure


def test_a_delivered_message_carries_no_failure_and_no_opt_out() -> None:
    found = report({"groupId": 3, "id": 5, "name": "DELIVERED_TO_HANDSET"}, {"id": 603, "name": "EC_CONTENT_BLOCKED"})
    assert (found.failure_class, found.opted_out, found.handset, found.final) == ("none", False, True, True)


@pytest.mark.parametrize("status, key", [
    ({"groupId": 3, "id": 5, "name": "X"}, "m|5|2024-01-15T10:30:00.000+0000"),
    ({"groupId": 3, "name": "X"}, "m|X|2024-01-15T10:30:00.000+0000"),
])  # fmt: skip
def test_a_report_is_keyed_by_id_status_and_time(status: dict[str, Any], key: str) -> None:
    assert report(status).natural_key == key


def test_reports_without_an_id_are_keyed_by_contact_too() -> None:
    keys = set()
    for number in ("14155551234", "14155550000"):
        item = {"to": number, "doneAt": "2024-01-15T10:30:00.000+0000", "status": {"groupId": 3, "id": 5}}
        parsed = ADAPTER.parse(record_of("infobip", split(json.dumps({"results": [item]}).encode()).fragments[0]))
        assert isinstance(parsed, DeliveryReport)
        keys.add(parsed.natural_key)
    assert len(keys) == 2
    assert None not in keys


def test_a_batch_of_one_keeps_its_bytes_and_a_batch_keeps_each_item() -> None:
    one = b'{ "results" : [ {"to":"14155551234","status":{"groupId":3},"x":1.10} ], "more": 1 }'
    assert split(one).fragments[0].body == one
    two = b'{"results":[{"to":"14155551234","status":{"groupId":3},"x":1.10},{"from":"14155550000","text":"a"}]}'
    assert [fragment.body for fragment in split(two).fragments] == [
        b'{"results":[{"to":"14155551234","status":{"groupId":3},"x":1.10}]}',
        b'{"results":[{"from":"14155550000","text":"a"}]}',
    ]


def test_one_bad_report_is_kept_alone() -> None:
    found = split(b'{"results":[{"to":"14155551234","status":{}},{"to":"x","status":{}},7,{"clicked":true}]}')
    assert [fragment.phone for fragment in found.fragments] == ["+14155551234"]
    assert [bad.reason for bad in found.bad] == ["phone_invalid", "malformed"]
    assert found.bad[0].body == b'{"results":[{"to":"x","status":{}}]}'
    assert found.bad[0].kind == "delivery"
    assert found.ignored == 1
    assert all("x" not in bad.detail.split() for bad in found.bad)


@pytest.mark.parametrize("count, fine", [(FRAGMENTS_MAX, True), (FRAGMENTS_MAX + 1, False)])
def test_a_batch_has_at_most_so_many_items(count: int, fine: bool) -> None:
    body = b'{"results":[' + b",".join([b'{"to":"14155551234","status":{}}'] * count) + b"]}"
    found = ADAPTER.split(request_of(body))
    assert isinstance(found, Malformed) is not fine
    assert not fine or (isinstance(found, Split) and len(found.fragments) == count)


@pytest.mark.parametrize("body, phone", [
    (b'{"results":[{"to":"1","status":{},"to":"14155551234"}]}', "+14155551234"),
    (b'{"results":[],"results":[{"to":"14155551234","status":{}}]}', "+14155551234"),
    (b'{"results":[{"to":14155551234,"status":{}}]}', "+14155551234"),
])  # fmt: skip
def test_of_a_doubled_field_the_last_counts_for_both_readers(body: bytes, phone: str) -> None:
    (fragment,) = split(body).fragments
    parsed = ADAPTER.parse(record_of("infobip", fragment))
    assert isinstance(parsed, DeliveryReport)
    assert fragment.phone == parsed.to == phone


def test_a_fragment_that_holds_two_or_tells_nothing_is_no_record() -> None:
    (fragment,) = split(b'{"results":[{"to":"14155551234","status":{}}]}').fragments
    for body, kind in (
        (b'{"results":[{"to":"14155551234","status":{}},{}]}', Unparsable),
        (b'{"results":[]}', Unparsable),
        (b'{"results":[{}]}', Nothing),
        (b'{"results":[{"text":"a"}]}', Unparsable),
        (b'{"results":[{"to":"1","status":{}}]}', Unparsable),
    ):
        record = record_of("infobip", fragment)
        record["body"] = body
        assert isinstance(ADAPTER.parse(record), kind)


@given(text=st.text(max_size=60), time=st.sampled_from([None, "2024-01-15T10:35:00.000+0000", "x"]))
def test_a_text_comes_through_as_it_was_written(text: str, time: str | None) -> None:
    item = {"from": "14155551234", "text": text, "receivedAt": time}
    (fragment,) = split(json.dumps({"results": [item]}).encode("ascii")).fragments
    parsed = ADAPTER.parse(record_of("infobip", fragment))
    clean = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert getattr(parsed, "body", None) == clean
    assert (getattr(parsed, "natural_key", None) is None) is (time in {None, "x"})


BODY = b'{"results":[]}'
MAC = hmac.new(b"key", BODY, hashlib.sha256).digest()
MD5 = hmac.new(b"key", BODY, hashlib.md5).digest()
BASIC = base64.b64encode(b"user:pass").decode()


@pytest.mark.parametrize("secrets, headers, expected", [
    ({"basic": ["user:pass"]}, {"authorization": f"Basic {BASIC}"}, Authentic("basic")),
    ({"basic": ["a:b", "user:pass"]}, {"authorization": f"basic {BASIC}"}, Authentic("basic")),
    ({"basic": ["user:other"]}, {"authorization": f"Basic {BASIC}"}, Forged("wrong_secret")),
    ({"basic": ["user:pass"]}, {"authorization": "Basic %%%"}, Forged("wrong_secret")),
    ({"basic": ["user:pass"]}, {"authorization": "Basic é"}, Forged("wrong_secret")),
    ({"basic": ["user:pass"]}, {"authorization": f"Bearer {BASIC}"}, Forged("missing")),
    ({"basic": ["user:pass"]}, {}, Forged("missing")),
    ({"header_secret": ["s", "t"]}, {"x-webhook-secret": "t"}, Authentic("header_secret")),
    ({"header_secret": ["s"]}, {"x-webhook-secret": "t"}, Forged("wrong_secret")),
    ({"hmac_secret": ["old", "key"]}, {"x-infobip-signature": MAC.hex()}, Authentic("hmac")),
    ({"hmac_secret": ["key"]}, {"x-infobip-signature": MAC.hex().upper()}, Authentic("hmac")),
    ({"hmac_secret": ["key"]}, {"x-infobip-signature": base64.b64encode(MAC).decode()}, Authentic("hmac")),
    ({"hmac_secret": ["key"]}, {"x-infobip-signature": "sha256=" + MAC.hex()}, Authentic("hmac")),
    ({"hmac_secret": ["other"]}, {"x-infobip-signature": MAC.hex()}, Forged("wrong_signature")),
    ({"hmac_secret": ["key"]}, {"x-infobip-signature": ""}, Forged("wrong_signature")),
    ({"hmac_secret": ["key"]}, {"x-other": MAC.hex()}, Forged("missing")),
    ({"hmac_secret": ["key"], "hmac_header": ["X-Other"]}, {"x-other": MAC.hex()}, Authentic("hmac")),
    ({"hmac_secret": ["key"], "hmac_algorithm": ["HMAC_MD5"]}, {"x-infobip-signature": MD5.hex()}, Authentic("hmac")),
    ({"hmac_secret": ["key"], "hmac_algorithm": ["ROT13"]}, {"x-infobip-signature": MD5.hex()},
     Forged("wrong_signature")),
    ({"hmac_secret": ["key"], "hmac_encoding": ["base64"]}, {"x-infobip-signature": MAC.hex()},
     Forged("wrong_signature")),
    ({"hmac_secret": ["key"], "hmac_encoding": ["hex"]}, {"x-infobip-signature": MAC.hex()}, Authentic("hmac")),
    ({"hmac_header": ["X-Other"]}, {"x-other": MAC.hex()}, Forged("not_configured")),
    ({"secret": ["p"], "hmac_secret": ["key"]}, {"x-infobip-signature": "bad"}, Forged("wrong_signature")),
    ({"secret": ["p"], "basic": ["user:other"]}, {"authorization": f"Basic {BASIC}"}, Authentic("path_secret")),
])  # fmt: skip
def test_every_scheme_of_infobip(
    secrets: dict[str, list[str]], headers: dict[str, str], expected: Authentication
) -> None:
    path = "p" if "secret" in secrets else None
    request = request_of(BODY, headers=headers, path_secret=path)
    assert ADAPTER.authenticate(request, Credentials(secrets)) == expected
    assert set(secrets) <= {"secret", *ADAPTER.credential_names}


@pytest.mark.parametrize("beside", ['"error":"none"', '"sender":{}', '"doneAt":[1]'])
def test_a_stop_is_understood_beside_a_field_that_only_a_report_needs(beside: str) -> None:
    body = '{"results":[{"messageId":"1","from":"14155551234","to":"18005551234","text":"STOP",' + beside + "}]}"
    found = ADAPTER.split(request_of(body.encode(), content_type="application/json"))
    assert isinstance(found, Split)
    parsed = ADAPTER.parse(record_of("infobip", found.fragments[0]))
    assert isinstance(parsed, InboundMessage)
    assert parsed.body == "STOP"


@pytest.mark.parametrize("beside", ['"doneAt":{}', '"doneAt":1705314600', '"sender":{}', '"sender":true', '"from":[]'])
def test_a_report_is_understood_beside_a_bad_time_or_sender(beside: str) -> None:
    body = '{"results":[{"messageId":"1","to":"14155551234","status":{"groupId":3,"id":5},' + beside + "}]}"
    parsed = ADAPTER.parse(record_of("infobip", split(body.encode()).fragments[0]))
    assert isinstance(parsed, DeliveryReport)
    assert (parsed.status, parsed.sender, parsed.at) == ("delivered", None, None)
    assert parsed.time_invalid is ("doneAt" in beside)


@pytest.mark.parametrize("beside", ['"receivedAt":{}', '"messageId":[]', '"to":{"number":"1"}', '"message":7'])
def test_a_stop_is_understood_beside_any_bad_field(beside: str) -> None:
    (fragment,) = split(('{"results":[{"from":"14155551234","text":"STOP",' + beside + "}]}").encode()).fragments
    parsed = ADAPTER.parse(record_of("infobip", fragment))
    assert isinstance(parsed, InboundMessage)
    assert (parsed.body, parsed.natural_key) == ("STOP", None)


@pytest.mark.parametrize("message, body", [
    ([{"contentType": "text/plain", "value": "STOP"}], "STOP"),
    ([{"contentType": "Text/Plain", "value": "STOP"}, {"contentType": "image/png", "value": "x"}], "STOP"),
    ([{"value": "STOP"}], "STOP"),
    ([{"contentType": "text/plain", "value": None}, "STOP", 7, None], "STOP"),
    ({"contentType": "text/plain", "value": "STOP"}, "STOP"),
    ("STOP", "STOP"),
    ([], ""),
    ([{"contentType": "image/png", "url": "https://example.com/1"}], ""),
])  # fmt: skip
def test_a_picture_message_says_the_words_of_its_parts(message: Any, body: str) -> None:
    item = {"messageId": "1", "from": "14155551234", "message": message}
    parsed = ADAPTER.parse(record_of("infobip", split(json.dumps({"results": [item]}).encode()).fragments[0]))
    assert isinstance(parsed, InboundMessage)
    assert parsed.body == body


def test_two_groups_without_a_name_are_two_reports() -> None:
    keys = {report({"groupId": group}).natural_key for group in (0, 1, 2, 3, 4, 5)}
    assert len(keys) == 6
    assert report({"groupId": 3}).status_detail == "DELIVERED"


@pytest.mark.parametrize("item, shown", [
    ({"messageId": "12345"}, True),
    ({"messageId": "12345", "to": None}, True),
    ({"messageId": "12345", "to": ""}, True),
    ({"messageId": "12345", "to": "nobody"}, False),
    ({"messageId": "12345", "to": ["14155551234"]}, False),
    ({}, False),
])  # fmt: skip
def test_a_report_that_names_no_contact_is_shown_but_never_a_fragment(item: dict[str, Any], shown: bool) -> None:
    request = request_of(json.dumps({"results": [{**item, "status": {"groupName": "DELIVERED"}}]}).encode())
    found = ADAPTER.split(request)
    assert isinstance(found, Split)
    assert (list(found.fragments), [bad.reason for bad in found.bad]) == ([], ["phone_invalid"])
    shows = parse_body("infobip", request)
    assert [one["to"] for one in shows.objects] == [None] * shown
    assert (shows.without_contact, len(shows.refused)) == (int(shown), int(not shown))


@pytest.mark.parametrize("beside, count", [
    ({}, 1), ({"channel": "SMS"}, 1), ({"channel": "mms"}, 1), ({"integrationType": "SMS"}, 1), ({"channel": 7}, 1),
    ({"channel": None}, 1), ({"integrationType": "WHATSAPP"}, 0), ({"channel": "viber"}, 0),
])  # fmt: skip
@pytest.mark.parametrize("item", [
    {"from": "14155551234", "receivedAt": "2024-01-01T00:00:00.000+0000", "message": {"type": "TEXT", "text": "STOP"}},
    {"to": "14155551234", "status": {"groupName": "DELIVERED"}},
])  # fmt: skip
def test_what_another_channel_carries_tells_nothing_of_ours(
    item: dict[str, Any], beside: dict[str, Any], count: int
) -> None:
    found = split(json.dumps({"results": [{**item, **beside}]}).encode())
    assert (len(found.fragments), found.ignored, list(found.bad)) == (count, 1 - count, [])
