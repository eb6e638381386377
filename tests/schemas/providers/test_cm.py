"""CM.com: 200 whatever comes, reports in three shapes, and texts that remove nobody for the sender's fault."""

import base64

import pytest

from schemas.parse_report import parse_body
from schemas.providers.callback import (
    Answer,
    Authentic,
    Credentials,
    DeliveryReport,
    Forged,
    InboundMessage,
    Malformed,
    Split,
)
from schemas.providers.cm import ADAPTER
from schemas.providers.envelopes import FRAGMENTS_MAX
from tests.schemas.providers.fixtures import record_of, request_of

ITEM = b'{"to":"0014155551234","status":{"code":"2"},"x":1.10}'


def split(body: bytes) -> Split:
    found = ADAPTER.split(request_of(body, content_type="application/json"))
    assert isinstance(found, Split)
    return found


def report(code: str, error: str, text: str) -> DeliveryReport:
    query = f"GSM=0014155551234&STATUS={code}&STATUSDESCRIPTION={error}&STANDARDERRORTEXT={text}"
    found = ADAPTER.split(request_of(method="GET", query=query))
    assert isinstance(found, Split)
    parsed = ADAPTER.parse(record_of("cm", found.fragments[0]))
    assert isinstance(parsed, DeliveryReport)
    return parsed


def test_both_answers_are_200_because_cm_repeats_anything_else_for_weeks() -> None:
    request = request_of(b"{")
    assert ADAPTER.accepted(request) == ADAPTER.malformed(request, "No.") == Answer(200)


def test_basic_in_the_url_is_enough() -> None:
    request = request_of(b"{}", headers={"authorization": "Basic " + base64.b64encode(b"cm:pw").decode()})
    assert ADAPTER.authenticate(request, Credentials({"basic": ["cm:pw"]})) == Authentic("basic")
    assert ADAPTER.authenticate(request, Credentials({"basic": ["cm:no"]})) == Forged("wrong_secret")
    assert ADAPTER.authenticate(request, Credentials({})) == Forged("not_configured")


def test_one_report_keeps_its_bytes_and_a_list_keeps_each_item() -> None:
    one = b'{"messages": {"msg": [' + ITEM + b" ]}}"
    assert [fragment.body for fragment in split(one).fragments] == [one]
    two = b'{"messages":{"msg":[' + ITEM + b"," + ITEM + b"]}}"
    assert [fragment.body for fragment in split(two).fragments] == [b'{"messages":{"msg":' + ITEM + b"}}"] * 2


def test_one_bad_report_is_kept_alone() -> None:
    found = split(b'{"messages":{"msg":[' + ITEM + b',{"to":"CM"},7,null]}}')
    assert len(found.fragments) == 1
    assert [bad.reason for bad in found.bad] == ["phone_invalid", "malformed", "malformed"]


@pytest.mark.parametrize("count, fine", [(FRAGMENTS_MAX, True), (FRAGMENTS_MAX + 1, False)])
def test_a_list_has_at_most_so_many_reports(count: int, fine: bool) -> None:
    body = b'{"messages":{"msg":[' + b",".join([ITEM] * count) + b"]}}"
    assert isinstance(ADAPTER.split(request_of(body)), Malformed) is not fine


@pytest.mark.parametrize("code, status", [("0", "pending"), ("1", "rejected"), ("2", "delivered"), ("3", "undeliverable"),
    ("4", "delivered"), ("Cancelled", "rejected"), ("Accepted", "pending"), ("REJECTED", "rejected"),
    ("Sent", "pending"), ("Failed", "undeliverable"), ("Delivered", "delivered"), ("-7", "pending")])  # fmt: skip
def test_a_status_is_a_number_or_a_word(code: str, status: str) -> None:
    found = report(code, "", "")
    assert (found.status, found.known) == (status, code != "-7")


@pytest.mark.parametrize("error, status, failure", [
    ("5", "undeliverable", "operator"),
    ("7", "pending", "none"),
    ("8", "expired", "other"),
    ("20", "undeliverable", "other"),
    ("21", "undeliverable", "operator"),
    ("22", "undeliverable", "operator"),
    ("23", "undeliverable", "destination"),
    ("24", "undeliverable", "absent"),
    ("25", "undeliverable", "operator"),
    ("26", "undeliverable", "absent"),
    ("27", "undeliverable", "destination"),
    ("28", "undeliverable", "spam"),
    ("29", "undeliverable", "other"),
    ("30", "undeliverable", "operator"),
    ("31", "undeliverable", "operator"),
    ("33", "undeliverable", "operator"),
    ("34", "undeliverable", "operator"),
    ("35", "undeliverable", "operator"),
])  # fmt: skip
def test_an_error_number_has_the_class_of_the_table(error: str, status: str, failure: str) -> None:
    found = report("3", error, "invalid number")
    assert (found.status, found.failure_class, found.known, found.raw_code) == (status, failure, True, error)


