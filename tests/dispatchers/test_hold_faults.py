"""Held tasks and pauses when things go wrong: logs made anew, owners that were away, drains in the middle of a stop."""

import contextlib
import hashlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from schemas import topics
from schemas.codec import encoder
from tests.conftest import KafkaFactory
from tests.dispatchers.receiver import Receiver
from tests.dispatchers.test_hold import QUICK, config, event_ids, ids_of, paused_endpoints, set_manual, task
from tests.dispatchers.test_shell import event, produce
from tests.dispatchers.test_shell_faults import value_of
from tests.stage import Stage, await_condition, open_stage

STOP_S = 25.0
"""The drain's budget of 5.5 s, and a few for what follows it."""
DOWN_STOP_S = 45.0
"""The same, with the waits for a last commit and for late acknowledgements that never come."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    opened = Receiver()
    yield opened
    opened.close()


def state(stage: Stage, key: str, **fields: Any) -> None:
    now = round(time.time() * 1000)
    record: dict[str, Any] = {
        "endpoint": "acme/main", "kind": "auto", "paused": False, "reason": None, "since": None, "next_probe_at": None,
        "probes": 0, "hold_partition": None, "done_below": None, "done_beyond": None, "url_hash": None,
        "actor": "test", "updated_at": now, **fields,
    }  # fmt: skip
    stage.produce(topics.ENDPOINT_STATE, "EndpointState", [(key, record)])


def test_claims_on_a_hold_log_that_was_made_anew_hide_nothing_in_it(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(main=receiver.url))
    set_manual(stage, "acme/main", paused=True)
    for number in range(3):
        key = topics.claim_key("acme/main", number)
        state(stage, key, kind="hold", hold_partition=number, done_below=1000)
    role = stage.start("dispatcher", "--event", "delivery", **QUICK).await_ready()
    await_condition(paused_endpoints(role), what="the pause")
    produce(stage, *(event(number, phone="+14155550001") for number in range(10)))
    stage.await_records(topics.HOLD, 10)
    role.kill()
    stage.start("dispatcher", "--event", "delivery", **QUICK).await_ready()
    set_manual(stage, "acme/main", paused=False)
    await_condition(lambda: sorted(ids_of(receiver)) == sorted(event_ids(range(10))), what="everything once")


def test_a_resume_by_hand_that_no_owner_saw_ends_an_older_automatic_pause(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(main=receiver.url))
    now = round(time.time() * 1000)
    url_hash = hashlib.sha256(receiver.url.encode()).hexdigest()[:16]
    pause: dict[str, Any] = {
        "reason": "failing", "since": now - 60_000, "next_probe_at": now + 3_600_000, "url_hash": url_hash
    }  # fmt: skip
    state(stage, topics.auto_key("acme/main"), paused=True, **pause)
    set_manual(stage, "acme/main", paused=False)
    stage.start("dispatcher", "--event", "delivery", **QUICK).await_ready()
    produce(stage, event(0))
    await_condition(lambda: len(receiver.hits) == 1, what="the event of a resumed endpoint", timeout_s=20)


def test_tasks_that_overflow_while_others_of_theirs_are_drained_arrive_once(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(main=receiver.url))
    stage.start("dispatcher", "--event", "delivery", **QUICK).await_ready()
    count = 0
    for _ in range(40):
        stage.produce(topics.HOLD, "DeliveryTask", [task(count + number) for number in range(10)])
        count += 10
        time.sleep(0.02)
    await_condition(lambda: len(set(ids_of(receiver))) == count, what="every task")
    time.sleep(1.0)  # a repeat would come within a moment
    assert len(receiver.hits) == count


def test_a_member_that_joins_while_more_wait_than_drain_repeats_nothing(stage: Stage, receiver: Receiver) -> None:
    names = [f"e{number}" for number in range(30)]
    stage.configure(config(**dict.fromkeys(names, receiver.url)))
    receiver.delay_s = 0.7
    stage.start("dispatcher", "--event", "delivery", **QUICK).await_ready()
    count = 30 * 12
    stage.produce(
        topics.HOLD, "DeliveryTask", [task(number, endpoint=f"acme/{names[number % 30]}") for number in range(count)]
    )
    await_condition(lambda: len(receiver.hits) > 30, what="drains at work")
    stage.start("dispatcher", "--event", "delivery", **QUICK).await_ready()
    await_condition(lambda: len(set(ids_of(receiver))) == count, what="every task")
    time.sleep(1.5)  # a repeat would come within a moment
    assert len(receiver.hits) == count


def test_more_endpoints_than_drains_have_their_old_tasks_given_up_though_all_are_paused(
    stage: Stage, receiver: Receiver
) -> None:
    names = [f"e{number}" for number in range(30)]
    stage.configure(config(**dict.fromkeys(names, receiver.url)))
    for name in names:
        set_manual(stage, f"acme/{name}", paused=True)
    aged = {**QUICK, "TRACKLY_DISPATCH__HOLD_AGE_MAX_S": "100"}
    encode, now = encoder("DeliveryTask"), round(time.time() * 1000)
    writer = Producer({"bootstrap.servers": stage.bootstrap, "partitioner": "murmur2_random"})
    for number, name in enumerate(names):
        key, held = task(number, endpoint=f"acme/{name}")
        writer.produce(stage.prefix + topics.HOLD, encode(held), key, timestamp=now - 101_000)
    assert writer.flush(30) == 0
    role = stage.start("dispatcher", "--event", "delivery", **aged).await_ready()
    dead = stage.await_records(topics.DEAD, 30)
    assert {letter["reason"] for letter in dead} == {"hold_expired"}
    dead_at = sorted(letter["dead_at"] for letter in dead)
    assert dead_at[-1] - dead_at[0] < 9_000, "those who found no turn at once wait for no other look"
    assert role.terminate() == 0


def test_a_held_task_of_a_newer_version_waits_and_takes_readiness_away(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(main=receiver.url, well=receiver.url))
    role = stage.start("dispatcher", "--event", "delivery", **QUICK).await_ready()
    newer = b"\xc3\x01" + b"newfaces" + b"body"
    stage.produce(topics.HOLD, "DeliveryTask", [("acme/main", newer), task(1, endpoint="acme/well")])
    await_condition(lambda: len(receiver.hits) == 1, what="the task of the other endpoint")
    await_condition(lambda: not role.is_ready(), what="readiness to go")
    assert value_of(role, "trackly_kafka_unknown_schema_total") == 1
    assert not [letter for letter in stage.read(topics.DEAD) if "reason" in letter]


def timed_stop(role: Any) -> tuple[int, float]:
    began = time.monotonic()
    code = role.terminate()
    return code, time.monotonic() - began


def test_a_stop_in_the_middle_of_drains_and_probes_that_hang_keeps_its_budget(stage: Stage, receiver: Receiver) -> None:
    names = [f"e{number}" for number in range(12)]
    stage.configure(config(**dict.fromkeys(names, receiver.url)))
    receiver.delay_s = 30.0
    role = stage.start("dispatcher", "--event", "all", **QUICK).await_ready()
    tasks = [task(number, endpoint=f"acme/{names[number % 12]}") for number in range(240)]
    stage.produce(topics.HOLD, "DeliveryTask", tasks)
    await_condition(lambda: len(receiver.hits) > 20, what="drains that hang")
    code, took = timed_stop(role)
    assert (code, took < STOP_S) == (0, True), took


@pytest.mark.parametrize("when", ["draining", "starting"])
def test_a_stop_while_the_brokers_are_down_keeps_its_budget(
    kafka_factory: KafkaFactory, topic_prefix: str, tmp_path: Path, receiver: Receiver, when: str
) -> None:
    broker = kafka_factory()
    with open_stage(broker.bootstrap, topic_prefix, tmp_path) as opened:
        stage = opened.provision()
        stage.configure(config(main=receiver.url))
        receiver.delay_s = 0.05
        stage.produce(topics.HOLD, "DeliveryTask", [task(number) for number in range(500)])
        role = stage.start("dispatcher", "--event", "delivery", **QUICK)
        if when == "draining":
            role.await_ready()
            await_condition(lambda: len(receiver.hits) > 20, what="a drain")
        else:
            await_condition(lambda: '"starting"' in role.log_text(), what="the beginning")
            time.sleep(1.0)
        broker.kill()
        time.sleep(3.0)
        code, took = timed_stop(role)
        assert (code, took < DOWN_STOP_S) == (0, True), (code, took)


def test_a_second_stop_ends_a_drain_at_once(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(main=receiver.url))
    receiver.delay_s = 30.0
    role = stage.start("dispatcher", "--event", "delivery", **QUICK).await_ready()
    stage.produce(topics.HOLD, "DeliveryTask", [task(number) for number in range(20)])
    await_condition(lambda: receiver.hits, what="a try that hangs")
    role.process.send_signal(signal.SIGTERM)
    await_condition(lambda: not role_is_ready(role), what="the drain", timeout_s=3)
    role.process.send_signal(signal.SIGTERM)
    assert role.process.wait(1) == 128 + signal.SIGTERM


def role_is_ready(role: Any) -> bool:
    with contextlib.suppress(AssertionError):
        return bool(role.is_ready())
    return False
