"""The five documented keywords and their spellings; everything else is an answer."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.classify import EXACT, classify
from processors.command import decode_escapes

TABLE = [
    ("STOP", "opt_out", "STOP"),
    ("stopall", "opt_out", "STOPALL"),
    ("Unsubscribe.", "opt_out", "UNSUBSCRIBE"),
    ("  QUIT\n", "opt_out", "QUIT"),
    ("“Cancel”", "opt_out", "CANCEL"),
    ("\uff33\uff34\uff2f\uff30", "opt_out", "STOP"),
    ("STOP\u200b", "opt_out", "STOP"),
    ("Start", "opt_in", "START"),
    ("UNSTOP!", "opt_in", "UNSTOP"),
    ("help", "help", "HELP"),
    ("stop by tomorrow", "reply", None),
    ("Liked “Reply STOP to end”", "reply", None),
    ("please cancel my order", "reply", None),
    ("stopped", "reply", None),
    ("", "reply", None),
    ("👍", "reply", None),
    ("STOP" + " " * 1700 + "x", "reply", None),
]


@pytest.mark.parametrize("text, label, keyword", TABLE)
def test_a_text_has_its_label(text: str, label: str, keyword: str | None) -> None:
    found = classify(text)
    assert (found.label, found.keyword) == (label, keyword)


def test_the_providers_verdict_is_final() -> None:
    found = classify("no more of this", provider_verdict="opt_out")
    assert (found.label, found.keyword, found.match_type) == ("opt_out", "STOP", "provider")
    assert classify("quit", provider_verdict="opt_out").keyword == "QUIT"


@given(
    st.sampled_from(sorted(EXACT)),
    st.text(st.sampled_from(" .,!?\"'()*-\t\n\u200b\ufeff\u00a0…“”"), max_size=6),
    st.text(st.sampled_from(" .,!?\"'()*-\t\n\u200b\ufeff\u00a0…“”"), max_size=6),
    st.sampled_from([str.upper, str.lower, str.title, str.swapcase]),
)
def test_case_edges_and_invisibles_change_no_keywords_label(
    keyword: str, before: str, after: str, case: object
) -> None:
    written = case(keyword)  # type: ignore[operator]  # one of str's own methods
    assert classify(before + written + after).keyword == keyword


@given(st.sampled_from(sorted(EXACT)), st.integers(0, 3))
def test_full_width_and_combining_characters_change_nothing(keyword: str, place: int) -> None:
    wide = "".join(chr(ord(char) + 0xFEE0) for char in keyword)
    assert classify(wide).keyword == keyword
    accented = unicodedata.normalize("NFD", keyword[:place] + keyword[place] + "\u0301" + keyword[place + 1 :])
    assert classify(accented).keyword == keyword


@given(st.text())
def test_classify_is_total(text: str) -> None:
    assert classify(text).label in {"opt_out", "opt_in", "help", "reaction", "reply"}


def test_escapes_of_the_command_are_decoded() -> None:
    assert decode_escapes(r"a\nb\tc\\n\u00e9\ud83d\ude00") == "a\nb\tc\\né😀"
