"""What a text means: opt out, opt in, help, a reaction, or an answer. Pure: tables, and one function that walks them.

The order of OPTOUT.md section 6: the provider's verdict, reactions, what the contact did not write, exact keywords,
formats, spellings, phrases, abuse. `rule_id` names the rule and `RULESET_VERSION` this set of them, so that a disputed
decision can be replayed. Never reads a clock, a contact's state, or the sender.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal

import msgspec

from processors.optout import formats, languages, normal, phrases, reactions, spellings, tags, unwritten
from processors.optout.words import ASKED, EXACT, Keyword, pack, rows
from schemas.records import MessageLabel

RULESET_VERSION: Final = "2026.11-4"
"""Changes whenever a text could be judged differently."""

MatchType = Literal["provider", "exact", "format", "misspelling", "obfuscated", "phrase", "abuse"]
ProviderVerdict = Literal["opt_out", "opt_in", "help"]
SpamAction = Literal["label", "stop"]


class Classification(msgspec.Struct, frozen=True):
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
class Policy:
    """What a list adds to the rules."""

    keywords: Mapping[str, Keyword]
    spam_action: SpamAction = "label"
    """Whether SPAM, SCAM and JUNK are an opt-out or only a tag."""
    stop_signs: bool = True
    """Whether a message of stop signs alone is an opt-out."""
    spaced: Mapping[str, Keyword] = field(init=False, repr=False, compare=False)
    """The keywords without their spaces, for letters that stand apart."""

    def __post_init__(self) -> None:
        """Join the letters of every keyword once."""
        object.__setattr__(self, "spaced", {key.replace(" ", ""): row for key, row in self.keywords.items()})


DEFAULT_POLICY: Final = Policy(EXACT)

_VERDICTS: Final[Mapping[ProviderVerdict, Keyword]] = {
    "opt_out": Keyword("opt_out", "STOP", "provider.opt_out"),
    "opt_in": Keyword("opt_in", "START", "provider.opt_in"),
    "help": Keyword("help", "HELP", "provider.help"),
}
REPLY: Final = Classification("reply")
_REACTION: Final = Classification("reaction", rule_id="reaction.tapback", tags=("reaction",))
_EMOJI: Final = Classification("reaction", rule_id="reaction.emoji", tags=("reaction",))
_MACHINE: Final = Classification("reply", rule_id="reply.machine", tags=("auto_reply",))
_STOP_SIGNS: Final = frozenset("\N{OCTAGONAL SIGN}\N{NO ENTRY SIGN}\N{RAISED HAND}\N{NO ENTRY}")
_EMOJI_FIRST: Final = "\u2190"
"""Symbols below it (currency, trade mark) are no pictures."""
_EMOJI_CATEGORIES: Final = frozenset({"So", "Sk", "Mn", "Me", "Cf"})
_SPACED_CHARS_MAX: Final = 60
"""The longest keyword with a space behind each letter."""
MATCHED_CHARS_MAX: Final = 200
"""How much of the matched text goes to the ledger."""


@lru_cache(maxsize=1024)
def policy_of(
    keywords: tuple[str, ...] = (),
    languages_on: tuple[str, ...] = (),
    spam_action: SpamAction = "label",
    stop_signs: bool = True,  # noqa: FBT001, FBT002 - a key of the cache
) -> Policy:
    """The rules with a list's own keywords and languages; one object for equal settings.

    Raises:
        KeyError: no such language.
    """
    added = {**pack(languages_on), **_own(keywords)}
    return Policy({**added, **EXACT} if added else EXACT, spam_action, stop_signs)


def _own(keywords: Iterable[str]) -> dict[str, Keyword]:
    return {key: Keyword(row.label, row.keyword, "exact.list") for key, row in rows(keywords, "opt_out").items()}


def classify(
    text: str, *, provider_verdict: ProviderVerdict | None = None, policy: Policy = DEFAULT_POLICY
) -> Classification:
    """Judge one inbound text; the provider's own verdict comes first and is final for an opt-out.

    Linear in the length of the text, total on every string.
    """
    if provider_verdict is not None:
        return _by_verdict(text, provider_verdict, policy)
    own = normal.capped(text)
    rest = reactions.rest_of(own)
    if rest == "":
        return _REACTION
    own = unwritten.cut(own if rest is None else rest)
    plain = normal.plain(own)
    key = normal.key_of(plain)
    if not key:
        return _of_signs(own, policy)
    found = _by_keyword(key, own, policy) or _by_sense(plain, key, own, policy)
    if found is not None:
        return found
    told = tags.tags_of(key)
    return Classification("reply", tags=told) if told else REPLY


def _by_verdict(text: str, verdict: ProviderVerdict, policy: Policy) -> Classification:
    row = _VERDICTS[verdict]
    named = policy.keywords.get(normal.key_of(normal.plain(normal.capped(text))))
    keyword = named.keyword if named is not None and named.label == row.label else row.keyword
    return Classification(row.label, keyword, "provider", row.rule_id)


def _by_keyword(key: str, own: str, policy: Policy) -> Classification | None:
    """The whole message is a row of the table, as it stands or with letters of other scripts read by their looks."""
    row = policy.keywords.get(key)
    if row is not None:
        return _classified(row, "exact", own)
    if not key.isascii():
        row = (
            policy.keywords.get(normal.look_alike(key))
            or policy.keywords.get(normal.look_alike_by_sound(key))
            or policy.keywords.get(normal.zero_as_letter(key))
        )
        if row is not None:
            return _classified(row, "obfuscated", own)
    return None


def _by_sense(plain: str, key: str, own: str, policy: Policy) -> Classification | None:
    """Everything beyond the table; each layer is wider than the one before it."""
    machine, (plain, footed) = unwritten.is_machine(plain), unwritten.without_footer(plain)
    if machine:
        return _of_person(plain, own) or _MACHINE
    if footed:
        key = normal.key_of(plain)
    words = normal.mixed_words_folded(key).split(" ")
    if len(key) <= _SPACED_CHARS_MAX:
        row = policy.spaced.get("".join(words))
        if row is not None:
            return _classified(row, "obfuscated", own)
    if len(words) <= formats.WORDS_MAX:
        found = _by_form(words, own, plain, policy)
        if found is not None:
            return found
    found = _of_sentence(plain, own) or _of_phrase(_by_phrase(plain))
    if found is not None:
        return found
    abuse = tags.abuse_of(key)
    if abuse is not None:
        label: MessageLabel = "opt_out" if policy.spam_action == "stop" else "reply"
        return Classification(label, abuse.upper(), "abuse", f"abuse.{abuse}", abuse, ("abuse",))
    return _MACHINE if footed else None


def _of_person(plain: str, own: str) -> Classification | None:
    """What begins like a machine's answer and speaks of itself is read once more."""
    if not unwritten.speaks_of_itself(plain):
        return None
    return _of_phrase(_by_phrase(plain)) or _of_sentence(plain, own)


