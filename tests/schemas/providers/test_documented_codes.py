"""Every status and error code that PROVIDERS.md lists for Plivo, Bird and Bandwidth, by what it comes to."""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from urllib.parse import urlencode

import orjson
import pytest

from schemas.providers import registry
from schemas.providers.callback import CallbackRequest, DeliveryReport, Split
from schemas.providers.codes import table
from schemas.providers.forms import FORM
from tests.schemas.providers.fixtures import record_of, request_of

CANONICAL = {
    "destination": "REJECTED_DESTINATION",
    "absent": "REJECTED_ABSENT_SUBSCRIBER",
    "operator": "REJECTED_OPERATOR",
    "spam": "REJECTED_SPAM",
}


def plivo(word: str, code: str) -> CallbackRequest:
    fields = {"Status": word, "ErrorCode": code, "To": "14155551234", "From": "18005551234", "MessageUUID": "u"}
    return request_of(urlencode(fields).encode(), content_type=FORM)


def bird(word: str, code: str) -> CallbackRequest:
    fields = {"id": "i", "recipient": "14155551234", "status": word, "statusErrorCode": code}
    return request_of(method="GET", query=urlencode(fields))


def bandwidth(word: str, code: str) -> CallbackRequest:
    event = {"type": word, "to": "+14155551234", "errorCode": int(code) if code else None, "message": {"id": "m"}}
    return request_of(orjson.dumps([event]), content_type="application/json")


WRITE: dict[str, Callable[[str, str], CallbackRequest]] = {"plivo": plivo, "bird": bird, "bandwidth": bandwidth}
FAILED = {"plivo": "failed", "bird": "delivery_failed", "bandwidth": "message-failed"}


def read(provider: str, word: str, code: str = "") -> DeliveryReport:
    adapter = registry.adapters()[provider]
    found = adapter.split(WRITE[provider](word, code))
    assert isinstance(found, Split)
    (fragment,) = found.fragments
    parsed = adapter.parse(record_of(provider, fragment))
    assert isinstance(parsed, DeliveryReport)
    return parsed


