"""What a newer version wrote waits, what is corrupt is rebuilt or kept aside, and neither stops the other partitions."""

from pathlib import Path
from typing import Any

import httpx
from confluent_kafka import Consumer, Producer

from processors.aggregate import VERSION
from processors.loop import GROUP
from processors.store import PartitionStore
from schemas import topics
from schemas.partitioner import partition_of
from tests.processors.test_loop import CONFIG, report
from tests.stage import Role, Stage, await_condition

PARTITIONS = 3
OF_A_NEWER_VERSION = b"\xc3\x01" + b"unheard!"
"""Single-object Avro whose fingerprint nobody has."""
NEWER_STATE = bytes([VERSION + 1]) + b"whatever"
CORRUPT_STATE = bytes([VERSION]) + b"\xc1"
LAG = 'trackly_kafka_consumer_lag_seconds{input="callbacks"} '
DELIVERIES = topics.events_topic("delivery")


def key_of(number: int) -> str:
    return report(number)[0]


def number_of(number: int) -> int:
    return partition_of(key_of(number).encode(), PARTITIONS)


def neighbours(number: int, *, same: bool) -> list[int]:
    """Some numbers whose contact lies in the same partition as this one's, or in another."""
    return [one for one in range(number + 1, number + 60) if (number_of(one) == number_of(number)) is same][:5]


def metric(role: Role, name: str) -> float:
    (line,) = (line for line in role.metrics().splitlines() if line.startswith(name))
    return float(line.rpartition(" ")[2])


def is_live_and_unready(role: Role) -> bool:
    base = f"http://127.0.0.1:{role.admin_port()}"
    return (httpx.get(f"{base}/livez").status_code, httpx.get(f"{base}/readyz").status_code) == (200, 503)


def write_state(stage: Stage, key: str, value: bytes) -> None:
    """Put a value into the changelog, where the processor would have put it."""
    producer = Producer({"bootstrap.servers": stage.bootstrap})
    number = partition_of(key.encode(), PARTITIONS)
    producer.produce(stage.prefix + topics.AGGREGATE, value, key, number)
    assert producer.flush(30) == 0


def to_of(events: list[dict[str, Any]]) -> set[str]:
    return {event["to"] for event in events}


def phones(numbers: list[int]) -> set[str]:
    return {key_of(number).partition("|")[2] for number in numbers}


def test_a_record_of_a_newer_version_holds_its_own_partition_back_and_no_other(stage: Stage) -> None:
    stage.configure(CONFIG)
    role = stage.start("processor").await_ready()
    before, after, elsewhere = neighbours(1, same=True)[0], neighbours(1, same=True)[1], neighbours(1, same=False)
    stage.produce(topics.RAW, "RawCallback", [report(before), (key_of(1), OF_A_NEWER_VERSION), report(after)])
    await_condition(lambda: is_live_and_unready(role), what="unready, and alive")
    stage.produce(topics.RAW, "RawCallback", [report(number) for number in elsewhere])
    events = stage.await_records(DELIVERIES, 1 + len(elsewhere))
    assert to_of(events) == phones([before, *elsewhere])
    await_condition(lambda: metric(role, LAG) > 2, what="the age of the record that waits")
    assert metric(role, "trackly_kafka_unknown_schema_total") == 1
    assert metric(role, 'trackly_classify_transactions_total{outcome="aborted"}') == 0
    assert role.terminate() == 0


def test_state_of_a_newer_version_holds_its_own_partition_back_and_no_other(stage: Stage) -> None:
    stage.configure(CONFIG)
    elsewhere = neighbours(1, same=False)
    write_state(stage, key_of(1), NEWER_STATE)
    stage.produce(topics.RAW, "RawCallback", [report(number) for number in (1, *elsewhere)])
    role = stage.start("processor")
    assert to_of(stage.await_records(DELIVERIES, len(elsewhere))) == phones(elsewhere)
    await_condition(lambda: is_live_and_unready(role), what="unready, and alive")
    assert metric(role, "trackly_kafka_unknown_schema_total") == 1
    assert stage.read(topics.QUARANTINE) == []


def test_what_is_corrupt_in_the_changelog_goes_to_quarantine_and_the_partition_moves_on(stage: Stage) -> None:
    stage.configure(CONFIG)
    others = neighbours(1, same=True)
    write_state(stage, key_of(1), CORRUPT_STATE)
    stage.produce(topics.RAW, "RawCallback", [report(number) for number in (1, *others)])
    role = stage.start("processor").await_ready()
    assert to_of(stage.await_records(DELIVERIES, len(others))) == phones(others)
    (kept,) = stage.await_records(topics.QUARANTINE, 1)
    assert (kept["reason"], kept["phone"], kept["provider"]) == (
        "state_unreadable", key_of(1).partition("|")[2], "infobip",
    )  # fmt: skip
    assert kept["body"] == report(1)[1]["body"]
    assert metric(role, "trackly_classify_state_rebuilds_total") == 1


def test_a_store_that_cannot_be_read_is_rebuilt_from_the_changelog(stage: Stage) -> None:
    stage.configure(CONFIG)
    stage.produce(topics.RAW, "RawCallback", [report(1)])
    first = stage.start("processor").await_ready()
    stage.await_records(DELIVERIES, 1)
    assert first.terminate() == 0
    store = PartitionStore(Path(stage.settings().state_dir) / "processor" / "0" / str(number_of(1)))
    assert store.get(key_of(1).encode()) is not None
    store.write([(key_of(1).encode(), CORRUPT_STATE)], store.applied)
    store.close()
    other = neighbours(1, same=True)[0]
    stage.produce(topics.RAW, "RawCallback", [report(1), report(other)])
    second = stage.start("processor").await_ready()
    assert to_of(stage.await_records(DELIVERIES, 2)) == phones([1, other])
    await_condition(lambda: metric(second, "trackly_classify_repeats_total") == 1, what="the repeat is known")
    assert metric(second, "trackly_classify_state_rebuilds_total") == 1
    assert stage.read(topics.QUARANTINE) == []


def test_a_missing_half_holds_its_partners_back_until_it_comes(stage: Stage) -> None:
    stage.configure(CONFIG)
    foreign = Consumer(
        {
            "bootstrap.servers": stage.bootstrap,
            "group.id": f"{stage.prefix}{GROUP}",
            "partition.assignment.strategy": "range",
            "session.timeout.ms": 10_000,
        }
    )
    try:
        foreign.subscribe([stage.prefix + topics.SENDS_SUBMITTED])
        await_condition(lambda: foreign.poll(0.1) is None and foreign.assignment(), what="a share of the other member")
        role = stage.start("processor")
        await_condition(
            lambda: foreign.poll(0.1) is None and 0 < len(foreign.assignment()) < PARTITIONS, what="a shared assignment"
        )
        await_condition(lambda: is_live_and_unready(role), what="unready, and alive")
        missing = {at.partition for at in foreign.assignment()}
        assert missing
        there = next(number for number in range(60) if number_of(number) not in missing)
        waiting = next(number for number in range(60) if number_of(number) in missing)
        stage.produce(topics.RAW, "RawCallback", [report(number) for number in (waiting, there)])
        assert to_of(stage.await_records(DELIVERIES, 1)) == phones([there])
    finally:
        foreign.close()
    role.await_ready()
    assert to_of(stage.await_records(DELIVERIES, 2)) == phones([there, waiting])
