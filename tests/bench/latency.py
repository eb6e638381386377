"""From a callback's intended start to its webhook at the customer, through every role, at a fixed rate."""

import asyncio
import re
import time
from random import Random

from producers.simulator.callbacks import generate
from producers.simulator.driver import Driver, Pace
from producers.simulator.scenario import Callback, Origin
from runtime.clock import now_ms
from tests.dispatchers.receiver import Receiver
from tests.stage import Stage, await_condition

SECONDS = 8


def measure(stage: Stage, rates: tuple[int, ...]) -> dict[int, tuple[float, float]]:
    """Rate to p50 and p99 in milliseconds."""
    receiver = Receiver()
    try:
        stage.configure(
            "accounts: [{id: acme, providers: {infobip: {secret: path-secret}}, "
            'lists: [{number: "+18005551234", provider: infobip}], '
            f'endpoints: [{{id: main, url: "{receiver.url}", secret: a-signing-secret, concurrency: 64}}]}}]'
        )
        roles = [stage.start("gateway", TRACKLY_GATEWAY__PORT="0"), stage.start("processor"), stage.start("dispatcher")]
        found: re.Match[str] = await_condition(
            lambda: re.search(r"ready gateway=(http://\S+)", roles[0].log_text()), what="the gateway's address"
        )
        for role in roles:
            role.await_ready()
        asyncio.run(_drive(found[1], 50, 2))
        return {rate: _percentiles(receiver, asyncio.run(_drive(found[1], rate, SECONDS))) for rate in rates}
    finally:
        receiver.close()


async def _drive(gateway: str, rate: int, seconds: int) -> dict[str, float]:
    """Event id to the time its callback was meant to start."""
    rng = Random(rate)
    origin = Origin("infobip", "acme", "+18005551234", gateway, "path-secret")
    meant: dict[str, float] = {}
    started = time.time()

    def next_callback() -> Callback:
        callback = generate(origin, "deliveries", rng, now=now_ms())
        meant.update({one.event_id: started + len(meant) / rate for one in callback.expects})
        return callback

    summary = await Driver(gateway, Pace(count=rate * seconds, rate=rate), rng=rng).run(next_callback)
    assert summary.refused == 0
    return meant


def _percentiles(receiver: Receiver, meant: dict[str, float]) -> tuple[float, float]:
    def arrived() -> dict[str, float]:
        return {hit.headers["webhook-id"]: hit.at for hit in reversed(receiver.hits)}

    await_condition(lambda: meant.keys() <= arrived().keys(), what="every webhook")
    at = arrived()
    took = sorted((at[name] - start) * 1000 for name, start in meant.items())
    return took[len(took) // 2], took[int(len(took) * 0.99)]
