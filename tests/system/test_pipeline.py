"""The whole way in processes of their own: a provider's callback in, a signed webhook out, whatever is killed between."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import httpx
import orjson
import pytest

from producers.sends.gate_client import SendGate, Unanswered, request_for
from producers.simulator.callbacks import PROVIDERS, SPELLINGS, generate
from producers.simulator.scenario import Callback, Origin, Scenario
from runtime.broker import EmbeddedBroker
from runtime.clock import now_ms
from schemas import topics
from tests.dispatchers.receiver import Receiver
from tests.stage import Role, Stage, await_condition, open_stage

SECRET = "a-signing-secret"
PATH_SECRET = "the-path-secret"
AUTH_TOKEN = "the-auth-token-of-thirty-two-bytes"
NUMBERS = {provider: f"+1800555{number:04d}" for number, provider in enumerate(PROVIDERS, start=101)}
TELNYX = ("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
"""Seed and public key of RFC 8032 section 7.1."""
SIGNS = {"basic": ("user:pass", "user:pass"), "public_key": TELNYX}
"""Name of a credential to what the provider signs with and what we have; AUTH_TOKEN for any other."""
BASE = "https://hooks.test"
QUICK = {
    "TRACKLY_DISPATCH__TIER_DELAYS_S": "0.5,0.6,0.7,0.8,0.9",
    "TRACKLY_GATEWAY__PORT": "0",
    "TRACKLY_GATEWAY__PUBLIC_BASE_URL": BASE,
    "TRACKLY_PROCESSOR__SESSION_TIMEOUT_S": "3",
    "TRACKLY_DISPATCH__SESSION_TIMEOUT_S": "3",
}


def credential_of(provider: str) -> tuple[str, str]:
    """What the provider shows that it is itself by, and what we have of it: a path secret where it signs nothing."""
    name = SPELLINGS[provider].credential
    return (PATH_SECRET, PATH_SECRET) if name is None else SIGNS.get(name, (AUTH_TOKEN, AUTH_TOKEN))


def configuration(url: str) -> str:
    lists = ", ".join(f'{{number: "{number}", provider: {provider}}}' for provider, number in NUMBERS.items())
    shown = (
        f'      {provider}: {{{spelling.credential or "secret"}: "{credential_of(provider)[1]}"}}'
        for provider, spelling in SPELLINGS.items()
    )
    providers = "\n".join(shown)
    return f"""
accounts:
  - id: acme
    providers:
{providers}
    lists: [{lists}]
    endpoints:
      - {{id: main, url: "{url}", secret: {SECRET}}}
