"""The forwarder on the real broker: raw payloads once to the list's own URL, whatever it answers."""

import re
from collections.abc import Iterator

import pytest

from schemas import topics
from tests.dispatchers.receiver import Receiver
from tests.stage import Stage, await_condition


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
