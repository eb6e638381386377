"""The dispatcher against a loopback receiver, beside aiohttp making the same POSTs."""

import asyncio
import re
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import httpx
import uvloop

from runtime.broker import free_port
from schemas import topics
from schemas.events import delivery_body
from tests.bench.cpu import Measured, watch
from tests.dispatchers.test_shell import event
from tests.stage import Stage, await_condition

EVENTS = 8000
ENDPOINTS = 20
INFLIGHT = 256


def _receiver() -> tuple[subprocess.Popen[bytes], int]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-P", str(Path(__file__).with_name("bare.py")), str(port)])

    def answers() -> bool:
        try:
            return httpx.post(f"http://127.0.0.1:{port}/", content=b"x").status_code == 200
        except httpx.HTTPError:
            return False

    await_condition(answers, what="the receiver")
    return process, port


def ours(stage: Stage) -> tuple[Measured, Measured]:
    receiver, port = _receiver()
    try:
        accounts = "".join(
            f'  - {{id: a{number}, endpoints: [{{id: main, url: "http://127.0.0.1:{port}/e{number}", '
            "secret: a-signing-secret, concurrency: 32}]}\n"
            for number in range(ENDPOINTS)
        )
        stage.configure("accounts:\n" + accounts)
        events = []
        for number in range(EVENTS):
            key, value = event(number)
            account = f"a{number % ENDPOINTS}"
            events.append((key.replace("acme", account), {**value, "account": account}))
        stage.produce(topics.events_topic("delivery"), "DeliveryEvent", events)
        role = stage.start("dispatcher", "--event", "delivery")

        def count() -> float:
            found = re.findall(
                r'^trackly_dispatch_attempts_total\{[^}]*"success"[^}]*\} (\S+)', role.metrics(), re.MULTILINE
            )
            return sum(float(value) for value in found)

        measured = watch(role.process.pid, count, EVENTS)
        assert role.terminate() == 0
        return measured, uvloop.run(_raw(port, delivery_body(events[0][1])))  # type: ignore[arg-type]  # a record
    finally:
        receiver.terminate()
        receiver.wait()


async def _raw(port: int, body: bytes) -> Measured:
    headers = {
        "Content-Type": "application/json",
        "X-Trackly-Signature": "sha256=" + "0" * 64,
        "webhook-id": "evt_" + "0" * 32,
    }
    started, used = time.monotonic(), time.process_time()
    left = iter(range(EVENTS))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=INFLIGHT)) as session:

        async def worker() -> None:
            for number in left:
                async with session.post(
                    f"http://127.0.0.1:{port}/e{number % ENDPOINTS}", data=body, headers=headers
                ) as answer:
                    await answer.read()

        await asyncio.gather(*(worker() for _ in range(INFLIGHT)))
    return Measured(EVENTS, time.process_time() - used, time.monotonic() - started)
