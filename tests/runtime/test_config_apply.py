"""A file becomes config records: what is written, what is left alone, and that applying it again writes nothing."""

import json
from pathlib import Path

import pytest

from runtime import config_apply
from runtime.config_apply import Plan, current_records, execute, plan, shown
from runtime.kafka.admin import ClusterError
from runtime.kafka.one_shot import Write, write_together
from runtime.kafka.scan import scan
from runtime.secrets import SecretBox, generate_keys
from runtime.worker import ConfigurationError
from schemas import topics
from schemas.codec import encoder
from schemas.config import Account, Endpoint
from schemas.config_file import ConfigFile, ConfigFileError, read
from schemas.providers.registry import credential_names
from schemas.records import ConfigRecord
from tests.stage import Stage

KEYS = generate_keys("test")
BOX = SecretBox(KEYS)
FILE = """
accounts:
  - id: acme
    providers:
      infobip: {secret: a-path-secret}
    lists:
      - number: "+18005551234"
    endpoints:
      - id: main
        url: https://example.com/
        secret: a-signing-secret
        headers: {Authorization: hush-hush}
"""
ALL = ["account|acme", "list|acme/+18005551234", "endpoint|acme/main"]


def parsed(text: str = FILE) -> ConfigFile:
    return read(text, name="t.yaml", credential_names=credential_names, url_refusal=lambda _: None)


def keys_of(made: Plan) -> list[str]:
    return [f"{item.kind}|{item.id}" for item in made.put]


def records(text: str = FILE, *, box: SecretBox = BOX, origin: str = "file") -> dict[str, ConfigRecord]:
    """The topic after the file was applied."""
    made = plan(parsed(text), {}, box, prune=False, force=False)
    return {
        f"{item.kind}|{item.id}": {
            "kind": item.kind,
            "id": item.id,
            "payload": item.payload,
            "origin": origin,
            "actor": "somebody",
            "updated_at": 1,
            "applied_hash": item.digest,
        }
        for item in made.put
    }


# --- the plan --------------------------------------------------------------------------------------------------------


def test_an_empty_topic_gets_everything_accounts_first() -> None:
    made = plan(parsed(), {}, BOX, prune=False, force=False)
    assert keys_of(made) == ALL
    assert made.lines == [f"+ {key}" for key in ALL]


@pytest.mark.parametrize("prune", [False, True])
@pytest.mark.parametrize("force", [False, True])
def test_the_same_file_again_changes_nothing(prune: bool, force: bool) -> None:
    made = plan(parsed(), records(), BOX, prune=prune, force=force)
    assert (made.put, made.remove, made.lines) == ([], [], [])


@pytest.mark.parametrize(
    "old, new, line",
    [
        ("https://example.com/", "https://example.com/new", "~ endpoint|acme/main: url"),
        ("a-signing-secret", "another-secret", "~ endpoint|acme/main: secrets"),
        ("hush-hush", "hush", "~ endpoint|acme/main: headers"),
        ("a-path-secret", "another-secret", "~ account|acme: secrets"),
        ("a-path-secret}", "a-path-secret, allow_unauthenticated: true}", "~ account|acme: providers"),
        ('1234"', '1234"\n        provider: cm', "~ list|acme/+18005551234: provider"),
    ],
)
def test_a_change_is_told_by_its_field_and_never_by_its_value(old: str, new: str, line: str) -> None:
    made = plan(parsed(FILE.replace(old, new)), records(), BOX, prune=False, force=False)
    assert made.lines == [line]


def test_another_sealing_key_seals_everything_anew() -> None:
    rotated = SecretBox(f"{generate_keys('next')},{KEYS}")
    assert keys_of(plan(parsed(), records(), rotated, prune=False, force=False)) == ALL


@pytest.mark.parametrize("origin", ["console", "command"])
def test_what_somebody_else_changed_is_left_alone_without_force(origin: str) -> None:
    changed = FILE.replace("https://example.com/", "https://example.com/new")
    made = plan(parsed(changed), records(origin=origin), BOX, prune=True, force=False)
    assert (made.put, made.remove, made.protected) == ([], [], ALL)
    assert made.lines == [f"= {key} was changed by {origin}; kept (--force overwrites)" for key in ALL]
    assert keys_of(plan(parsed(changed), records(origin=origin), BOX, prune=False, force=True)) == ALL


