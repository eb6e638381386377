"""(i) No phone number of a contact, no text of theirs and no secret in any log."""

import re
from collections.abc import Iterator
from typing import Final

from tests.chaos.checker.history import History, Violation

_DIGITS: Final = re.compile(r"\d{7,15}")
TEXT_CHARS_MIN: Final = 16
"""A shorter text, such as STOP, is a word that logs may hold; of a longer one so much is looked for."""


def leaks(history: History) -> Iterator[Violation]:
    """Look for every number, text and secret in every line; evidence names the line and never what is in it."""
    numbers = {callback.contact.removeprefix("+") for callback in history.callbacks}
    numbers |= {number[-10:] for number in numbers}
    texts = {one.text[:TEXT_CHARS_MIN] for one in history.callbacks if one.text and len(one.text) >= TEXT_CHARS_MIN}
    for name, log in history.logs.items():
        for line, text in enumerate(log.splitlines(), start=1):
            if any(digits in numbers for digits in _DIGITS.findall(text)):
                yield Violation("i", "phone_number_in_log", {"log": name, "line": line})
            if any(secret in text for secret in history.setup.secrets):
                yield Violation("i", "secret_in_log", {"log": name, "line": line})
        if any(text in log for text in texts):
            yield Violation("i", "text_in_log", {"log": name})
