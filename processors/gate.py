"""The send gate: may this message be sent to this contact now? Pure (DESIGN.md 4.3).

G1  Any opt-out or removal on the list, or one whose list could not be told, blocks.
G2  An unknown contact is approved; an unknown list, a stale question or a number that is none is blocked.
G3  A message id has one answer as long as that is valid; after it the sender asks again and is answered anew.
`now` is wall time: what expires, expires for the sender.
"""

from typing import Final

from processors import unassigned
from processors.aggregate import Aggregate, MessageSeen, state_of
from processors.facts import GateReason, RequestFact
from schemas.phone import is_e164

VALID_MS: Final = 60_000
"""How long an answer holds; the contact may say stop at any time after it."""


def judge(aggregate: Aggregate, fact: RequestFact, now: int) -> GateReason:
    """Answer a question; nothing is remembered."""
    if not is_e164(fact.origin.phone):
        return "phone_invalid"
    if fact.expires_at <= now:
        return "expired"
    if not fact.list_known:
        return "list_unknown"
    if not state_of(aggregate, fact.list_number).active:
        return "contact_inactive"
    if unassigned.blocks(aggregate, fact.list_number):
        return "optout_without_list"
    return "approved"


def is_answered(seen: MessageSeen | None, now: int) -> bool:
    """G3: whether the message's answer is still valid."""
    return seen is not None and now < seen.answered_until
