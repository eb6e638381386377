"""The processor on Infobip delivery reports, beside a loop of the bare libraries and Quix Streams on the same broker.

All three are measured alike: from the first commit of a transaction to the last.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
from confluent_kafka import Producer

from producers.simulator.callbacks import PROVIDERS, generate
from producers.simulator.scenario import Origin
from runtime.kafka.admin import Cluster, NewTopicPlan
from schemas import topics
from schemas.codec import encoder
from schemas.providers import registry
from schemas.providers.callback import CallbackRequest, Split
from schemas.records import RawCallback
from tests.bench.cpu import Measured, watch
from tests.stage import Stage

RECORDS = 60_000
CONTACTS = 20_000
PARTITIONS = 12
SCRIPT_S_MAX = 60
PEER_PYTHON = Path(".venv-bench/bin/python")
CONFIG = """
accounts:
  - id: acme
    providers: {infobip: {secret: path-secret}}
    lists: [{number: "+18005551234", provider: infobip}]
"""


def report(number: int, phone: str) -> bytes:
    """A delivery report as Infobip sends it."""
    item = {
        "bulkId": "B-77", "messageId": f"m{number}", "to": phone[1:], "sender": "18005551234",
        "sentAt": "2024-01-15T10:29:57.104+0000", "doneAt": "2024-01-15T10:30:00.000+0000", "messageCount": 1,
        "mccMnc": "310260", "price": {"pricePerMessage": 0.0075, "currency": "USD"},
        "status": {"groupId": 3, "groupName": "DELIVERED", "id": 5, "name": "DELIVERED_TO_HANDSET"},
        "error": {"groupId": 0, "groupName": "OK", "id": 0, "name": "NO_ERROR", "permanent": False},
    }  # fmt: skip
    return orjson.dumps({"results": [item]})


def mixed(count: int) -> Iterator[RawCallback]:
    """Fragments of the simulator's mixed scenario, every provider in turn; as the gateway cuts them."""
    rng, now = Random(1), 1_705_314_600_000
    adapters = registry.adapters()
    for number in range(count):
        provider = PROVIDERS[number % len(PROVIDERS)]
        origin = Origin(provider, "acme", f"+1800555{number % len(PROVIDERS):04d}", "https://hooks.test", "s")
        callback = generate(origin, "mixed", rng, now=now + number)
        query = parse_qsl(urlsplit(callback.path_and_query).query, keep_blank_values=True)
        headers = {name.lower(): value for name, value in callback.headers.items()}
        split = adapters[provider].split(
            CallbackRequest(callback.method, "", headers, query, callback.body, now + number)
        )
        assert isinstance(split, Split)
        (fragment,) = split.fragments
        told = dict(query)
        yield {
            "account": "acme", "provider": provider, "kind": fragment.kind, "phone": fragment.phone,
            "body": fragment.body, "content_type": fragment.content_type, "headers": {}, "query": {},
            "mid": told.get("mid"), "list": told.get("list"), "received_at": now + number, "redriven": False,
        }  # fmt: skip


def ours_mixed(stage: Stage) -> Measured:
    """All providers, reports and texts, through the whole classifier."""
    lists = ", ".join(
        f'{{number: "+1800555{number:04d}", provider: {provider}}}' for number, provider in enumerate(PROVIDERS)
    )
    stage.configure(f"accounts: [{{id: acme, lists: [{lists}]}}]")
    encode, producer = encoder("RawCallback"), _producer(stage)
    for record in mixed(RECORDS):
        producer.produce(stage.prefix + topics.RAW, encode(record), topics.contact_key("acme", record["phone"]))
        producer.poll(0)
    assert producer.flush(60) == 0
    return _watched(stage)


def _producer(stage: Stage) -> Producer:
    return Producer(
        {
            "bootstrap.servers": stage.bootstrap, "partitioner": "murmur2_random", "linger.ms": 20,
            "compression.type": "lz4", "queue.buffering.max.messages": 500_000,
        }
    )  # fmt: skip


def _produce(stage: Stage, topic: str, count: int, *, framed: bool) -> None:
    encode, producer = encoder("RawCallback"), _producer(stage)
    for number in range(count):
        phone = f"+1415{number % CONTACTS:07d}"
        body = report(number, phone)
        record: dict[str, Any] = {
            "account": "acme", "provider": "infobip", "kind": "delivery", "phone": phone, "body": body,
            "content_type": "application/json", "headers": {}, "query": {}, "mid": None, "list": None,
            "received_at": 1_705_314_600_000, "redriven": False,
        }  # fmt: skip
        producer.produce(topic, encode(record) if framed else body, f"acme|{phone}")
        producer.poll(0)
    assert producer.flush(60) == 0


def ours(stage: Stage) -> Measured:
    stage.configure(CONFIG)
    _produce(stage, stage.prefix + topics.RAW, RECORDS, framed=True)
    return _watched(stage)


def _watched(stage: Stage) -> Measured:
    role = stage.start("processor")

    def count() -> float:
        found = re.findall(
            r"^trackly_classify_(?:records|repeats)_total(?:\{[^}]*\})? (\S+)", role.metrics(), re.MULTILINE
        )
        return sum(float(value) for value in found)

    measured = watch(role.process.pid, count, RECORDS)
    assert role.terminate() == 0
    return measured


def raw(stage: Stage) -> Measured:
    """The libraries alone, on the records that `ours` has read."""
    _make(stage, "raw-out", "raw-changelog")
    arguments = [stage.bootstrap, stage.prefix + topics.RAW, stage.prefix, str(RECORDS)]
    return _script([sys.executable, "-m", "tests.bench.raw_loops", *arguments])


def peer(stage: Stage) -> Measured | None:
    """Quix Streams, exactly-once, stateful with changelog, in its own environment; None where that is missing."""
    if not PEER_PYTHON.exists():
        return None
    _make(stage, "quix-in", "quix-out")
    _produce(stage, f"{stage.prefix}quix-in", RECORDS, framed=False)
    arguments = [stage.bootstrap, f"{stage.prefix}quix-in", stage.prefix, str(RECORDS), str(stage.folder / "quix")]
    return _script([str(PEER_PYTHON), "-P", str(Path(__file__).with_name("quix_peer.py")), *arguments])


def _script(command: list[str]) -> Measured:
    done = subprocess.run(command, capture_output=True, text=True, timeout=SCRIPT_S_MAX, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    commits = json.loads(done.stdout.splitlines()[-1])
    first, last = commits[0], commits[-1]
    return Measured(last[0] - first[0], last[1] - first[1], last[2] - first[2])


def _make(stage: Stage, *names: str) -> None:
    plans = [NewTopicPlan(stage.prefix + name, PARTITIONS, 1, {}) for name in names]
    Cluster(stage.settings().kafka).create(plans)
