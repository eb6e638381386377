"""What a try's outcome means for its task. Pure: one table (DELIVERY.md, Outcome policy)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, Literal, assert_never, get_args

ATTEMPTS_MAX: Final = 6
"""The first try and one per tier."""
_DIGITS_MAX: Final = 9
"""A Retry-After of more digits is some 30 years; the last tier is used."""


FailureKind = Literal[
    "timeout_dns", "timeout_connect", "timeout_tls", "timeout_response", "dns", "connect", "tls", "protocol"
]
"""The part of a try that took too long, or that failed."""


@dataclass(frozen=True, slots=True)
class Responded:
    """A status line came within the time."""

    status: int
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """No status line came."""

    kind: FailureKind


@dataclass(frozen=True, slots=True)
class Blocked:
    """The egress guard refused the address; `reason` is safe to show to the owner."""

    reason: str


Outcome = Responded | Failed | Blocked


@dataclass(frozen=True, slots=True)
class Delivered:
    """Done."""


@dataclass(frozen=True, slots=True)
class RetryAt:
    """The task waits in a tier, counted from 0; `throttle` slows the lane down."""

    tier: int
    throttle: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """The task waits for its endpoint to come back; no attempt is spent."""


@dataclass(frozen=True, slots=True)
class Spent:
    """It was the only try, as that of a test event."""


@dataclass(frozen=True, slots=True)
class Dead:
    """No further try; `reason` is a closed word."""

    reason: Literal["attempts_exhausted", "blocked_address"]


Verdict = Delivered | RetryAt | Hold | Spent | Dead

OUTCOMES: Final = (
    "success", "http_1xx", "http_3xx", "http_4xx", "http_410", "http_429", "http_5xx",
    *get_args(FailureKind), "blocked",
)  # fmt: skip
"""Every label that `label` answers."""
_OK: Final = range(200, 300)
_GONE: Final = 410
_OWN_LABEL: Final = frozenset({_GONE, 429})
_THROTTLING: Final = frozenset({429, 502, 503, 504})
_RETRY_AFTER: Final = frozenset({429, 503})


def label(outcome: Outcome) -> str:
    """The outcome as a closed word for metrics, headers and records."""
    match outcome:
        case Responded(status=status):
            if status in _OK:
                return "success"
            return f"http_{status}" if status in _OWN_LABEL else f"http_{min(max(status // 100, 1), 5)}xx"
        case Failed(kind=kind):
            return kind
        case Blocked():
            return "blocked"
        case _:
            assert_never(outcome)


Kind = Literal["ordinary", "probe", "only"]
"""Whether a try counts, is there to see if the endpoint is back, or is the only one that a task gets."""


def decide(
    outcome: Outcome, *, attempt: int, tier_delays_s: Sequence[float], now: int, kind: Kind = "ordinary"
) -> Verdict:
    """Judge the outcome of try number `attempt` (from 1); `now` in milliseconds since the epoch."""
    match outcome:
        case Responded(status=status) if status in _OK:
            return Delivered()
        case _ if kind == "only":
            return Spent()
        case Blocked():
            return Dead("blocked_address")
        case Responded() | Failed():
            if kind == "probe" or _is_gone(outcome):
                return Hold()
            return _retry(outcome, attempt=attempt, tier_delays_s=tier_delays_s, now=now)
        case _:
            assert_never(outcome)


def _is_gone(outcome: Responded | Failed) -> bool:
    return isinstance(outcome, Responded) and outcome.status == _GONE


def _retry(outcome: Responded | Failed, *, attempt: int, tier_delays_s: Sequence[float], now: int) -> RetryAt | Dead:
    """Attempt n waits in tier n, or in the smallest tier that is at least as long as Retry-After asks for."""
    if attempt >= ATTEMPTS_MAX:
        return Dead("attempts_exhausted")
    tier = attempt - 1
    if isinstance(outcome, Failed):
        return RetryAt(tier)
    if outcome.status in _RETRY_AFTER and outcome.retry_after is not None:
        wanted_s = retry_after_s(outcome.retry_after, now=now)
        if wanted_s is not None:
            last = len(tier_delays_s) - 1
            fits = next((index for index, delay in enumerate(tier_delays_s) if delay >= wanted_s), last)
            tier = max(tier, fits)
    return RetryAt(tier, throttle=outcome.status in _THROTTLING)


def retry_after_s(text: str, *, now: int) -> float | None:
    """Read Retry-After in seconds or as a date (RFC 9110, section 10.2.3); None where it is neither."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) <= _DIGITS_MAX else float(10**_DIGITS_MAX)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    if at.tzinfo is None:  # asctime and `-0000` name no zone: HTTP dates are UTC, never this machine's zone
        at = at.replace(tzinfo=UTC)
    return max(0.0, at.timestamp() - now / 1000)
