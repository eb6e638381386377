"""The simulator tells what it says it tells: its callbacks are read by the adapters as exactly the facts it expects."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from aiohttp import web
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from processors.classify import classify
from producers.simulator.callbacks import PROVIDERS, SPELLINGS, Source, generate
from producers.simulator.command import simulate
from producers.simulator.driver import Answered, Driver, Pace
from producers.simulator.latency import GROWTH, Latencies
from producers.simulator.scenario import OPT_OUTS, REPLIES, SCENARIOS, Callback, Expected, Origin, Scenario
from schemas.phone import is_e164, to_sender
from schemas.providers import registry
from schemas.providers.callback import (
    Authentic,
    CallbackRequest,
    Credentials,
    DeliveryReport,
    Forged,
    InboundMessage,
    Split,
)

if TYPE_CHECKING:
    from schemas.records import RawCallback

NOW = 1_705_314_600_000
BASE = "https://hooks.test"
ORIGIN = Origin("infobip", "acme", "+18005551234", BASE, secret="path/secret", credentials={"auth_token": "token"})
SEED, PUBLIC = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
"""Telnyx signs with a private key and is checked with the public one (RFC 8032 section 7.1, first key)."""
TOKEN = "a token of thirty-two bytes or so"
SIGNS = {"basic": ("user:pass", "user:pass"), "public_key": (SEED, PUBLIC)}
"""Name of a credential to what the provider has and what we have; the same token for any other."""


def origin_of(provider: str) -> Origin:
    name = SPELLINGS[provider].credential
    given = {} if name is None else {name: SIGNS.get(name, (TOKEN, ""))[0]}
    return replace(ORIGIN, provider=provider, credentials=given)


def credentials_of(provider: str) -> Credentials:
    name = SPELLINGS[provider].credential
    signed = {} if name is None else {name: [SIGNS.get(name, ("", TOKEN))[1]]}
    return Credentials({"secret": ["path/secret"], **signed})


def request_of(callback: Callback) -> CallbackRequest:
    parts = urlsplit(callback.path_and_query)
    return CallbackRequest(
        method=callback.method,
        url=BASE + callback.path_and_query,
        headers={name.lower(): value for name, value in callback.headers.items()},
        query=parse_qsl(parts.query, keep_blank_values=True),
        body=callback.body,
        received_at=NOW,
        path_secret=unquote(parts.path.split("/")[4]),
    )


def read_back(callback: Callback, provider: str) -> list[Expected]:
    """What the adapter makes of a callback, written as the simulator writes its expectations."""
    adapter = registry.get(provider)
    assert adapter is not None
    request = request_of(callback)
    query = dict(request.query)
    split = adapter.split(request)
    assert isinstance(split, Split)
    assert (len(split.bad), split.ignored) == (0, 0)
    found = []
    for fragment in split.fragments:
        record: RawCallback = {
            "account": "acme", "provider": provider, "kind": fragment.kind, "phone": fragment.phone,
            "body": fragment.body, "content_type": fragment.content_type, "headers": {}, "query": {},
            "mid": query.get("mid"), "list": query.get("list"), "received_at": NOW, "redriven": False,
        }  # fmt: skip
        parsed = adapter.parse(record)
        assert isinstance(parsed, DeliveryReport | InboundMessage)
        found.append(as_expected(parsed, to_sender(query.get("list", "")), fragment.phone))
    return found


def as_expected(parsed: DeliveryReport | InboundMessage, hint: str | None, phone: str) -> Expected:
    key = parsed.natural_key or ""
    assert parsed.at is None or NOW - 6000 <= parsed.at <= NOW
    if isinstance(parsed, DeliveryReport):
        assert parsed.known
        assert parsed.to == phone
        return Expected(
            "delivery", "", key, phone, hint or parsed.sender or "", parsed.provider_message_id, parsed.message_id,
            parsed.status,
        )  # fmt: skip
    assert parsed.sender == phone
    event = {"opt_out": "unsubscribe", "reply": "reply"}[classify(parsed.body).label]
    return Expected(
        event, "", key, phone, hint or parsed.to or "", parsed.provider_message_id, text=parsed.body  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize("provider", PROVIDERS)
@given(seed=st.integers(0, 2**32), scenario=st.sampled_from(SCENARIOS), batch=st.integers(1, 8))
def test_the_adapter_reads_what_the_simulator_expects(provider: str, seed: int, scenario: Scenario, batch: int) -> None:
    if scenario == "deliveries" and SPELLINGS[provider].reports_max == 0:
        with pytest.raises(ValueError, match="reports no deliveries"):
            generate(origin_of(provider), scenario, Random(seed), now=NOW, batch=batch)
        return
    callback = generate(origin_of(provider), scenario, Random(seed), now=NOW, batch=batch)
    assert callback.expects
    assert read_back(callback, provider) == [replace(one, event_id="") for one in callback.expects]
    assert all(is_e164(one.phone) for one in callback.expects)
    assert all(bool(one.event_id) is bool(one.natural_key) for one in callback.expects)
    assert len({one.event_id for one in callback.expects}) == len(callback.expects)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_adapter_takes_the_credential_and_refuses_another(provider: str) -> None:
    adapter = registry.get(provider)
    assert adapter is not None
    callback = generate(origin_of(provider), "mixed", Random(1), now=NOW)
    credentials = credentials_of(provider)
    assert isinstance(adapter.authenticate(request_of(callback), credentials), Authentic)
    without_secret = replace(request_of(callback), path_secret=None)
    if SPELLINGS[provider].credential is not None:
        assert isinstance(adapter.authenticate(without_secret, credentials), Authentic)
    other = Credentials({"secret": ["other"], "auth_token": ["other"]})
    assert isinstance(adapter.authenticate(request_of(callback), other), Forged)


@pytest.mark.parametrize("provider", [name for name in PROVIDERS if SPELLINGS[name].reports_max])
def test_reports_out_of_order_tell_the_end_of_a_message_before_its_way(provider: str) -> None:
    source = Source(origin_of(provider), "deliveries", Random(3), disorder=0.5)
    callbacks = [source.next(now=NOW) for _ in range(200)]
    told = [one for callback in callbacks for one in read_back(callback, provider)]
    assert [one.natural_key for one in told] == [one.natural_key for call in callbacks for one in call.expects]
    seen: set[str | None] = set()
    late = [one for one in told if one.message_id in seen or seen.add(one.message_id)]  # type: ignore[func-returns-value]
    assert len(late) > 40
    assert {one.status for one in late} <= {"pending", "delivered"}, "Infobip's way is `delivered to the operator`"
    assert len({one.natural_key for one in told}) == len(told)


def test_twilios_own_library_accepts_the_signature() -> None:
    callback = generate(origin_of("twilio"), "replies", Random(1), now=NOW)
    fields = dict(parse_qsl(callback.body.decode(), keep_blank_values=True))
    url, given = BASE + callback.path_and_query, callback.headers["X-Twilio-Signature"]
    assert RequestValidator(TOKEN).validate(url, fields, given)
    assert not RequestValidator(TOKEN).validate(url, {**fields, "Body": "other"}, given)


@pytest.mark.parametrize("scenario, events", [
    ("deliveries", {"delivery"}),
    ("replies", {"reply"}),
    ("optouts", {"unsubscribe"}),
    ("mixed", {"delivery", "reply", "unsubscribe"}),
])  # fmt: skip
def test_a_scenario_holds_its_events_and_no_others(scenario: Scenario, events: set[str]) -> None:
    rng = Random(5)
    callbacks = [generate(ORIGIN, scenario, rng, now=NOW) for _ in range(300)]
    assert {one.event for callback in callbacks for one in callback.expects} == events


def test_the_texts_mean_what_their_tables_say() -> None:
    assert {classify(text).label for text in OPT_OUTS} == {"opt_out"}
    assert {classify(text).label for text in REPLIES} == {"reply"}


def test_the_same_seed_gives_the_same_callbacks() -> None:
    first, second = (generate(ORIGIN, "mixed", Random(9), now=NOW, batch=5) for _ in range(2))
    assert first == second
    assert first != generate(ORIGIN, "mixed", Random(10), now=NOW, batch=5)


def test_nothing_secret_or_personal_shows_in_a_representation() -> None:
    callback = generate(ORIGIN, "optouts", Random(1), now=NOW)
    shown = repr(callback) + repr(ORIGIN)
    for hidden in ("path", "token", callback.expects[0].phone, "STOP"):
        assert hidden not in shown, hidden


@given(st.lists(st.floats(0.0002, 20), min_size=1, max_size=60), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_quantile_is_at_most_one_bucket_too_high(values: list[float], share: float) -> None:
    latencies = Latencies()
    for value in values:
        latencies.add(value)
    exact = sorted(values)[max(0, -int(-share * len(values) // 1) - 1)]
    found = latencies.quantile_s(share)
    assert found is not None
    assert exact * (1 - 1e-9) <= found <= exact * GROWTH * (1 + 1e-9)


# ---- the driver -----------------------------------------------------------------------------------------------------
class Listener:
    """A gateway of the test's own: answers by a script, and remembers bodies and its own time."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.bodies: list[bytes] = []
        self.handled_s = 0.0
        self.pause_s = 0.0
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        started = asyncio.get_running_loop().time()
        self.bodies.append(await request.read())
        await asyncio.sleep(self.pause_s)
        self.handled_s += asyncio.get_running_loop().time() - started
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    made = Listener()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    made.url = f"http://{host}:{port}"
    yield made
    await runner.cleanup()