@pytest.mark.parametrize("code, text, failure", [
    ("3", "Unknown subscriber", "destination"),
    ("3", "Number does not exist", "destination"),
    ("3", "Landline", "destination"),
    ("3", "MSISDN unknown", "destination"),
    ("3", "Unknown", "other"),
    ("3", "Invalid route", "other"),
    ("3", "Invalid source address", "other"),
    ("3", "Invalid UDH", "other"),
    ("3", "Invalid validity period", "other"),
    ("3", "barred by content rules", "other"),
    ("3", "Phone memory full", "absent"),
    ("3", "Unreachable", "absent"),
    ("3", "Temporary network failure", "operator"),
    ("3", "Blocked as SPAM", "spam"),
    ("3", "Unknown error", "other"),
    ("3", "Invalid sender", "other"),
    ("3", "Insufficient balance", "other"),
    ("3", "", "other"),
    ("1", "Blocked as SPAM", "other"),
    ("1", "Rejected by the platform", "other"),
    ("1", "Invalid recipient", "destination"),
])  # fmt: skip
def test_a_text_counts_against_the_contact_only_where_it_speaks_of_it(code: str, text: str, failure: str) -> None:
    assert report(code, "4711", text).failure_class == failure


def test_the_text_wins_over_the_number() -> None:
    assert report("-2", "", "Delivered").status == "delivered"
    assert report("3", "", "delivered").status == "delivered"
    assert report("77", "", "Failed: absent").status == "undeliverable"


def test_one_reference_of_two_contacts_is_two_messages() -> None:
    keys = set()
    for number in ("14155551234", "14155550000"):
        query = f"GSM={number}&STATUS=2&REFERENCE=r1&RECEIVED=2024-01-15T10:30:00"
        found = ADAPTER.split(request_of(method="GET", query=query))
        assert isinstance(found, Split)
        parsed = ADAPTER.parse(record_of("cm", found.fragments[0]))
        assert isinstance(parsed, DeliveryReport)
        keys.add(parsed.natural_key)
    assert len(keys) == 2


def test_reports_without_reference_are_keyed_by_contact_and_time_or_not_at_all() -> None:
    keys = []
    for number, received in (
        ("14155551234", "2024-01-15T10:30:00"),
        ("14155550000", "2024-01-15T10:30:00"),
        ("14155551234", ""),
    ):
        query = f"GSM={number}&STATUS=2&RECEIVED={received}"
        found = ADAPTER.split(request_of(method="GET", query=query))
        assert isinstance(found, Split)
        parsed = ADAPTER.parse(record_of("cm", found.fragments[0]))
        assert isinstance(parsed, DeliveryReport)
        keys.append(parsed.natural_key)
    assert keys[0] != keys[1]
    assert keys[2] is None


@pytest.mark.parametrize("body", [
    b'{"messages":{}}', b'{"messages":{"msg":null}}', b'{"messages":[]}', b'{"message":null}', b'{"from":"14155551234"}',
])  # fmt: skip
def test_an_envelope_without_report_or_message_is_malformed(body: bytes) -> None:
    assert isinstance(ADAPTER.split(request_of(body)), Malformed)


@pytest.mark.parametrize("beside", ['"reference":{}', '"to":{"number":["1"]}', '"to":7', '"reference":12'])
def test_a_stop_is_understood_beside_fields_that_it_does_not_need(beside: str) -> None:
    body = '{"from":{"number":"0014155551234"},"message":{"text":"STOP"},' + beside + "}"
    found = ADAPTER.split(request_of(body.encode(), content_type="application/json"))
    assert isinstance(found, Split)
    parsed = ADAPTER.parse(record_of("cm", found.fragments[0]))
    assert isinstance(parsed, InboundMessage)
    assert parsed.body == "STOP"


