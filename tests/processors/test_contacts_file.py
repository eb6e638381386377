"""Consent as CSV: what an export says of a contact, read into an empty cluster, is the same consent. Pure, no broker."""

import csv
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.aggregate import UNASSIGNED_MAX, Aggregate, decode, encode
from processors.batch import Place
from processors.contacts_file import COLUMNS, ContactsFileError, commands_of, rows_of
from processors.facts import CommandFact, Fact
from processors.orders import command_fact
from schemas import topics
from tests.processors.test_fold import LIST, PHONE, T0, message, report, run
from tests.processors.test_fold_machine import History, steps
from tests.processors.test_gate import OTHER, command, request
from tests.processors.test_histories import LATER, everywhere

if TYPE_CHECKING:
    from schemas.records import ContactCommand

DAY = 86_400_000
NOW = T0 + 1000 * DAY


def exported(aggregate: Aggregate) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows_of("acme", PHONE, aggregate))
    return out.getvalue()


def fact_of(one: "ContactCommand") -> CommandFact:
    return command_fact(one, Place(topics.CONTACT_COMMANDS, 0, 1, b""), (LIST, OTHER))


def imported(text: str, *before: Fact, now: int = NOW) -> Aggregate:
    facts = [fact_of(one) for one in commands_of(io.StringIO(text), actor="a", reason="r", now=now)]
    return run(*before, *facts)[0]


def answers(aggregate: Aggregate) -> dict[str, bool]:
    """Whether each list may text, the one that was added later included."""
    asked = {}
    for number in (LIST, OTHER, LATER):
        copy = decode(encode(aggregate))
        asked[number] = run(request(f"probe{number}", number, at=NOW + 1), start=copy)[1][-1].decision == "approved"
    return asked


LOST = message("STOP", "u", list_hint=None)
FEW: list[list[Fact]] = [
    [message("STOP", "a")],
    [message("STOP", "a", T0 + 9, sent=T0), message("START", "b", T0 + DAY)],
    [report("m", "rejected", "spam")],
    [command("opt_out", "c", None)],
    [everywhere("STOP", "a")],
    [everywhere("STOP", "a"), message("START", "b", T0 + 9)],
    [everywhere("STOP", "a"), message("START", "b", T0 + 9, list_hint=LATER)],
    [LOST],
    [LOST, message("START", "b", T0 + 9)],
    [message("STOP", "a", T0 - 9), message("START", "b", T0 - 5), LOST, message("START", "d", T0 + 9)],
    [message("STOP", "a"), LOST, message("START", "b", T0 - 9, list_hint=OTHER)],
    [*(message("STOP", f"u{n}", T0 + n, list_hint=None) for n in range(UNASSIGNED_MAX + 1)),
     message("START", "b", T0 + 99)],
    [report("m"), message("hello", "x")],
]  # fmt: skip


@pytest.mark.parametrize("facts", FEW)
def test_a_backup_read_into_an_empty_cluster_gives_the_same_answers_and_the_same_backup(facts: list[Fact]) -> None:
    aggregate, _ = run(*facts)
    backup = exported(aggregate)
    restored = imported(backup)
    assert answers(restored) == answers(aggregate)
    assert exported(restored) == backup
    assert answers(imported(backup, *facts)) == answers(aggregate), (
        "read into its own cluster it allows and ends nothing"
    )


@given(st.lists(steps, max_size=25))
def test_a_backup_of_any_history_is_the_same_consent(taken: list[tuple[str, str | None, int, int]]) -> None:
    history = History("x")
    aggregate, _ = run(*(history.next(step) for step in taken))
    backup = exported(aggregate)
    assert answers(imported(backup)) == answers(aggregate)
    assert exported(imported(backup)) == backup


def test_a_backup_undoes_no_decision_that_came_after_it() -> None:
    before = [message("STOP", "a"), message("START", "b", T0 + 5)]
    backup = exported(run(*before)[0])
    assert answers(imported(backup, *before, message("STOP", "c", T0 + DAY)))[LIST] is False
    lost = exported(run(LOST)[0])
    assert answers(imported(lost, LOST, command("opt_in", "c", None, at=T0 + DAY)))[LIST] is True


def test_a_line_for_every_list_is_a_decision_of_the_ledger() -> None:
    backup = exported(run(LOST)[0])
    (fact,) = (fact_of(one) for one in commands_of(io.StringIO(backup), actor="a", reason="r", now=NOW))
    aggregate, (answer,) = run(fact)
    (entry,) = answer.ledger
    assert (entry["list_number"], entry["decision"], entry["reason"], entry["actor"]) == (
        None, "opted_out", "message", "a",
    )  # fmt: skip
    assert aggregate.stopped is not None


def test_texting_is_allowed_list_by_list() -> None:
    text = f"account,list_number,phone_number,active\nacme,,{PHONE},true\n"
    with pytest.raises(ContactsFileError, match="line 2: texting is allowed list by list"):
        list(commands_of(text.splitlines(keepends=True), actor="a", reason="r", now=1))


def test_a_contact_without_any_consent_is_no_line() -> None:
    assert rows_of("acme", PHONE, run(report("m"), message("hello", "x"))[0]) == []


@pytest.mark.parametrize("cell", ["x" * 200_000, "a\rb"], ids=["too_long", "line_end"])
def test_a_line_that_is_no_csv_is_named_and_not_repeated(cell: str) -> None:
    lines = ["account,list_number,phone_number\n", f"acme,{cell},+14155550002\n"]
    with pytest.raises(ContactsFileError, match=r"line 2: (field larger|new-line character)") as refused:
        list(commands_of(lines, actor="a", reason="r", now=1))
    assert "14155550002" not in str(refused.value)
