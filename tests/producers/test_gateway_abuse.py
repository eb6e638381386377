"""The gateway against callers and brokers that misbehave: real sockets, real processes, the real broker."""

import asyncio
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import httpx
import orjson
import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public names that the package does not list
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from producers.simulator.callbacks import generate
from producers.simulator.driver import Answered, Driver, Pace
from producers.simulator.scenario import Origin
from runtime.broker import EmbeddedBroker
from schemas import topics
from tests.producers.test_gateway import CONFIG, REPORT, Gateway
from tests.stage import Stage, await_condition, open_stage

POSTED = "infobip/path-secret?account=acme"
OTHER_ACCOUNT = """
  - id: other
    providers: {infobip: {secret: path-secret}}
"""
OTHER_KEYS = "other:" + "A" * 43 + "="


@pytest.fixture
def gateway(stage: Stage) -> Iterator[Gateway]:
    stage.configure(CONFIG)
    opened = Gateway(stage, TRACKLY_GATEWAY__READ_TIMEOUT_S="1")
    opened.role.await_ready()
    yield opened
    opened.client.close()


def call(gateway: Gateway, *parts: bytes) -> bytes:
    """Send raw bytes and read until the gateway closes."""
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as caller:
        for part in parts:
            caller.sendall(part)
        answer = b""
        while more := caller.recv(65_536):
            answer += more
        return answer


