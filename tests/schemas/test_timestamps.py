"""Times as providers write them, integers inside, the public form outside."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.timestamps import YEAR_MAX, YEAR_MIN, from_text, to_public

MOMENTS = st.datetimes(
    min_value=datetime(YEAR_MIN + 1, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(YEAR_MAX - 1, 12, 31),  # noqa: DTZ001 - the same
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)


@pytest.mark.parametrize("text, public", [
    ("2024-01-15T10:30:00.000+0000", "2024-01-15T10:30:00.000Z"),
    ("2019-11-09T16:00:00.000+0100", "2019-11-09T15:00:00.000Z"),
    ("2023-08-01T16:10:00+05:30", "2023-08-01T10:40:00.000Z"),
    ("2024-01-15T10:35:00", "2024-01-15T10:35:00.000Z"),
    ("2024-01-15T10:35:00Z", "2024-01-15T10:35:00.000Z"),
    ("2020-03-06T10:31:18.724Z", "2020-03-06T10:31:18.724Z"),
    ("2026-09-14T17:06:31.042+00:00", "2026-09-14T17:06:31.042Z"),
    ("2018-10-25 12:10:29", "2018-10-25T12:10:29.000Z"),
    ("2020-01-01 12:00:00 +0000", "2020-01-01T12:00:00.000Z"),
    ("2020-01-01 12:00:00 -0500", "2020-01-01T17:00:00.000Z"),
    ("2020-01-01 14:00:00 UTC", "2020-01-01T14:00:00.000Z"),
    ("2020-01-01T14:00:00.250 GMT", "2020-01-01T14:00:00.250Z"),
    ("2019-01-11T09:17:11 00:00", "2019-01-11T09:17:11.000Z"),
    ("2019-01-11T09:17:11 02:00", "2019-01-11T07:17:11.000Z"),
    ("1810251310", "2018-10-25T13:10:00.000Z"),
    ("20240115103000", "2024-01-15T10:30:00.000Z"),
    ("240115103000", "2024-01-15T10:30:00.000Z"),
    (" 2024-01-15T10:30:00Z ", "2024-01-15T10:30:00.000Z"),
    ("2024-01-15T10:30:00.123456Z", "2024-01-15T10:30:00.123Z"),
])  # fmt: skip
def test_a_time_is_read_in_every_spelling(text: str, public: str) -> None:
    at = from_text(text)
    assert at is not None
    assert to_public(at) == public


@pytest.mark.parametrize("text", [
    "", " ", "yesterday", "2024-13-01T00:00:00Z", "2024-01-15T25:00:00Z", "9999999999", "12345", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59+00:00", "1600-01-01T00:00:00Z", "2024-01-15T10:30:00 nonsense", "\ud800", "٢٠٢٤٠١١٥١٠٣٠٠٠",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1" * 5000,
    "2024-01-15T10:30:00+02:00 UTC", "UTC",
])  # fmt: skip
def test_what_is_no_time_is_none(text: str) -> None:
    assert from_text(text) is None


@given(MOMENTS)
def test_the_zone_of_a_time_is_honoured(moment: datetime) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    at = from_text(moment.isoformat())
    assert at is not None
    assert to_public(at) == moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert from_text(to_public(at)) == at
    assert from_text(moment.strftime("%Y-%m-%dT%H:%M:%S.%f%z")) == at


@given(st.text(max_size=40) | st.from_regex(r"[0-9T:+\-. Z]{0,32}", fullmatch=True))
def test_whatever_is_written_the_answer_is_a_public_time_or_none(text: str) -> None:
    at = from_text(text)
    assert at is None or from_text(to_public(at)) == at