"""


def phone_of(number: int) -> str:
    return f"+1415555{number:04d}"


@dataclass
class Pipeline:
    stage: Stage
    receiver: Receiver
    rng: Random
    gateway_url: str = ""

    def start_all(self) -> dict[str, Role]:
        roles = {name: self.stage.start(name) for name in ("gateway", "processor", "dispatcher")}
        found: re.Match[str] = await_condition(
            lambda: re.search(r"ready gateway=(http://\S+)", roles["gateway"].log_text()), what="the gateway's address"
        )
        self.gateway_url = found[1]
        for role in roles.values():
            role.await_ready()
        return roles

    def make(self, provider: str, scenario: Scenario = "mixed") -> Callback:
        name, shown = SPELLINGS[provider].credential, credential_of(provider)[0]
        secret, signed = (shown, {}) if name is None else (None, {name: shown})
        origin = Origin(provider, "acme", NUMBERS[provider], BASE, secret, signed)
        return generate(origin, scenario, self.rng, now=now_ms())

    def forge(self, provider: str) -> Callback:
        """A callback of somebody who knows the format and no credential of ours."""
        name = SPELLINGS[provider].credential
        wrong = {"basic": "user:guess", "public_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}
        guess = "a-guess-of-no-less-than-32-bytes"
        signed = {} if name is None else {name: wrong.get(name, guess)}
        origin = Origin(provider, "acme", NUMBERS[provider], BASE, guess if name is None else None, signed)
        return generate(origin, "replies", self.rng, now=now_ms())

    def send(self, callback: Callback) -> int:
        answer = httpx.request(
            callback.method,
            self.gateway_url + callback.path_and_query,
            content=callback.body,
            headers=callback.headers,
            timeout=20,
        )
        return answer.status_code

    def write(self, client: httpx.Client, number: int, text: str) -> int:
        """A contact writes to the list of Infobip."""
        item = {"messageId": f"in-{number}", "from": phone_of(number), "to": NUMBERS["infobip"], "text": text}
        body = orjson.dumps({"results": [{**item, "receivedAt": "2024-01-15T10:35:00.000+0000"}]})
        path = f"/api/webhook-feedbacks/infobip/{PATH_SECRET}?account=acme"
        answer = client.post(self.gateway_url + path, content=body, headers={"content-type": "application/json"})
        return answer.status_code

    def ids(self) -> set[str]:
        return {hit.headers["webhook-id"] for hit in self.receiver.hits}

    def await_webhooks(self, expected: set[str]) -> None:
        await_condition(lambda: expected <= self.ids(), what=f"{len(expected)} webhooks", timeout_s=90)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    opened = Receiver()
    yield opened
    opened.close()


@pytest.fixture
def pipeline(stage: Stage, receiver: Receiver) -> Pipeline:
    stage.environment.update(QUICK)
    stage.configure(configuration(receiver.url))
    return Pipeline(stage, receiver, Random(7))


def expected_bodies(callback: Callback) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for one in callback.expects:
        if one.event == "delivery":
            found.append({"event": "delivery", "to": one.phone, "list_number": one.list_number, "status": one.status})
        elif one.event == "reply":
            found.append(
                {"event": "reply", "phone_number": one.phone, "list_number": one.list_number, "body": one.text}
            )
        else:
            found.append({"event": "unsubscribe", "phone_number": one.phone, "list_number": one.list_number})
    return found


def found_in(bodies: list[dict[str, Any]], fields: dict[str, Any]) -> dict[str, Any]:
    (found,) = [body for body in bodies if fields.items() <= body.items()]
    return found


FIELDS = {
    "delivery": ["event", "message_id", "to", "list_number", "status", "status_detail", "provider", "timestamp"],
    "unsubscribe": ["event", "phone_number", "list_number", "keyword", "timestamp"],
    "reply": ["event", "phone_number", "list_number", "body", "timestamp"],
}


def test_every_event_of_every_provider_arrives_as_documented_and_repeats_make_no_second(pipeline: Pipeline) -> None:
    roles = pipeline.start_all()
    scenarios: tuple[Scenario, ...] = ("deliveries", "replies", "optouts")
    callbacks = [
        pipeline.make(provider, scenario)
        for provider in NUMBERS
        for scenario in scenarios
        for _ in range(3)
        if SPELLINGS[provider].reports_max or scenario != "deliveries"
    ]
    for provider in NUMBERS:
        assert pipeline.send(pipeline.forge(provider)) == 401, provider
    refused = re.findall(
        r'trackly_ingest_signature_failures_total\{provider="(\w+)",reason="wrong_\w+"\} 1.0',
        roles["gateway"].metrics(),
    )
    assert sorted(refused) == sorted(NUMBERS)
    for callback in callbacks:
        assert pipeline.send(callback) == 200
    for callback in callbacks[::3]:
        assert pipeline.send(callback) == 200
    told = [one for callback in callbacks for one in callback.expects]
    expected = {one.event_id for one in told if one.event_id}
    pipeline.await_webhooks(expected)
    await_condition(
        lambda: len(pipeline.ids()) == len(told), what="the webhooks of Lime, whose ids nobody can foretell"
    )
    await_condition(
        lambda: f"trackly_classify_repeats_total {len(callbacks[::3])}.0" in roles["processor"].metrics(),
        what="the repeats to be seen",
    )
    assert len(pipeline.receiver.hits) == len(told)
    bodies = {hit.headers["webhook-id"]: hit.body for hit in pipeline.receiver.hits}
    shown = [orjson.loads(body) for body in bodies.values()]
    for callback in callbacks:
        for one, fields in zip(callback.expects, expected_bodies(callback), strict=True):
            body = orjson.loads(bodies[one.event_id]) if one.event_id else found_in(shown, fields)
            assert list(body) == FIELDS[one.event]
            assert fields.items() <= body.items()
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["timestamp"])
    logs = "".join(role.log_text() for role in roles.values())
    for callback in callbacks:
        for one in callback.expects:
            assert one.phone not in logs
            assert one.phone.lstrip("+") not in logs
            assert one.text is None or len(one.text) < 8 or one.text not in logs
    for secret in (SECRET, PATH_SECRET, AUTH_TOKEN, TELNYX[1], "user:pass", "dXNlcjpwYXNz"):
        assert secret not in logs
    assert all(role.terminate() == 0 for role in roles.values())


def test_a_killed_processor_and_a_killed_dispatcher_lose_nothing(pipeline: Pipeline) -> None:
    pipeline.receiver.delay_s = 0.01
    roles = pipeline.start_all()
    expected: set[str] = set()
    for number in range(300):
        callback = pipeline.make(("infobip", "twilio", "cm")[number % 3])
        assert pipeline.send(callback) == 200
        expected |= {one.event_id for one in callback.expects}
        if number == 100:
            roles["processor"].kill()
            roles["processor"] = pipeline.stage.start("processor")
        if number == 200:
            roles["dispatcher"].kill()
            roles["dispatcher"] = pipeline.stage.start("dispatcher")
    pipeline.await_webhooks(expected)
    events = [event for name in topics.EVENTS for event in pipeline.stage.read(topics.events_topic(name))]
    assert len(events) == len({event["event_id"] for event in events}) == len(expected)


def test_two_processors_share_the_work_and_take_over(pipeline: Pipeline) -> None:
    roles = pipeline.start_all()
    second = pipeline.stage.start("processor", TRACKLY_ORDINAL="1").await_ready()
    expected: set[str] = set()
    for number in range(150):
        callback = pipeline.make("infobip")
        assert pipeline.send(callback) == 200
        expected |= {one.event_id for one in callback.expects}
        if number == 75:
            roles["processor"].kill()
    pipeline.await_webhooks(expected)
    assert "trackly_kafka_assigned_partitions" in second.metrics()
    events = [event for name in topics.EVENTS for event in pipeline.stage.read(topics.events_topic(name))]
    assert len(events) == len({event["event_id"] for event in events}) == len(expected)


def test_a_new_endpoint_receives_without_a_restart(pipeline: Pipeline, receiver: Receiver) -> None:
    pipeline.start_all()
    later = Receiver()
    try:
        text = configuration(receiver.url) + f'      - {{id: second, url: "{later.url}", secret: {SECRET}}}\n'
        pipeline.stage.configure(text)

        def arrives() -> bool:
            assert pipeline.send(pipeline.make("infobip", "replies")) == 200
            return bool(later.hits)

        await_condition(arrives, what="the new endpoint's first webhook", timeout_s=10)
    finally:
        later.close()


def test_every_role_goes_on_after_a_broker_restart(
    kafka_factory: Callable[[], EmbeddedBroker], topic_prefix: str, tmp_path: Path, receiver: Receiver
) -> None:
    broker = kafka_factory()
    with open_stage(broker.bootstrap, topic_prefix, tmp_path) as stage:
        stage.environment.update(QUICK)
        stage.provision().configure(configuration(receiver.url))
        pipeline = Pipeline(stage, receiver, Random(8))
        roles = pipeline.start_all()
        expected: set[str] = set()

        def send_some() -> None:
            for provider in NUMBERS:
                callback = pipeline.make(provider)
                if pipeline.send(callback) == 200:
                    expected.update(one.event_id for one in callback.expects if one.event_id)

        send_some()
        pipeline.await_webhooks(expected)
        broker.stop()
        send_some()
        broker.start()
        before = len(expected)

        def accepted_again() -> bool:
            send_some()
            return len(expected) >= before + 3

        await_condition(accepted_again, what="the gateway to accept again")
        pipeline.await_webhooks(expected)
        assert all(role.process.poll() is None for role in roles.values())


def test_no_send_asked_after_a_stop_was_answered_200_is_approved(pipeline: Pipeline) -> None:
    """A thousand contacts, each with its own interleaving of callback and question, and two kills of the processor."""
    roles = pipeline.start_all()
    rng = pipeline.rng
    texts = {number: rng.choice(["STOP", "please stop texting me", "thanks", "see you at 5"]) for number in range(1000)}
    left = list(texts)
    rng.shuffle(left)
    kills = {333, 666}
    approved: dict[int, bool] = {}
    with httpx.Client() as client, SendGate(pipeline.stage.settings()) as gate:
        while left:
            group = [left.pop() for _ in range(min(len(left), rng.randint(1, 120)))]
            for number in group:
                assert pipeline.write(client, number, texts[number]) == 200
            asked = [
                request_for("acme", NUMBERS["infobip"], phone_of(number), f"m-{number}", now=now_ms())
                for number in rng.sample(group, len(group))
            ]
            if kills & set(group):
                roles["processor"].kill()
                roles["processor"] = pipeline.stage.start("processor")
            for answer in gate.ask(asked):
                assert not isinstance(answer, Unanswered)
                approved[int(answer["message_id"].removeprefix("m-"))] = answer["approved"]
    assert len(approved) == len(texts)
    wrong = {number for number, text in texts.items() if approved[number] is ("stop" in text.lower())}
    assert not wrong