def head(target: str, *lines: str) -> bytes:
    return "\r\n".join([f"POST /api/webhook-feedbacks/{target} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


def test_a_head_that_does_not_end_is_refused_in_time(gateway: Gateway) -> None:
    assert call(gateway, b"POST /api/webhook-feedbacks/inf").startswith(b"HTTP/1.1 408 ")


def test_a_head_without_end_is_refused_before_it_fills_the_memory(stage: Stage) -> None:
    stage.configure(CONFIG)
    gateway = Gateway(stage, TRACKLY_GATEWAY__READ_TIMEOUT_S="60")
    gateway.role.await_ready()
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as caller:
        caller.sendall(b"POST / HTTP/1.1\r\nX: ")
        sent = 0
        try:
            while sent < 50_000_000:
                caller.sendall(b"x" * 65_536)
                sent += 65_536
        except OSError:
            pass
    assert sent < 50_000_000
    assert gateway.post(POSTED).status_code == 200


def test_too_many_headers_are_refused(gateway: Gateway) -> None:
    many = head(POSTED, *(f"X-{number}: 1" for number in range(101)), "Content-Length: 0", "Connection: close")
    assert call(gateway, many).startswith(b"HTTP/1.1 431 ")


def test_a_body_too_large_in_chunks_is_refused(gateway: Gateway) -> None:
    chunk = b"%x\r\n" % 400_000 + b"x" * 400_000 + b"\r\n"
    answer = call(gateway, head(POSTED, "Transfer-Encoding: chunked"), chunk, chunk, chunk)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_refused_body_is_read_away_and_the_connection_goes_on(gateway: Gateway) -> None:
    """Closing at once would destroy the answer; the next request on the connection must not be read as its body."""
    body = b"x" * 1_100_000
    report = orjson.dumps({"results": [REPORT]})
    answer = call(
        gateway,
        head(POSTED, f"Content-Length: {len(body)}"),
        body,
        head(POSTED, f"Content-Length: {len(report)}", "Connection: close") + report,
    )
    assert [status.decode() for status in re.findall(rb"HTTP/1.1 (\d+) ", answer)] == ["413", "200"]


def test_a_refused_body_that_never_ends_loses_its_connection(gateway: Gateway) -> None:
    assert call(gateway, head("nobody/x?account=acme", "Content-Length: 1000"), b"x").startswith(b"HTTP/1.1 404 ")


def test_another_method_is_told_which_are_allowed(gateway: Gateway) -> None:
    answer = gateway.client.put("/api/webhook-feedbacks/infobip/path-secret?account=acme")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert gateway.client.get(f"/api/webhook-feedbacks/{POSTED}").status_code == 405


def test_a_report_by_get_is_accepted_where_the_provider_sends_such(gateway: Gateway) -> None:
    query = "account=acme&list=%2B18005551234&GSM=0014155551234&REFERENCE=r1&STATUS=2&STANDARDERRORTEXT=Delivered"
    assert gateway.client.get(f"/api/webhook-feedbacks/cm/path-secret?{query}").status_code == 200
    (record,) = gateway.stage.read(topics.RAW)
    assert (record["phone"], record["list"]) == ("+14155551234", "+18005551234")


def test_no_series_and_no_log_line_names_a_caller(gateway: Gateway) -> None:
    for path in (POSTED, "infobip/other-secret?account=acme", "weird-provider/x?account=weird-account"):
        gateway.post(path)
    call(gateway, b"BROKEN path-secret\r\n\r\n")
    shown = gateway.role.metrics() + gateway.role.log_text()
    for hidden in ("path-secret", "other-secret", "weird-", "14155551234"):
        assert hidden not in shown
    assert 'trackly_ingest_requests_total{kind="unknown",outcome="unauthorized",provider="infobip"} 1.0' in shown
    assert 'trackly_ingest_requests_total{kind="delivery",outcome="accepted",provider="infobip"} 1.0' in shown
    assert "trackly_ingest_inflight_bytes 0.0" in shown


def test_before_its_configuration_is_read_the_gateway_says_503_and_never_404(tmp_path: Path) -> None:
    with open_stage("127.0.0.1:1", "t.", tmp_path) as stage:
        gateway = Gateway(stage)
        answer = gateway.post("infobip/path-secret?account=nobody")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert gateway.role.is_ready() is False
        assert gateway.role.terminate() == 0


def test_credentials_that_cannot_be_opened_are_503_and_not_401(stage: Stage) -> None:
    stage.configure(CONFIG)
    gateway = Gateway(stage, TRACKLY_SECRET_KEYS=OTHER_KEYS)
    gateway.role.await_ready()
    answers = {gateway.post(POSTED).status_code for _ in range(3)}
    assert answers == {503}
    assert gateway.role.log_text().count("are answered 503") == 1


def test_an_account_that_fills_its_share_leaves_the_others_theirs(
    kafka_factory: Callable[[], EmbeddedBroker], topic_prefix: str
) -> None:
    """With the broker away nothing is acknowledged: the first request waits in vain, the next finds its share taken."""
    broker = kafka_factory()
    with open_stage(broker.bootstrap, topic_prefix, broker.data_dir.parent) as stage:
        stage.provision().configure(CONFIG + OTHER_ACCOUNT)
        gateway = Gateway(stage, TRACKLY_GATEWAY__ACCOUNT_INFLIGHT_BYTES_MAX="1048576")
        gateway.role.await_ready()
        assert gateway.post(POSTED).status_code == 200
        broker.stop()
        large = orjson.dumps({"results": [{**REPORT, "padding": "x" * 600_000}]})
        said = [gateway.post(path, large).text for path in (POSTED, POSTED, POSTED.replace("acme", "other"))]
        assert said == ["not acknowledged in time", "too much in flight", "not acknowledged in time"]
        broker.start()
        await_condition(lambda: gateway.post(POSTED, large).status_code == 200, what="room again")
        await_condition(lambda: "trackly_ingest_inflight_bytes 0.0" in gateway.role.metrics(), what="nothing in flight")


def test_a_gateway_killed_at_full_speed_has_written_everything_that_it_acknowledged(gateway: Gateway) -> None:
    accepted: list[str] = []
    origin = Origin("infobip", "acme", "+18005551234", gateway.url, secret="path-secret")

    def watch(answered: Answered) -> None:
        if answered.accepted:
            accepted.extend(one.natural_key for one in answered.callback.expects)
        if len(accepted) == 600:
            gateway.role.process.kill()
        if answered.status is None:
            driver.stop()

    rng = Random(1)
    driver = Driver(gateway.url, Pace(inflight=32), rng=rng, watcher=watch)
    summary = asyncio.run(_drive(driver, lambda: generate(origin, "deliveries", rng, now=1_705_314_600_000, batch=3)))
    assert summary >= 600
    gateway.role.process.wait()
    written = set()
    for record in gateway.stage.read(topics.RAW):
        (item,) = orjson.loads(record["body"])["results"]
        written.add(f"{item['messageId']}|{item['status']['id']}|{item['doneAt']}")
    assert written >= set(accepted)


async def _drive(driver: Driver, source: Callable[[], object]) -> int:
    return (await driver.run(source)).facts  # type: ignore[arg-type]


def test_a_drain_answers_what_was_begun_and_ends_with_zero(gateway: Gateway) -> None:
    host, port = gateway.url.removeprefix("http://").split(":")
    body = orjson.dumps({"results": [REPORT]})
    with socket.create_connection((host, int(port)), timeout=20) as caller:
        caller.sendall(head(POSTED, f"Content-Length: {len(body)}") + body[:10])
        codes: list[int] = []
        await_condition(lambda: gateway.post(POSTED).status_code == 200, what="the loop to have read the head")
        ending = threading.Thread(target=lambda: codes.append(gateway.role.terminate()))
        ending.start()
        await_condition(lambda: _refuses(gateway), what="the listener to close")
        caller.sendall(body[10:])
        assert caller.recv(4096).startswith(b"HTTP/1.1 200 ")
        ending.join()
    assert codes == [0]
    assert len(gateway.stage.read(topics.RAW)) == 2


def _refuses(gateway: Gateway) -> bool:
    try:
        httpx.get(gateway.url, timeout=5)
    except httpx.TransportError:
        return True
    return False


def test_a_record_larger_than_the_brokers_take_is_413(stage: Stage) -> None:
    """The topic's limit may be lowered by its operators; repeating cannot help, so the caller must hear it."""
    stage.configure(CONFIG)
    admin = AdminClient({"bootstrap.servers": stage.bootstrap})
    entry = ConfigEntry("max.message.bytes", "20000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, stage.prefix + topics.RAW, incremental_configs=[entry])
    for future in admin.incremental_alter_configs([resource]).values():
        future.result()
    gateway = Gateway(stage)
    gateway.role.await_ready()
    noise = Random(1).randbytes(60_000).hex()
    large = orjson.dumps({"results": [{**REPORT, "padding": noise}]})
    assert gateway.post(f"{POSTED}&word=path-secret&campaign=spring", large).status_code == 413
    assert gateway.post(POSTED).status_code == 200
    (kept,) = stage.await_records(topics.QUARANTINE, 1)
    assert (kept["reason"], kept["split"], kept["body"]) == ("too_large", False, large)
    assert kept["query"] == {"campaign": "spring"}
