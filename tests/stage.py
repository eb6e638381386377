"""What tests of stages share: a provisioned prefix on the real broker, processes of roles, records in and out."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from confluent_kafka import Producer

from runtime import config_apply, provisioning
from runtime.egress import EgressPolicy
from runtime.kafka.scan import scan
from runtime.secrets import SecretBox, load_or_create
from runtime.settings import load
from schemas import topics
from schemas.codec import decoder, encoder
from schemas.config_file import read
from schemas.providers import registry
from schemas.settings import Settings

WAIT_S = 60.0
STOP_S = 60.0
"""Longest wait for a role to drain; on a busy machine with brokers away that is several time limits of ten seconds."""


def await_condition(condition: Callable[[], Any], *, what: str, timeout_s: float = WAIT_S) -> Any:
    """Poll until the condition holds; the tests' only way to wait."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s} s in vain for {what}")
        time.sleep(0.05)


@dataclass
class Role:
    """One process of a role."""

    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_S)

    def log_text(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def admin_port(self) -> int:
        def find() -> int | None:
            for line in self.log_text().splitlines():
                if '"admin_port"' in line:
                    return int(json.loads(line)["admin_port"])
            assert self.process.poll() is None, f"the role ended: {self.log_text()[-3000:]}"
            return None

        return int(await_condition(find, what="the admin port in the log"))

    def is_ready(self) -> bool:
        assert self.process.poll() is None, f"the role ended: {self.log_text()[-3000:]}"
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{self.admin_port()}/readyz", timeout=5).status_code == 200
        return False

    def metrics(self) -> str:
        return httpx.get(f"http://127.0.0.1:{self.admin_port()}/metrics", timeout=10).text

    def await_ready(self) -> "Role":
        await_condition(self.is_ready, what=f"readiness; log: {self.log}")
        return self


@dataclass
class Stage:
    """A prefix of one's own on the broker, with configuration and processes."""

    bootstrap: str
    prefix: str
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    roles: list[Role] = field(default_factory=list)

    def env(self, **extra: str) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TRACKLY_")}
        return {
            **clean,
            "TRACKLY_KAFKA__BOOTSTRAP_SERVERS": self.bootstrap,
            "TRACKLY_TOPIC_PREFIX": self.prefix,
            "TRACKLY_STATE_DIR": str(self.folder / "state"),
            "TRACKLY_SECRET_KEYS": load_or_create(self.folder / "state"),
            "TRACKLY_EGRESS__ALLOW_CIDRS": "127.0.0.0/8",
            "TRACKLY_EGRESS__ALLOW_PLAIN_HTTP": "true",
            "TRACKLY_LOG__JSON_LINES": "true",
            **self.environment,
            **extra,
        }

    def settings(self, **extra: str) -> Settings:
        return load(self.env(**extra))

    def provision(self, partitions: int = 3) -> "Stage":
        applied = provisioning.apply(self.settings(), partitions=partitions)
        assert not applied.differences
        return self

    def configure(self, text: str) -> None:
        settings = self.settings()
        keys = settings.secret_keys
        assert keys is not None
        refusal = EgressPolicy(settings.egress).refusal
        file = read(text, name="test.yaml", credential_names=registry.credential_names, url_refusal=refusal)
        present = config_apply.current_records(settings)
        plan = config_apply.plan(file, present, SecretBox(keys.get_secret_value()), prune=True, force=True)
        config_apply.execute(settings, plan, present, actor="test")

    def start(self, *arguments: str, **extra: str) -> Role:
        return self.run("runtime.cli", *arguments, log_name=arguments[0], **extra)

    def run(self, module: str, *arguments: str, log_name: str, **extra: str) -> Role:
        """Start a role by whatever module runs it."""
        log = self.folder / f"{log_name}-{len(self.roles)}.log"
        command = [sys.executable, "-m", module, *arguments]
        with log.open("wb") as out:
            process = subprocess.Popen(command, env=self.env(**extra), stdout=out, stderr=out)
        role = Role(process, log)
        self.roles.append(role)
        return role

    def produce(self, topic: str, record: str, values: list[tuple[str, Any]]) -> None:
        encode = encoder(record)
        producer = Producer({"bootstrap.servers": self.bootstrap, "partitioner": "murmur2_random"})
        for key, value in values:
            producer.produce(self.prefix + topic, encode(value) if isinstance(value, dict) else value, key)
        assert producer.flush(30) == 0

    def read(self, topic: str) -> list[dict[str, Any]]:
        records = topics.CATALOGUE[topic].records
        decode = decoder(*records)
        return [
            {**decode(message.value() or b"")[1], "_key": message.key(), "_partition": message.partition()}
            for message in scan(self.settings().kafka, self.prefix + topic)
            if message.value() is not None
        ]

    def await_records(self, topic: str, count: int) -> list[dict[str, Any]]:
        def enough() -> list[dict[str, Any]] | None:
            found = self.read(topic)
            return found if len(found) >= count else None

        found: list[dict[str, Any]] = await_condition(enough, what=f"{count} records on {topic}")
        return found

    def close(self) -> None:
        for role in self.roles:
            if role.process.poll() is None:
                role.kill()


@contextlib.contextmanager
def open_stage(bootstrap: str, prefix: str, folder: Path) -> Iterator[Stage]:
    """A stage whose processes are ended whatever happens."""
    stage = Stage(bootstrap, prefix, folder)
    try:
        yield stage
    finally:
        stage.close()
