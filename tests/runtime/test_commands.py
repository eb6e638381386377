"""The commands as a person calls them: exit codes, results on stdout, everything else on stderr."""

import hashlib
import hmac
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from schemas import topics
from tests.stage import Stage, await_condition

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("TRACKLY_")}


def call(*arguments: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "runtime.cli", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, env=env or CLEAN, timeout=60, check=False)


def test_classify_answers_one_object_a_line() -> None:
    done = call("classify", stdin=rb"STOP\n" + b"\n" + rb"\u0053top" + b"\nhello\n")
    assert done.returncode == 0
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["label"], one["keyword"]) for one in found] == [
        ("opt_out", "STOP"),
        ("opt_out", "STOP"),
        ("reply", None),
    ]
    assert set(found[0]) == {"label", "keyword", "match_type", "rule_id"}


def test_parse_shows_what_a_callback_becomes_and_refuses_what_it_cannot_read() -> None:
    body = (
        b'{"results":[{"messageId":"m","to":"0014155551234","doneAt":"2024-01-15T10:30:00.000+0000",'
        b'"status":{"groupName":"DELIVERED","name":"DELIVERED_TO_HANDSET"}}]}'
    )
    done = call("parse", "infobip", stdin=body)
    assert json.loads(done.stdout) == {
        "kind": "delivery", "message_id": "m", "provider_message_id": "m", "to": "+14155551234", "from": None,
        "status": "delivered", "status_detail": "DELIVERED_TO_HANDSET", "raw_status": "DELIVERED_TO_HANDSET",
        "raw_code": None, "timestamp": "2024-01-15T10:30:00.000Z",
    }  # fmt: skip
    assert call("parse", "infobip", stdin=b"{").returncode == 2
    assert call("parse", "nobody", stdin=body).returncode == 2
    click = call("parse", "infobip", stdin=b'{"notificationType":"CLICKED"}')
    assert (click.returncode, click.stdout) == (0, b"")
    assert click.stderr


def test_verify_computes_what_a_customer_would() -> None:
    body = b'{"event":"reply"}'
    good = "sha256=" + hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    assert call("verify", "--secret", "secret", "--signature", good, stdin=body).returncode == 0
    assert call("verify", "--secret", "secret", "--signature", good, stdin=body + b" ").returncode == 1


def test_an_unknown_setting_is_refused_with_a_suggestion() -> None:
    done = call("topics", "check", env={**CLEAN, "TRACKLY_GATEWAY__PROT": "1"})
    assert done.returncode == 2
    assert b"TRACKLY_GATEWAY__PORT" in done.stderr


def test_a_property_that_correctness_rests_on_is_refused() -> None:
    done = call("dispatcher", env={**CLEAN, "TRACKLY_KAFKA__ENABLE_IDEMPOTENCE": "false"})
    assert done.returncode == 2
    assert b"enable.idempotence" in done.stderr


def test_the_consumer_protocol_is_refused_with_a_sentence() -> None:
    done = call("processor", env={**CLEAN, "TRACKLY_KAFKA__GROUP_PROTOCOL": "consumer"})
    assert done.returncode == 2
    assert b"not supported" in done.stderr


BAD_FILES = [
    ("accounts:\n  - id: acme\n    colour: red\n", "trackly.yaml:3", "colour"),
    ("accounts:\n  - id: acme\n    endpoints:\n      - {id: a, url: 'ftp://x', secret: long-enough}\n", ":4", "url"),
    ("accounts:\n  - id: acme\n  - id: acme\n", ":3", "id"),
    ("accounts:\n  - id: acme\n    lists:\n      - {number: '!!'}\n", ":4", "number"),
    ("accounts:\n  - id: acme\n    providers: {nobody: {secret: x}}\n", ":3", "nobody"),
    ("accounts: [\n", "", ""),
]


@pytest.mark.parametrize("text, line, path", BAD_FILES)
def test_a_bad_configuration_is_refused_with_line_and_path(tmp_path: Path, text: str, line: str, path: str) -> None:
    file = tmp_path / "trackly.yaml"
    file.write_text(text)
    done = call("config", "check", str(file))
    assert done.returncode == 2
    assert line in done.stderr.decode()
    assert path in done.stderr.decode()


def test_config_apply_shows_the_difference_and_writes_nothing_twice(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "trackly.yaml"
    file.write_text(
        "accounts:\n  - id: acme\n    providers: {infobip: {secret: a-path-secret}}\n"
        "    lists: [{number: '+18005551234', provider: infobip}]\n"
        "    endpoints: [{id: main, url: 'https://8.8.8.8/', secret: a-signing-secret}]\n"
    )
    first = call("config", "apply", str(file), env=stage.env())
    assert first.returncode == 0
    assert len(first.stdout.splitlines()) == 3
    again = call("config", "apply", str(file), env=stage.env())
    assert (again.returncode, again.stdout) == (0, b"")
    shown = call("config", "show", env=stage.env()).stdout.decode()
    assert "a-signing-secret" not in shown
    assert "acme/main" in shown
    file.write_text("accounts: []\n")
    assert call("config", "apply", str(file), env=stage.env()).returncode == 0
    assert "acme/main" in call("config", "show", env=stage.env()).stdout.decode()
    assert call("config", "apply", "--prune", str(file), env=stage.env()).returncode == 0
    assert "acme/main" not in call("config", "show", env=stage.env()).stdout.decode()
    trail = stage.read(topics.AUDIT)
    assert {entry["action"] for entry in trail} >= {"endpoint.put", "endpoint.remove"}
    assert "a-signing-secret" not in str(trail)


def test_topics_check_and_doctor_say_what_is_wrong(stage: Stage) -> None:
    assert call("topics", "check", env=stage.env()).returncode == 0
    assert call("doctor", env=stage.env()).returncode == 0
    other = stage.env(TRACKLY_TOPIC_PREFIX="nothing-here.")
    missing = call("topics", "check", env=other)
    assert missing.returncode == 1
    assert b"missing" in missing.stdout
    assert call("doctor", env=other).returncode == 1


def test_cat_prints_decoded_records(stage: Stage) -> None:
    request = {
        "account": "a", "list_number": "l", "phone_number": "p", "message_id": "m", "requested_at": 1, "expires_at": 2,
    }  # fmt: skip
    stage.produce(topics.SENDS_REQUESTED, "SendRequest", [("k", request), ("k", b"junk")])

    def lines() -> list[bytes]:
        done = call("cat", "sends.requested", "--from-beginning", env=stage.env())
        assert done.returncode == 0
        return done.stdout.splitlines()

    found = [json.loads(line) for line in await_condition(lambda: len(lines()) == 2 and lines(), what="two records")]
    assert found[0]["message_id"] == "m"
    assert (found[0]["_key"], found[0]["_offset"]) == ("k", 0)
    assert "_undecoded" in found[1]
    assert call("cat", "nonsense", env=stage.env()).returncode == 2


@pytest.mark.parametrize("role", ["gateway", "processor", "dispatcher", "forwarder"])
def test_a_role_without_topics_says_what_to_run(stage: Stage, role: str) -> None:
    done = call(role, env=stage.env(TRACKLY_TOPIC_PREFIX="nothing-here.", TRACKLY_GATEWAY__PORT="0"))
    assert done.returncode == 2
    assert b"trackly topics apply" in done.stderr
