"""`trackly contacts` on the real broker: orders, what is shown, and consent that comes back from its own backup."""

import json
import subprocess
import sys

import pytest

from processors.contacts_file import ContactsFileError, commands_of
from schemas import topics
from tests.processors.test_loop import CONFIG, inbound
from tests.stage import Stage, await_condition

HEADER = "account,list_number,phone_number,active,reason,unsubscribed_at,changed_at"
PHONE, LIST = "+14155550001", "+18005551234"


def run(stage: Stage, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runtime.cli", "contacts", *arguments],
        env=stage.env(), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def activity(stage: Stage, phone: str) -> dict[str, bool]:
    shown = run(stage, "show", "acme", phone)
    if shown.returncode == 1:
        return {}
    assert shown.returncode == 0, shown.stderr
    return {number: state["active"] for number, state in json.loads(shown.stdout)["lists"].items()}


def test_what_is_ordered_is_done_and_shown(stage: Stage) -> None:
    stage.configure(CONFIG)
    stage.start("processor").await_ready()
    assert run(stage, "show", "acme", PHONE).returncode == 1
    ordered = run(stage, "opt-out", "acme", PHONE, "--list", LIST, "--reason", "by phone")
    assert ordered.returncode == 0, ordered.stderr
    await_condition(lambda: activity(stage, PHONE) == {LIST: False}, what="the opt-out")
    assert run(stage, "opt-in", "acme", PHONE, "--reason", "signed a form").returncode == 0
    await_condition(lambda: activity(stage, PHONE) == {LIST: True}, what="the opt-in")
    assert run(stage, "erase", "acme", PHONE, "--reason", "asked for it").returncode == 0
    stage.await_records(topics.ERASURES, 1)
    assert {(state["active"], state["reason"]) for state in stage.read(topics.CONTACTS)} == {
        (False, "manual"), (True, "resubscribed"),
    }  # fmt: skip


def test_consent_comes_back_from_its_own_backup(stage: Stage) -> None:
    stage.configure(CONFIG)
    stage.produce(topics.RAW, "RawCallback", [inbound(number, "STOP", f"m{number}") for number in range(5)])
    stage.start("processor").await_ready()
    stage.await_records(topics.CONTACTS, 5)
    backup = run(stage, "export").stdout
    assert backup.splitlines()[0] == HEADER
    assert len(backup.splitlines()) == 6
    moved = stage.folder / "moved.csv"
    moved.write_text(backup.replace("+1415555", "+1415666"), "utf-8")
    assert json.loads(run(stage, "import", str(moved)).stdout) == {"imported": 5}
    stage.await_records(topics.CONTACTS, 10)
    again = run(stage, "export").stdout
    assert set(again.splitlines()) == {*backup.splitlines(), *moved.read_text("utf-8").splitlines()}


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("show", "acme", "12"), "not an international one"),
        (("opt-out", "acme", PHONE, "--list", "whatsapp:1", "--reason", "x"), "--list is not a number"),
        (("erase", "acme", PHONE, "--list", LIST, "--reason", "x"), "leave --list out"),
    ],
)
def test_what_cannot_be_meant_is_refused(stage: Stage, arguments: tuple[str, ...], said: str) -> None:
    refused = run(stage, *arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert said in refused.stderr
    assert "4155550001" not in refused.stderr


@pytest.mark.parametrize(
    "text, said",
    [
        ("account,list_number\n", "line 1: no column phone_number"),
        (f"{HEADER}\nacme,{LIST},12,false,message,\n", "line 2: account, list_number and phone_number"),
        (f"{HEADER}\nacme,{LIST},{PHONE},maybe,message,\n", "line 2: active is"),
        (f"{HEADER}\nacme,{LIST},{PHONE},false,whim,\n", "line 2: reason is one of"),
        (f"{HEADER}\nacme,{LIST},{PHONE},false,message,soon\n", "line 2: unsubscribed_at is no time"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(text: str, said: str) -> None:
    with pytest.raises(ContactsFileError, match=said) as refused:
        list(commands_of(text.splitlines(keepends=True), actor="a", reason="r", now=1))
    assert "4155550001" not in str(refused.value)


def test_the_same_line_makes_the_same_command() -> None:
    text = f"{HEADER}\nacme,{LIST},{PHONE},false,message,2024-01-15T10:30:00.000Z\n"
    first, second = (next(commands_of(text.splitlines(), actor="a", reason="r", now=now)) for now in (1, 2))
    assert (first["command_id"], first["unsubscribed_at"]) == (second["command_id"], 1_705_314_600_000)
