"""Claims on `endpoints.state` how far held tasks are done, and tells when the brokers have the claims. On the loop.

C1  A claim is written when it says something new, and never says more than what was done.
C2  Claims of another log than the one that is there are taken back before anything of this one is committed.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Final

from dispatchers.hops import Hop, Hops
from dispatchers.pauses import Claim
from runtime.clock import now_ms
from schemas import topics
from schemas.codec import encoder
from schemas.records import EndpointState

TAKEN_S: Final = 1.5
"""Longest that a revocation waits for the brokers to take its claims; without them the next owner repeats."""
LOOK_S: Final = 0.01


class Claims:
    """The claims of one assignment of one hold partition."""

    def __init__(self, hops: Hops, partition: int) -> None:
        """Begin with none written."""
        self._hops = hops
        self._partition = partition
        self._said: dict[str, Claim] = {}
        self._encode = encoder("EndpointState")
        self._open = 0

    def say(self, endpoint: str, claim: Claim) -> None:
        """Claim, unless it was said already."""
        if self._said.get(endpoint) != claim:
            self._said[endpoint] = claim
            self._send(endpoint, self._encode(claim_record(endpoint, self._partition, claim, now=now_ms())))

    def forget(self, endpoint: str) -> None:
        """Nothing of an endpoint waits any more: what was said of it need not be known."""
        self._said.pop(endpoint, None)

    async def take_back(self, endpoints: Iterable[str]) -> None:
        """Remove claims, and wait for the brokers as long as it takes."""
        for endpoint in endpoints:
            self._send(endpoint, None)
        await self._all_taken()

    async def taken(self) -> None:
        """Wait a little until the brokers have every claim: the next owner reads them before it begins."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TAKEN_S):
                await self._all_taken()

    async def _all_taken(self) -> None:
        while self._open:  # noqa: ASYNC110 - at a rebalance only
            await asyncio.sleep(LOOK_S)

    def _send(self, endpoint: str, value: bytes | None) -> None:
        self._open += 1
        key = topics.claim_key(endpoint, self._partition)
        self._hops.send([Hop(topics.ENDPOINT_STATE, key, value)], self._one_taken)

    def _one_taken(self) -> None:
        self._open -= 1


def claim_record(endpoint: str, partition: int, claim: Claim, *, now: int) -> EndpointState:
    """A claim as `endpoints.state` keeps it."""
    return {
        "endpoint": endpoint,
        "kind": "hold",
        "paused": False,
        "reason": None,
        "since": None,
        "next_probe_at": None,
        "probes": 0,
        "hold_partition": partition,
        "done_below": claim.below,
        "done_beyond": claim.beyond or None,
        "url_hash": None,
        "actor": "dispatcher",
        "updated_at": now,
    }
