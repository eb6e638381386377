"""One run: start everything, load it, break it, let it settle, judge what is left. The report says what was done."""

import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from runtime.broker import EmbeddedBroker, free_port
from runtime.kafka.admin import ClusterError
from runtime.secrets import load_or_create
from schemas import topics
from tests.chaos.checker import check, counts
from tests.chaos.checker.folder import read_folder
from tests.chaos.checker.history import Violation
from tests.chaos.faults import Planned, schedule
from tests.chaos.load import AUTH_TOKEN, LINES, PATH_SECRET, Load
from tests.chaos.proxy import ProxyProcess
from tests.chaos.receiver import Receiver
from tests.chaos.system import INFLIGHT_MAX, SESSION_S, SETTINGS, TIER_DELAYS_S, System
from tests.chaos.topics_log import TopicsLog
from tests.stage import Stage, await_condition, open_stage

PREFIX: Final = "chaos."
PARTITIONS: Final = 4
SIGNING: Final = "chaos-signing-secret"
ENDPOINTS: Final[dict[str, tuple[str, ...]]] = {
    "acme/healthy": topics.EVENTS,
    "acme/flapping": topics.EVENTS,
    "acme/slow": ("unsubscribe", "reply"),
    "bolt/main": topics.EVENTS,
}
PROVISION_S: Final = 120.0
SETTLE_S: Final = 180.0
"""Longest wait, once faults have stopped, until every callback has its outcome and every event its end."""
QUIET_S: Final = 3.0
"""How long nothing must arrive any more, so that a late repeat is seen."""
POLL_S: Final = 1.0
FINAL_POLL_S: Final = 3.0
"""How long nothing must come from the topics once every process has ended, so that the history is whole."""


@dataclass
class Report:
    """What one run was and came to."""

    seed: int
    command: str
    folder: str
    planned: list[dict[str, Any]] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)
    settled: bool = False
    settled_after_s: float = 0.0
    open_at_the_end: dict[str, int] = field(default_factory=dict)
    deaths: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    violations: list[dict[str, Any]] = field(default_factory=list)

    @property
    def broken(self) -> bool:
        """Whether a promise was; a run that did not settle or whose processes do not end keeps none."""
        return bool(self.violations) or not self.settled

    def write(self, folder: Path) -> None:
        """As JSON and as text."""
        (folder / "report.json").write_text(json.dumps(asdict(self), indent=1), "utf-8")
        (folder / "report.txt").write_text(self.text(), "utf-8")

    def text(self) -> str:
        """For people."""
        made = ", ".join(f"{fault['kind']} {fault['target']}".strip() for fault in self.faults)
        lines = [
            f"seed {self.seed}: {'BROKEN' if self.broken else 'kept'}",
            f"command: {self.command}",
            f"faults ({len(self.faults)}): {made}",
            f"settled: {self.settled} after {self.settled_after_s:.1f} s {self.open_at_the_end or ''}".rstrip(),
            f"ended by themselves: {len(self.deaths)}",
            *(f"  {death.splitlines()[0][:200]}" for death in self.deaths),
            *(f"{name}: {count}" for name, count in self.counts.items()),
            f"violations: {len(self.violations)}",
            *(f"  ({one['promise']}) {one['what']}: {json.dumps(one['evidence'])}" for one in self.violations),
        ]
        return "\n".join(lines) + "\n"


def configuration(receiver: Receiver) -> str:
    """Accounts, lists and endpoints of a run."""
    lines = ["accounts:"]
    for account in dict.fromkeys(line.account for line in LINES):
        lines += [
            f"  - id: {account}",
            "    providers:",
            f'      infobip: {{secret: "{PATH_SECRET}"}}',
            f'      twilio: {{auth_token: "{AUTH_TOKEN}"}}',
            "    lists:",
        ]
        for line in LINES:
            if line.account == account:
                forward = f', forward: {{reply: "{receiver.forward_url(line.number.lstrip("+"))}"}}' * (
                    account == "bolt"
                )
                lines.append(f'      - {{number: "{line.number}", provider: {line.provider}{forward}}}')
        lines.append("    endpoints:")
        for name, events in ENDPOINTS.items():
            if name.startswith(f"{account}/"):
                said = f'id: {name.partition("/")[2]}, url: "{receiver.url(name)}", secret: {SIGNING}'
                lines.append(f"      - {{{said}, events: [{', '.join(events)}], concurrency: 16}}")
    return "\n".join(lines) + "\n"


def run(folder: Path, *, seed: int, seconds: float, rate: float, command: str, calm: bool = False) -> Report:
    """Make one run and judge it; everything that it leaves is in the folder. `calm` makes no fault."""
    report = Report(seed, command, str(folder))
    planned = [] if calm else schedule(seed, seconds, session_s=SESSION_S)
    report.planned = [asdict(one) for one in planned]
    with _system(folder, seed) as (system, receiver):
        log = TopicsLog(system.stage.bootstrap, PREFIX, folder / "records.jsonl")
        load = Load(folder, seed, rate, system.gateways(), system.stage.bootstrap, f"{PREFIX}{topics.SENDS_REQUESTED}")
        try:
            load.start()
            _break(system, log, planned, seconds)
            system.heal()
            load.stop(SETTLE_S / 2)
            _settle(report, system, receiver, load, log)
            report.deaths = [*system.deaths, *system.drain()]
            while log.poll(FINAL_POLL_S):
                pass
        finally:
            load.stop(0)
            log.close()
        report.faults = [asdict(fault) for fault in system.faults]
        (folder / "faults.jsonl").write_text("".join(json.dumps(fault) + "\n" for fault in report.faults), "utf-8")
        shutil.copy(system.broker.log_path, folder / "broker.log")
        _write_setup(folder)
    judge(folder, report)
    report.write(folder)
    return report


