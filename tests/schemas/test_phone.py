"""Phone numbers as providers write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.phone import is_e164, to_e164, to_sender

DIGITS = st.from_regex(r"[1-9][0-9]{7,14}", fullmatch=True)


@pytest.mark.parametrize("written, number", [
    ("+14155551234", "+14155551234"),
    ("14155551234", "+14155551234"),
    ("0014155551234", "+14155551234"),
    ("00 1 (415) 555-1234", "+14155551234"),
    ("+1 415.555.1234", "+14155551234"),
    ("1\u00a0415\u2011555\u20131234", "+14155551234"),
    (" 14155551234 ", "+14155551234"),
    ("33612345678", "+33612345678"),
    ("12345678", "+12345678"),
    ("1234567", None),
    ("72345", None),
    ("+72345", None),
    ("1234567890123456", None),
    ("04155551234", None),
    ("+04155551234", None),
    ("000014155551234", None),
    ("whatsapp:+14155551234", None),
    ("GOOGLE", None),
    ("+1415555CALL", None),
    ("++14155551234", None),
    ("١٤١٥٥٥٥١٢٣٤", None),
    ("²14155551234", None),
    ("+", None),
    ("", None),
    ("+14155551234\n", "+14155551234"),
    ("\ud800", None),
])  # fmt: skip
def test_a_contact_is_written_in_e164_or_is_none(written: str, number: str | None) -> None:
    assert to_e164(written) == number


@pytest.mark.parametrize("written, sender", [
    ("18005551234", "+18005551234"),
    ("0018005551234", "+18005551234"),
    ("72345", "72345"),
    ("123", "123"),
    ("123 456", "123456"),
    ("MyBrand", "MyBrand"),
    (" My Brand ", "My Brand"),
    ("whatsapp:+18005551234", None),
    ("+123", None),
    ("", None),
    ("  ", None),
])  # fmt: skip
def test_a_list_number_may_be_a_short_code_or_a_name(written: str, sender: str | None) -> None:
    assert to_sender(written) == sender


@given(DIGITS)
def test_all_spellings_of_a_number_are_one(digits: str) -> None:
    number = f"+{digits}"
    spaced = " ".join(digits)
    assert {to_e164(one) for one in (number, digits, f"00{digits}", f"00 {spaced}", f"+{spaced}")} == {number}
    assert to_sender(digits) == number


@given(st.text(max_size=40))
def test_whatever_is_written_the_answer_is_e164_or_none_and_stable(text: str) -> None:
    found = to_e164(text)
    assert found is None or (is_e164(found) and to_e164(found) == found)
    sender = to_sender(text)
    assert sender is None or (sender != "" and to_sender(sender) == sender)


@pytest.mark.parametrize("text, answer", [
    ("+14155551234", True), ("14155551234", False), ("+1", False), ("+14155551234 ", False), ("+14155551234\n", False),
    ("+01415555123", False), ("+1234567890123456", False), ("+1٤155551234", False),
])  # fmt: skip
def test_only_e164_is_e164(text: str, answer: bool) -> None:
    assert is_e164(text) is answer
