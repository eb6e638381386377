"""Pauses and held tasks on the real broker: pause is not loss, nobody waits for another, nothing is tried twice."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from schemas import ids, topics
from tests.dispatchers.receiver import Receiver
from tests.dispatchers.test_shell import SECRET, event, produce
from tests.dispatchers.test_shell_faults import value_of
from tests.stage import Role, Stage, await_condition

QUICK = {
    "TRACKLY_DISPATCH__TIER_DELAYS_S": "0.5,0.6,0.7,0.8,0.9",
    "TRACKLY_DISPATCH__SESSION_TIMEOUT_S": "6",
    "TRACKLY_DISPATCH__PAUSE_FAILURES": "3",
    "TRACKLY_DISPATCH__PAUSE_AFTER_S": "0",
    "TRACKLY_DISPATCH__PROBE_DELAYS_S": "0.5,1",
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    opened = Receiver()
    yield opened
    opened.close()


@pytest.fixture
def other() -> Iterator[Receiver]:
    opened = Receiver()
    yield opened
    opened.close()


def config(**urls: str) -> str:
    endpoints = "".join(
        f'      - {{id: {name}, url: "{url}", secret: {SECRET}}}\n' for name, url in urls.items() if name != "notify"
    )
    notify = f'    notify: {{url: "{urls["notify"]}", secret: {SECRET}}}\n' if "notify" in urls else ""
    return f'accounts:\n  - id: acme\n    lists: [{{number: "+18005551234"}}]\n{notify}    endpoints:\n{endpoints}'


def set_manual(stage: Stage, endpoint: str, *, paused: bool) -> None:
    now = round(time.time() * 1000)
    record: dict[str, Any] = {
        "endpoint": endpoint, "kind": "manual", "paused": paused, "reason": "manual" if paused else None,
        "since": now if paused else None, "next_probe_at": None, "probes": 0, "hold_partition": None,
        "done_below": None, "done_beyond": None, "url_hash": None, "actor": "test", "updated_at": now,
    }  # fmt: skip
    stage.produce(topics.ENDPOINT_STATE, "EndpointState", [(topics.manual_key(endpoint), record)])


def auto(stage: Stage, endpoint: str) -> dict[str, Any] | None:
    found = [state for state in stage.read(topics.ENDPOINT_STATE) if state["kind"] == "auto"]
    states = [state for state in found if state["endpoint"] == endpoint]
    return states[-1] if states else None


def paused_endpoints(role: Role) -> Callable[[], bool]:
    return lambda: 'trackly_dispatch_endpoints{state="paused"} 1.0' in role.metrics()


def ids_of(receiver: Receiver) -> list[str]:
    return [hit.headers["webhook-id"] for hit in receiver.hits]


def event_ids(numbers: range) -> list[str]:
    return [ids.event_id("acme", "infobip", "delivery", "+18005551234", f"m{number}") for number in numbers]


def test_what_a_paused_endpoint_gets_is_held_and_delivered_in_order_once_it_is_resumed(
    stage: Stage, receiver: Receiver, other: Receiver
) -> None:
    stage.configure(config(main=receiver.url, well=other.url))
    role = stage.start("dispatcher", "--event", "delivery", **QUICK).await_ready()
    set_manual(stage, "acme/main", paused=True)
    await_condition(paused_endpoints(role), what="the pause")
    produce(stage, *(event(number, phone="+14155550001") for number in range(40)))
    await_condition(lambda: len(other.hits) == 40, what="what the other endpoint gets meanwhile")
    held = stage.await_records(topics.HOLD, 40)
    assert {(task["attempt"], task["held_at"] is not None) for task in held} == {(1, True)}
    assert not receiver.hits
    set_manual(stage, "acme/main", paused=False)
    await_condition(lambda: len(receiver.hits) == 40, what="the backlog")
    assert ids_of(receiver) == event_ids(range(40))
    produce(stage, event(40))
    await_condition(lambda: len(receiver.hits) == 41, what="what comes after")
    assert len(stage.read(topics.HOLD)) == 40
    assert role.terminate() == 0


def test_failures_in_a_row_pause_an_endpoint_and_a_probe_that_succeeds_resumes_it(
    stage: Stage, receiver: Receiver, other: Receiver
) -> None:
    stage.configure(config(main=receiver.url, notify=other.url))
    answers = {"status": 500}
    receiver.answer = lambda _hit: answers["status"]
    role = stage.start("dispatcher", "--event", "delivery", **QUICK).await_ready()
    produce(stage, *(event(number) for number in range(6)))
    await_condition(paused_endpoints(role), what="the automatic pause")
    paused = await_condition(lambda: auto(stage, "acme/main"), what="its record")
    assert (paused["paused"], paused["reason"]) == (True, "failing")
    await_condition(lambda: value_of(role, "trackly_dispatch_probes_total") >= 2, what="probes")
    answers["status"] = 200
    await_condition(lambda: len(set(ids_of(receiver))) == 6 and not paused_endpoints(role)(), what="the resume")
    await_condition(lambda: value_of(role, "trackly_dispatch_waiting") == 0, what="an empty hold log")
    delivered = [attempt for attempt in stage.read(topics.ATTEMPTS) if attempt["verdict"] == "delivered"]
    assert len({attempt["event_id"] for attempt in delivered if attempt["origin"] == "event"}) == 6
    assert not stage.read(topics.DEAD)
    await_condition(lambda: len(other.hits) >= 2, what="the notices")
    kinds = [hit.body.split(b'"')[3] for hit in other.hits]
    assert kinds == [b"endpoint.paused", b"endpoint.resumed"]
    assert b'"reason":"failing"' in other.hits[0].body


def test_an_endpoint_that_is_gone_is_paused_at_once_and_its_events_wait_for_another_url(
    stage: Stage, receiver: Receiver, other: Receiver
) -> None:
    stage.configure(config(main=receiver.url))
    receiver.answer = lambda _hit: 410
    role = stage.start("dispatcher", "--event", "delivery", **QUICK).await_ready()
    produce(stage, event(0))
    await_condition(paused_endpoints(role), what="the pause")
    produce(stage, *(event(number) for number in range(1, 10)))
    stage.await_records(topics.HOLD, 10)
    state = await_condition(lambda: auto(stage, "acme/main"), what="its record")
    assert (state["reason"], state["next_probe_at"] - state["since"] >= 1000) == ("gone", True)
    stage.configure(config(main=other.url))
    await_condition(lambda: sorted(ids_of(other)) == sorted(event_ids(range(10))), what="everything at the new URL")
    attempts = {attempt["event_id"]: attempt["attempt"] for attempt in stage.read(topics.ATTEMPTS)}
    assert set(attempts.values()) == {1}, "being held spends no attempt"


def test_what_is_held_survives_a_kill_of_its_owner_and_is_delivered_once(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(main=receiver.url))
    set_manual(stage, "acme/main", paused=True)
    first = stage.start("dispatcher", "--event", "delivery", **QUICK).await_ready()
    await_condition(paused_endpoints(first), what="the pause")
    produce(stage, *(event(number) for number in range(200)))
    stage.await_records(topics.HOLD, 200)
    receiver.delay_s = 0.02
    set_manual(stage, "acme/main", paused=False)
    await_condition(lambda: len(receiver.hits) > 60, what="a part of the backlog")
    first.kill()
    before = len(receiver.hits)
    stage.start("dispatcher", "--event", "delivery", **QUICK)
    await_condition(lambda: len(set(ids_of(receiver))) == 200, what="the rest")
    assert before < 200
    assert len(receiver.hits) - 200 < 150, "claims are raised every second"


def test_a_drain_that_is_handed_over_repeats_nothing(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(main=receiver.url))
    set_manual(stage, "acme/main", paused=True)
    first = stage.start("dispatcher", "--event", "delivery", **QUICK).await_ready()
    await_condition(paused_endpoints(first), what="the pause")
    produce(stage, *(event(number) for number in range(200)))
    stage.await_records(topics.HOLD, 200)
    receiver.delay_s = 0.02
    set_manual(stage, "acme/main", paused=False)
    await_condition(lambda: len(receiver.hits) > 60, what="a part of the backlog")
    assert first.terminate() == 0
    assert len(receiver.hits) < 200
    stage.start("dispatcher", "--event", "delivery", **QUICK)
    await_condition(lambda: len(set(ids_of(receiver))) == 200, what="the rest")
    assert len(receiver.hits) == 200


def test_one_that_hangs_overflows_to_the_hold_log_and_the_others_go_on(
    stage: Stage, receiver: Receiver, other: Receiver
) -> None:
    stage.configure(config(main=receiver.url, well=other.url))
    receiver.delay_s = 1.0
    role = stage.start("dispatcher", "--event", "delivery").await_ready()
    for batch in range(20):
        produce(stage, *(event(batch * 20 + number) for number in range(20)))
        await_condition(lambda: len(other.hits) >= (batch + 1) * 20, what="the endpoint that is well")  # noqa: B023
    produced = 400
    await_condition(lambda: 'why="overflow"' in role.metrics(), what="the metric")
    receiver.delay_s = 0.0
    await_condition(lambda: len(set(ids_of(receiver))) == produced, what="everything at the slow one")
    assert len(receiver.hits) == produced
    held = [task["task_id"] for task in stage.read(topics.HOLD)]
    assert len(held) == len(set(held)), "each once"


def test_a_task_that_is_held_too_long_becomes_a_dead_letter_though_its_endpoint_is_paused(
    stage: Stage, receiver: Receiver
) -> None:
    stage.configure(config(main=receiver.url))
    set_manual(stage, "acme/main", paused=True)
    aged = {**QUICK, "TRACKLY_DISPATCH__HOLD_AGE_MAX_S": "2"}
    role = stage.start("dispatcher", "--event", "delivery", **aged).await_ready()
    await_condition(paused_endpoints(role), what="the pause")
    produce(stage, *(event(number) for number in range(5)))
    dead = stage.await_records(topics.DEAD, 5)
    assert {letter["reason"] for letter in dead} == {"hold_expired"}
    assert not receiver.hits


def test_an_endpoint_removed_while_its_tasks_wait_leaves_dead_letters(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(main=receiver.url, well=receiver.url))
    set_manual(stage, "acme/main", paused=True)
    role = stage.start("dispatcher", "--event", "delivery", **QUICK).await_ready()
    await_condition(paused_endpoints(role), what="the pause")
    produce(stage, *(event(number) for number in range(5)))
    stage.await_records(topics.HOLD, 5)
    stage.configure(config(well=receiver.url))
    dead = stage.await_records(topics.DEAD, 5)
    assert {(letter["reason"], letter["task"]["endpoint"]) for letter in dead} == {("endpoint_removed", "acme/main")}


def test_an_endpoint_removed_while_no_dispatcher_runs_is_known_to_be_removed(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(main=receiver.url, well=receiver.url))
    set_manual(stage, "acme/main", paused=True)
    role = stage.start("dispatcher", "--event", "delivery", **QUICK).await_ready()
    await_condition(paused_endpoints(role), what="the pause")
    produce(stage, *(event(number) for number in range(5)))
    stage.await_records(topics.HOLD, 5)
    assert role.terminate() == 0
    stage.configure(config(well=receiver.url))
    stage.start("dispatcher", "--event", "delivery", **QUICK)
    dead = stage.await_records(topics.DEAD, 5)
    assert {(letter["reason"], letter["task"]["endpoint"]) for letter in dead} == {("endpoint_removed", "acme/main")}


def task(number: int, **fields: Any) -> tuple[str, dict[str, Any]]:
    event_id = ids.event_id("acme", "infobip", "delivery", "+18005551234", f"m{number}")
    made: dict[str, Any] = {
        "task_id": ids.task_id(event_id, "acme/main", "r1"), "event_id": event_id, "event_type": "delivery",
        "origin": "replay", "replay_id": "r1", "endpoint": "acme/main", "contact_key": f"acme|{number}",
        "body": b"{}", "attempt": 1, "created_at": 1_705_314_600_000, "first_failed_at": None,
        "held_at": None, "outcomes": [], **fields,
    }  # fmt: skip
    return made["endpoint"], made


def test_a_replayed_task_says_so_and_resolves_its_dead_letter(stage: Stage, receiver: Receiver) -> None:
    stage.configure(config(main=receiver.url))
    stage.start("dispatcher", "--event", "reply", **QUICK).await_ready()
    stage.produce(topics.TASKS, "DeliveryTask", [task(1)])
    await_condition(lambda: receiver.hits, what="the replay")
    (hit,) = receiver.hits
    assert (hit.headers["webhook-id"], hit.headers["X-Trackly-Replay"]) == (event_ids(range(1, 2))[0], "r1")
    (resolved,) = stage.await_records(topics.DEAD, 1)
    assert resolved["task_id"] == ids.task_id(event_ids(range(1, 2))[0], "acme/main")


def test_a_test_event_has_one_try_pauses_nothing_and_is_sent_to_a_paused_endpoint(
    stage: Stage, receiver: Receiver
) -> None:
    stage.configure(config(main=receiver.url))
    receiver.answer = lambda _hit: 500
    role = stage.start("dispatcher", "--event", "delivery", **QUICK).await_ready()
    stage.produce(topics.TASKS, "DeliveryTask", [task(number, origin="test", replay_id=None) for number in range(6)])
    attempts = stage.await_records(topics.ATTEMPTS, 6)
    assert {(one["origin"], one["verdict"], one["next_tier"]) for one in attempts} == {("test", "spent", None)}
    assert {hit.headers["X-Trackly-Test"] for hit in receiver.hits} == {"1"}
    assert not stage.read(topics.DEAD)
    set_manual(stage, "acme/main", paused=True)
    await_condition(paused_endpoints(role), what="the pause")
    stage.produce(topics.TASKS, "DeliveryTask", [task(7, origin="test", replay_id=None)])
    await_condition(lambda: len(receiver.hits) == 7, what="a test event while paused")


@pytest.mark.parametrize(
    "fields", [{"attempt": 99}, {"event_type": "unknown"}, {"event_id": "a\r\nb"}, {"task_id": ""}], ids=repr
)
def test_a_task_that_no_dispatcher_of_ours_writes_is_a_dead_letter(
    stage: Stage, receiver: Receiver, fields: dict[str, Any]
) -> None:
    stage.configure(config(main=receiver.url))
    stage.start("dispatcher", "--event", "delivery", **QUICK).await_ready()
    stage.produce(topics.TASKS, "DeliveryTask", [task(1, **fields)])
    stage.produce(topics.HOLD, "DeliveryTask", [task(2, **fields), ("acme/main", b"nothing")])
    dead = stage.await_records(topics.DEAD, 3)
    assert sorted(letter["reason"] for letter in dead) == ["undecodable", "untrusted", "untrusted"]
    assert not receiver.hits
