"""Tasks and the records a try leaves behind."""

from typing import Any, get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchers.task import (
    BODY_BYTES_MAX,
    KEY_CHARS_MAX,
    RAW_BYTES_MAX,
    UntrustedTaskError,
    check,
    dead_letter,
    fan_out,
    next_task,
    outcome_of,
    unreadable,
)
from dispatchers.verdict import ATTEMPTS_MAX
from schemas import ids
from schemas.codec import decoder, encoder
from schemas.config import Endpoint, Filters
from schemas.records import DeliveryTask, EventType, TryOutcome

LIST, OTHER_LIST = "+18005551234", "+18005550000"
ORDINARY: dict[str, Any] = {
    "event_id": "evt_1", "account": "acme", "message_id": "m1", "to": "+14155550001", "list_number": LIST,
    "status": "delivered", "status_detail": "OK", "provider": "infobip", "timestamp": 1_705_314_600_000,
    "received_at": 1_705_314_600_123, "provider_message_id": None, "failure_class": "none",
}  # fmt: skip


def endpoint(name: str, **fields: Any) -> Endpoint:
    return Endpoint(account="acme", id=f"acme/{name}", url="https://example.com/", secrets=(), **fields)


def task(**fields: Any) -> DeliveryTask:
    (made,) = fan_out("delivery", ORDINARY, [endpoint("main")])
    return {**made, **fields}  # type: ignore[typeddict-item]  # a table of fields


def tried(number: int) -> TryOutcome:
    return {"attempt": number, "at": number, "outcome": "http_5xx", "status_code": 500, "duration_ms": 3}


def test_an_event_becomes_one_task_per_endpoint_that_wants_it() -> None:
    made = fan_out("delivery", ORDINARY, [endpoint("a"), endpoint("b")])
    assert [one["endpoint"] for one in made] == ["acme/a", "acme/b"]
    assert [one["task_id"] for one in made] == [ids.task_id("evt_1", "acme/a"), ids.task_id("evt_1", "acme/b")]
    assert {one["event_id"] for one in made} == {"evt_1"}
    first = made[0]
    assert (first["contact_key"], first["attempt"], first["created_at"]) == ("acme|+14155550001", 1, 1_705_314_600_123)
    assert orjson.loads(first["body"])["message_id"] == "m1"
    assert (first["first_failed_at"], first["outcomes"]) == (None, [])


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, True),
        ({"events": ("reply",)}, False),
        ({"filters": Filters(list_numbers=(LIST,))}, True),
        ({"filters": Filters(list_numbers=(OTHER_LIST,))}, False),
        ({"filters": Filters(statuses=("delivered", "expired"))}, True),
        ({"filters": Filters(statuses=("pending",))}, False),
        ({"filters": Filters(list_numbers=(LIST,), statuses=("pending",))}, False),
    ],
)
def test_subscription_and_filters_decide(fields: dict[str, Any], wanted: bool) -> None:
    assert bool(fan_out("delivery", ORDINARY, [endpoint("main", **fields)])) is wanted


def test_a_filter_of_statuses_lets_other_events_pass() -> None:
    reply = {**ORDINARY, "phone_number": "+14155550001", "body": "hi"}
    assert fan_out("reply", reply, [endpoint("main", filters=Filters(statuses=("pending",)))])


def test_a_body_beyond_the_limit_is_refused_before_it_is_a_task() -> None:
    reply = {**ORDINARY, "phone_number": "+14155550001", "body": "x" * BODY_BYTES_MAX}
    with pytest.raises(UntrustedTaskError):
        fan_out("reply", reply, [endpoint("main")])