@pytest.mark.parametrize("code, error, text, status", [
    ("3", "", "Expired at SMSC", "expired"),
    ("3", "4711", "Validity period expired", "expired"),
    ("", "", "Expired", "expired"),
    ("Expired", "", "", "expired"),
    ("", "", "Undeliverable: message expired", "expired"),
    ("", "", "Undeliverable: invalid or barred MSISDN", "undeliverable"),
    ("Undelivered", "", "", "undeliverable"),
    ("Canceled", "", "", "rejected"),
    ("1", "4711", "Rejected: account expired", "rejected"),
    ("2", "8", "Delivered", "delivered"),
])  # fmt: skip
def test_a_text_tells_what_no_number_does(code: str, error: str, text: str, status: str) -> None:
    found = report(code, error, text)
    assert found.status == status
    assert (found.failure_class == "operator") is False


def test_the_detail_is_the_word_as_cm_writes_it() -> None:
    assert report("Failed", "", "").status_detail == "Failed"
    assert report("3", "", "").status_detail == "FAILED"
    assert report("77", "", " ").status_detail == "77"
    assert report("2", "", " Delivered ").status_detail == "Delivered"


@pytest.mark.parametrize("name", ["body", "MESSAGE", "Text"])
def test_an_older_message_by_get_is_no_report_about_the_list(name: str) -> None:
    query = f"from=0014155551234&to=0018005551234&{name}=STOP&timeUtc=2024-01-15T10:35:00&groupings=a"
    found = ADAPTER.split(request_of(method="GET", query=query))
    assert isinstance(found, Split)
    parsed = ADAPTER.parse(record_of("cm", found.fragments[0]))
    assert isinstance(parsed, InboundMessage)
    assert (parsed.sender, parsed.to, parsed.body) == ("+14155551234", "+18005551234", "STOP")
    assert parsed.natural_key is not None


@pytest.mark.parametrize("body", [
    b"hello", b"a=b", b"REFERENCE=r1", b"<MESSAGES a='='/>", b"[=", b"{=", b'\xef\xbb\xbf{"a":"="}',
])  # fmt: skip
def test_what_is_neither_json_nor_a_report_in_fields_is_malformed(body: bytes) -> None:
    assert isinstance(ADAPTER.split(request_of(body, content_type="application/x-www-form-urlencoded")), Malformed)


@pytest.mark.parametrize("beside", ['"timeUtc":{}', '"timeUtc":7', '"to":{"number":3669}', '"channel":[]'])
def test_a_stop_is_understood_beside_a_bad_time_or_a_number_for_a_string(beside: str) -> None:
    body = '{"from":{"number":14155551234},"message":{"text":"STOP"},' + beside + "}"
    found = ADAPTER.split(request_of(body.encode(), content_type="application/json"))
    assert isinstance(found, Split)
    parsed = ADAPTER.parse(record_of("cm", found.fragments[0]))
    assert isinstance(parsed, InboundMessage)
    assert (parsed.body, parsed.to) == ("STOP", "3669" if "3669" in beside else None)


@pytest.mark.parametrize("msg, shown", [
    ('"reference":"r1"', True), ('"reference":"r1","to":""', True), ('"reference":"r1","to":"CM"', False), ("", False),
])  # fmt: skip
def test_a_report_that_names_no_contact_is_shown_but_never_a_fragment(msg: str, shown: bool) -> None:
    request = request_of(('{"messages":{"msg":{' + msg + "}}}").encode())
    found = ADAPTER.split(request)
    assert isinstance(found, Split)
    assert (list(found.fragments), [bad.reason for bad in found.bad]) == ([], ["phone_invalid"])
    assert [one["to"] for one in parse_body("cm", request).objects] == [None] * shown


def test_a_bad_time_never_refuses_a_report() -> None:
    found = split(b'{"messages":{"msg":{"to":"0014155551234","received":{},"status":{"code":"2"}}}}')
    parsed = ADAPTER.parse(record_of("cm", found.fragments[0]))
    assert isinstance(parsed, DeliveryReport)
    assert (parsed.status, parsed.at, parsed.time_invalid) == ("delivered", None, True)


@pytest.mark.parametrize("name", ["received", "CREATED_S", "DATETIME_S"])
def test_the_time_of_a_report_by_get_is_under_any_name_of_the_template(name: str) -> None:
    found = ADAPTER.split(request_of(method="GET", query=f"GSM=0014155551234&STATUS=2&{name}=2024-01-15T10:30:00"))
    assert isinstance(found, Split)
    parsed = ADAPTER.parse(record_of("cm", found.fragments[0]))
    assert isinstance(parsed, DeliveryReport)
    assert parsed.at == 1_705_314_600_000
