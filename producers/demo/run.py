"""The whole way on one machine, watched: broker, roles, simulated providers, a customer who checks and sometimes fails.

Ends with 0 only if every distinct accepted callback's webhook arrived with valid signatures.
"""

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import httpx
from rich.console import Console
from rich.live import Live

from producers.demo.receiver import Receiver
from producers.demo.view import Figures, line, table, total
from producers.simulator.callbacks import generate
from producers.simulator.driver import Answered, Driver, Pace, Summary
from producers.simulator.scenario import Origin
from runtime.broker import free_port
from runtime.clock import mono_s, now_ms
from runtime.supervisor import Deployment

TIERS: Final = "2,3,4,5,6"
"""Retry delays of the demo in seconds; the documented ones are 1 min, 5 min, 15 min, 1 h, 2 h."""
PARTITIONS: Final = 3
FAILURE_SHARE: Final = 0.05
REPEATS: Final = 0.05
SETTLE_S: Final = 45.0
"""Longest wait without a new arrival once the traffic has ended."""
VIEW_S: Final = 0.5
LINE_S: Final = 2.0
SECRETS: Final = {"path": "demo-path-secret", "twilio": "demo-auth-token", "endpoint": "demo-signing-secret"}
"""Of a demo that listens on loopback for seconds; nothing else ever uses them."""
NUMBERS: Final = {"infobip": "+18005550101", "twilio": "+18005550102", "cm": "+18005550103"}


@dataclass(slots=True)
class Traffic:
    """What the simulated providers sent and what must come of it."""

    expected: set[str] = field(default_factory=set)
    acknowledged: int = 0
    refused: int = 0
    repeats: int = 0

    def watch(self, answered: Answered) -> None:
        """Take one answer of the gateway."""
        if not answered.accepted:
            self.refused += 1
            return
        self.acknowledged += 1
        self.repeats += answered.repeat
        self.expected.update(one.event_id for one in answered.callback.expects)


def run(*, seconds: float, rate: float, seed: int, console: Console) -> int:
    """Run the demo and answer its exit code."""
    folder = Path(tempfile.mkdtemp(prefix="trackly-demo-"))
    port = free_port()
    deployment = Deployment(
        folder,
        lambda text: console.print(text, highlight=False, markup=False),
        port=port,
        environment={
            "TRACKLY_EGRESS__ALLOW_CIDRS": "127.0.0.0/8",
            "TRACKLY_EGRESS__ALLOW_PLAIN_HTTP": "true",
            "TRACKLY_EGRESS__ALLOW_PORTS": "",
            "TRACKLY_DISPATCH__TIER_DELAYS_S": TIERS,
            "TRACKLY_GATEWAY__PUBLIC_BASE_URL": f"http://127.0.0.1:{port}",
            "TRACKLY_TOPIC_PREFIX": "sms.",
        },
    )
    good = False
    try:
        deployment.start_broker()
        deployment.provision(partitions=PARTITIONS)
        deployment.start_roles()  # the configuration reaches them live
        good = asyncio.run(_show(deployment, f"http://127.0.0.1:{port}", seconds, rate, seed, console))
    finally:
        deployment.stop()
        if good:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            console.print(f"logs are kept in {folder / 'logs'}", highlight=False)
    return 0 if good else 1


async def _show(deployment: Deployment, gateway: str, seconds: float, rate: float, seed: int, console: Console) -> bool:
    rng = Random(seed)  # noqa: S311 - a simulation that can be repeated
    receiver = Receiver(SECRETS["endpoint"], rng, FAILURE_SHARE)
    url = await receiver.start()
    deployment.configure(_configuration(url), "demo")
    await asyncio.to_thread(deployment.await_ready)
    console.print(
        f"every role is up; retry tiers are shortened to {TIERS} s (documented: 1 min, 5 min, 15 min, 1 h, 2 h); "
        f"the customer fails {FAILURE_SHARE:.0%} of first tries on purpose",
        highlight=False,
    )
    traffic = Traffic()
    started = mono_s()

    async def figures() -> Figures:
        return await asyncio.to_thread(_figures, deployment, traffic, receiver, mono_s() - started)

    sending = asyncio.create_task(_send(gateway, traffic, rng, seconds, rate))
    with _display(console) as show:
        while not sending.done():
            deployment.tend()
            show(await figures())
            await asyncio.wait([sending], timeout=VIEW_S)
        await sending
        await _settle(deployment, traffic, receiver, figures, show)
        last = await figures()
    await receiver.stop()
    return _summary(console, traffic, receiver, last)