def source(rng: Random) -> Callback:
    return generate(ORIGIN, "mixed", rng, now=NOW)


async def test_answers_are_counted_and_shown_to_the_watcher(listener: Listener) -> None:
    listener.statuses = [200, 503, 401]
    seen: list[Answered] = []
    rng = Random(1)
    driver = Driver(listener.url, Pace(count=5, inflight=1), rng=rng, watcher=seen.append)
    summary = await driver.run(lambda: source(rng))
    assert (summary.acknowledged, summary.refused) == (3, 2)
    assert summary.answers == {"200": 3, "503": 1, "401": 1}
    assert [one.status for one in seen] == [200, 503, 401, 200, 200]
    assert summary.facts == sum(len(one.callback.expects) for one in seen if one.accepted) == 3
    assert listener.bodies == [one.callback.body for one in seen]


async def test_a_repeat_is_the_same_bytes_and_tells_nothing_new(listener: Listener) -> None:
    rng = Random(1)
    summary = await Driver(listener.url, Pace(count=4, inflight=1, repeats=1.0), rng=rng).run(lambda: source(rng))
    assert (summary.acknowledged, summary.repeated, summary.facts) == (8, 4, 4)
    assert listener.bodies[::2] == listener.bodies[1::2]
    assert len(set(listener.bodies)) == 4


