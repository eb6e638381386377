"""The command line: results on stdout, everything else on stderr, and the documented exit codes."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runtime.cli import main
from runtime.cli.up import local_environment as up_environment
from runtime.egress import EgressPolicy
from runtime.kafka.one_shot import Write, write_together
from runtime.settings import load
from schemas import codec, topics
from schemas.codec import encoder
from schemas.settings import EgressSettings
from tests.stage import Stage

FILE = """
accounts:
  - id: acme
    providers:
      infobip: {secret: a-path-secret}
    endpoints:
      - {id: main, url: "https://8.8.8.8/", secret: a-signing-secret}
"""
"""An apply looks names up, and no test asks the world's name servers."""
NO_BROKER = {"TRACKLY_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1"}


@pytest.fixture(autouse=True)
def _no_registry() -> Iterator[None]:
    """A command may set one for its process, and here every command shares ours."""
    yield
    codec.use_registry(None)


def run(*arguments: str, env: Mapping[str, str | None] | None = None, text: str | bytes = "") -> Result:
    return CliRunner().invoke(main, list(arguments), env=dict(env or {}), input=text)


def on(stage: Stage, *arguments: str, **extra: str) -> Result:
    return run(*arguments, env={k: v for k, v in stage.env(**extra).items() if k.startswith("TRACKLY_")})


