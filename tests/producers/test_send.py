"""`trackly send` and the client behind it, against the processor on the real broker."""

import json
import subprocess
import sys

import pytest

from producers.sends.gate_client import SendGate, Unanswered, request_for
from producers.sends.requests_file import RequestsFileError, requests_of
from runtime.clock import now_ms
from schemas import topics
from tests.processors.test_loop import CONFIG, inbound
from tests.stage import Stage

LIST = "+18005551234"


def run(stage: Stage, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runtime.cli", "send", *arguments],
        env=stage.env(), capture_output=True, text=True, check=False, timeout=90,
    )  # fmt: skip


def test_a_question_is_answered_alone_from_a_file_and_again_within_its_validity(stage: Stage) -> None:
    stage.configure(CONFIG)
    stage.produce(topics.RAW, "RawCallback", [inbound(1, "please stop texting me", "a")])
    stage.start("processor").await_ready()
    yes = run(stage, "acme", LIST, "+14155550002", "--message-id", "AbC12345")
    assert (yes.returncode, json.loads(yes.stdout)["reason"]) == (0, "approved"), yes.stderr
    again = run(stage, "acme", LIST, "+14155550002", "--message-id", "AbC12345")
    assert json.loads(again.stdout) == json.loads(yes.stdout)
    no = run(stage, "acme", LIST, "+14155550001")
    assert (no.returncode, json.loads(no.stdout)["reason"]) == (1, "contact_inactive")
    assert len(json.loads(no.stdout)["message_id"]) == 8
    file = stage.folder / "many.csv"
    lines = [f"acme,{LIST},+1415555{number:04d},m{number}" for number in range(1, 51)]
    file.write_text("\n".join(["account,list_number,phone_number,message_id", *lines]), "utf-8")
    many = run(stage, "--csv", str(file))
    assert many.returncode == 0, many.stderr
    found = {one["message_id"]: one["approved"] for one in map(json.loads, many.stdout.splitlines())}
    assert found == {f"m{number}": number != 1 for number in range(1, 51)}


def test_without_an_answer_nobody_is_told_yes(stage: Stage) -> None:
    stage.configure(CONFIG)
    request = request_for("acme", LIST, "+14155550002", "AbC12345", now=now_ms())
    with SendGate(stage.settings(), patience_s=0.5) as gate:
        assert list(gate.ask([request])) == [Unanswered(request)]
    stage.start("processor").await_ready()
    with SendGate(stage.settings()) as gate:
        (answer,) = gate.ask([request])
    assert not isinstance(answer, Unanswered)
    assert answer["approved"]
    other = request_for("acme", "+18005550000", "+14155550002", "AbC12345", now=now_ms())
    with SendGate(stage.settings(), patience_s=2.0) as gate:
        assert list(gate.ask([other])) == [Unanswered(other)], "an answer for one list is none for another"


@pytest.mark.parametrize("arguments, said", [
    ((), "give ACCOUNT, LIST and PHONE"),
    (("acme", LIST, "12"), "give ACCOUNT, LIST and PHONE"),
    (("acme", LIST, "+14155550002", "--csv", __file__), "either a file or one contact"),
    (("--csv", __file__), "line 1: no column"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused(stage: Stage, arguments: tuple[str, ...], said: str) -> None:
    refused = run(stage, *arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert said in refused.stderr


def test_a_line_that_cannot_be_read_is_named_without_its_number() -> None:
    lines = ["account,list_number,phone_number\n", f"acme,{LIST},+14155550002\n", f"acme,{LIST},555\n"]
    with pytest.raises(RequestsFileError, match="line 3: account, list_number and phone_number"):
        list(requests_of(lines, now=1, new_id=lambda: "x"))
    (first,) = requests_of(lines[:2], now=1, new_id=lambda: "x")
    assert (first["message_id"], first["expires_at"]) == ("x", 1 + 30 * 60_000)


@pytest.mark.parametrize("cell", ["x" * 200_000, "a\rb"], ids=["too_long", "line_end"])
def test_a_line_that_is_no_csv_is_named_and_not_repeated(cell: str) -> None:
    lines = ["account,list_number,phone_number\n", f"acme,{cell},+14155550002\n"]
    with pytest.raises(RequestsFileError, match=r"line 2: (field larger|new-line character)") as refused:
        list(requests_of(lines, now=1, new_id=lambda: "x"))
    assert "14155550002" not in str(refused.value)
