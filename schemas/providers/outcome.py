"""What a status and a table row come to, the same rules for every provider. Pure; reads no payload."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from schemas.providers.callback import DeliveryReport
from schemas.providers.codes import Code, Flag
from schemas.records import DeliveryStatus, FailureClass

CANONICAL: Final[dict[FailureClass, str]] = {
    "spam": "REJECTED_SPAM",
    "destination": "REJECTED_DESTINATION",
    "absent": "REJECTED_ABSENT_SUBSCRIBER",
    "operator": "REJECTED_OPERATOR",
}
"""Class to the name that the public contract gives it; the other classes have none."""
NAME_CHARS_MAX: Final = 128
"""Longest status name that goes on; providers' own have some forty characters."""
CODE_CHARS_MAX: Final = 32
"""Longest code that goes on."""
UNKNOWN: Final = "UNKNOWN"
"""Detail of a report that names no status."""
FAILED: Final = frozenset({"undeliverable", "rejected"})
"""Statuses whose detail is canonical, and that an error code may make more precise."""
_FINE: Final = frozenset({"pending", "delivered"})


class Outcome(NamedTuple):
    """The part of a report that does not depend on the provider's format."""

    status: DeliveryStatus
    status_detail: str
    failure_class: FailureClass
    final: bool
    handset: bool
    opted_out: bool
    emit_unsubscribe: bool
    filtered: bool = False
    blocklisted: bool = False


def refine(status: DeliveryStatus, error: Code | None) -> DeliveryStatus:
    """The status that an error code gives to a failed message; any other status stands, whatever error is beside it."""
    return error.status if status in FAILED and error is not None and error.status is not None else status


def conclude(
    status: DeliveryStatus, row: Code | None, raw_name: str, *, flags: AbstractSet[Flag] | None = None
) -> Outcome:
    """Judge a report from its status and the row that explains it; `flags` replaces the row's own where given.

    An unknown code is `other`: no contact action. An expired message keeps the provider's name and counts at most as
    an absent contact: the public contract names no other action for it (PROVIDERS.md section 2.5, OPTOUT.md section 8).
    """
    marks: AbstractSet[Flag] = flags if flags is not None else row.flags if row is not None else frozenset()
    failure: FailureClass = "none"
    if status not in _FINE:
        failure = (row.failure_class if row is not None else None) or "other"
        if failure == "none" or (status == "expired" and failure != "absent"):
            failure = "other"
    detail = CANONICAL.get(failure) if status in FAILED else None
    emit = "unsubscribe" in marks and status not in _FINE
    confirmed = "intermediate" not in marks
    return Outcome(
        status,
        detail or raw_name[:NAME_CHARS_MAX] or UNKNOWN,
        failure,
        final=status != "pending" and confirmed,
        handset=status == "delivered" and confirmed,
        opted_out=emit or ("opted_out" in marks and status not in _FINE),
        emit_unsubscribe=emit,
        filtered="filtered" in marks and status in FAILED,
        blocklisted="blocklisted" in marks and status in FAILED,
    )


class Told(NamedTuple):
    """What a provider's report says once its format is read."""

    to: str
    """The contact, E.164."""
    sender: str | None
    word: str
    """Status as the provider writes it."""
    code: str | None
    natural_key: str | None
    at: int | None
    provider_message_id: str | None
    message_id: str | None
    time_invalid: bool = False
    detail: str | None = None
    """What the event shows in the place of the word, where no canonical name applies."""


def judge(told: Told, words: Mapping[str, Code], errors: Mapping[str, Code]) -> DeliveryReport:
    """A report of a provider that says a status word, and a code where it failed.

    The word gives the status; a known code of a failed message may make it more precise. A word that stands in no table
    is `pending`, and a failed message's unknown code is `other`: both are counted (PROVIDERS.md section 0.6).
    """
    by_word = words.get(told.word.lower())
    status: DeliveryStatus = (by_word.status if by_word is not None else None) or "pending"
    by_code = errors.get(told.code) if told.code is not None else None
    row = by_code if by_code is not None else by_word
    flags = (by_word.flags if by_word is not None else frozenset[Flag]()) | (
        by_code.flags if by_code is not None else frozenset[Flag]()
    )
    found = conclude(refine(status, by_code), row, told.detail or told.word, flags=flags)
    return DeliveryReport(
        to=told.to,
        sender=told.sender,
        status=found.status,
        status_detail=found.status_detail,
        failure_class=found.failure_class,
        raw_status=told.word[:NAME_CHARS_MAX],
        raw_code=told.code[:CODE_CHARS_MAX] if told.code is not None else None,
        natural_key=told.natural_key,
        at=told.at,
        provider_message_id=told.provider_message_id,
        message_id=told.message_id,
        final=found.final,
        handset=found.handset,
        opted_out=found.opted_out,
        emit_unsubscribe=found.emit_unsubscribe,
        filtered=found.filtered,
        blocklisted=found.blocklisted,
        known=by_word is not None and (told.code is None or by_code is not None or status not in FAILED),
        time_invalid=told.time_invalid,
    )
