"""Finds the phrases of languages other than English, on words without accents. Pure.

A language's rules are tried only where one of its own words occurs, so that English costs nothing.
"""

from processors.optout import phrases_eastern, phrases_germanic, phrases_romance
from processors.optout.language import STEM
from processors.optout.phrases import Phrase

_WITH_SPACES = (*phrases_romance.LANGUAGES, *phrases_germanic.LANGUAGES, *phrases_eastern.LANGUAGES)
_ANY = frozenset().union(*(language.words for language in _WITH_SPACES))


def find(clauses: str) -> Phrase | None:
    """The first phrase of the first language that has one."""
    words = {word[:STEM] for word in clauses.split(" ")}
    if not words.isdisjoint(_ANY):
        for language in _WITH_SPACES:
            if not language.words.isdisjoint(words):
                found = language.find(clauses)
                if found is not None:
                    return Phrase(language.keyword, f"phrase.{language.name}", found.strip(" |"))
    if clauses.isascii():
        return None
    for language in phrases_eastern.WITHOUT_SPACES:
        found = language.find(clauses)
        if found is not None:
            return Phrase(language.keyword, f"phrase.{language.name}", found.strip(" |"))
    return None