def test_what_the_file_lacks_stays_until_it_is_pruned() -> None:
    empty = parsed("accounts: []")
    kept = plan(empty, records(), BOX, prune=False, force=False)
    assert (kept.remove, kept.kept) == ([], ALL)
    assert kept.lines == [f"= {key} is not in the file; kept (--prune deletes)" for key in ALL]
    assert plan(empty, records(), BOX, prune=True, force=False).remove == ALL


def test_pruning_spares_what_came_another_way_until_it_is_forced() -> None:
    empty, present = parsed("accounts: []"), records(origin="console")
    assert plan(empty, present, BOX, prune=True, force=False).protected == ALL
    assert plan(empty, present, BOX, prune=True, force=True).remove == ALL


@pytest.mark.parametrize("kind", ["layout", "colour"])
def test_entries_that_no_file_describes_are_never_touched(kind: str) -> None:
    (record, *_) = records().values()
    present: dict[str, ConfigRecord] = {f"{kind}|x": {**record, "kind": kind, "id": "x"}}
    made = plan(parsed("accounts: []"), present, BOX, prune=True, force=True)
    assert (made.remove, made.lines) == ([], [])


def test_secrets_are_sealed_for_their_place_and_in_no_other_form() -> None:
    present = records()
    account = Account.model_validate_json(present["account|acme"]["payload"])
    endpoint = Endpoint.model_validate_json(present["endpoint|acme/main"]["payload"])
    (path_secret,) = account.providers["infobip"].credentials["secret"]
    assert BOX.open(path_secret, "account|acme|infobip|secret") == "a-path-secret"
    assert BOX.open(endpoint.secrets[0], "endpoint|acme/main") == "a-signing-secret"
    everything = json.dumps(present)
    assert "a-path-secret" not in everything
    assert "a-signing-secret" not in everything


def test_secrets_by_name_are_read_when_the_file_is_applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("from-a-file\n")
    monkeypatch.setenv("A_SECRET", "from-a-variable")
    text = FILE.replace("a-signing-secret", f"[{{secret_file: {tmp_path / 'secret'}}}, {{env: A_SECRET}}]")
    endpoint = Endpoint.model_validate_json(records(text)["endpoint|acme/main"]["payload"])
    opened = [BOX.open(sealed, "endpoint|acme/main") for sealed in endpoint.secrets]
    assert opened == ["from-a-file", "from-a-variable"]


@pytest.mark.parametrize(
    "source, sentence",
    [
        ("{secret_file: /nowhere/at/all}", "secret_file /nowhere/at/all: No such file or directory"),
        ("{secret_file: /dev/null}", "secret_file /dev/null is empty"),
        ("{env: NOT_SET_ANYWHERE}", "environment variable NOT_SET_ANYWHERE is not set"),
    ],
)
def test_a_secret_that_cannot_be_read_is_said_by_its_name(source: str, sentence: str) -> None:
    with pytest.raises(ConfigFileError) as refused:
        records(FILE.replace("a-signing-secret", source))
    assert refused.value.problems == [sentence]


def test_how_an_hmac_is_made_is_checked_when_it_comes_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "accounts: [{id: acme, providers: {infobip: {hmac_secret: abcdefgh, hmac_encoding: {env: ENCODING}}}}]"
    monkeypatch.setenv("ENCODING", "hex")
    assert keys_of(plan(parsed(text), {}, BOX, prune=False, force=False)) == ["account|acme"]
    monkeypatch.setenv("ENCODING", "base32")
    with pytest.raises(ConfigFileError, match=r"^account acme, provider infobip: hmac_encoding: unknown; one of hex,"):
        plan(parsed(text), {}, BOX, prune=False, force=False)


def test_what_is_shown_holds_neither_secrets_nor_header_values() -> None:
    text = json.dumps(shown(records().values()))
    assert '"headers": {"Authorization": "***"}' in text
    for hidden in ("hush", "sealed", "key_id"):
        assert hidden not in text


# --- on the topic ----------------------------------------------------------------------------------------------------


