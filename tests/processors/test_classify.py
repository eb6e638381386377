"""What people write and what it means: the labelled texts, and what holds for every keyword and every string."""

import time
import timeit
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.classify import DEFAULT_POLICY, classify, policy_of
from processors.command import decode_escapes
from processors.optout import normal, reactions
from processors.optout.words import EXACT, LANGUAGES, PACKS, STRONG, WEAK
from tests.processors.optout_cases import Case, load

CLEAR = load("optout")
LABELS = {"opt_out", "opt_in", "help", "reaction", "reply"}
KEYWORDS = sorted(key for key in EXACT if key.isascii())
EDGES = " .,!?\"'()*-\t\n\u200b\ufeff\u00a0…“”"

TABLE = [
    ("STOP", "opt_out", "STOP", "exact"),
    ("stop all", "opt_out", "STOPALL", "exact"),
    ("Opt-out!", "opt_out", "OPT OUT", "exact"),
    ("Arrêt", "opt_out", "ARRET", "exact"),
    ("\uff33\uff34\uff2f\uff30", "opt_out", "STOP", "exact"),
    ("Ѕтор", "opt_out", "STOP", "obfuscated"),
    ("s t o p", "opt_out", "STOP", "obfuscated"),
    ("st0p", "opt_out", "STOP", "obfuscated"),
    ("STOOOP", "opt_out", "STOP", "obfuscated"),
    ("sotp", "opt_out", "STOP", "misspelling"),
    ("unsuscribe", "opt_out", "UNSUBSCRIBE", "misspelling"),
    ("stop please", "opt_out", "STOP", "format"),
    ("reply STOP to end", "opt_out", "STOP", "format"),
    ("STOP 36180", "opt_out", "STOP", "format"),
    ("stop texting me", "opt_out", "STOP", "phrase"),
    ("you have the wrong number", "opt_out", "WRONG", "phrase"),
    ("Deja de enviarme mensajes", "opt_out", "PARAR", "phrase"),
    ("🛑", "opt_out", "STOP", "exact"),
    ("this is spam", "reply", "SPAM", "abuse"),
    ("Liked “Reply STOP to end”", "reaction", None, None),
    ("Start", "opt_in", "START", "exact"),
    ("help", "help", "HELP", "exact"),
    ("stop by tomorrow", "reply", None, None),
    ("please cancel my order", "reply", None, None),
    ("\u0421\u0422\u041e\u0420", "opt_out", "STOP", "obfuscated"),
    ("\ua4e2TOP", "opt_out", "STOP", "obfuscated"),
    ("bro stop for the love of god", "opt_out", "STOP", "format"),
    ("I already voted stop", "opt_out", "STOP", "format"),
    ("stpo txtin me", "opt_out", "STOP", "phrase"),
    ("s t o p texting me", "opt_out", "STOP", "phrase"),
    ("alto por favor", "opt_out", "ALTO", "format"),
    ("why won't you stop texting me", "opt_out", "STOP", "phrase"),
    ("it would be great if you could remove my number", "opt_out", "REMOVE ME", "phrase"),
    ("stops", "reply", None, None),
    ("stop sending me the wrong size", "reply", None, None),
    ("stop? no don't stop", "reply", None, None),
    ("why did the texts stop", "reply", None, None),
    ("take eggs off the list", "reply", None, None),
    ("was that stop message from me", "reply", None, None),
    ("www.stop.test", "reply", None, None),
    ("", "reply", None, None),
]


@pytest.mark.parametrize("text, label, keyword, match_type", TABLE)
def test_a_text_has_its_label_and_what_decided_it(
    text: str, label: str, keyword: str | None, match_type: str | None
) -> None:
    found = classify(text)
    assert (found.label, found.keyword, found.match_type) == (label, keyword, match_type)
    assert found.rule_id is not None or label == "reply"