async def test_a_gateway_that_stalls_cannot_hide_it(listener: Listener) -> None:
    """With one in flight every callback waits for those before it; the wait counts, because it was due before."""
    listener.pause_s = 0.02
    rng = Random(1)
    pace = Pace(count=10, rate=10_000, inflight=1)
    summary = await Driver(listener.url, pace, rng=rng).run(lambda: source(rng))
    assert summary.latencies.max_s >= listener.handled_s - 10 / 10_000


async def test_an_unreachable_gateway_is_a_refusal_without_a_status() -> None:
    rng = Random(1)
    summary = await Driver("http://127.0.0.1:1", Pace(count=2), rng=rng).run(lambda: source(rng))
    assert (summary.refused, summary.answers) == (2, {"unreachable": 2})


async def test_stop_begins_nothing_more_and_waits_for_no_turn(listener: Listener) -> None:
    rng = Random(1)
    pace = Pace(rate=0.001, inflight=1)
    driver = Driver(listener.url, pace, rng=rng, watcher=lambda _one: driver.stop())
    summary = await driver.run(lambda: source(rng))
    assert summary.acknowledged == 1


async def test_the_command_prints_one_object_and_tells_refusals_by_its_exit_code(listener: Listener) -> None:
    arguments = ["--provider", "twilio", "--credential", "hidden", "--gateway", listener.url, "--seed", "1"]
    for statuses, code in (([], 0), ([500], 1)):
        listener.statuses = statuses
        process = await asyncio.to_thread(run_command, [*arguments, "--count", "3"])
        assert process.returncode == code
        shown = json.loads(process.stdout)
        assert shown["acknowledged"] + shown["refused"] == 3
        assert shown["latency_ms"]["p50"] <= shown["latency_ms"]["max"]
        assert "hidden" not in process.stdout + process.stderr


def test_twilio_without_a_credential_is_bad_input() -> None:
    assert CliRunner().invoke(simulate, ["--provider", "twilio"]).exit_code == 2
    stranger = CliRunner().invoke(simulate, ["--provider", "carrier-pigeon"])
    assert (stranger.exit_code, "'bird'" in stranger.stderr) == (2, True)


async def test_a_provider_is_simulated_by_its_other_name_too(listener: Listener) -> None:
    for alias, name in (("nexmo", "vonage"), ("messagebird", "bird")):
        arguments = ["--provider", alias, "--secret", "s3cret-path", "--count", "3", "--gateway", listener.url]
        done = await asyncio.to_thread(run_command, arguments)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["provider"] == name


def run_command(arguments: list[str]) -> "subprocess.CompletedProcess[str]":
    program = "from producers.simulator.command import simulate; simulate()"
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