REFUSED: list[dict[str, Any]] = [
    {"attempt": 0},
    {"attempt": -1},
    {"attempt": ATTEMPTS_MAX + 1},
    {"outcomes": [tried(1)] * (ATTEMPTS_MAX + 1)},
    {"body": b"x" * (BODY_BYTES_MAX + 1)},
    {"event_id": ""},
    {"event_id": "evt_1\r\nX-Evil: 1"},
    {"event_id": "evt 1"},
    {"event_id": "e" * 201},
    {"task_id": "tsk_\n"},
    {"endpoint": "e" * (KEY_CHARS_MAX + 1)},
    {"contact_key": "c" * (KEY_CHARS_MAX + 1)},
    {"event_type": "reply"},
    {"event_type": "unknown"},
]


@pytest.mark.parametrize("fields", REFUSED, ids=lambda fields: next(iter(fields)))
def test_a_task_that_none_of_ours_would_write_is_refused(fields: dict[str, Any]) -> None:
    check(task(), "delivery")
    with pytest.raises(UntrustedTaskError):
        check(task(**fields), "delivery")


def test_notices_wait_with_deliveries_and_a_topic_of_every_type_takes_every_known_one() -> None:
    check(task(event_type="notice"), "delivery")
    with pytest.raises(UntrustedTaskError):
        check(task(event_type="notice"), "reply")
    for known in ("delivery", "unsubscribe", "reply", "notice"):
        check(task(event_type=known), None)
    with pytest.raises(UntrustedTaskError):
        check(task(event_type="unknown"), None)


@given(st.integers(1, ATTEMPTS_MAX))
def test_every_task_of_our_own_ladder_passes_the_check(tries: int) -> None:
    made = task()
    for number in range(1, tries):
        made = next_task(made, tried(number))
    check(made, "delivery")
    assert made["attempt"] == tries
    assert [one["attempt"] for one in made["outcomes"]] == list(range(1, tries))
    assert made["first_failed_at"] == (1 if tries > 1 else None)
    assert decoder("DeliveryTask")(encoder("DeliveryTask")(made))[1] == made


@given(st.integers(0, ATTEMPTS_MAX), st.integers(0, ATTEMPTS_MAX))
def test_never_more_than_six_outcomes_travel_and_the_newest_stay(before: int, after: int) -> None:
    made = task(outcomes=[tried(number) for number in range(before)])
    for number in range(before, before + after):
        made = next_task(made, tried(number))
    expected = list(range(before + after))[-ATTEMPTS_MAX:]
    assert [one["attempt"] for one in made["outcomes"]] == expected
    letter = dead_letter(made, made["outcomes"], "attempts_exhausted", now=9, source=("t", 0, 1))
    assert len(letter["task"]["outcomes"]) <= ATTEMPTS_MAX


def test_the_outcome_of_a_try_names_its_attempt() -> None:
    made = outcome_of(task(attempt=3), outcome="dns", status_code=None, duration_ms=7, now=42)
    assert made == {"attempt": 3, "at": 42, "outcome": "dns", "status_code": None, "duration_ms": 7}


def test_a_raw_value_is_cut_so_that_its_dead_letter_always_fits_its_topic() -> None:
    letter = dead_letter(
        unreadable("delivery"), [], "undecodable", now=1, source=("t", 2, 3), raw_value=b"x" * (4 * RAW_BYTES_MAX)
    )
    assert letter["raw_value"] == b"x" * RAW_BYTES_MAX
    assert len(encoder("DeadLetter")(letter)) < 1024 * 1024
    assert (letter["source_topic"], letter["source_partition"], letter["source_offset"]) == ("t", 2, 3)


def test_the_largest_task_and_its_dead_letter_fit_a_topic() -> None:
    largest = task(body=b"x" * BODY_BYTES_MAX, outcomes=[tried(number) for number in range(1, 7)])
    check(largest, "delivery")
    letter = dead_letter(largest, largest["outcomes"], "attempts_exhausted", now=1, source=("t", 0, 0))
    assert len(encoder("DeadLetter")(letter)) < 1024 * 1024


def test_an_unreadable_record_of_every_type_has_a_task_that_can_be_written() -> None:
    for event in get_args(EventType):
        encoder("DeliveryTask")(unreadable(event))
