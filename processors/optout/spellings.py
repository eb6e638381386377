"""Reads a keyword through stretching, spacing, figures for letters, and slips of the finger. Pure.

Only for a whole message, or beside courtesy words: these readings are too wide for a word inside a sentence.
"""

import re
from collections.abc import Mapping
from itertools import groupby
from string import ascii_lowercase
from typing import Final, Literal, NamedTuple

from rapidfuzz.distance import OSA

from processors.optout.normal import words_of

_FIGURES: Final = str.maketrans(
    {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "+": "t", "!": "i"}
)
"""Figures and signs that people write for letters."""
_FIGURE_TARGETS: Final = frozenset(
    {"stop", "stopall", "quit", "cancel", "unsubscribe", "unsub", "optout", "revoke", "remove", "removeme", "block"}
)
"""END and WRONG are left out: `3nd` is a slip for an ordinal."""
_MASKED: Final = re.compile(r"[a-z]+(?:[*#_.][a-z]+)+")
_MASKED_TARGETS: Final = ("stop", "unsubscribe", "cancel", "quit")
_STRETCHED: Final = (
    "stop",
    "stopall",
    "unsubscribe",
    "unsub",
    "quit",
    "cancel",
    "end",
    "optout",
    "revoke",
    "remove",
    "arret",
)
_RUN_MIN: Final = 3
"""Fewer letters in a row are a slip or another word (`stoop`)."""
_REPEATED: Final = re.compile(r"(stop|unsubscribe|quit|cancel|end|optout){2,12}")
_LONGEST: Final = 40
"""A single word beyond it is no keyword however it is read."""

_REAL_WORDS: Final = words_of(
    """
    top tops step steps shop shops slop sop sops stow stows strop stoop stoops stomp stomps atop estop swop swops
    stob stot stoup stope stor stof stom stork stoa scop stopped stopper stopping stops tope stoep evoke cancer
    cancels chancel
    """
)
"""Words one slip away from a keyword that are words of their own, in English and in neighbours of it."""


def _one_slip(word: str) -> frozenset[str]:
    """Every string at distance one: a letter less, two swapped, another, one more (optimal string alignment)."""
    splits = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    found = {left + right[1:] for left, right in splits if right}
    found |= {left + right[1] + right[0] + right[2:] for left, right in splits if len(right) > 1}
    found |= {left + letter + right[1:] for left, right in splits if right for letter in ascii_lowercase}
    found |= {left + letter + right for left, right in splits for letter in ascii_lowercase}
    return frozenset(found - {word})


_SLIPS: Final[Mapping[str, str]] = {
    slip: word
    for word in ("revoke", "cancel", "optout", "stopall", "unsub", "removeme", "stop")
    for slip in _one_slip(word)
    if slip not in _REAL_WORDS and slip != "optin"
}
"""Slip to keyword. No slips of END, QUIT, BLOCK, WRONG or REMOVE: too many words lie beside them."""
_LONG: Final = "unsubscribe"
_LONG_SLIPS_MAX: Final = 2
_LONG_LENGTHS: Final = range(8, 15)
_OPPOSITES: Final = frozenset({"subscribe", "subscribed", "resubscribe", "subscriber", "subscribes", "unsubscribing"})
_SAID: Final = frozenset({"stahp", "stawp", "stoph", "stahpp", "stawpp", "shtop", "estop"})
"""STOP as it is said."""
_TELESCOPED: Final = frozenset(
    {"unscribe", "unscribed", "unsuscrib", "unsubscrib", "unsubcrib", "desubscribe", "dissubscribe"}
)
"""Shorter writings of UNSUBSCRIBE that are more than two slips away or look like its opposite."""
_GLUED: Final = re.compile(
    r"(?:please|pls|plz|just)?(?:stop|unsubscribe)(?:all|it|this|now|please|pls|plz|me|texts?|texting(?:me)?|messages|messaging(?:me)?)?"
    r"(?:please|pls|plz|now|thanks|thankyou|thx)?|(?:please)?(?:takeme|takemynumber|removeme|deleteme)(?:off|from)?(?:of)?(?:your|this|the|ur)?(?:list)?|unsubscribeme|"
    r"(?:please)?(?:leavemealone|optmeout|donttextme|dontcontactme|nomoretexts|nomoremessages)"
)


STOP_SLIPS: Final = frozenset(
    {slip for slip, word in _SLIPS.items() if word == "stop"}
    | _SAID
    | {a + b + c + "p" for a in "s5" for b in "t7" for c in "o0"}
) - {"stop"}
"""STOP misspelt, as it is said, and with figures; for rules that ask for more than the word."""


