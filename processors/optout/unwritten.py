"""Takes away what the contact did not write: quoted lines, signatures of phones, answers of machines. Pure, linear."""

import re
from typing import Final, NamedTuple

_SIGNATURE: Final = re.compile(
    r"^[ \t]*(?:--[ \t]*$|sent (?:from|via|with) |get outlook for |envoyé (?:de|depuis) |enviado (?:desde|do|de) |"
    r"(?:von meinem .{1,20} )?gesendet |inviato da |verzonden vanaf |skickat från |"
    r"on .{4,60} wrote:|-{2,} ?original message|from: .{1,80}$)",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTED_LINE: Final = re.compile(r"^[ \t]*[>|].*$", re.MULTILINE)
_MACHINE: Final = re.compile(
    r"\s*(?:\W{0,3})(?:network msg\b|free ?msg\b|auto(?:matic|mated)?[- ]?(?:reply|response|responder)\b|autoreply\b|"
    r"this (?:is an automated|number (?:does not|doesnt|cannot|can not|is not able to|is unable to) )|"
    r"(?:sorry |hi |hello )?im (?:currently )?(?:driving|out of (?:the )?office|away from my phone)\b|"
    r"out of (?:the )?office\b|message blocking is active|service access denied|"
    r"(?:the )?(?:person|subscriber|number|customer) you (?:are|have|dialed|called)|"
    r"you have (?:now |been |already |successfully )*(?:unsubscribed|opted out|been removed|been unsubscribed)|you are (?:now )?(?:unsubscribed|opted out)|"
    r"you (?:will|shall) (?:no longer|not) receive|"
    r"your message (?:could not|was not|cannot|has been received)|(?:this )?mailbox is full|"
    r"unable to (?:send|deliver) (?:your )?message|message not delivered|"
    r"thank(?:s| you) for (?:contacting|texting|messaging|reaching|your (?:message|text|inquiry)).{0,160}"
    r"(?:msg|message|business hours|as soon as|shortly|get back to you|reply (?:stop|help)|team member|representative))"
)
_SELF: Final = re.compile(r"\b(?:me|my|us|please stop)\b")
_TRAILING: Final = re.compile(r"(?<=\S)\s+(?:sent from my|get outlook for) [\w ]{2,40}\.?\s*$", re.IGNORECASE)
_FOOTER: Final = re.compile(
    r"(?:\b(?:reply|text|txt|send|rply|respond(?: with)?)\W{1,3}(?:stop|end|quit|cancel|unsubscribe|unsub|optout)\W{1,3}"
    r"(?:to|2|for|=|at any)\b[^.!?\n]{0,60}"
    r"|\b(?:stop|end|quit) ?(?:to|2|=) ?(?:end|stop|quit|cancel|unsubscribe|unsub|opt ?-?out)\b"
    r"|\bmsg ?(?:&|and) ?data rates[^.!?\n]{0,30})"
)
_FOOTER_PARTS: Final = ("stop", "end", "quit", "cancel", "unsub", "optout", "rates")
_WORDS_BEFORE_MIN: Final = 3
"""Fewer words before a footer's sentence are the contact's own: `ok reply stop to end` is a copied instruction."""


class Own(NamedTuple):
    """What is left."""

    text: str
    machine: bool
    """An answering machine wrote it."""


def cut(text: str) -> str:
    """The text without quoted lines, and without what follows a signature or a quoted message's head."""
    text = _TRAILING.sub("", text)
    if "\n" not in text:
        return text
    found = _SIGNATURE.search(text)
    if found is not None and text[: found.start()].strip():
        text = text[: found.start()]
    kept = _QUOTED_LINE.sub("", text)
    return kept if kept.strip() else text


def speaks_of_itself(plain_text: str) -> bool:
    """Whether somebody says `me` or `my`: what begins like a machine's answer may still be a person's."""
    return _SELF.search(plain_text) is not None


def is_machine(plain_text: str) -> bool:
    """Whether an answering machine or a carrier wrote it, by how it begins."""
    return _MACHINE.match(plain_text) is not None or "data rates may apply" in plain_text


def without_footer(plain_text: str) -> tuple[str, bool]:
    """The text without another sender's instruction how to leave, and whether there was one.

    An instruction that is nearly all of the text was copied by the contact, and stays.
    """
    if not any(part in plain_text for part in _FOOTER_PARTS):
        return plain_text, False
    found = _FOOTER.search(plain_text)
    if found is None or len(plain_text[: found.start()].split()) < _WORDS_BEFORE_MIN:
        return plain_text, False
    return _FOOTER.sub(" | ", plain_text), True