def judge(folder: Path, report: Report) -> None:
    """Let the checker decide by what is in the folder."""
    history = read_folder(folder)
    report.counts = counts(history)
    report.violations = [_as_json(one) for one in check(history)]


def _as_json(one: Violation) -> dict[str, Any]:
    return {"promise": one.promise, "what": one.what, "evidence": dict(one.evidence)}


@contextmanager
def _system(folder: Path, seed: int) -> Iterator[tuple[System, Receiver]]:
    """Broker, topics, configuration, customers and every role; all gone at the end, and their data with them."""
    with ExitStack() as stack:
        port, controller, outside = free_port(), free_port(), free_port()
        shown = f"PLAINTEXT://127.0.0.1:{outside},CONTROLLER://127.0.0.1:{controller}"
        broker = EmbeddedBroker(
            folder / "broker", port=port, controller_port=controller, properties={"advertised.listeners": shown}
        )
        network = ProxyProcess(outside, port)
        stack.callback(network.close)
        stack.callback(shutil.rmtree, folder / "broker", ignore_errors=True)
        stack.callback(broker.kill)
        broker.start()
        stage = stack.enter_context(open_stage(f"127.0.0.1:{outside}", PREFIX, folder))
        stage.environment.update(SETTINGS)
        await_condition(lambda: _is_provisioned(stage), what="the topics", timeout_s=PROVISION_S)
        receiver = Receiver(folder / "hits.jsonl", seed)
        stack.callback(receiver.close)
        stage.configure(configuration(receiver))
        system = System(broker, network, stage, Random(seed), say)
        system.start_all()
        yield system, receiver


def _is_provisioned(stage: Stage) -> bool:
    """Apply the catalogue; a busy machine may take longer than the command waits, which is then run again."""
    try:
        stage.provision(PARTITIONS)
    except ClusterError as error:
        say(f"topics: {error}")
        return False
    return True


def _break(system: System, log: TopicsLog, planned: list[Planned], seconds: float) -> None:
    began = time.monotonic()
    for one in planned:
        while time.monotonic() < began + one.at_s:
            system.tend()
            log.poll(0.1)
        system.make(one)
    while time.monotonic() < began + seconds:
        system.tend()
        log.poll(0.1)


def _settle(report: Report, system: System, receiver: Receiver, load: Load, log: TopicsLog) -> None:
    """Wait until everything has its outcome and nothing arrives any more, or the time is up."""
    began = quiet_since = time.monotonic()
    hits = receiver.hits
    while time.monotonic() < began + SETTLE_S:
        system.tend()
        log.poll(POLL_S)
        report.open_at_the_end = _open(receiver, load, log)
        if receiver.hits != hits:
            hits, quiet_since = receiver.hits, time.monotonic()
        if not any(report.open_at_the_end.values()) and time.monotonic() - quiet_since >= QUIET_S:
            report.settled = True
            break
    report.settled_after_s = round(time.monotonic() - began, 1)


def _open(receiver: Receiver, load: Load, log: TopicsLog) -> dict[str, int]:
    ends = receiver.good | log.dead
    pairs = (
        (event_id, endpoint)
        for event_id, account, event in log.events
        for endpoint, subscribed in ENDPOINTS.items()
        if endpoint.startswith(f"{account}/") and event in subscribed
    )
    return {
        "callbacks": sum(1 for name in load.acknowledged if not log.is_classified(name)),
        "requests": len(load.asked - log.decided),
        "deliveries": sum(1 for pair in pairs if pair not in ends),
        "unacknowledged": load.unacknowledged,
    }


def _write_setup(folder: Path) -> None:
    tiers = {
        topics.tier_topic(event, tier): delay for event in topics.EVENTS for tier, delay in enumerate(TIER_DELAYS_S)
    }
    setup = {
        "endpoints": ENDPOINTS,
        "delays_ms": {topic: round(delay * 1000) for topic, delay in tiers.items()},
        "session_ms": round(SESSION_S * 1000),
        "inflight_max": INFLIGHT_MAX,
        "secrets": [PATH_SECRET, AUTH_TOKEN, SIGNING, load_or_create(folder / "state").partition(":")[2]],
    }
    (folder / "setup.json").write_text(json.dumps(setup), "utf-8")
    shutil.rmtree(folder / "state")


def say(line: str) -> None:
    """Progress, with the time of day as logs have it."""
    print(f"{time.strftime('%H:%M:%S', time.gmtime())} {line}", file=sys.stderr, flush=True)
