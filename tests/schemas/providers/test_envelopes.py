"""What senders get wrong in JSON is repaired once, and nothing else is touched."""

import json
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.providers import forms
from schemas.providers.envelopes import charset_of, phone_of, read_time, repaired


@pytest.mark.parametrize("text, fixed", [
    (b'\xef\xbb\xbf{"a":1}', b'{"a":1}'),
    (b'"\\ud83d"', b'"\\ufffd"'),
    (b'"\\ud83d\\ud83d\\ude00"', b'"\\ufffd\\ud83d\\ude00"'),
    (b'"\\ude00\\ud83d"', b'"\\ufffd\\ufffd"'),
    (b'"\\\\ud83d"', b'"\\\\ud83d"'),
    (b'"\\\\\\ud83d"', b'"\\\\\\ufffd"'),
    (b'"\\uD83D\\u0041"', b'"\\ufffd\\u0041"'),
    (b'"\xe9"', b'"\xc3\xa9"'),
    (b'"\xc3\xa9"', b'"\xc3\xa9"'),
])  # fmt: skip
def test_a_repair_touches_only_what_is_wrong(text: bytes, fixed: bytes) -> None:
    assert repaired(text, "iso8859-1") == fixed


@given(value=st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
@pytest.mark.parametrize("ascii_only", [True, False])
def test_sound_json_is_left_as_it_is(ascii_only: bool, value: object) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "replace")
    assert json.loads(repaired(text, "utf-8")) == json.loads(text)


@pytest.mark.parametrize("content_type, charset", [
    ("application/json", "utf-8"),
    ("application/json; charset=UTF-8", "utf-8"),
    ('text/plain; charset="latin-1"', "iso8859-1"),
    ("text/plain;CHARSET=windows-1252", "cp1252"),
    ("text/plain; charset=utf-16", "utf-8"),
    ("text/plain; charset=idna", "utf-8"),
    ("text/plain; charset=base64", "utf-8"),
    ("text/plain; charset=\x00", "utf-8"),
    ("text/plain; charset=" + "x" * 10_000, "utf-8"),
    ("", "utf-8"),
])  # fmt: skip
def test_a_charset_is_one_of_four(content_type: str, charset: str) -> None:
    assert charset_of(content_type) == charset


@pytest.mark.parametrize("number, phone", [
    ("0014155551234", "+14155551234"), (14155551234, "+14155551234"), (-14155551234, None), (True, None), (None, None),
    (14155551234.0, None), (10**4000, None), ({}, None),
])  # fmt: skip
def test_a_phone_number_is_a_string_or_a_small_integer(number: object, phone: str | None) -> None:
    assert phone_of(number) == phone


@given(st.text(st.sampled_from("ab=&+%41%e2é;\ud83d "), max_size=60), st.sampled_from(["utf-8", "cp1252"]))
def test_a_form_is_read_as_the_standard_library_reads_it(text: str, charset: str) -> None:
    body = text.encode(charset, "replace")
    expected = parse_qsl(body.decode(charset, "replace"), keep_blank_values=True, encoding=charset, errors="replace")
    assert forms.read(body, f"application/x-www-form-urlencoded; charset={charset}") == expected


def test_a_form_has_at_most_so_many_fields() -> None:
    assert len(forms.read(b"&".join([b"a=1"] * forms.FIELDS_MAX)) or ()) == forms.FIELDS_MAX
    assert forms.read(b"&".join([b"a=1"] * (forms.FIELDS_MAX + 1))) is None


@pytest.mark.parametrize("before, after", [(b"", b"\n"), (b"", b"\r\n\r\n"), (b"\n", b""), (b"\xef\xbb\xbf", b"\n")])
def test_line_ends_around_a_form_and_a_mark_before_it_belong_to_no_field(before: bytes, after: bytes) -> None:
    assert forms.read(before + b"a=1&b=x%0D%0A" + after) == [("a", "1"), ("b", "x\r\n")]


@pytest.mark.parametrize("time, expected", [
    (None, (None, False)), ("", (None, False)), ("2024-01-15T10:30:00Z", (1_705_314_600_000, False)),
    ("soon", (None, True)), (1_705_314_600, (None, True)), ({}, (None, True)), ([], (None, True)), (False, (None, True)),
])  # fmt: skip
def test_a_time_of_any_type_is_read_or_counted(time: object, expected: tuple[int | None, bool]) -> None:
    assert read_time(time) == expected
