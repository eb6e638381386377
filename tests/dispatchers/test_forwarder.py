"""The forwarder on the real broker: raw payloads once to the list's own URL, whatever it answers."""

import re
from collections.abc import Iterator

import pytest

from dispatchers.forwarder import LANE_RECORDS_MAX
from schemas import topics
from tests.dispatchers.receiver import Receiver
from tests.stage import Role, Stage, await_condition


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    opened = Receiver()
    yield opened
    opened.close()


def task(number: int, kind: str, list_number: str = "+18005551234") -> tuple[str, dict[str, object]]:
    return f"acme/{list_number}", {
        "account": "acme", "list_number": list_number, "kind": kind, "body": b'{"raw": %d}' % number,
        "content_type": "application/json", "provider": "infobip", "received_at": 1_705_314_600_000,
    }  # fmt: skip


@pytest.mark.smoke
def test_a_payload_goes_once_to_its_url_and_poison_or_a_missing_url_stops_nothing(
    stage: Stage, receiver: Receiver
) -> None:
    base = receiver.url.removesuffix("/hook")
    stage.configure(
        "accounts:\n  - id: acme\n    lists:\n"
        f'      - {{number: "+18005551234", forward: {{delivery: "{base}/dlr", reply: "{base}/mo"}}}}\n'
        f'      - {{number: "+18005550000", forward: {{delivery: "{base}/dlr"}}}}\n'
    )
    receiver.answer = lambda hit: 500 if hit.path == "/mo" else 200
    role = stage.start("forwarder").await_ready()
    stage.produce(
        topics.FORWARDS,
        "ForwardTask",
        [
            task(1, "delivery"),
            ("acme/+18005551234", b"poison"),
            task(2, "inbound"),
            task(3, "inbound", "+18005550000"),
            task(4, "delivery", "+18005550000"),
        ],
    )

    def handled() -> bool:
        found = re.findall(r"^trackly_forward_attempts_total\{[^}]*\} (\S+)", role.metrics(), re.MULTILINE)
        return sum(float(value) for value in found) >= 5

    await_condition(handled, what="five forwards to be handled")
    assert sorted((hit.path, hit.body) for hit in receiver.hits) == [
        ("/dlr", b'{"raw": 1}'),
        ("/dlr", b'{"raw": 4}'),
        ("/mo", b'{"raw": 2}'),
    ]
    assert all("webhook-signature" not in hit.headers for hit in receiver.hits)
    assert role.terminate() == 0


def test_a_burst_that_a_url_works_off_slowly_loses_nothing(stage: Stage, receiver: Receiver) -> None:
    stage.configure(
        "accounts:\n  - id: acme\n    lists:\n"
        f'      - {{number: "+18005551234", forward: {{delivery: "{receiver.url}"}}}}\n'
    )
    receiver.delay_s = 0.015
    role = stage.start("forwarder").await_ready()
    stage.produce(topics.FORWARDS, "ForwardTask", [task(number, "delivery") for number in range(1500)])
    await_condition(lambda: len({hit.body for hit in receiver.hits}) == 1500, what="the whole burst")
    assert overflows(role) == 0


def test_a_url_that_hangs_loses_what_has_no_room_and_delays_nobody_in_its_partition(
    stage: Stage, receiver: Receiver
) -> None:
    well = Receiver()
    try:
        stage.configure(
            "accounts:\n  - id: acme\n    lists:\n"
            f'      - {{number: "+18005551234", forward: {{delivery: "{receiver.url}", reply: "{well.url}"}}}}\n'
        )
        receiver.delay_s = 30.0
        role = stage.start("forwarder").await_ready()
        hung = [task(number, "delivery") for number in range(LANE_RECORDS_MAX + 500)]
        stage.produce(topics.FORWARDS, "ForwardTask", [*hung, *(task(number, "inbound") for number in range(50))])
        await_condition(lambda: len(well.hits) == 50, what="the other URL's", timeout_s=10)
        assert 300 <= overflows(role) <= 500
        assert role.terminate() == 0
    finally:
        well.close()


def overflows(role: Role) -> float:
    found = re.search(r'^trackly_forward_attempts_total\{outcome="overflow"\} (\S+)', role.metrics(), re.MULTILINE)
    return float(found[1]) if found else 0.0
