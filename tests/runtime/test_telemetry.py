"""No log line shows a phone number, however it is written; what operators need to read stays."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.telemetry import configure_logging
from schemas.settings import LogSettings


def logged(capsys: pytest.CaptureFixture[str], text: str) -> str:
    configure_logging(LogSettings(json_lines=False), "test")
    try:
        logging.getLogger("test").warning("%s", text)
    finally:
        logging.getLogger().handlers.clear()
    return capsys.readouterr().err.partition(" WARNING ")[2].strip()


@pytest.mark.parametrize(
    "text, shown",
    [
        ("to +14155551234.", "to [number]."),
        ("number-14155551234", "number-[number]"),
        ("key acme|+14155551234 is gone", "key acme|[number] is gone"),
        ("(14155551234)", "([number])"),
        ("tel:14155551234:", "tel:[number]:"),
        ("to=%2B14155551234&x", "to=[number]&x"),
        ("+1 (415) 555-1234", "[number]"),
        ("call 415-555-1234 now", "call [number] now"),
        ("phone='14155551234',", "phone='[number]',"),
        ("+442071838750", "[number]"),
    ],
)
def test_a_phone_number_is_masked(capsys: pytest.CaptureFixture[str], text: str, shown: str) -> None:
    assert logged(capsys, text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "restored 12 partitions in 0.123456789 s",
        "evt_12345678901234567890123456789012",
        "sms.callbacks.raw-11 offset 4711",
        "2024-01-15T10:30:00.000Z",
        "127.0.0.1:65535",
        "deadbeef12345678cafe",
    ],
)
def test_what_operators_read_stays(capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert logged(capsys, text) == text


@given(
    digits=st.text("0123456789", min_size=8, max_size=15),
    before=st.sampled_from([" ", "|", "-", ":", "(", "'", "=", "/", "+"]),
    after=st.sampled_from([" ", ".", ",", "-", ":", ")", "'", "|", "/", ". "]),
)
def test_no_international_number_survives_its_neighbours(digits: str, before: str, after: str) -> None:
    from runtime.telemetry import _mask  # noqa: PLC0415 - the rule itself, without a handler per example

    assert digits not in _mask(f"x{before}{digits}{after}x")