_REAL_NEAR: Final = words_of(
    """
    testing massage massages massaged passage passages spending ending tending mending lending vending rending seeding
    seending numbers numbered numbed lumber umber umbers members member messaged messages message texts texted remover
    removes removed removal contract contracts contacted contacts contact contacting contracting relieving removing bothering
    bothered sensing seeding contractor remote leaves lease leaved leaver leaven lave leavy along atone aloe alone aline wrongs
    wring wrung pleased pleases pleas deleted deletes cancels cancer cancels chancel contacting sanding
    """
)
_NEAR_FEWEST: Final = 4
"""Letters of a slip; a shorter one is too near to too much."""
_NEAR_SPELT: Final[Mapping[str, str]] = {
    "blowing": "blowin",
    "do not": "dno",
    "dont": "dnt dontt",
    "from": "frm fom",
    "getting": "gettin",
    "hitting": "hittin",
    "let me": "lemme",
    "list": "lsit lisst lst",
    "and": "n nd",
    "me": "mee ne mw mi",
    "why": "y wy",
    "messages": "msgz mesgs",
    "messaging": "msgn msgin",
    "more": "moar",
    "number": "numba numbr nbr numer",
    "quit": "qiut qit quti",
    "receive": "recieve recive",
    "receiving": "recieving",
    "remove": "remve rmove remov rmv",
    "remove me": "removeme",
    "sending": "sendn snding",
    "stop": "atop",
    "take": "tak tkae taek",
    "take me": "takeme",
    "text": "tex tetx txet",
    "text me": "textme txtme",
    "texting": "txtn txtin textn txtng txting textig textting textin",
    "texting me": "textingme",
    "texts": "txtz textes textz",
    "the": "da tha",
    "these": "deez dese",
    "this": "dis ths",
    "want to": "wanna",
    "wrong": "wronge worng rong wrog wrnog wromg wron",
    "your": "yur yalls",
}
"""Word to the spellings that no single slip makes, and the dialect's own."""
_NEAR_WORDS: Final = words_of(
    """
    texting messages messaging message sending contacting contact remove number receiving bothering please leave alone wrong delete cancel
    """
)
NEAR: Final[Mapping[str, str]] = {
    slip: word
    for word in sorted(_NEAR_WORDS)
    for slip in _one_slip(word)
    if slip[0] == word[0] and len(slip) >= _NEAR_FEWEST and slip not in _REAL_NEAR
} | {slip: word for word, spelt in _NEAR_SPELT.items() for slip in spelt.split()}
"""Words of the subject misspelt, for phrases: a phrase asks for more than the word, so the words beside it guard it."""


class Read(NamedTuple):
    """A keyword, and how it was read."""

    keyword: str
    how: Literal["misspelling", "obfuscated"]
    rule_id: str


def letters_of(word: str) -> str:
    """The word with its figures read as letters."""
    return word.translate(_FIGURES)


def is_unsubscribe(word: str) -> bool:
    """Whether a word of a sentence is UNSUBSCRIBE, misspelt."""
    return word in _TELESCOPED or _is_long_slip(word)


def read_word(word: str) -> Read | None:
    """Read one word of letters, figures and signs, in lower case."""
    if len(word) > _LONGEST:
        return None
    figured = word.translate(_FIGURES)
    if figured != word and not word.isdigit():
        for reading in (figured, word.replace("1", "l").translate(_FIGURES)):
            if reading in _FIGURE_TARGETS:
                return Read(reading, "obfuscated", "obfuscated.figures")
        if figured[:2] == "st" and _SLIPS.get(figured) == "stop":
            return Read("stop", "obfuscated", "obfuscated.figures")
    if not word.isalpha():
        return _masked(word)
    return _stretched(word) or _slipped(word)


def read_words(words: list[str]) -> Read | None:
    """Read several words whose letters join to one keyword: `s t o p`, `opt ut`."""
    joined = "".join(words)
    if len(joined) > _LONGEST:
        return None
    if words[0] in {"opt", "opting"} or words[-1] in {"out", "me"}:
        found = _SLIPS.get(joined)
        if found in {"optout", "removeme"}:
            return Read(found, "misspelling", "misspelling.two_words")
    figured = joined.translate(_FIGURES)
    if figured != joined and figured in _FIGURE_TARGETS and not joined.isdigit():
        return Read(figured, "obfuscated", "obfuscated.figures")
    return None


def _masked(word: str) -> Read | None:
    """`st*p`: a sign in the place of one letter."""
    if _MASKED.fullmatch(word) is not None:
        for target in _MASKED_TARGETS:
            if len(word) == len(target) and all(a == b or not a.isalpha() for a, b in zip(word, target, strict=True)):
                return Read(target, "obfuscated", "obfuscated.masked")
    return None


def _stretched(word: str) -> Read | None:
    if _REPEATED.fullmatch(word) is not None and word != "endend":
        found = _REPEATED.fullmatch(word)
        return Read(found[1], "obfuscated", "obfuscated.repeated") if found is not None else None
    runs = [(letter, len(list(run))) for letter, run in groupby(word)]
    if max(length for _, length in runs) < _RUN_MIN and (len(runs) != len("stop") or len(word) < len("sttopp")):
        return _glued(word)
    squeezed = "".join(letter for letter, _ in runs)
    for target in _STRETCHED:
        if squeezed == "".join(letter for letter, _ in groupby(target)):
            return Read(target, "obfuscated", "obfuscated.stretched")
    return None


def _glued(word: str) -> Read | None:
    """`stoptexting`, `plsstop`: the spaces were lost."""
    if _GLUED.fullmatch(word) is None:
        return None
    for part in ("unsubscribe", "optout", "remove"):
        if part in word:
            return Read(part, "obfuscated", "obfuscated.glued")
    return Read("stop", "obfuscated", "obfuscated.glued")


def _slipped(word: str) -> Read | None:
    found = "stop" if word in _SAID else _SLIPS.get(word)
    if found is not None:
        return Read(found, "misspelling", f"misspelling.{found}")
    if is_unsubscribe(word):
        return Read(_LONG, "misspelling", "misspelling.unsubscribe")
    return None


def _is_long_slip(word: str) -> bool:
    return (
        len(word) in _LONG_LENGTHS
        and (word[0] == "u" or "sub" in word or "scri" in word)
        and word not in _OPPOSITES
        and OSA.distance(word, _LONG, score_cutoff=_LONG_SLIPS_MAX) <= _LONG_SLIPS_MAX
    )