def applied(stage: Stage, text: str, *, prune: bool = False, force: bool = False) -> Plan:
    settings = stage.settings()
    box = SecretBox.from_settings(settings.secret_keys)
    present = current_records(settings)
    made = plan(parsed(text), present, box, prune=prune, force=force)
    execute(settings, made, present, actor="tester")
    return made


def offsets(stage: Stage) -> list[int]:
    return [message.offset() for message in scan(stage.settings().kafka, stage.prefix + topics.CONFIG)]


def test_a_file_is_applied_once_audited_and_pruned(stage: Stage) -> None:
    applied(stage, FILE)
    before = offsets(stage)
    assert current_records(stage.settings()).keys() == {*ALL, "layout|layout"}
    assert keys_of(applied(stage, FILE)) == []
    assert offsets(stage) == before

    shorter = FILE.replace('    lists:\n      - number: "+18005551234"\n', "").replace("example.com/", "example.com/b")
    made = applied(stage, shorter, prune=True)
    assert (keys_of(made), made.remove) == (["endpoint|acme/main"], ["list|acme/+18005551234"])
    assert current_records(stage.settings()).keys() == {"account|acme", "endpoint|acme/main", "layout|layout"}

    trail = stage.read(topics.AUDIT)
    assert [(entry["action"], entry["target"]) for entry in trail] == [
        ("account.put", "acme"),
        ("list.put", "acme/+18005551234"),
        ("endpoint.put", "acme/main"),
        ("endpoint.put", "acme/main"),
        ("list.remove", "acme/+18005551234"),
    ]
    assert {entry["account"] for entry in trail} == {"acme"}
    assert {entry["actor"] for entry in trail} == {"tester"}
    assert json.loads(trail[3]["before"])["url"] == "https://example.com/"
    assert json.loads(trail[3]["after"])["url"] == "https://example.com/b"
    assert trail[4]["after"] is None
    assert "hush" not in str(trail)
    assert "sealed" not in str(trail)


def test_a_plan_is_not_written_over_a_change_made_meanwhile(stage: Stage) -> None:
    applied(stage, FILE)
    settings = stage.settings()
    box = SecretBox.from_settings(settings.secret_keys)
    present = current_records(settings)
    made = plan(parsed(FILE.replace("example.com/", "example.com/b")), present, box, prune=False, force=False)

    by_hand = {**present["endpoint|acme/main"], "origin": "console", "updated_at": 2}
    write = Write(stage.prefix + topics.CONFIG, "endpoint|acme/main", encoder("ConfigRecord")(by_hand))
    write_together(settings.kafka, [write], name="another")
    with pytest.raises(ClusterError, match="somebody changed the configuration meanwhile") as refused:
        execute(settings, made, present, actor="tester")
    assert refused.value.retriable
    assert current_records(settings)["endpoint|acme/main"] == by_hand


def test_a_damaged_record_is_put_right_and_a_newer_one_is_respected(stage: Stage) -> None:
    settings = stage.settings()
    config = stage.prefix + topics.CONFIG
    write_together(settings.kafka, [Write(config, "account|acme", b"not a record")], name="another")
    assert "account|acme" in keys_of(applied(stage, FILE))
    write_together(settings.kafka, [Write(config, "account|acme", b"\xc3\x01newer...record")], name="another")
    with pytest.raises(ConfigurationError, match="written by a newer version"):
        current_records(settings)


def test_a_record_that_the_broker_cannot_take_writes_nothing_at_all(stage: Stage) -> None:
    settings = stage.settings()
    config = stage.prefix + topics.CONFIG
    before = offsets(stage)
    writes = [Write(config, "account|small", b"x"), Write(config, "account|big", b"x" * 4_000_000)]
    with pytest.raises(ClusterError, match="MSG_SIZE_TOO_LARGE") as refused:
        write_together(settings.kafka, writes, name="another")
    assert not refused.value.retriable
    assert offsets(stage) == before


def test_a_cluster_without_the_topic_is_told_what_to_do(stage: Stage) -> None:
    with pytest.raises(ClusterError, match=r"no such topic; run `trackly topics apply`"):
        config_apply.current_records(stage.settings(TRACKLY_TOPIC_PREFIX="nowhere."))
