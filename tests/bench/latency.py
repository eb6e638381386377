"""From a callback's intended start to its webhook at the customer, through every role, at a fixed rate."""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from producers.simulator.callbacks import generate
from producers.simulator.driver import Driver, Pace
from producers.simulator.scenario import Callback, Origin
from runtime.clock import now_ms
from tests.stage import Stage, await_condition

SECONDS = 10
WARM_RATE, WARM_SECONDS = 100, 3
Arrivals = subprocess.Popen[str]


@contextmanager
def _endpoint() -> Iterator[tuple[Arrivals, str]]:
    """The customer's endpoint, in a process of its own so that the driver's work does not delay its clock."""
    command = [sys.executable, "-m", "tests.bench.arrivals"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, f"http://127.0.0.1:{int(process.stdout.readline())}/hook"
        finally:
            process.terminate()


def _arrived(process: Arrivals) -> dict[str, float]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    found: dict[str, float] = json.loads(process.stdout.readline())
    return found


def measure(stage: Stage, rates: tuple[int, ...]) -> dict[int, tuple[float, float]]:
    """Rate to p50 and p99 in milliseconds."""
    with _endpoint() as (process, url):
        stage.configure(
            "accounts: [{id: acme, providers: {infobip: {secret: path-secret}}, "
            'lists: [{number: "+18005551234", provider: infobip}], '
            f'endpoints: [{{id: main, url: "{url}", secret: a-signing-secret, concurrency: 64}}]}}]'
        )
        roles = [stage.start("gateway", TRACKLY_GATEWAY__PORT="0"), stage.start("processor"), stage.start("dispatcher")]
        found: re.Match[str] = await_condition(
            lambda: re.search(r"ready gateway=(http://\S+)", roles[0].log_text()), what="the gateway's address"
        )
        for role in roles:
            role.await_ready()
        _percentiles(process, asyncio.run(_drive(found[1], WARM_RATE, WARM_SECONDS)))
        return {rate: _percentiles(process, asyncio.run(_drive(found[1], rate, SECONDS))) for rate in rates}


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


def _percentiles(process: Arrivals, meant: dict[str, float]) -> tuple[float, float]:
    at: dict[str, float] = await_condition(
        lambda: found if meant.keys() <= (found := _arrived(process)).keys() else None, what="every webhook"
    )
    took = sorted((at[name] - start) * 1000 for name, start in meant.items())
    return took[len(took) // 2], took[int(len(took) * 0.99)]