@pytest.mark.parametrize("case", [*CLEAR, *load("optout-policy")], ids=lambda case: f"{case.label}-{case.text[:30]!r}")
def test_a_labelled_text_is_understood(case: Case) -> None:
    assert classify(case.text).label == case.label


def test_texts_that_were_written_after_the_rules_are_understood_too() -> None:
    cases = load("optout-later")
    wrong = [case for case in cases if classify(case.text).label != case.label]
    outs = [case for case in cases if case.label == "opt_out"]
    missed = [case for case in wrong if case.label == "opt_out"]
    false = [case for case in wrong if classify(case.text).label == "opt_out"]
    assert len(missed) <= 0.03 * len(outs), missed
    assert len(false) <= 0.01 * len(outs), false


def test_the_providers_verdict_is_final() -> None:
    found = classify("no more of this", provider_verdict="opt_out")
    assert (found.label, found.keyword, found.match_type) == ("opt_out", "STOP", "provider")
    assert classify("quit", provider_verdict="opt_out").keyword == "QUIT"
    assert classify("anything", provider_verdict="opt_in").label == "opt_in"


# ---- what holds for every keyword ------------------------------------------------------------------------------------
edges = st.text(st.sampled_from(EDGES), max_size=6)


@given(st.sampled_from(KEYWORDS), edges, edges, st.sampled_from([str.upper, str.lower, str.title, str.swapcase]))
def test_case_edges_and_invisibles_change_no_keywords_label(
    keyword: str, before: str, after: str, case: object
) -> None:
    found = classify(before + case(keyword) + after)  # type: ignore[operator]  # one of str's own methods
    assert (found.label, found.keyword) == (EXACT[keyword].label, EXACT[keyword].keyword)


@given(st.sampled_from(KEYWORDS), st.sampled_from([" ", ".", "-", "_", " . ", "\u200b", "*"]))
def test_letters_that_stand_apart_are_the_same_keyword(keyword: str, between: str) -> None:
    assert classify(between.join(keyword.replace(" ", ""))).label == EXACT[keyword].label


@given(st.sampled_from(KEYWORDS), st.integers(0, 3))
def test_full_width_styles_and_combining_characters_change_nothing(keyword: str, place: int) -> None:
    label = EXACT[keyword].label
    assert classify("".join(chr(ord(char) + 0xFEE0) if char != " " else char for char in keyword)).label == label
    bold = "".join(chr(0x1D5EE + ord(char) - ord("a")) if char != " " else char for char in keyword)
    assert classify(bold).label == label
    place = min(place, len(keyword) - 1)
    accented = unicodedata.normalize("NFD", keyword[: place + 1] + "\u0301" + keyword[place + 1 :])
    assert classify(accented).label == label


SENTENCES = [
    "we talked about {} yesterday at lunch",
    "is {} the name of the new shop on main",
    "my sister read the word {} on a poster today",
    "the sign over the door says {} in red letters",
    "I think {} was the best song of the concert",
]


@pytest.mark.parametrize("sentence", SENTENCES)
@pytest.mark.parametrize("keyword", [*STRONG, *WEAK])
@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_a_keyword_inside_an_ordinary_sentence_is_no_opt_out(sentence: str, keyword: str, case: object) -> None:
    assert classify(sentence.format(case(keyword))).label == "reply"  # type: ignore[operator]  # one of str's own


@given(st.sampled_from([case.text for case in CLEAR if case.label == "opt_out"]))
def test_an_opt_out_inside_a_reaction_opts_nobody_out(text: str) -> None:
    quoted = text.replace("“", "").replace("”", "")
    for verb in ("Liked", "Disliked", "Laughed at", "Reacted 😂 to", "Removed a heart from", "👍 to", "A aimé"):
        assert classify(f"{verb} “{quoted}”").label == "reaction"


