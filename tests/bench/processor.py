"""The processor on Infobip delivery reports with state, changelog and transactions; Quix Streams on the same broker."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import orjson
from confluent_kafka import Producer

from runtime.kafka.admin import Cluster, NewTopicPlan
from schemas import topics
from schemas.codec import encoder
from tests.bench.cpu import Measured, watch
from tests.stage import Stage

RECORDS = 60_000
CONTACTS = 20_000
PEER_RECORDS = 30_000
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


def _produce(stage: Stage, topic: str, count: int, *, framed: bool) -> None:
    encode = encoder("RawCallback")
    producer = Producer(
        {
            "bootstrap.servers": stage.bootstrap, "partitioner": "murmur2_random", "linger.ms": 20,
            "compression.type": "lz4", "queue.buffering.max.messages": 500_000,
        }
    )  # fmt: skip
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
    role = stage.start("processor")

    def count() -> float:
        found = re.findall(r"^trackly_classify_records_total\{[^}]*\} (\S+)", role.metrics(), re.MULTILINE)
        return sum(float(value) for value in found)

    measured = watch(role.process.pid, count, RECORDS)
    assert role.terminate() == 0
    return measured


def peer(stage: Stage) -> Measured | None:
    """Quix Streams, exactly-once, stateful with changelog, in its own environment; None where that is missing."""
    if not PEER_PYTHON.exists():
        return None
    topic = stage.prefix + "quix-in"
    _produce_topic(stage, topic)
    _produce(stage, topic, PEER_RECORDS, framed=False)
    script = Path(__file__).with_name("quix_peer.py")
    arguments = [stage.bootstrap, topic, stage.prefix, str(PEER_RECORDS), str(stage.folder / "quix")]
    done = subprocess.run(
        [str(PEER_PYTHON), str(script), *arguments], capture_output=True, text=True, timeout=120, check=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return Measured(found["records"], found["cpu_s"], found["wall_s"])


def _produce_topic(stage: Stage, topic: str) -> None:
    Cluster(stage.settings().kafka).create([NewTopicPlan(topic, 12, 1, {})])
