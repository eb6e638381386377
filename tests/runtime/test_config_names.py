"""Names of a file that lead nowhere allowed are told of while the person looks; a look-up that fails says nothing."""

import asyncio
import socket
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from click.testing import CliRunner

from runtime import config_names
from runtime.cli import main
from runtime.config_apply import Wanted, plan
from runtime.config_names import misled
from runtime.egress import EgressPolicy
from runtime.secrets import SecretBox, generate_keys
from schemas.config_file import read
from schemas.providers.registry import credential_names
from schemas.settings import EgressSettings

KEYS = generate_keys("test")
STRICT = EgressPolicy(EgressSettings())
FILE = """
accounts:
  - id: acme
    lists:
      - number: "+18005551234"
        forward: {delivery: "https://inside.example/a", reply: "https://INSIDE.example/hush"}
      - number: "+18005551235"
    notify: {url: "https://mixed.example/", secret: a-signing-secret}
    endpoints:
      - {id: main, url: "https://inside.example/hush", secret: a-signing-secret}
      - {id: other, url: "https://outside.example/", secret: a-signing-secret}
      - {id: gone, url: "https://gone.example/", secret: a-signing-secret}
      - {id: number, url: "https://8.8.8.8/", secret: a-signing-secret}
"""
WHY = "now leads only to addresses that are not called (not a globally routable address)"
SENTENCES = [f"list acme/+18005551234: inside.example {WHY}", f"endpoint acme/main: inside.example {WHY}"]
NAMES = {
    "inside.example": ["10.0.0.1", "::ffff:7f00:1", "fe80::1%1"],
    "outside.example": ["8.8.8.8"],
    "mixed.example": ["10.0.0.1", "8.8.8.8"],
}


class Names(AbstractResolver):
    """Answers from a table; what is not in it fails, and `slow` never answers."""

    def __init__(self, names: Mapping[str, list[str]], *, slow: str = "") -> None:
        self._names, self._slow = names, slow
        self.asked: list[str] = []
        self.closed = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if host == self._slow:
            await asyncio.sleep(60)
        if host not in self._names:
            raise OSError(None, "no such name")
        return [
            ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0)
            for one in self._names[host]
        ]

    async def close(self) -> None:
        self.closed = True


def wanted(text: str = FILE) -> list[Wanted]:
    file = read(text, name="t.yaml", credential_names=credential_names, url_refusal=STRICT.refusal)
    return plan(file, {}, SecretBox(KEYS), prune=False, force=False).put


def test_a_name_that_leads_only_to_refused_addresses_is_told_of_for_every_entry_that_has_it() -> None:
    names = Names(NAMES)
    assert misled(wanted(), STRICT, names) == SENTENCES
    assert names.asked == ["gone.example", "inside.example", "mixed.example", "outside.example"]
    assert names.closed


def test_what_is_allowed_is_not_told_of() -> None:
    policy = EgressPolicy(EgressSettings(allow_cidrs=("10.0.0.0/8",)))
    assert misled(wanted(), policy, Names(NAMES)) == []


def test_a_name_server_that_hangs_costs_its_time_limit_and_hides_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_names, "LOOK_UPS_S", 0.3)
    started = time.monotonic()
    assert misled(wanted(), STRICT, Names(NAMES, slow="gone.example")) == SENTENCES
    assert time.monotonic() - started < 5


def test_nothing_is_asked_where_nothing_is_written() -> None:
    names = Names(NAMES)
    assert misled([], STRICT, names) == []
    assert misled(wanted("accounts: [{id: acme}]"), STRICT, names) == []
    assert names.asked == []


def test_an_apply_warns_on_stderr_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.cli.config.current_records", lambda _: {})  # a topic without records, and no broker
    monkeypatch.setattr(config_names, "AsyncResolver", lambda **_: Names(NAMES))
    path = tmp_path / "trackly.yaml"
    path.write_text(FILE)
    result = CliRunner().invoke(
        main, ["config", "apply", "--dry-run", str(path)], env={"TRACKLY_SECRET_KEYS": KEYS}, catch_exceptions=False
    )
    assert result.exit_code == 0
    assert [line for line in result.stderr.splitlines() if line.startswith("warning: ")] == [
        f"warning: {sentence}" for sentence in SENTENCES
    ]
    assert "hush" not in result.output
    assert "10.0.0.1" not in result.output