def objects(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


# --- without a broker ------------------------------------------------------------------------------------------------


def test_help_lists_tools_and_every_stage_command() -> None:
    result = run("--help")
    assert result.exit_code == 0
    names = {line.split()[0] for line in result.stdout.partition("Commands:")[2].splitlines() if line.strip()}
    assert {"broker", "up", "topics", "config", "parse", "cat", "doctor"} <= names
    assert {"gateway", "processor", "dispatcher", "forwarder", "classify", "verify", "simulate"} <= names


def test_small_commands_load_neither_kafka_nor_settings() -> None:
    code = (
        "import sys, click.testing; from runtime.cli import main;"
        "click.testing.CliRunner().invoke(main, [sys.argv[1], '--help'], catch_exceptions=False);"
        "print([name for name in sys.modules if name.split('.')[0] in {'confluent_kafka', 'aiohttp', 'rocksdict', 'uvicorn'}])"
    )
    for command in ("classify", "verify", "parse"):
        out = subprocess.run([sys.executable, "-c", code, command], capture_output=True, text=True, check=True)
        assert out.stdout == "[]\n", command


@pytest.mark.parametrize(
    "arguments",
    [["nothing"], ["topics"], ["topics", "apply", "--partitions", "0"], ["config", "apply"], ["config", "check", "/nowhere"],
     ["cat"], ["cat", "config", "--max", "0"], ["parse"], ["parse", "carrier-pigeon"]],
)  # fmt: skip
def test_a_command_that_cannot_be_meant_is_bad_input(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr


@pytest.mark.parametrize(
    "arguments", [["topics", "check"], ["config", "show"], ["cat", "config"], ["doctor"], ["topics", "apply"]]
)
@pytest.mark.parametrize(
    "environment, sentence",
    [
        ({"TRACKLY_GATEWAY__PROT": "1"}, "did you mean TRACKLY_GATEWAY__PORT?"),
        ({"TRACKLY_KAFKA__ACKS": "0"}, "acks: set by trackly and not open to configuration"),
        ({"TRACKLY_KAFKA__GROUP_PROTOCOL": "consumer"}, "takes classic"),
    ],
)
def test_settings_that_cannot_be_used_end_with_2_and_a_sentence(
    arguments: list[str], environment: dict[str, str], sentence: str
) -> None:
    result = run(*arguments, env={**NO_BROKER, **environment})
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.output


def test_an_unknown_topic_is_refused_with_the_known_ones() -> None:
    result = run("cat", "sms.config")
    assert result.exit_code == 2
    assert "no topic 'sms.config'; one of callbacks.raw, " in result.stderr


def test_checking_a_file_needs_no_broker_and_no_key(tmp_path: Path) -> None:
    path = tmp_path / "trackly.yaml"
    path.write_text(FILE)
    result = run("config", "check", str(path))
    assert (result.exit_code, result.stdout) == (0, "")
    path.write_text(FILE.replace("a-path-secret", "short").replace("https", "ftp"))
    result = run("config", "check", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"{path}:7: accounts[0].endpoints[0].url: not an http(s) URL\n"
    path.write_text(FILE.replace("a-path-secret", "short"))
    result = run("config", "check", str(path))
    assert result.exit_code == 0
    assert f"warning: {path}:5: accounts[0].providers.infobip.secret" in result.stderr
    path.write_bytes(b"\xff\xfe")
    assert run("config", "check", str(path)).exit_code == 2


REFUSED_FILE = """
accounts:
  - id: acme
    lists:
      - number: "+18005551234"
        forward:
          delivery: https://[::ffff:169.254.169.254]/
          reply: https://2130706433/
    notify: {url: "https://metadata.google.internal./", secret: a-signing-secret}
    endpoints:
      - {id: main, url: "https://good.example:22/", secret: a-signing-secret}
      - {id: plain, url: "http://good.example/hush", secret: a-signing-secret}
      - {id: good, url: "https://good.example/", secret: a-signing-secret}
"""
REFUSED = [
    "7: accounts[0].lists[0].forward.delivery: not a globally routable address",
    "8: accounts[0].lists[0].forward.reply: not a globally routable address",
    "9: accounts[0].notify.url: a name of the local network",
    "11: accounts[0].endpoints[0].url: port 22 is not allowed",
    "12: accounts[0].endpoints[1].url: plain http is not allowed",
]


@pytest.mark.parametrize("arguments", [["check"], ["apply"], ["apply", "--dry-run"], ["apply", "--force"]])
def test_a_url_that_would_never_be_called_is_refused_before_anything_is_written(
    tmp_path: Path, arguments: list[str]
) -> None:
    path = tmp_path / "trackly.yaml"
    path.write_text(REFUSED_FILE)
    result = run("config", *arguments, str(path), env=NO_BROKER)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [f"{path}:{line}" for line in REFUSED]


def test_a_file_is_checked_under_the_egress_settings_of_the_process(tmp_path: Path) -> None:
    path = tmp_path / "trackly.yaml"
    path.write_text(FILE.replace("https://8.8.8.8/", "http://localhost:4711/"))
    assert "plain http is not allowed" in run("config", "check", str(path)).stderr
    plain = {"TRACKLY_EGRESS__ALLOW_PLAIN_HTTP": "true"}
    assert "port 4711 is not allowed" in run("config", "check", str(path), env=plain).stderr
    ported = {**plain, "TRACKLY_EGRESS__ALLOW_PORTS": "4711"}
    assert "a name of the local network" in run("config", "check", str(path), env=ported).stderr
    assert run("config", "check", str(path), env={**plain, "TRACKLY_EGRESS__ALLOW_CIDRS": "127.0.0.0/8"}).exit_code == 0
    assert run("config", "check", str(path), env={"TRACKLY_EGRESS__ALLOW_CIDRS": "hush"}).exit_code == 2


def test_up_allows_loopback_besides_what_the_operator_allows() -> None:
    for given, expected in (((), "127.0.0.0/8,::1/128"), (("10.0.0.0/8", "::1/128"), "127.0.0.0/8,::1/128,10.0.0.0/8")):
        local = load(up_environment(EgressSettings(allow_cidrs=given))).egress
        assert ",".join(local.allow_cidrs) == expected
        assert EgressPolicy(local).check_url("http://localhost:4711/") is None


def test_parse_prints_one_object_a_line_and_refuses_what_it_cannot_read() -> None:
    body = json.dumps(
        {"results": [{"messageId": "m1", "to": "41793026727", "status": {"groupId": 3, "groupName": "DELIVERED", "id": 5, "name": "DELIVERED_TO_HANDSET"},
                      "doneAt": "2024-01-15T10:30:00.000+0000"}]}
    )  # fmt: skip
    result = run("parse", "infobip", text=body)
    assert result.exit_code == 0, result.stderr
    (report,) = objects(result)
    assert (report["kind"], report["to"], report["status"]) == ("delivery", "+41793026727", "delivered")
    mixed = json.loads(body)
    mixed["results"].insert(0, {**mixed["results"][0], "to": "nobody"})
    half = run("parse", "infobip", text=json.dumps(mixed))
    assert (half.exit_code, objects(half)) == (2, [report])
    assert "trackly: " in half.stderr
    refused = run("parse", "infobip", text="{")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr


def test_parse_shows_every_good_item_of_a_batch_and_names_every_bad_one() -> None:
    good = {
        "messageId": "m1",
        "to": "41793026727",
        "status": {"groupName": "DELIVERED", "name": "DELIVERED_TO_HANDSET"},
    }
    no_phone, no_object, wrong_type = (
        {**good, "messageId": "m2", "to": "x"},
        7,
        {**good, "messageId": "m4", "status": 7},
    )
    last = {**good, "messageId": "m5"}
    result = run("parse", "infobip", text=json.dumps({"results": [good, no_phone, no_object, wrong_type, last]}))
    assert result.exit_code == 2
    assert [one["message_id"] for one in objects(result)] == ["m1", "m5"]
    first, second, third = result.stderr.splitlines()
    assert first.startswith("trackly: refused (phone_invalid): ")
    assert '"m2"' in first
    assert second.startswith("trackly: refused (malformed): An entry of results is not an object. ")
    assert third.startswith("trackly: refused (malformed): ")
    assert '"m4"' in third


def test_parse_names_a_long_item_by_its_beginning() -> None:
    item = {"messageId": "m1", "to": "x", "status": {}, "filler": "y" * 5000}
    result = run("parse", "infobip", text=json.dumps({"results": [item]}))
    assert (result.exit_code, result.stdout) == (2, "")
    assert '"m1"' in result.stderr
    assert len(result.stderr) < 500


def test_parse_shows_a_report_that_names_no_contact_and_says_where_it_would_end() -> None:
    item = {"messageId": "m1", "status": {"groupName": "DELIVERED"}}
    result = run("parse", "infobip", text=json.dumps({"results": [item]}))
    assert result.exit_code == 0
    (shown,) = objects(result)
    assert (shown["message_id"], shown["to"], shown["status"]) == ("m1", None, "delivered")
    assert result.stderr == "a report names no contact: the gateway keeps it in quarantine\n"


@pytest.mark.parametrize("alias, name, query", [
    ("messagebird", "bird", "id=1&recipient=14155551234&status=delivered"),
    ("nexmo", "vonage", "messageId=1&msisdn=14155551234&to=18005551234&status=delivered"),
])  # fmt: skip
def test_parse_reads_a_provider_by_its_other_name(alias: str, name: str, query: str) -> None:
    first, again = (objects(run("parse", one, "--query", query)) for one in (alias, name))
    assert first == again
    assert [(one["to"], one["status"]) for one in first] == [("+14155551234", "delivered")]


def test_parse_reads_a_form_that_ends_with_a_line_end_as_shells_write_it() -> None:
    (report,) = objects(run("parse", "twilio", text="MessageSid=1&To=%2B14155551234&MessageStatus=delivered\n"))
    assert (report["status"], report["raw_status"]) == ("delivered", "delivered")


def test_parse_takes_our_id_where_it_stands_first_and_bytes_that_are_no_text() -> None:
    body = "MessageUUID=1&To=14155551234&Status=delivered"
    (first,) = objects(run("parse", "plivo", "--query", "mid=Ours&mid=Theirs", text=body))
    (odd,) = objects(run("parse", "plivo", "--query", "mid=\udcff", text=body))
    assert (first["message_id"], odd["message_id"]) == ("Ours", "\ufffd")


def test_a_header_that_is_none_is_refused_without_its_value() -> None:
    result = run("parse", "infobip", "--header", "nonsense")
    assert result.exit_code == 2
    assert "is not 'Name: value'" in result.stderr


# --- with a broker ---------------------------------------------------------------------------------------------------


def test_topics_are_applied_and_checked(stage: Stage) -> None:
    result = on(stage, "topics", "check")
    assert (result.exit_code, result.stdout) == (0, "")
    fresh = on(stage, "topics", "apply", "--partitions", "1", TRACKLY_TOPIC_PREFIX=f"{stage.prefix}b.")
    assert fresh.exit_code == 0
    assert f"created {stage.prefix}b.callbacks.raw" in fresh.stdout.splitlines()
    absent = on(stage, "topics", "check", TRACKLY_TOPIC_PREFIX="nowhere.")
    assert absent.exit_code == 1
    assert "nowhere.config: missing; run `trackly topics apply`" in absent.stdout.splitlines()


def test_a_file_is_applied_shown_and_read_back(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "trackly.yaml"
    path.write_text(FILE)
    dry = on(stage, "config", "apply", "--dry-run", str(path))
    assert dry.stdout.splitlines() == ["+ account|acme", "+ endpoint|acme/main"]
    assert [entry["id"] for entry in objects(on(stage, "config", "show"))] == ["layout"]
    assert on(stage, "config", "apply", str(path)).stdout == dry.stdout
    again = on(stage, "config", "apply", str(path))
    assert (again.exit_code, again.stdout) == (0, "")
    assert "0 written, 0 removed" in again.stderr
    shown = on(stage, "config", "show")
    assert [entry["id"] for entry in objects(shown)] == ["acme", "acme/main", "layout"]
    records = objects(on(stage, "cat", "config", "--from-beginning"))
    assert [record["_key"] for record in records] == ["layout|layout", "account|acme", "endpoint|acme/main"]
    for output in (shown.output, again.output, str(records)):
        assert "a-path-secret" not in output
        assert "a-signing-secret" not in output


def test_a_file_is_not_applied_without_a_key_or_to_a_cluster_without_topics(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "trackly.yaml"
    path.write_text(FILE)
    keyless = run("config", "apply", str(path), env={**NO_BROKER, "TRACKLY_SECRET_KEYS": None})
    assert keyless.exit_code == 2
    assert "TRACKLY_SECRET_KEYS is kid:base64" in keyless.stderr
    absent = on(stage, "config", "apply", str(path), TRACKLY_TOPIC_PREFIX="nowhere.")
    assert absent.exit_code == 2
    assert "run `trackly topics apply`" in absent.stderr


def test_cat_shows_every_kind_of_record_as_one_line(stage: Stage) -> None:
    attempts = stage.prefix + topics.ATTEMPTS
    attempt = {
        "task_id": "t", "event_id": "e", "event_type": "reply", "origin": "event", "endpoint": "acme/main", "attempt": 1,
        "outcome": "ok", "status_code": 200, "started_at": 1, "connect_ms": None, "duration_ms": 2,
        "response_excerpt": "hé".encode(), "next_tier": None, "next_try_at": None, "verdict": "delivered",
    }  # fmt: skip
    encoded = encoder("Attempt")(attempt)
    writes = [
        Write(attempts, "text", encoded, 0),
        Write(attempts, "bytes", encoder("Attempt")({**attempt, "response_excerpt": b"\xff\xfe"}), 0),
        Write(attempts, "tombstone", None, 0),
        Write(attempts, "newer", b"\xc3\x01newer...record", 0),
        Write(attempts, "poison", b"poison", 0),
        Write(attempts, "foreign", encoder("Erasure")({"contact_hash": "", "account": "", "erased_at": 1}), 0),
    ]
    write_together(stage.settings().kafka, writes, name="test")
    result = on(stage, "cat", topics.ATTEMPTS, "--from-beginning")
    assert result.exit_code == 0, result.output
    text, binary, tombstone, newer, poison, foreign = objects(result)
    assert (text["_type"], text["_partition"], text["_offset"], text["_key"]) == ("Attempt", 0, 0, "text")
    assert (text["response_excerpt"], binary["response_excerpt"]) == ("hé", "base64://4=")
    assert text["_headers"] == {}
    assert isinstance(text["_timestamp"], int)
    assert tombstone == {
        "_partition": 0,
        "_offset": 2,
        "_key": "tombstone",
        "_timestamp": tombstone["_timestamp"],
        "_headers": {},
    }
    assert newer["_undecoded"] == f"unknown schema fingerprint {b'newer...'.hex()}"
    assert poison["_undecoded"] == "neither Avro single-object encoding nor the Confluent wire format"
    assert foreign["_undecoded"] == "a record of a type that does not belong on this topic"
    assert len(objects(on(stage, "cat", topics.ATTEMPTS, "--from-beginning", "--max", "2"))) == 2


def test_cat_shows_the_private_changelog_by_size_and_bytes(stage: Stage) -> None:
    write_together(stage.settings().kafka, [Write(stage.prefix + topics.AGGREGATE, "k", b"\x01\x02")], name="test")
    (record,) = objects(on(stage, "cat", topics.AGGREGATE, "--from-beginning"))
    assert (record["_bytes"], record["_hex"]) == (2, "0102")


def test_cat_follows_what_comes_after_it_began(stage: Stage) -> None:
    command = [
        sys.executable,
        "-m",
        "runtime.cli",
        "cat",
        topics.ERASURES,
        "--follow",
        "--max",
        "2",
        "--from-beginning",
    ]
    with subprocess.Popen(command, env=stage.env(), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for number in range(2):
            value = encoder("Erasure")({"contact_hash": str(number), "account": "a", "erased_at": 1})
            write_together(stage.settings().kafka, [Write(stage.prefix + topics.ERASURES, "k", value)], name="test")
            assert json.loads(process.stdout.readline())["contact_hash"] == str(number)
        assert process.wait(30) == 0


def test_cat_of_a_topic_that_was_never_made_says_what_to_do(stage: Stage) -> None:
    result = on(stage, "cat", topics.RAW, "--from-beginning", TRACKLY_TOPIC_PREFIX="nowhere.")
    assert result.exit_code == 2
    assert "no such topic; run `trackly topics apply`" in result.stderr


def test_the_doctor_finds_nothing_on_a_good_cluster_and_shows_no_secret(stage: Stage) -> None:
    result = on(stage, "doctor")
    assert result.exit_code == 0, result.stdout
    assert json.loads(result.stdout)["topic_prefix"] == stage.prefix
    assert stage.env()["TRACKLY_SECRET_KEYS"].partition(":")[2] not in result.output


def test_the_doctor_says_what_is_missing_and_ends_with_1(stage: Stage) -> None:
    keys = {"TRACKLY_SECRET_KEYS": "nonsense"}
    result = on(stage, "doctor", TRACKLY_TOPIC_PREFIX="nowhere.", **keys)
    problems = [line for line in result.stdout.splitlines() if line.startswith("problem: ")]
    assert result.exit_code == 1
    assert problems[0].startswith("problem: TRACKLY_SECRET_KEYS is kid:base64")
    assert "problem: nowhere.callbacks.raw: missing; run `trackly topics apply`" in problems


def test_a_broker_that_is_away_is_a_finding_of_the_doctor_and_try_again_for_everyone_else() -> None:
    doctor = run("doctor", env=NO_BROKER)
    assert doctor.exit_code == 1
    assert "problem: 127.0.0.1:1 does not answer" in doctor.stdout
    assert run("topics", "check", env=NO_BROKER).exit_code == 75