async def _send(gateway: str, traffic: Traffic, rng: Random, seconds: float, rate: float) -> list[Summary]:
    share = rate / len(NUMBERS)
    drivers = []
    runs = []
    for provider in NUMBERS:
        origin = Origin(
            provider=provider,
            account="demo",
            list_number=NUMBERS[provider],
            base_url=gateway,
            secret=None if provider == "twilio" else SECRETS["path"],
            credentials={"auth_token": SECRETS["twilio"]} if provider == "twilio" else {},
        )
        pace = Pace(count=max(1, int(share * seconds)), rate=share, repeats=REPEATS)
        driver = Driver(gateway, pace, rng=rng, watcher=traffic.watch)
        drivers.append(driver)
        runs.append(driver.run(lambda o=origin: generate(o, "mixed", rng, now=now_ms())))  # type: ignore[misc]  # bound now
    return list(await asyncio.gather(*runs))


async def _settle(
    deployment: Deployment,
    traffic: Traffic,
    receiver: Receiver,
    figures: Callable[[], Awaitable[Figures]],
    show: Callable[[Figures], None],
) -> None:
    """Wait until everything that was accepted has arrived, or nothing new comes."""
    arrived, since = -1, mono_s()
    while traffic.expected - receiver.seen.delivered and mono_s() - since < SETTLE_S:
        deployment.tend()
        if len(receiver.seen.delivered) != arrived:
            arrived, since = len(receiver.seen.delivered), mono_s()
        show(await figures())
        await asyncio.sleep(VIEW_S)


def _figures(deployment: Deployment, traffic: Traffic, receiver: Receiver, seconds: float) -> Figures:
    scraped = {name: _scrape(role.admin_port) for name, role in deployment.roles.items()}
    processor, dispatcher = scraped["processor"], scraped["dispatcher"]
    events = {
        event: total(processor, "trackly_classify_records_total", f'event="{event}"')
        for event in ("delivery", "unsubscribe", "reply")
    }
    return Figures(
        seconds=seconds,
        callbacks=traffic.acknowledged,
        repeats=traffic.repeats,
        events=events,
        contacts_removed=total(processor, "trackly_classify_contact_changes_total"),
        delivered=len(traffic.expected & receiver.seen.delivered),
        expected=len(traffic.expected),
        retried=total(dispatcher, "trackly_dispatch_retry_scheduled_total"),
        dead=total(dispatcher, "trackly_dispatch_dead_letters_total"),
        bad_signatures=receiver.seen.bad_signatures,
    )


def _scrape(port: int) -> str:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=2, trust_env=False).text
    except httpx.HTTPError:
        return ""


@contextlib.contextmanager
def _display(console: Console):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a context manager of a function
    """A table that moves on a terminal, a line every two seconds elsewhere."""
    if console.is_terminal:
        with Live(console=console, refresh_per_second=4) as live:
            yield lambda figures: live.update(table(figures))
        return
    shown_at = 0.0

    def plain(figures: Figures) -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at >= LINE_S:
            shown_at = time.monotonic()
            console.print(line(figures), highlight=False, soft_wrap=True)

    yield plain


def _summary(console: Console, traffic: Traffic, receiver: Receiver, last: Figures) -> bool:
    missing = traffic.expected - receiver.seen.delivered
    console.print(table(last))
    good = bool(traffic.expected) and not missing and not receiver.seen.bad_signatures
    words = "every accepted callback arrived, signed" if good else f"{len(missing)} accepted callbacks did not arrive"
    console.print(
        f"{words}; {traffic.refused} refused, {receiver.seen.repeated} webhooks came twice, "
        f"{receiver.seen.failed_on_purpose} failed on purpose and were retried, "
        f"{receiver.seen.bad_signatures} bad signatures",
        highlight=False,
    )
    return good


def _configuration(url: str) -> str:
    lists = ", ".join(f'{{number: "{number}", provider: {provider}}}' for provider, number in NUMBERS.items())
    return f"""
accounts:
  - id: demo
    providers:
      infobip: {{secret: {SECRETS["path"]}}}
      twilio: {{auth_token: {SECRETS["twilio"]}}}
      cm: {{secret: {SECRETS["path"]}}}
    lists: [{lists}]
    endpoints:
      - {{id: main, url: "{url}", secret: {SECRETS["endpoint"]}, concurrency: 64}}
"""
