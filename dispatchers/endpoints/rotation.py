"""Which secrets an endpoint has after a rotation. Pure; values stay sealed.

T1  Order is the contract: the first valid secret signs X-Trackly-Signature, every valid one signs `webhook-signature`.
T2  A fresh secret goes last, so that the documented header keeps the previous one until the overlap ends.
T3  Every older secret ends with the overlap, or earlier where it did already; what has ended is dropped.
T4  Activating puts the newest first. The newest is the one without an end; where several have none they come from a
    file, and their order there says which one signs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas.config import SealedSecret

SECRETS_MAX: Final = 8
"""Valid secrets of one endpoint: each adds some 50 bytes to a header of every request."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing is changed, and nothing can be until something else is done; `sentence` says what."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Active:
    """The newest secret signs the documented header already."""


def rotate(
    secrets: Sequence[SealedSecret], fresh: SealedSecret, *, now: int, overlap_ms: int
) -> tuple[SealedSecret, ...] | Refused:
    """Add a fresh secret; times in milliseconds, an overlap of 0 ends the old ones at once."""
    end = now + overlap_ms
    ending = (one.model_copy(update={"valid_until": min(end, _end(one, end))}) for one in secrets)
    kept = [one for one in ending if _end(one, end) > now]
    if len(kept) >= SECRETS_MAX:
        return Refused(f"{len(kept)} secrets are valid still; wait for one to end, or end them all with --overlap 0")
    return (*kept, fresh)


def activate(secrets: Sequence[SealedSecret], *, now: int) -> tuple[SealedSecret, ...] | Active | Refused:
    """Let the newest secret sign the documented header from now on."""
    valid = [one for one in secrets if one.is_valid(now)]
    endless = [one for one in valid if one.valid_until is None]
    if len(endless) > 1:
        return Refused("several secrets have no end: no rotation is under way; the first one of the file signs")
    if not endless:
        return Refused("no secret is valid for good: rotate first")
    newest = endless[0]
    if valid[0] is newest:
        return Active()
    return (newest, *(one for one in secrets if one is not newest))


def _end(one: SealedSecret, otherwise: int) -> int:
    return otherwise if one.valid_until is None else one.valid_until
