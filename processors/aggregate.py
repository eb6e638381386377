"""What is known of one contact of one account: consent and failures per list, dedupe keys, message ids. Pure values.

The bytes are private to the processor: a version byte, then MessagePack arrays (a decision record says why not Avro).
A reader of a later version reads every earlier one; a byte it does not know is refused, never guessed at.
"""

from hashlib import blake2b
from typing import Final, TypeVar

import msgspec

from processors.brake import ListWindow
from schemas.records import ContactReason

VERSION: Final = 1
"""First byte of every value in the changelog and the store."""
SEEN_MAX: Final = 64
"""Dedupe keys kept for one contact (DESIGN.md 4.2)."""
SEEN_AGE_MAX_MS: Final = 48 * 3_600_000
"""Dedupe keys older than this are dropped."""
WEAK_AGE_MAX_MS: Final = 600_000
"""Keys made of content alone live 10 min: two equal answers an hour apart are two answers."""
MESSAGES_MAX: Final = 32
"""Recent message ids kept for one contact, for correlation and for counting a failure once."""
SIZE_BYTES_MAX: Final = 8192
"""Largest state of a contact; a changelog of a million such contacts is 8 GB."""
KEPT_MIN: Final = 4
"""Messages and repeats that are kept whatever they hold."""
MESSAGE_ID_CHARS_MAX: Final = 128
"""Longer ids of a sender's own are not remembered for correlation; ours have eight characters."""
UNASSIGNED_MAX: Final = 8
"""Opt-outs without a list that are remembered one by one."""


class Mark(msgspec.Struct, array_like=True, frozen=True):
    """One STOP or START: who carried it and when."""

    provider: str
    provider_time: int | None
    received_at: int


class ListState(msgspec.Struct, array_like=True):
    """A contact on one list."""

    active: bool = True
    reason: ContactReason = "unknown"
    unsubscribed_at: int | None = None
    changed_at: int = 0
    failures: int = 0
    failed_first_at: int = 0
    failed_last_at: int = 0
    delivered_at: int = 0
    stop: Mark | None = None
    start: Mark | None = None
    ordered_at: int = 0
    """When a person or program last allowed texting, whether that changed anything or not."""


class Seen(msgspec.Struct, array_like=True, frozen=True):
    """One fragment that was applied."""

    key: int
    at: int
    weak: bool = False


class MessageSeen(msgspec.Struct, array_like=True):
    """One message of ours, by provider id or our id."""

    key: int
    list_number: str
    message_id: str | None = None
    rank: int = -1
    at: int = 0
    counted: bool = False
    answered_until: int = 0
    """The send gate answered for it, and the answer holds until then; 0 where it was never asked."""


class Unassigned(msgspec.Struct, array_like=True, frozen=True):
    """An opt-out whose list could not be told; blocks every list of the account until it is lifted."""

    key: int
    at: int
    lifted: tuple[str, ...] = ()
    """Lists for which an opt-in came after it."""
    stop: Mark | None = None
    """Who carried it and when, as an opt-in is compared with it."""


class AccountStop(msgspec.Struct, array_like=True, frozen=True):
    """An opt-out from every list of the account, also from those the contact was never on."""

    reason: ContactReason
    at: int


class PartSeen(msgspec.Struct, array_like=True, frozen=True):
    """One part of a long text whose other parts are still to come."""

    key: int
    number: int
    at: int
    text: str


class Aggregate(msgspec.Struct, array_like=True):
    """Everything the processor knows of one contact."""

    lists: dict[str, ListState] = {}
    seen: list[Seen] = []
    messages: list[MessageSeen] = []
    unassigned: list[Unassigned] = []
    unassigned_overflow: bool = False
    erased_at: int | None = None
    overflow_lifted: list[str] = []
    stopped: AccountStop | None = None
    parts: list[PartSeen] = []
    lifted_at: int = 0
    """When a person or program last allowed texting from every list of the account."""


