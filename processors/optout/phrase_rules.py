"""The phrases, by the words that make them worth trying. Data."""

from collections.abc import Mapping
from itertools import chain
from typing import Final

from processors.optout import phrase_do_not, phrase_leaving, phrase_people, phrase_stops
from processors.optout.phrase_words import Rule


def _by_word() -> dict[str, tuple[Rule, ...]]:
    found: dict[str, tuple[Rule, ...]] = {}
    for words, rules in chain(phrase_stops.ROWS, phrase_do_not.ROWS, phrase_leaving.ROWS, phrase_people.ROWS):
        for word in words:
            found[word] = (*found.get(word, ()), *rules)
    return found


RULES: Final[Mapping[str, tuple[Rule, ...]]] = _by_word()
"""Word to the rules that are tried where it occurs."""