STATUSES = {
    "plivo": {
        "queued": "pending", "sent": "pending", "delivered": "delivered", "read": "delivered",
        "undelivered": "undeliverable", "failed": "undeliverable", "rejected": "rejected",
    },
    "bird": {
        "scheduled": "pending", "sent": "pending", "buffered": "pending", "delivered": "delivered",
        "expired": "expired", "delivery_failed": "undeliverable",
    },
    "bandwidth": {
        "message-sending": "pending", "message-delivered": "delivered", "message-read": "delivered",
        "message-failed": "undeliverable",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    "provider, word, status",
    [(provider, word, status) for provider, rows in STATUSES.items() for word, status in rows.items()],
)
@pytest.mark.parametrize("spell", [str, str.upper, str.title])
def test_a_status_is_known_in_any_case(provider: str, word: str, status: str, spell: Callable[[str], str]) -> None:
    parsed = read(provider, spell(word))
    assert (parsed.status, parsed.known, parsed.raw_status) == (status, True, spell(word))
    assert parsed.status_detail == spell(word)


GSM = {
    "destination": [1, 5, 9, 11, 345, 351, 352, 568, 569, 629, 3041],
    "absent": [6, 27, 31, 32, 33, 8, 2, 256, 257, 258, 628, 581],
    "spam": [607, 561],
    "operator": [
        10, 12, 13, 15, 20, 21, 24, 34, 35, 36, 51, 71, 255, *range(259, 263), *range(500, 510), 560, 565, 566,
        *range(630, 634), 810, 815, *range(1024, 1032), *range(1152, 1167), *range(1281, 1285), *range(1536, 1542),
        *range(1792, 1797), 2048, 2050, 4097,
    ],
    "other": [
        323, 355, 368, 375, 433, 488, 541, 542, 609, 4099, 4202, 562, 563, 564, 571, 572, 574, *range(577, 581), 592,
        594, 597, 598, 601, 604, 608, 2049, 2052, 2053, 2051, 4096, 4102, 4103, 4104, 5492, 5754,
    ],
}  # fmt: skip
"""PROVIDERS.md section 2.6 and 17.6."""
CODES: dict[str, Mapping[str, Iterable[int]]] = {
    "plivo": {
        "destination": [50, 70], "absent": [80], "operator": [20, 90, 100, 1000],
        "other": [10, 30, 40, 60, 110, 201, 420, 450, 451],
    },
    "bird": GSM,
    "bandwidth": {
        "destination": [4303, 4350, 4404, 4406, 4408, 4700, 4720, 4721],
        "absent": [4702],
        "spam": [4470, 4770],
        "operator": [4420, 4421, 4701, 4730, 4750, 4751, 4752, 4772, 4790, 5500, 5501, *range(5600, 5651), 9999],
        "other": [
            4001, 4301, 4302, 4401, 4403, 4405, 4407, *range(4409, 4413), *range(4431, 4436), 4451, 4452, 4481, 4482,
            4492, 4493, 4711, 4712, 4740, 4771, 4773, 4774, 4780, 4781, 4785, *range(4791, 4794), 4795, 5999,
        ],
    },
}  # fmt: skip


@pytest.mark.parametrize(
    "provider, failure_class, code",
    [(provider, name, code) for provider, rows in CODES.items() for name, codes in rows.items() for code in codes],
)
def test_a_failed_message_is_judged_by_its_documented_code(provider: str, failure_class: str, code: int) -> None:
    parsed = read(provider, FAILED[provider], str(code))
    assert (parsed.status, parsed.raw_code, parsed.known) == ("undeliverable", str(code), True)
    assert (parsed.failure_class, parsed.opted_out) == (failure_class, False)
    assert parsed.status_detail == CANONICAL.get(failure_class, FAILED[provider])


@pytest.mark.parametrize("provider, code", [
    ("bandwidth", "4360"), ("bandwidth", "9902"), ("bird", "811"), ("bird", "4098"), ("bird", "4101"),
])  # fmt: skip
def test_a_code_that_says_too_late_is_expired_and_removes_nobody(provider: str, code: str) -> None:
    parsed = read(provider, FAILED[provider], code)
    assert (parsed.status, parsed.failure_class, parsed.status_detail) == ("expired", "other", FAILED[provider])


@pytest.mark.parametrize("provider, code", [
    ("plivo", "200"), ("bird", "103"), ("bird", "603"), ("bird", "573"), ("bandwidth", "4775"),
])  # fmt: skip
def test_a_code_that_says_stop_opts_out_and_removes_for_no_other_reason(provider: str, code: str) -> None:
    parsed = read(provider, FAILED[provider], code)
    assert (parsed.opted_out, parsed.emit_unsubscribe, parsed.failure_class) == (True, True, "other")
    assert read(provider, {"bandwidth": "message-delivered"}.get(provider, "delivered"), code).opted_out is False


@pytest.mark.parametrize("provider", WRITE)
@pytest.mark.parametrize("code", ["", "0", "00", "000"])
def test_no_code_and_nought_are_the_same(provider: str, code: str) -> None:
    parsed = read(provider, FAILED[provider], code)
    assert (parsed.raw_code, parsed.status, parsed.failure_class, parsed.known) == (
        None,
        "undeliverable",
        "other",
        True,
    )


@pytest.mark.parametrize("provider", WRITE)
def test_a_code_of_no_table_is_counted_and_removes_nobody(provider: str) -> None:
    assert "7777" not in table(provider)["error"]
    parsed = read(provider, FAILED[provider], "7777")
    assert (parsed.status, parsed.failure_class, parsed.known) == ("undeliverable", "other", False)


@pytest.mark.parametrize("provider", WRITE)
def test_no_code_removes_a_contact_that_the_document_does_not_name(provider: str) -> None:
    listed = set(map(str, chain(CODES[provider].get("destination", ()), CODES[provider].get("spam", ()))))
    removing = {
        code
        for code, row in table(provider)["error"].items()
        if code.isdigit() and row.failure_class in {"destination", "spam"}
    }
    assert removing == listed