def state_of(aggregate: Aggregate, list_number: str) -> ListState:
    """The contact on a list; a list that knows nothing of it follows the account."""
    known = aggregate.lists.get(list_number)
    if known is not None:
        return known
    stopped, ordered_at = aggregate.stopped, aggregate.lifted_at
    if stopped is None:
        return ListState(ordered_at=ordered_at)
    return ListState(
        active=False, reason=stopped.reason, unsubscribed_at=stopped.at, changed_at=stopped.at, ordered_at=ordered_at
    )


class UnknownVersionError(Exception):
    """The bytes were written by a version of the processor that this one does not know; their partition waits."""


class UnreadableStateError(Exception):
    """The bytes are corrupt: the store must be rebuilt."""


_Value = TypeVar("_Value")
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Aggregate)
_window_decoder: Final = msgspec.msgpack.Decoder(ListWindow)
_PREFIX: Final = bytes([VERSION])
_STREAM_TIME_BYTES: Final = 8


def encode(aggregate: Aggregate) -> bytes:
    """Write an aggregate as the changelog and the store hold it.

    One that grew beyond SIZE_BYTES_MAX forgets its oldest messages, then its oldest repeats, then lists that say no
    more than that the contact was texted; consent it never forgets.
    """
    data = _PREFIX + _encoder.encode(aggregate)
    while len(data) > SIZE_BYTES_MAX and _shortened(aggregate):
        data = _PREFIX + _encoder.encode(aggregate)
    return data


def _shortened(aggregate: Aggregate) -> bool:
    """Forget a part of what may be forgotten; False where nothing is left of that."""
    if len(aggregate.messages) > KEPT_MIN:
        aggregate.messages = aggregate.messages[len(aggregate.messages) // 2 :]
    elif len(aggregate.seen) > KEPT_MIN:
        aggregate.seen = aggregate.seen[len(aggregate.seen) // 2 :]
    else:
        silent = sorted((state.delivered_at, number) for number, state in aggregate.lists.items() if _is_silent(state))
        for _, number in silent[: (len(silent) + 1) // 2]:
            del aggregate.lists[number]
        return bool(silent)
    return True


def _is_silent(state: ListState) -> bool:
    """Whether a list holds no consent: one that the account's own stop covers was never active without an opt-in."""
    return state.active and not state.changed_at and not state.ordered_at and state.stop is None and state.start is None


def decode(data: bytes) -> Aggregate:
    """Read an aggregate; the value is the caller's own to change.

    Raises:
        UnknownVersionError: the first byte is of a version we do not know.
        UnreadableStateError: the bytes are corrupt.
    """
    return _decoded(_decoder, data, "an aggregate")


def encode_stream_time(at: int) -> bytes:
    """Write a partition's stream time, milliseconds since the epoch."""
    return _PREFIX + at.to_bytes(_STREAM_TIME_BYTES, "big")


def decode_stream_time(data: bytes) -> int:
    """Read a partition's stream time.

    Raises:
        UnknownVersionError: the first byte is of a version we do not know.
        UnreadableStateError: the bytes are corrupt.
    """
    _check_version(data)
    if len(data) != 1 + _STREAM_TIME_BYTES:
        raise UnreadableStateError("a stream time is corrupt")
    return int.from_bytes(data[1:], "big")


def encode_window(window: ListWindow) -> bytes:
    """Write what a list met in the last hour."""
    return _PREFIX + _encoder.encode(window)


def decode_window(data: bytes) -> ListWindow:
    """Read what a list met in the last hour; raises as `decode` does."""
    return _decoded(_window_decoder, data, "a list's window")


def _decoded(decoder: msgspec.msgpack.Decoder[_Value], data: bytes, what: str) -> _Value:
    _check_version(data)
    try:
        return decoder.decode(memoryview(data)[1:])
    except msgspec.DecodeError as error:
        raise UnreadableStateError(f"{what} is corrupt") from error


def _check_version(data: bytes) -> None:
    if data[:1] != _PREFIX:
        if not data:
            raise UnreadableStateError("a value is empty")
        raise UnknownVersionError(f"state of version {data[0]}, this process knows {VERSION}")


def key_of(*parts: str) -> int:
    """A 63-bit key of a fragment or message id; collisions within one contact's 64 keys do not happen in practice."""
    joined = "\x1f".join(parts)
    return int.from_bytes(blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") >> 1
