"""What a person who reads answers may want to know of one, and abuse, which a list may count as an opt-out. Pure."""

import re
from typing import Final

from processors.optout.normal import words_of

_ABUSE: Final = re.compile(
    r"(?<![^ ])(?:this is |its |it is |thats |such |total |fucking )*(?:a )?(spam|scam|junk|phishing|scammers?|spammers?|fraud)(?: (?:text|message|number|alert|likely|call))?(?: (?:lol|please|man|bro|again))?(?![^ ])"
)
_ABUSE_WORDS_MAX: Final = 8
_TAGS: Final = (
    (
        "not_interested",
        re.compile(r"\b(?:not interested|no interest|no thanks|no thank you|not for me|i ?ll pass|uninterested)\b"),
    ),
    (
        "who_is_this",
        re.compile(
            r"\b(?:who (?:is|are|r|dis|tf)(?: \w+)?(?: (?:this|these|you|u))?|who s this|whos this|how did (?:you|u) get (?:my|this) number|do i know (?:you|u))\b"
        ),
    ),
    (
        "opt_in_like",
        re.compile(
            r"\b(?:re ?subscribe|sign me up|subscribe me|add me (?:back|to)|opt (?:me )?(?:back )?in|start (?:sending|texting) (?:me )?again)\b"
        ),
    ),
    (
        "needs_review",
        re.compile(
            r"\b(?:stop|unsubscribe|opt out|do not text|dont text|no more texts|remove me|never signed up|didnt sign up|did not sign up|go away|block(?:ed|ing)?|lawyer|attorney|ftc|fcc|tcpa|sue|harass\w*|report(?:ed|ing)? (?:you|this))\b"
        ),
    ),
)
_TAG_WORDS: Final = words_of(
    """
    interested interest thanks thank pass uninterested who whos number resubscribe subscribe sign add opt stop
    unsubscribe again remove signed away block blocked blocking lawyer attorney ftc fcc tcpa sue harass harassing
    harassed harassment report reported reporting text texts know
    """
)
"""One of them stands in every text that has a tag."""


def abuse_of(key: str) -> str | None:
    """SPAM, SCAM or JUNK where a short message says little else."""
    if len(key.split(" ")) > _ABUSE_WORDS_MAX:
        return None
    found = _ABUSE.search(key)
    return (
        None
        if found is None
        else {"s": "spam", "j": "junk"}.get(found[1][0], "scam")
        if not found[1].startswith("scam")
        else "scam"
    )


def tags_of(key: str) -> tuple[str, ...]:
    """What a person who reads answers may want to know of one."""
    if _TAG_WORDS.isdisjoint(key.split(" ")):
        return ()
    return tuple(tag for tag, pattern in _TAGS if pattern.search(key))
