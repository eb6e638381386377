"""Events at a rate straight onto their topic, and the customers who get the webhooks, in processes of their own."""

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

from confluent_kafka import Producer

from runtime.kafka.admin import Cluster
from runtime.kafka.records import Partition
from schemas import ids, topics
from schemas.codec import encoder
from schemas.events import delivery_body
from tests.dispatchers.test_shell import SECRET, event
from tests.stage import Role, Stage, await_condition

FLUSH_S = 60
SETTLED_S = 120.0


@dataclass(frozen=True)
class Customers:
    """Endpoints whose behaviour is the first part of the path (customers.py)."""

    process: subprocess.Popen[str]
    port: int
    silent_port: int
    """Takes connections and says nothing, not even in TLS."""
    silent_name_port: int
    """Takes questions for names and answers none."""

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def first(self) -> dict[str, float]:
        """Webhook id to when it first came, seconds since the epoch."""
        found: dict[str, float] = self._ask("first")
        return found

    def counts(self) -> tuple[int, int]:
        """Different webhook ids, and requests."""
        different, requests = self._ask("counts")
        return different, requests

    def paths(self) -> set[str]:
        return set(self._ask("paths"))

    def await_count(self, count: int, timeout_s: float) -> None:
        """Wait for so many different webhook ids."""
        await_condition(lambda: self.counts()[0] >= count, what=f"{count} webhooks", timeout_s=timeout_s)

    def _ask(self, question: str) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@contextmanager
def customers() -> Iterator[Customers]:
    command = [sys.executable, "-m", "tests.bench.customers"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Customers(process, *json.loads(process.stdout.readline()))
        finally:
            process.terminate()


def configuration(urls: Sequence[str], *, concurrency: int = 8) -> str:
    """An account for each URL, a0, a1, …, with one endpoint."""
    lines = (
        f'  - {{id: a{number}, endpoints: [{{id: main, url: "{url}", secret: {SECRET}, concurrency: {concurrency}}}]}}\n'
        for number, url in enumerate(urls)
    )
    return "accounts:\n" + "".join(lines)


@dataclass(frozen=True, slots=True)
class Made:
    """One event or task, ready to be produced."""

    account: int
    event_id: str
    key: str
    value: bytes


_numbers = count(1)
"""No event is ever made twice in a process."""


def make(accounts: Iterable[int]) -> list[Made]:
    """An event for each account named, in this order, every contact new."""
    encode = encoder("DeliveryEvent")
    made = []
    for account in accounts:
        number = next(_numbers)
        key, record = event(number, phone=f"+1{4_000_000_000 + number}")
        record |= {"account": f"a{account}", "received_at": round(time.time() * 1000)}
        made.append(Made(account, record["event_id"], key.replace("acme", f"a{account}"), encode(record)))
    return made


def make_tasks(accounts: Iterable[int]) -> Iterator[Made]:
    """A task for each account named that has failed once, as it lies in a tier."""
    encode = encoder("DeliveryTask")
    for account in accounts:
        number, now = next(_numbers), round(time.time() * 1000)
        contact, record = event(number, phone=f"+1{4_000_000_000 + number}")
        endpoint, name = f"a{account}/main", record["event_id"]
        failed = {"attempt": 1, "at": now, "outcome": "http_5xx", "status_code": 500, "duration_ms": 12}
        task = {
            "task_id": ids.task_id(name, endpoint), "event_id": name, "event_type": "delivery", "origin": "event",
            "replay_id": None, "endpoint": endpoint, "contact_key": contact.replace("acme", f"a{account}"),
            "body": delivery_body(cast("Any", record)), "attempt": 2, "created_at": now, "first_failed_at": now, "held_at": None,
            "outcomes": [failed],
        }  # fmt: skip
        yield Made(account, name, endpoint, encode(task))


def producer(stage: Stage, **properties: Any) -> Producer:
    return Producer({"bootstrap.servers": stage.bootstrap, "partitioner": "murmur2_random", **properties})


def pour(stage: Stage, made: Iterable[Made], topic: str = topics.events_topic("delivery")) -> None:
    """Produce as fast as it goes."""
    sink = producer(stage, **{"compression.type": "lz4", "linger.ms": 20, "queue.buffering.max.messages": 1_000_000})
    for one in made:
        while True:
            try:
                sink.produce(stage.prefix + topic, one.value, one.key)
                break
            except BufferError:
                sink.poll(0.1)
    assert sink.flush(FLUSH_S) == 0


def drive(
    stage: Stage, events: Sequence[Made], rate: float, topic: str = topics.events_topic("delivery")
) -> list[float]:
    """Produce at a rate; when each was produced."""
    name = stage.prefix + topic
    sink = producer(stage, **{"linger.ms": 0})
    sink.list_topics(name, FLUSH_S)  # connected before the first is timed
    started = time.time()
    times = []
    for number, one in enumerate(events):
        ahead_s = started + number / rate - time.time()
        if ahead_s > 0:
            time.sleep(ahead_s)
        times.append(time.time())
        sink.produce(name, one.value, one.key)
        sink.poll(0)
    assert sink.flush(FLUSH_S) == 0
    return times


def percentile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def appended(stage: Stage, names: Iterable[str]) -> int:
    """Records ever written to these topics, by their ends."""
    cluster = Cluster(stage.settings().kafka, "bench")
    counts = cluster.partition_counts()
    full = [stage.prefix + name for name in names]
    places = [Partition(name, number) for name in full for number in range(counts[name])]
    return sum(cluster.end_offsets(places).values())


PUT_ASIDE = [topics.HOLD, *(topics.tier_topic("delivery", tier) for tier in range(len(topics.TIERS)))]
"""Where a task goes that could not be delivered at once."""


def gauge(text: str, name: str) -> float:
    """The sum over all labels of a metric."""
    lines = (line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{")))
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def await_idle(role: Role) -> None:
    """Wait until nothing is queued, tried or held; what is in a tier stays there."""

    def idle() -> bool:
        text = role.metrics()
        return not any(gauge(text, f"trackly_dispatch_{name}") for name in ("queued", "inflight", "waiting", "drains"))

    await_condition(idle, what="an idle dispatcher", timeout_s=SETTLED_S)


def await_configured(stage: Stage, known: Customers, mark: int, path: str) -> None:
    """Wait until a dispatcher calls the account `mark` under this path: it has read the configuration."""

    def called() -> bool:
        pour(stage, make([mark]))
        return f"/{path}" in known.paths()

    await_condition(called, what="the new configuration")


def arrived(known: Customers, wanted: Mapping[str, float] | set[str], timeout_s: float) -> dict[str, float]:
    """Wait for these webhook ids; when each first came."""
    found: dict[str, float] = {}

    def all_came() -> bool:
        nonlocal found
        found = known.first()
        return wanted.keys() <= found.keys() if isinstance(wanted, Mapping) else wanted <= found.keys()

    await_condition(all_came, what=f"{len(wanted)} webhooks", timeout_s=timeout_s)
    return found
