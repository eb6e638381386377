"""Sealing keys change without a pause: what is sealed anew, what stays, and that an unchanged file shows no difference."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from runtime.cli import main
from runtime.config_apply import plan
from runtime.config_reseal import reseal
from runtime.config_topic import current_records
from runtime.secrets import SecretBox, UnsealError, generate_keys
from schemas import topics
from schemas.config import Account, Endpoint
from schemas.config_file import ConfigFile, read
from schemas.providers.registry import credential_names
from schemas.records import ConfigRecord
from tests.stage import Stage

OLD, NEW = generate_keys("old"), generate_keys("new")
FILE = """
accounts:
  - id: acme
    providers:
      twilio: {auth_token: [token-number-one, token-number-two]}
      infobip: {secret: a-path-secret}
    notify: {url: https://example.com/notices, secret: a-notice-secret}
    lists:
      - number: "+18005551234"
    endpoints:
      - {id: main, url: https://example.com/, secret: [first-secret, second-secret]}
"""
KEYS = ["account|acme", "endpoint|acme/main", "list|acme/+18005551234"]


def parsed() -> ConfigFile:
    return read(FILE, name="t.yaml", credential_names=credential_names, url_refusal=lambda _: None)


def records(origin: str = "file") -> dict[str, ConfigRecord]:
    made = plan(parsed(), {}, SecretBox(OLD), prune=False, force=False)
    return {
        f"{item.kind}|{item.id}": {
            "kind": item.kind, "id": item.id, "payload": item.payload, "origin": origin, "actor": "somebody",
            "updated_at": 7, "applied_hash": item.digest,
        }
        for item in made.put
    }  # fmt: skip


def resealed(present: dict[str, ConfigRecord], keys: str) -> dict[str, ConfigRecord]:
    changes = reseal(present, SecretBox(keys)).changes
    return {**present, **{one.key: one.record for one in changes if one.record is not None}}


def changed_payload(record: ConfigRecord, **fields: Any) -> ConfigRecord:
    return {**record, "payload": json.dumps({**json.loads(record["payload"]), **fields})}


@pytest.mark.parametrize("keys", [OLD, f"{OLD},{NEW}"], ids=["alone", "first of two"])
def test_under_the_first_key_nothing_is_done(keys: str) -> None:
    found = reseal(records(), SecretBox(keys))
    assert (found.changes, found.closed) == ([], [])


def test_everything_opens_with_the_new_key_alone_and_an_unchanged_file_shows_no_difference() -> None:
    fresh = resealed(records(), f"{NEW},{OLD}")
    alone = SecretBox(NEW)
    account = Account.model_validate_json(fresh["account|acme"]["payload"])
    endpoint = Endpoint.model_validate_json(fresh["endpoint|acme/main"]["payload"])
    tokens = account.providers["twilio"].credentials["auth_token"]
    assert [alone.open(one, "account|acme|twilio|auth_token") for one in tokens] == [
        "token-number-one",
        "token-number-two",
    ]
    assert account.notify is not None
    assert alone.open(account.notify.secrets[0], "account|acme|notify") == "a-notice-secret"
    assert [alone.open(one, "endpoint|acme/main") for one in endpoint.secrets] == ["first-secret", "second-secret"]
    with pytest.raises(UnsealError):
        alone.open(endpoint.secrets[0], "endpoint|acme/other")
    for box in (alone, SecretBox(f"{NEW},{OLD}")):
        assert plan(parsed(), fresh, box, prune=True, force=False).lines == []
    assert reseal(fresh, alone).changes == []


def test_an_entry_without_secrets_is_hashed_anew_too() -> None:
    """Without it every list would show a difference once the key that hashed it is gone."""
    assert [one.key for one in reseal(records(), SecretBox(f"{NEW},{OLD}")).changes] == KEYS


def test_nobody_changed_what_a_resealed_record_says() -> None:
    def said(record: ConfigRecord) -> dict[str, Any]:
        return {name: value for name, value in record.items() if name not in {"payload", "applied_hash"}}

    before = records()
    fresh = resealed(before, f"{NEW},{OLD}")
    assert {key: said(record) for key, record in fresh.items()} == {key: said(one) for key, one in before.items()}


@pytest.mark.parametrize("origin", ["console", "command"])
def test_what_others_changed_keeps_its_hash_its_times_and_its_unknown_fields(origin: str) -> None:
    present = records(origin)
    secrets = json.loads(present["endpoint|acme/main"]["payload"])["secrets"]
    secrets[0] = {**secrets[0], "valid_until": 99, "note": "of a later version"}
    present["endpoint|acme/main"] = changed_payload(present["endpoint|acme/main"], secrets=secrets, colour="red")
    fresh = resealed(present, f"{NEW},{OLD}")
    assert {record["applied_hash"] for record in fresh.values()} == {one["applied_hash"] for one in present.values()}
    payload = json.loads(fresh["endpoint|acme/main"]["payload"])
    assert (payload["colour"], payload["secrets"][0]["note"], payload["secrets"][0]["valid_until"]) == (
        "red", "of a later version", 99,
    )  # fmt: skip
    assert {one["key_id"] for one in payload["secrets"]} == {"new"}
    assert plan(parsed(), fresh, SecretBox(NEW), prune=False, force=False).protected != []


def test_a_hash_that_was_wrong_stays_wrong_so_that_the_next_apply_sees_the_change() -> None:
    present = records()
    present["endpoint|acme/main"] = changed_payload(present["endpoint|acme/main"], url="https://example.com/other")
    fresh = resealed(present, f"{NEW},{OLD}")
    assert plan(parsed(), fresh, SecretBox(NEW), prune=False, force=False).lines == ["~ endpoint|acme/main: url"]


def test_an_entry_that_does_not_open_stays_and_is_named_without_its_secret() -> None:
    found = reseal(records(), SecretBox(NEW))
    assert [one.key for one in found.changes] == []
    assert [one.partition(": ")[0] for one in found.closed] == ["account|acme", "endpoint|acme/main"]
    assert "no key 'old' in TRACKLY_SECRET_KEYS" in found.closed[0]


@pytest.mark.parametrize("payload", ["{", '{"secrets": [{"sealed": 1}]}'])
def test_an_entry_that_cannot_be_read_is_named_and_the_others_are_sealed(payload: str) -> None:
    present = records()
    present["endpoint|acme/main"] = {**present["endpoint|acme/main"], "payload": payload}
    found = reseal(present, SecretBox(f"{NEW},{OLD}"))
    assert found.closed == ["endpoint|acme/main: what it holds cannot be read; apply the file again"]
    assert [one.key for one in found.changes] == ["account|acme", "list|acme/+18005551234"]


@pytest.mark.parametrize("kind", ["layout", "colour"])
def test_entries_of_other_kinds_are_left_alone(kind: str) -> None:
    other: ConfigRecord = {**records()["list|acme/+18005551234"], "kind": kind, "applied_hash": "", "payload": "{}"}
    assert reseal({f"{kind}|x": other}, SecretBox(f"{NEW},{OLD}")).changes == []


# ---- on the broker ---------------------------------------------------------------------------------------------------
def on(stage: Stage, *arguments: str, keys: str) -> Result:
    env = {name: value for name, value in stage.env(TRACKLY_SECRET_KEYS=keys).items() if name.startswith("TRACKLY_")}
    return CliRunner().invoke(main, list(arguments), env=env)


def test_the_keys_are_rotated_without_downtime(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "trackly.yaml"
    path.write_text(FILE)
    assert on(stage, "config", "apply", str(path), keys=OLD).exit_code == 0
    assert on(stage, "doctor", keys=f"{OLD},{NEW}").exit_code == 0
    told = on(stage, "doctor", keys=f"{NEW},{OLD}")
    assert told.exit_code == 1
    assert "problem: 3 entries of the configuration are under a key that is not the first ('new')" in told.stdout
    dry = on(stage, "config", "reseal", "--dry-run", keys=f"{NEW},{OLD}")
    assert (dry.exit_code, dry.stdout.splitlines()) == (0, [f"~ {key}" for key in KEYS])
    assert on(stage, "doctor", keys=f"{NEW},{OLD}").exit_code == 1
    early = on(stage, "config", "reseal", keys=NEW)
    assert early.exit_code == 1
    assert "no key 'old'" in early.stderr
    done = on(stage, "config", "reseal", keys=f"{NEW},{OLD}")
    assert (done.exit_code, done.stdout) == (0, dry.stdout)
    assert on(stage, "doctor", keys=NEW).exit_code == 0
    again = on(stage, "config", "apply", str(path), keys=NEW)
    assert (again.exit_code, again.stdout) == (0, "")
    assert on(stage, "config", "reseal", keys=NEW).stdout == ""
    trail = [entry for entry in stage.read(topics.AUDIT) if entry["action"].endswith(".reseal")]
    assert {(entry["target"], entry["origin"]) for entry in trail} == {
        ("acme", "command"), ("acme/main", "command"), ("acme/+18005551234", "command"),
    }  # fmt: skip
    assert "sealed" not in str(trail).replace(".reseal", "")
    assert {record["origin"] for record in current_records(stage.settings()).values()} == {"file", "command"}
