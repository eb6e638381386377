"""The system that is broken: a broker and processes of every role, and what can be done to each of them."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, assert_never

from runtime.broker import EmbeddedBroker, free_port
from tests.chaos.checker.history import Fault
from tests.chaos.faults import ROLES, Planned
from tests.chaos.proxy import ProxyProcess
from tests.stage import Role, Stage

SESSION_S: Final = 6.0
"""Of processors and dispatchers: shorter, and a machine of two cores that runs everything loses some by itself."""
TIER_DELAYS_S: Final = (1.0, 1.5, 2.0, 3.0, 4.0)
INFLIGHT_MAX: Final = 64
ATTEMPT_TIMEOUT_S: Final = 2.0
BASE_URL: Final = "https://hooks.test"
SETTINGS: Final = {
    "TRACKLY_DISPATCH__TIER_DELAYS_S": ",".join(map(str, TIER_DELAYS_S)),
    "TRACKLY_DISPATCH__SESSION_TIMEOUT_S": str(SESSION_S),
    "TRACKLY_DISPATCH__INFLIGHT_MAX": str(INFLIGHT_MAX),
    "TRACKLY_DISPATCH__ATTEMPT_TIMEOUT_S": str(ATTEMPT_TIMEOUT_S),
    "TRACKLY_DISPATCH__PAUSE_FAILURES": "10",
    "TRACKLY_DISPATCH__PAUSE_AFTER_S": "2",
    "TRACKLY_DISPATCH__PROBE_DELAYS_S": "1,2,3",
    "TRACKLY_PROCESSOR__SESSION_TIMEOUT_S": str(SESSION_S),
    "TRACKLY_GATEWAY__PUBLIC_BASE_URL": BASE_URL,
}
SLOW_S: Final = 0.15
"""How long each piece is held back by a slow network, each way."""
TERM_S: Final = 60
"""Longest drain before it is an error of its own."""
ASKED: Final = frozenset({0, -signal.SIGTERM})
"""How a process ends that was asked to: by SIGTERM itself where it had only just been started."""
CORRUPT_BYTES: Final = 256


@dataclass
class System:
    """Everything that runs; one thread drives it."""

    broker: EmbeddedBroker
    network: ProxyProcess
    """Between the broker and everybody else."""
    stage: Stage
    rng: Random
    say: Callable[[str], None]
    faults: list[Fault] = field(default_factory=list)
    deaths: list[str] = field(default_factory=list)
    """Processes that ended without being asked to, and were started again."""
    roles: dict[str, Role] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    _frozen: set[str] = field(default_factory=set)

    def start_all(self) -> None:
        for name in ROLES:
            self.start(name)
        for role in self.roles.values():
            role.await_ready()

    def gateways(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.ports.values()]

    def start(self, name: str) -> None:
        kind, _, ordinal = name.rpartition("-")
        extra = {"TRACKLY_ORDINAL": ordinal}
        if kind == "gateway":
            extra["TRACKLY_GATEWAY__PORT"] = str(self.ports.setdefault(name, free_port()))
        self.roles[name] = self.stage.start(kind, **extra)

    def tend(self) -> None:
        """Start again what ended by itself, as a supervisor would."""
        for name, role in list(self.roles.items()):
            code = role.process.poll()
            if code is not None:
                tail = role.log_text()[-1500:]
                self.deaths.append(f"{name} ended with {code}; {role.log.name} ends with: {tail}")
                self.say(f"{name} ended by itself with {code}, started again; see {role.log.name}")
                self.start(name)

    def heal(self) -> None:
        """Let everything run that always runs."""
        for name in list(self._frozen):
            self._thaw(name)
        self.network.order("pass")
        if self.broker.pid is None:
            self.broker.start()
        for name in ROLES:
            if name not in self.roles:
                self.start(name)

    def drain(self) -> list[str]:
        """End every process as a supervisor would; answers what did not end as it should."""
        for role in self.roles.values():
            role.process.send_signal(signal.SIGTERM)
        wrong = []
        for name, role in self.roles.items():
            try:
                code = role.process.wait(TERM_S)
            except subprocess.TimeoutExpired:
                role.kill()
                wrong.append(f"{name} did not end within {TERM_S} s")
            else:
                wrong += [f"{name} ended with {code} when asked to"] if code not in ASKED else []
        self.roles.clear()
        return wrong

    # ---- faults -----------------------------------------------------------------------------------------------------
    def make(self, planned: Planned) -> None:
        """Make one fault from beginning to end."""
        targets = tuple(name for name in planned.targets if name in self.roles)
        began, hurt = _now_ms(), sum(name.startswith("dispatcher") for name in targets)
        self.say(f"{planned.kind} {' '.join(planned.targets)} for {planned.for_s} s")
        match planned.kind:
            case "kill":
                self._down(targets, planned.for_s)
            case "freeze":
                self._freeze(targets, planned.for_s)
            case "restart":
                hurt = 0
                self._restart(targets, planned.for_s)
            case "scale_up" | "scale_down":
                hurt = 0
                self._scale(planned.targets, up=planned.kind == "scale_up")
            case "broker_restart" | "broker_kill":
                hurt = sum(name.startswith("dispatcher") for name in self.roles)
                self._break_broker(planned.for_s, clean=planned.kind == "broker_restart")
            case "broker_cut" | "broker_hang":
                hurt = sum(name.startswith("dispatcher") for name in self.roles)
                self._disturb(planned.kind.removeprefix("broker_"), planned.for_s)
            case "broker_slow":
                hurt = 0
                self._disturb(f"slow {SLOW_S}", planned.for_s)
            case "store_delete" | "store_corrupt":
                self._damage(targets, planned.for_s, delete=planned.kind == "store_delete")
            case _:
                assert_never(planned.kind)
        self.faults.append(Fault(planned.kind, " ".join(planned.targets), began, _now_ms(), hurt))

    def _down(self, names: tuple[str, ...], seconds: float) -> None:
        for name in names:
            self.roles.pop(name).kill()
        self._rest(seconds)
        for name in names:
            self.start(name)

    def _freeze(self, names: tuple[str, ...], seconds: float) -> None:
        for name in names:
            os.kill(self.roles[name].process.pid, signal.SIGSTOP)
            self._frozen.add(name)
        self._rest(seconds)
        for name in names:
            self._thaw(name)

    def _thaw(self, name: str) -> None:
        os.kill(self.roles[name].process.pid, signal.SIGCONT)
        self._frozen.discard(name)

    def _restart(self, names: tuple[str, ...], seconds: float) -> None:
        for name in names:
            self._end(name)
        self._rest(seconds)
        for name in names:
            self.start(name)

    def _end(self, name: str) -> None:
        role = self.roles.pop(name)
        role.process.send_signal(signal.SIGTERM)
        code = role.process.wait(TERM_S)
        if code not in ASKED:
            self.deaths.append(f"{name} ended with {code} when asked to; see {role.log.name}")

    def _scale(self, names: tuple[str, ...], *, up: bool) -> None:
        for name in names:
            if up and name not in self.roles:
                self.start(name)
            elif not up and name in self.roles:
                self._end(name)

    def _break_broker(self, seconds: float, *, clean: bool) -> None:
        if clean:
            self.broker.stop()
        else:
            self.broker.kill()
        self._rest(seconds)
        self.broker.start()

    def _disturb(self, order: str, seconds: float) -> None:
        self.network.order(order)
        self._rest(seconds)
        self.network.order("pass")

    def _damage(self, names: tuple[str, ...], seconds: float, *, delete: bool) -> None:
        for name in names:
            self.roles.pop(name).kill()
            stores = self.stage.folder / "state" / "processor" / name.rpartition("-")[2]
            partitions = sorted(path for path in stores.glob("*") if path.is_dir()) if stores.exists() else []
            if partitions:
                _spoil(self.rng.choice(partitions), delete=delete)
        self._rest(seconds)
        for name in names:
            self.start(name)

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.tend()
            time.sleep(0.05)


def _spoil(directory: Path, *, delete: bool) -> None:
    """Delete a store, or write nonsense into the middle of its largest file, and of its manifest."""
    if delete:
        shutil.rmtree(directory)
        return
    files = sorted((path for path in directory.iterdir() if path.is_file()), key=lambda path: path.stat().st_size)
    for path in {*files[-1:], *directory.glob("MANIFEST*")}:
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.seek(max(0, size // 2 - CORRUPT_BYTES // 2))
            file.write(b"\xa5" * CORRUPT_BYTES)


def _now_ms() -> int:
    return int(time.time() * 1000)
