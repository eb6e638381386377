"""The gateway on real sockets and the real broker: every answer it may give, and nothing acknowledged is lost."""

import base64
import hashlib
import hmac
import re
import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import httpx
import orjson
import pytest

from runtime.broker import EmbeddedBroker
from schemas import topics
from tests.stage import Role, Stage, await_condition, open_stage

CONFIG = """
accounts:
  - id: acme
    providers:
      infobip: {secret: path-secret}
      twilio: {auth_token: [old-token, "12345"], secret: path-secret}
      cm: {secret: path-secret}
    lists: [{number: "+18005551234", provider: infobip}]
"""
REPORT = {
    "messageId": "m1", "to": "14155551234", "doneAt": "2024-01-15T10:30:00.000+0000",
    "status": {"groupId": 3, "groupName": "DELIVERED", "id": 5, "name": "DELIVERED_TO_HANDSET"},
}  # fmt: skip


class Gateway:
    def __init__(self, stage: Stage, **settings: str) -> None:
        self.stage = stage
        self.role: Role = stage.start("gateway", TRACKLY_GATEWAY__PORT="0", **settings)
        found: re.Match[str] = await_condition(
            lambda: re.search(r"ready gateway=(http://\S+)", self.role.log_text()), what="the gateway's address"
        )
        self.url = found[1]
        self.client = httpx.Client(base_url=self.url, timeout=20)

    def post(self, path: str, body: bytes | None = None, **extra: object) -> httpx.Response:
        content = orjson.dumps({"results": [REPORT]}) if body is None else body
        return self.client.post(f"/api/webhook-feedbacks/{path}", content=content, **extra)  # type: ignore[arg-type]


@pytest.fixture
def gateway(stage: Stage) -> Iterator[Gateway]:
    stage.configure(CONFIG)
    opened = Gateway(stage, TRACKLY_GATEWAY__READ_TIMEOUT_S="1", TRACKLY_GATEWAY__PUBLIC_BASE_URL="https://hooks.test")
    opened.role.await_ready()
    yield opened
    opened.client.close()


@pytest.mark.smoke
def test_each_request_gets_the_answer_that_the_contract_names(gateway: Gateway) -> None:
    table = [
        ("infobip/path-secret?account=acme", None, 200),
        ("infobip/path-secret?account=nobody", None, 404),
        ("unknown/path-secret?account=acme", None, 404),
        ("infobip/path-secret", None, 400),
        ("infobip/wrong-secret?account=acme", None, 401),
        ("infobip?account=acme", None, 401),
        ("infobip/path-secret?account=acme", b"{", 400),
        ("cm/path-secret?account=acme", b"{", 200),
        ("infobip/path-secret?account=acme", b"x" * 1_100_000, 413),
        ("infobip/path-secret?account=acme&list=%2B18005551234&mid=ours", None, 200),
        ("infobip/path-secret?account=acme&kind=nonsense", None, 400),
        ("infobip/path-secret?account=acme&list=whatsapp:1&word=path-secret&campaign=spring", None, 400),
        ("infobip/wrong-secret?account=acme&kind=nonsense", None, 401),
    ]
    for path, body, status in table:
        answer = gateway.post(path, body)
        assert answer.status_code == status, (path, answer.text)
    assert gateway.client.put("/api/webhook-feedbacks/infobip/path-secret?account=acme").status_code == 405
    raw = gateway.stage.await_records(topics.RAW, 2)
    assert {record["mid"] for record in raw} == {None, "ours"}
    kept = gateway.stage.await_records(topics.QUARANTINE, 4)
    assert {(record["reason"], record["split"]) for record in kept} == {("malformed", False)}
    assert {"kind is delivery or inbound.", "list is not a number."} <= {record["detail"] for record in kept}
    assert [record["query"] for record in kept if record["query"]] == [{"campaign": "spring"}]
    assert len(kept) == 4
    assert "path-secret" not in gateway.role.log_text()


def test_a_batch_is_split_and_its_bad_item_kept_apart(gateway: Gateway) -> None:
    items = [{**REPORT, "messageId": f"m{number}", "to": f"1415555{number:04d}"} for number in range(1999)]
    body = orjson.dumps({"results": [*items, {**REPORT, "to": "nobody"}]})
    assert gateway.post("infobip/path-secret?account=acme", body).status_code == 200
    assert len(gateway.stage.read(topics.RAW)) == 1999
    (bad,) = gateway.stage.read(topics.QUARANTINE)
    assert bad["reason"] == "phone_invalid"


def test_a_twilio_signature_is_checked_even_beside_a_good_path_secret(gateway: Gateway) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+14155551234", "From": "+18005551234"}
    path = "twilio/path-secret?account=acme"
    url = f"https://hooks.test/api/webhook-feedbacks/{path}"
    signed = url + "".join(name + form[name] for name in sorted(form))
    good = base64.b64encode(hmac.new(b"12345", signed.encode(), hashlib.sha1).digest()).decode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode(form).encode()
    assert gateway.post(path, body, headers={**kind, "X-Twilio-Signature": good}).status_code == 200
    assert gateway.post(path, body, headers={**kind, "X-Twilio-Signature": "forged"}).status_code == 401
    (record,) = gateway.stage.read(topics.RAW)
    assert "path-secret" not in str(record)
    assert good not in str(record)


def test_a_slow_body_is_refused_in_time(gateway: Gateway) -> None:
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as caller:
        head = "POST /api/webhook-feedbacks/infobip/path-secret?account=acme HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"
        caller.sendall(head.encode())
        assert b" 408 " in caller.recv(4096)


def test_a_killed_gateway_has_written_everything_that_it_acknowledged(gateway: Gateway) -> None:
    acknowledged = []
    for number in range(200):
        item = {**REPORT, "messageId": f"m{number}"}
        if gateway.post("infobip/path-secret?account=acme", orjson.dumps({"results": [item]})).status_code == 200:
            acknowledged.append(f"m{number}")
    gateway.role.kill()
    written = {orjson.loads(record["body"])["results"][0]["messageId"] for record in gateway.stage.read(topics.RAW)}
    assert written >= set(acknowledged)
    assert len(acknowledged) == 200


def test_a_broker_outage_is_503_in_time_and_heals(
    kafka_factory: Callable[[], EmbeddedBroker], topic_prefix: str, tmp_path: object
) -> None:
    broker = kafka_factory()
    with open_stage(broker.bootstrap, topic_prefix, broker.data_dir.parent) as stage:
        stage.provision().configure(CONFIG)
        gateway = Gateway(stage)
        gateway.role.await_ready()
        assert gateway.post("infobip/path-secret?account=acme").status_code == 200
        broker.stop()
        answer = gateway.post("infobip/path-secret?account=acme")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert answer.elapsed.total_seconds() < 3
        broker.start()
        await_condition(
            lambda: gateway.post("infobip/path-secret?account=acme").status_code == 200, what="the gateway to recover"
        )
