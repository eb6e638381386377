"""The shape of a language's phrases: the words that make it worth trying, one pattern, one guard. Data."""

import re
from dataclasses import dataclass
from typing import Final

from processors.optout.normal import plain

END: Final = r"(?= \||$)"
"""The end of a clause."""


STEM: Final = 4
"""Letters of a word that pick a language: endings change, and a look at a set is cheap."""


@dataclass(frozen=True, slots=True)
class Language:
    """What a language says to ask for no more texts."""

    name: str
    keyword: str
    words: frozenset[str]
    """A word that begins with one of them must occur; empty where words have no spaces between them."""
    pattern: re.Pattern[str]
    guard: re.Pattern[str] | None
    """Makes the sentence something else."""

    def find(self, clauses: str) -> str | None:
        """What the language's pattern finds, unless its guard does too."""
        found = self.pattern.search(clauses)
        if found is None or (self.guard is not None and self.guard.search(clauses) is not None):
            return None
        return found[0]


def language(name: str, keyword: str, words: str, *alternatives: str, guard: str | None = None) -> Language:
    """One language; words and patterns may be written with accents, for they are folded like the texts are."""
    joined = plain("|".join(alternatives))
    bounded = rf"(?<![^ ])(?:{joined})(?![^ ])" if words else joined
    folded = frozenset(word[:STEM] for word in plain(words).split())
    return Language(name, keyword, folded, re.compile(bounded), re.compile(plain(guard)) if guard else None)