def test_what_stands_behind_a_reaction_is_the_contacts_own() -> None:
    assert reactions.rest_of("Disliked “Reply STOP to end” stop texting me") == "stop texting me"
    assert classify("Liked “See you then” thanks!").label == "reply"
    assert classify("Liked “See you then” stop").label == "opt_out"


# ---- what a list adds ------------------------------------------------------------------------------------------------
def test_a_lists_own_keywords_and_languages_count_for_it_alone() -> None:
    spanish = policy_of(("No Gracias",), ("es",))
    for text in ("baja", "ALTO.", "no gracias"):
        assert classify(text).label == "reply"
        assert classify(text, policy=spanish).label == "opt_out"
    assert classify("no gracias", policy=spanish).keyword == "NO GRACIAS"
    assert classify("STOP", policy=spanish) == classify("STOP")
    assert policy_of(("No Gracias",), ("es",)) is spanish


def test_a_list_cannot_take_a_keyword_of_everybodys() -> None:
    assert classify("START", policy=policy_of(("START",))).label == "opt_in"


def test_spam_is_an_opt_out_where_a_list_says_so() -> None:
    stops = policy_of(spam_action="stop")
    assert classify("this is spam", policy=stops).label == "opt_out"
    assert classify("this is spam").tags == ("abuse",)


@pytest.mark.parametrize("text, tag", [
    ("Please do not text me after 9pm", "needs_review"), ("do I know you", "who_is_this"),
    ("not interested", "not_interested"), ("sign me up again", "opt_in_like"),
])  # fmt: skip
def test_an_answer_that_a_person_should_read_has_its_tag(text: str, tag: str) -> None:
    assert (classify(text).label, classify(text).tags) == ("reply", (tag,))


def test_stop_signs_can_be_switched_off() -> None:
    assert classify("🛑", policy=policy_of(stop_signs=False)).label == "reaction"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_a_language_is_an_opt_out_where_it_is_on(language: str) -> None:
    policy = policy_of((), (language,))
    for word, keyword in PACKS[language].items():
        assert (classify(word, policy=policy).label, classify(word, policy=policy).keyword) == ("opt_out", keyword)


# ---- what holds for every string -------------------------------------------------------------------------------------
@given(st.text(), st.sampled_from([DEFAULT_POLICY, policy_of(("x",), LANGUAGES, "stop")]))
def test_classify_is_total(text: str, policy: object) -> None:
    assert classify(text, policy=policy).label in LABELS  # type: ignore[arg-type]  # the two policies above


@given(st.lists(st.sampled_from(
    ["stop", "no", "more", "texts", "please", "don't", "never", "you", "the", "my", "remove", "me", "off", "list", "wrong", "number", "why", "are", "'texting'", "“", "”", "'", "\n", ">", ".", ",", "🛑", "Liked", "to"]
), max_size=400))  # fmt: skip
def test_long_texts_of_dangerous_words_end(words: list[str]) -> None:
    assert classify(" ".join(words)).label in LABELS


@pytest.mark.parametrize("piece", ["\n", " ", ">\n", "stop ", "ever again ", "Liked “", "off me ", "s t o p "])
def test_a_text_of_one_piece_repeated_is_read_at_once(piece: str) -> None:
    text = piece * (normal.TEXT_CHARS_MAX // len(piece))
    classify(text)
    taken = min(timeit.repeat(lambda: classify(text), timer=time.process_time, number=1, repeat=5))
    assert taken < 0.15


def test_of_a_long_text_head_and_tail_are_read() -> None:
    filler = "and then we went to the market and bought apples " * 60
    assert classify(filler + "stop texting me").label == "opt_out"
    assert classify("STOP TEXTING ME! " + filler).label == "opt_out"
    assert len(normal.capped(filler)) <= normal.TEXT_CHARS_MAX + 1


def test_escapes_of_the_command_are_decoded() -> None:
    assert decode_escapes(r"a\nb\tc\\n\u00e9\ud83d\ude00") == "a\nb\tc\\né😀"
