"""Runs a whole deployment on one machine: broker, topics, configuration, every role as its own process.

A role that dies is started again with backoff. For `trackly up` and `trackly demo`; production has its own supervisor.
"""

import ctypes
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from runtime import config_apply, provisioning
from runtime.broker import EmbeddedBroker, free_port
from runtime.egress import EgressPolicy
from runtime.secrets import SecretBox, load_or_create
from runtime.settings import load
from schemas.config_file import read
from schemas.providers.registry import credential_names
from schemas.settings import Settings

_LOG = logging.getLogger(__name__)

ROLES: Final = ("gateway", "processor", "dispatcher", "forwarder")
BACKOFF_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
HEALTHY_S: Final = 60.0
"""A role that lived so long begins its backoff anew."""
STOP_S: Final = 15.0
READY_S: Final = 90.0

Progress = Callable[[str], None]


class StartError(Exception):
    """The deployment did not come up; the text says which part and where its log is."""


@dataclass(slots=True)
class Role:
    """One role and its present process."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    admin_port: int
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    again_at: float | None = None


@dataclass(slots=True)
class Deployment:
    """What is run, and where."""

    state_dir: Path
    progress: Progress
    port: int | None = None
    """Of the gateway; None as the settings say."""
    environment: dict[str, str] = field(default_factory=dict)
    broker: EmbeddedBroker | None = None
    roles: dict[str, Role] = field(default_factory=dict)

    def settings(self) -> Settings:
        """Settings of the roles."""
        return load({**os.environ, **self.environment})

    def start_broker(self, *, port: int = 0) -> None:
        """Start the embedded broker unless a cluster is named."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        self.environment["TRACKLY_STATE_DIR"] = str(self.state_dir)
        if "TRACKLY_SECRET_KEYS" not in os.environ and "TRACKLY_SECRET_KEYS_FILE" not in os.environ:
            self.environment["TRACKLY_SECRET_KEYS"] = load_or_create(self.state_dir)
        if "TRACKLY_KAFKA__BOOTSTRAP_SERVERS" in os.environ:
            return
        self.progress("starting Apache Kafka")
        self.broker = EmbeddedBroker(self.state_dir / "broker", port=port, on_progress=self.progress)
        self.broker.start()
        self.environment["TRACKLY_KAFKA__BOOTSTRAP_SERVERS"] = self.broker.bootstrap

    def provision(self, *, partitions: int | None = None) -> None:
        """Create the topics.

        Raises:
            StartError: what is there differs from the catalogue.
        """
        self.progress("creating topics")
        applied = provisioning.apply(self.settings(), partitions=partitions)
        if applied.differences:
            raise StartError("topics differ from the catalogue:\n" + "\n".join(applied.differences))

    def configure(self, text: str, name: str) -> None:
        """Apply a configuration file's text.

        Raises:
            ConfigFileError: the text cannot be used.
        """
        settings = self.settings()
        keys = settings.secret_keys
        if keys is None:
            raise StartError("TRACKLY_SECRET_KEYS is needed to seal secrets")
        refusal = EgressPolicy(settings.egress).refusal
        file = read(text, name=name, credential_names=credential_names, url_refusal=refusal)
        present = config_apply.current_records(settings)
        box = SecretBox(keys.get_secret_value())
        planned = config_apply.plan(file, present, box, prune=False, force=False)
        for line in planned.lines:
            self.progress(line)
        config_apply.execute(settings, planned, present, actor="up")

    def start_roles(self) -> None:
        """Start one process of every role."""
        for name in ROLES:
            self.start_role(name)

    def start_role(self, name: str, *arguments: str, ordinal: int = 0) -> None:
        """Start a role as a process whose command line shows `trackly ROLE`."""
        logs = self.state_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        admin_port = free_port()
        environment = {
            **os.environ,
            **self.environment,
            "TRACKLY_ADMIN__PORT": str(admin_port),
            "TRACKLY_ORDINAL": str(ordinal),
            "TRACKLY_LOG__JSON_LINES": "true",
        }
        if self.port is not None:
            environment["TRACKLY_GATEWAY__PORT"] = str(self.port)
        label = f"{name}-{ordinal}" if ordinal else name
        role = Role(label, (name, *arguments), environment, logs / f"{label}.log", admin_port)
        self.roles[label] = role
        self._launch(role)

    def await_ready(self, timeout_s: float = READY_S) -> None:
        """Wait until every role says that it is ready.

        Raises:
            StartError: one did not in time.
        """
        self.progress("waiting for the roles")
        deadline = time.monotonic() + timeout_s
        for role in self.roles.values():
            while not _is_ready(role):
                self.tend()
                if time.monotonic() > deadline:
                    raise StartError(f"{role.name} is not ready after {timeout_s:.0f} s; its log is {role.log}")
                time.sleep(0.05)

    def tend(self) -> None:
        """Start again what died, with backoff. Call it often."""
        now = time.monotonic()
        for role in self.roles.values():
            if role.again_at is not None:
                if now >= role.again_at:
                    self._launch(role)
            elif role.process is not None and role.process.poll() is not None:
                if now - role.started > HEALTHY_S:
                    role.deaths = 0
                wait_s = BACKOFF_S[min(role.deaths, len(BACKOFF_S) - 1)]
                role.deaths += 1
                role.again_at = now + wait_s
                code = role.process.returncode
                self.progress(f"{role.name} ended with {code}, again in {wait_s:.1f} s; log: {role.log}")

    def stop(self) -> None:
        """Drain every role, then stop the broker."""
        running = [role.process for role in self.roles.values() if role.process is not None]
        for process in running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self.broker is not None:
            self.broker.stop()

    def _launch(self, role: Role) -> None:
        role.again_at = None
        role.started = time.monotonic()
        with role.log.open("ab") as log:
            role.process = subprocess.Popen(  # noqa: S603 - our own program
                [*_program(), *role.arguments],
                env=dict(role.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - one prctl call before exec
            )


def _program() -> list[str]:
    script = Path(sys.executable).with_name("trackly")
    found = str(script) if script.exists() else shutil.which("trackly")
    return [sys.executable, found] if found else [sys.executable, "-m", "runtime.cli"]


def _is_ready(role: Role) -> bool:
    try:
        return (
            httpx.get(f"http://127.0.0.1:{role.admin_port}/readyz", timeout=2, trust_env=False).status_code
            == httpx.codes.OK
        )
    except httpx.HTTPError:
        return False


def _end_with_parent() -> None:
    """Linux: a role drains when the supervisor is gone, however it went."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
