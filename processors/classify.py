"""What a text means: opt out, opt in, help, a reaction, or an answer. Pure: a table of keywords and one function.

The rules are numbered by `rule_id`; `RULESET_VERSION` names this set of them, so that a disputed decision can be
replayed. Never reads a clock, a list's state, or the sender.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from schemas.records import MessageLabel

RULESET_VERSION: Final = "2026.11-1"
"""Changes whenever a text could be judged differently."""
TEXT_CHARS_MAX: Final = 1600
"""A ten-part SMS; an exact keyword cannot be longer, so the rest is not looked at (OPTOUT.md section 6)."""

MatchType = Literal["provider", "exact", "format", "misspelling", "obfuscated", "phrase", "abuse"]
ProviderVerdict = Literal["opt_out", "opt_in", "help"]


@dataclass(frozen=True, slots=True)
class Classification:
    """A label and what decided it."""

    label: MessageLabel
    keyword: str | None = None
    """Canonical upper-case keyword that the text stands for."""
    match_type: MatchType | None = None
    rule_id: str | None = None
    matched_text: str | None = None
    tags: tuple[str, ...] = ()
    ruleset_version: str = RULESET_VERSION


@dataclass(frozen=True, slots=True)
class Keyword:
    """One row of the table: a whole message, normalised, and what it means."""

    label: MessageLabel
    keyword: str
    rule_id: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What a list adds to the table."""

    keywords: Mapping[str, Keyword]


_DOCUMENTED_STOPS: Final = ("STOP", "STOPALL", "UNSUBSCRIBE", "QUIT", "CANCEL")
"""The five keywords of the public contract (DESIGN.md section 1)."""
_STARTS: Final = ("START", "UNSTOP")
_HELPS: Final = ("HELP", "INFO")

EXACT: Final[Mapping[str, Keyword]] = {
    **{word: Keyword("opt_out", word, f"exact.{word.lower()}") for word in _DOCUMENTED_STOPS},
    **{word: Keyword("opt_in", word, f"exact.{word.lower()}") for word in _STARTS},
    **{word: Keyword("help", word, f"exact.{word.lower()}") for word in _HELPS},
}
"""Whole messages, normalised, that mean one thing only."""
DEFAULT_POLICY: Final = Policy(EXACT)

_VERDICTS: Final[Mapping[ProviderVerdict, Keyword]] = {
    "opt_out": Keyword("opt_out", "STOP", "provider.opt_out"),
    "opt_in": Keyword("opt_in", "START", "provider.opt_in"),
    "help": Keyword("help", "HELP", "provider.help"),
}
REPLY: Final = Classification("reply")

_SPACES: Final = re.compile(r"\s+")
_EDGE_CATEGORIES: Final = ("P", "S", "Z", "C")
"""Punctuation, symbols, separators, invisibles: at the edges they change nothing (CTIA 5.1.3)."""


def normalise(text: str) -> str:
    """Fold a text to the form the table is written in: NFKC, no invisibles, upper case, bare edges, single spaces."""
    folded = unicodedata.normalize("NFKC", text)
    if not folded.isascii():
        decomposed = unicodedata.normalize("NFKD", folded)
        folded = "".join(char for char in decomposed if unicodedata.category(char) not in {"Mn", "Me", "Cf"})
    start, end = 0, len(folded)
    while start < end and unicodedata.category(folded[start])[0] in _EDGE_CATEGORIES:
        start += 1
    while end > start and unicodedata.category(folded[end - 1])[0] in _EDGE_CATEGORIES:
        end -= 1
    return _SPACES.sub(" ", folded[start:end]).upper()


def classify(
    text: str, *, provider_verdict: ProviderVerdict | None = None, policy: Policy = DEFAULT_POLICY
) -> Classification:
    """Judge one inbound text; the provider's own verdict comes first and is final for an opt-out.

    Linear in the length of the text, total on every string.
    """
    if provider_verdict is not None:
        row = _VERDICTS[provider_verdict]
        named = policy.keywords.get(normalise(text[:TEXT_CHARS_MAX]))
        keyword = named.keyword if named is not None and named.label == row.label else row.keyword
        return Classification(row.label, keyword, "provider", row.rule_id)
    text = text.strip()
    if len(text) > TEXT_CHARS_MAX:
        return REPLY
    found = policy.keywords.get(normalise(text))
    if found is None:
        return REPLY
    return Classification(found.label, found.keyword, "exact", found.rule_id, matched_text=text.strip())
