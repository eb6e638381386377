"""What the libraries alone cost for the processor's work: consume, Avro, JSON, a dict of state, one transaction a batch.

Runs in a process of its own and prints one JSON line. It authenticates, judges, dedupes and correlates nothing.
"""

import json
import sys
import time
from typing import Any

import orjson
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.codec import decoder, encoder
from tests.dispatchers.test_shell import event

BATCH = 5000
BATCH_S = 0.5
CALL_S = 30


def decide(body: bytes, raw: dict[str, Any], template: dict[str, Any], known: int) -> tuple[dict[str, Any], bytes]:
    """The event of a report, and the contact's new state."""
    item = orjson.loads(body)["results"][0]
    made = {
        **template,
        "account": raw["account"],
        "message_id": item["messageId"],
        "to": raw["phone"],
        "status_detail": item["status"]["name"],
        "received_at": raw["received_at"],
    }
    return made, orjson.dumps({"count": known + 1, "last": item["messageId"]})


def main(bootstrap: str, source: str, prefix: str, total: int) -> list[tuple[int, float, float]]:
    """Committed records, CPU seconds and time at each commit."""
    read, write = decoder("RawCallback"), encoder("DeliveryEvent")
    template = event(1)[1]
    shared: dict[str, Any] = {"bootstrap.servers": bootstrap}
    consumer = Consumer(
        {**shared, "group.id": f"{prefix}raw-loop", "enable.auto.commit": False, "auto.offset.reset": "earliest",
         "isolation.level": "read_committed"}
    )  # fmt: skip
    producer = Producer(
        {**shared, "transactional.id": f"{prefix}raw-loop", "compression.type": "lz4", "linger.ms": 10,
         "partitioner": "murmur2_random"}
    )  # fmt: skip
    producer.init_transactions(CALL_S)
    consumer.subscribe([source])
    counts: dict[bytes, int] = {}
    seen, commits = 0, list[tuple[int, float, float]]()
    while seen < total:
        batch = consumer.consume(BATCH, BATCH_S)
        if not batch:
            continue
        producer.begin_transaction()
        for message in batch:
            key, value = message.key() or b"", message.value() or b""
            _, raw = read(value)
            known = counts.get(key, 0)
            made, state = decide(raw["body"], raw, template, known)
            counts[key] = known + 1
            producer.produce(f"{prefix}raw-out", write(made), key)
            producer.produce(f"{prefix}raw-changelog", state, key, message.partition() or 0)
        ends = {m.partition() or 0: (m.offset() or 0) + 1 for m in batch}
        offsets = [TopicPartition(source, number, end) for number, end in ends.items()]
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), CALL_S)
        producer.commit_transaction(CALL_S)
        seen += len(batch)
        commits.append((seen, time.process_time(), time.monotonic()))
    consumer.close()
    return commits


if __name__ == "__main__":
    where, topic, topic_prefix, count = sys.argv[1:]
    print(json.dumps(main(where, topic, topic_prefix, int(count))))
