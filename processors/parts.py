"""Long texts that a provider delivers in parts: each part is told as it comes, and the whole is judged once. Pure.

A part is an answer of its own, so that nothing waits for one that never comes. What the parts say together is looked at
when the last of them is there: a request to stop that was cut in two is one (PROVIDERS.md section 7, decision 14).
"""

from typing import Final

import msgspec

from processors.aggregate import Aggregate, PartSeen, key_of
from processors.facts import MessageFact

PARTS_MAX: Final = 12
"""Parts kept for one contact; a text of ten parts has 1,600 characters."""
PART_CHARS_MAX: Final = 320
"""Of a part; a provider's part has at most 160."""
PARTS_BYTES_MAX: Final = 4096
"""Of all parts together, so that what is known of a contact stays within its bound in every script; twelve parts of
plain text have 1,840 bytes, twelve of Cyrillic 1,610."""
WAIT_MS: Final = 3_600_000
"""Parts that are older belong to another text: references are counted from 0 to 255 and come again."""


def joined(aggregate: Aggregate, fact: MessageFact, now: int) -> str | None:
    """Remember a part; the whole text where this was the last of it that was missing."""
    part = fact.message.part
    if part is None or not 1 <= part.number <= part.total <= PARTS_MAX:
        return None
    key = key_of(fact.origin.provider, fact.message.to or "", part.reference, str(part.total))
    fresh = [one for one in aggregate.parts if now - one.at <= WAIT_MS]
    own = {one.number: one.text for one in fresh if one.key == key}
    own[part.number] = fact.message.body[:PART_CHARS_MAX]
    others = [one for one in fresh if one.key != key]
    if len(own) == part.total:
        aggregate.parts = others
        return "".join(own[number] for number in sorted(own))
    mine = [PartSeen(key, number, now, text) for number, text in own.items()]
    kept = [*others, *mine][-PARTS_MAX:]
    while sum(len(one.text.encode("utf-8", "replace")) for one in kept) > PARTS_BYTES_MAX:
        del kept[0]
    aggregate.parts = kept
    return None


def as_whole(fact: MessageFact, text: str) -> MessageFact:
    """The fact as if the whole text had come with this part."""
    message = msgspec.structs.replace(fact.message, body=text, part=None)
    return msgspec.structs.replace(fact, message=message)
