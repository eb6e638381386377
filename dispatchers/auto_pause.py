"""When an endpoint is paused for its failures, when it is probed, and what ends its pause. Pure: one table.

P1  So many failures in a row, over at least so long, pause it (`failing`); one 410 does at once (`gone`).
P2  A probe is one try of the oldest held task: 1, 5, 15, 30 min after the pause began or after the last probe, then
    hourly; one that is gone is probed hourly. A 2xx ends the pause.
P3  Failures that come in before a probe is due were under way when the pause began, and say nothing new.
P4  A blocked address is our refusal, not the endpoint's failure; as a probe it tells that the endpoint is not back.
P5  What was appended before a pause began says nothing of it.
Times are the brokers', milliseconds since the epoch: append times of attempts, and the brokers' clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from dispatchers.pauses import FAILING, GONE

_SUCCESS: Final = "success"
_SAYS_NOTHING: Final = "blocked"
_GONE: Final = "http_410"


@dataclass(frozen=True, slots=True)
class PausePolicy:
    """The numbers of P1 and P2."""

    failures: int
    min_ms: int
    probe_delays_ms: Sequence[int]

    def probe_delay_ms(self, reason: str, probes: int) -> int:
        """How long after the pause or the last probe the next one is due."""
        last = len(self.probe_delays_ms) - 1
        return self.probe_delays_ms[last if reason == GONE else min(probes, last)]


@dataclass(frozen=True, slots=True)
class AutoPause:
    """An automatic pause of one endpoint."""

    reason: str
    since: int
    next_probe_at: int
    probes: int
    url_hash: str


@dataclass(slots=True)
class Streak:
    """Failures in a row of one endpoint."""

    failures: int = 0
    first_at: int = 0


def after_attempt(
    pause: AutoPause | None, streak: Streak, outcome: str, *, at: int, url_hash: str, policy: PausePolicy
) -> AutoPause | None:
    """The pause after one attempt; the streak is brought up to date."""
    if outcome == _SAYS_NOTHING:
        return pause if pause is None else _after_probe(pause, outcome, at, policy)
    if pause is not None and at <= pause.since:
        return pause
    if outcome == _SUCCESS:
        streak.failures = 0
        return None
    if streak.failures == 0:
        streak.first_at = at
    streak.failures += 1
    if pause is not None:
        return _after_probe(pause, outcome, at, policy)
    reason = _reason(streak, outcome, at, policy)
    if reason is None:
        return None
    return AutoPause(reason, at, at + policy.probe_delay_ms(reason, 0), 0, url_hash)


def _reason(streak: Streak, outcome: str, at: int, policy: PausePolicy) -> str | None:
    if outcome == _GONE:
        return GONE
    long_enough = at - streak.first_at >= policy.min_ms
    return FAILING if streak.failures >= policy.failures and long_enough else None


def _after_probe(pause: AutoPause, outcome: str, at: int, policy: PausePolicy) -> AutoPause:
    reason = GONE if outcome == _GONE else pause.reason
    if at < pause.next_probe_at:
        return pause if reason == pause.reason else replace(pause, reason=reason)
    probes = pause.probes + 1
    return replace(pause, reason=reason, probes=probes, next_probe_at=at + policy.probe_delay_ms(reason, probes))


def after_url(pause: AutoPause, url_hash: str, *, now: int) -> AutoPause | None:
    """The pause once the endpoint's URL is looked at: another one ends `gone`, and is probed at once otherwise."""
    if pause.url_hash == url_hash:
        return pause
    return None if pause.reason == GONE else replace(pause, next_probe_at=now, url_hash=url_hash)