def _of_sentence(plain: str, own: str) -> Classification | None:
    said = formats.in_a_sentence(plain, own)
    if said is None:
        return None
    return Classification("opt_out", said.keyword, "format", said.rule_id, own[:MATCHED_CHARS_MAX])


def _of_phrase(phrase: phrases.Phrase | None) -> Classification | None:
    if phrase is None:
        return None
    return Classification(
        "opt_out", phrase.keyword, "phrase", phrase.rule_id, phrase.matched[:MATCHED_CHARS_MAX], phrase.tags
    )


def _by_phrase(plain: str) -> phrases.Phrase | None:
    """A phrase within a clause; where none is, one that goes over the end of a line."""
    clauses = normal.shortened(normal.mixed_words_folded(normal.clauses(plain)))
    found = phrases.find(phrases.respelt(clauses)) or languages.find(clauses)
    return _by_phrase(plain.replace("\n", " ")) if found is None and "\n" in plain else found


def _by_core(core: list[str], words: list[str], own: str, policy: Policy) -> Classification | None:
    """What is left without courtesy is a row of the table, spelt letter by letter, or a stop sign."""
    if not core and policy.stop_signs and not _STOP_SIGNS.isdisjoint(own):
        return Classification("opt_out", "STOP", "exact", "exact.stop_sign", own[:MATCHED_CHARS_MAX])
    if not core or core == words:
        return None
    if len(core) > 1 and all(len(word) == 1 for word in core):
        spelt = policy.spaced.get("".join(core))
        return _classified(spelt, "obfuscated", own) if spelt is not None and spelt.label == "opt_out" else None
    text = " ".join(core)
    row = policy.keywords.get(text)
    if row is not None and row.label == "opt_out":
        return _classified(row, "format", own)
    asked = ASKED.get(text) if formats.asks(words) else None
    return _classified(asked, "format", own) if asked is not None else None


def _by_form(words: list[str], own: str, plain: str, policy: Policy) -> Classification | None:
    """The whole message is a keyword with courtesy, copied from an instruction, or spelt in its own way."""
    core = formats.without_courtesy(words)
    found = _by_core(core, words, own, policy)
    if found is not None:
        return found
    form = formats.read([normal.shortened(word) for word in core] if len(core) > 1 else core or words)
    if form is not None:
        return Classification("opt_out", form.keyword, "format", form.rule_id, own[:MATCHED_CHARS_MAX])
    single = formats.single_token(plain)
    read = spellings.read_word(single) if single is not None else None
    if read is None and len(core) == 1:
        read = spellings.read_word(core[0])
    if read is None and 1 < len(words) <= formats.WORDS_MAX:
        read = spellings.read_words(core or words)
    if read is None:
        return None
    keyword = EXACT[read.keyword].keyword if read.keyword in EXACT else "REMOVE ME"
    return Classification("opt_out", keyword, read.how, read.rule_id, own[:MATCHED_CHARS_MAX])


def _of_signs(own: str, policy: Policy) -> Classification:
    """A text without a letter or figure: pictures are a reaction, stop signs a request, marks an answer."""
    pictures = [char for char in own if char >= _EMOJI_FIRST and unicodedata.category(char) == "So"]
    flags = policy.keywords.get(normal.flag_letters(own)) if pictures else None
    if flags is not None:
        return _classified(flags, "obfuscated", own)
    if not pictures:
        return REPLY
    if policy.stop_signs and _STOP_SIGNS.issuperset(pictures):
        return Classification("opt_out", "STOP", "exact", "exact.stop_sign", own[:MATCHED_CHARS_MAX])
    return _EMOJI


def _classified(row: Keyword, match_type: MatchType, own: str) -> Classification:
    return Classification(row.label, row.keyword, match_type, row.rule_id, own.strip()[:MATCHED_CHARS_MAX])
