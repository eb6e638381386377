"""A code table that is not of its form ends the import; a good one says what its provider's words mean to us."""

from pathlib import Path

import pytest

import schemas.providers.codes as package
from schemas.providers.codes import CodeTableError, parse, table
from schemas.providers.outcome import conclude

HEAD = "# version 1; columns\n"
GOOD = "error\t7\tEC_SOMETHING\t-\tabsent\t-\tsource"
FILES = sorted(path.stem for path in Path(package.__file__).parent.glob("*.tsv"))


def test_a_row_is_found_by_code_and_by_an_identifier_but_not_by_ordinary_words() -> None:
    rows = parse(HEAD + GOOD + "\nerror\t8\tOrdinary words\t-\tother\t-\tsource", "x")["error"]
    assert rows["7"] is rows["EC_SOMETHING"]
    assert set(rows) == {"7", "EC_SOMETHING", "8"}


def test_in_the_vocabulary_name_a_bare_number_is_never_found() -> None:
    assert set(parse(HEAD + "name\t9\tNOT_DELIVERED\t-\tgeneric\t-\tsource", "x")["name"]) == {"NOT_DELIVERED"}


@pytest.mark.parametrize("text, problem", [
    (GOOD, "version"),
    ("", "version"),
    (HEAD + GOOD.replace("absent", "lost"), "unknown class"),
    (HEAD + GOOD.replace("\t-\tabsent", "\tgone\tabsent"), "unknown status"),
    (HEAD + GOOD.replace("absent\t-", "absent\tloud"), "unknown flag"),
    (HEAD + GOOD.replace("\tsource", "\t"), "source"),
    (HEAD + GOOD.replace("\tsource", ""), "columns"),
    (HEAD + GOOD + "\n" + GOOD, "stands twice"),
    (HEAD + GOOD + "\n" + GOOD.replace("\t7\t", "\t8\t"), "EC_SOMETHING stands twice"),
    (HEAD + "name\t9\tordinary words\t-\tother\t-\tsource", "nothing finds"),
])  # fmt: skip
def test_a_bad_table_is_refused_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(CodeTableError, match=rf"codes/x\.tsv:\d+: .*{problem}"):
        parse(text, "x")


@pytest.mark.parametrize("provider", FILES)
def test_every_table_of_the_package_is_read(provider: str) -> None:
    assert sum(map(len, table(provider).values())) > 0


@pytest.mark.parametrize("provider", FILES)
def test_no_fine_status_has_a_failure_and_no_row_with_an_opt_out_removes_for_another_reason(provider: str) -> None:
    for rows in table(provider).values():
        for code, row in rows.items():
            if row.flags & {"opted_out", "unsubscribe"}:
                assert (code, row.failure_class) == (code, "other")
            if row.status == "delivered":
                assert (code, row.failure_class) == (code, "none")


def test_an_outcome_is_judged_by_one_rule_for_all() -> None:
    rows = parse(f"{HEAD}{GOOD}\nerror\t8\t-\t-\tother\topted_out\ts\nerror\t9\t-\t-\tother\tunsubscribe\ts", "x")[
        "error"
    ]
    absent, quiet, loud = rows["7"], rows["8"], rows["9"]
    assert conclude("undeliverable", absent, "raw").status_detail == "REJECTED_ABSENT_SUBSCRIBER"
    assert conclude("expired", absent, "raw")[1:3] == ("raw", "absent")
    assert conclude("delivered", absent, "raw")[1:3] == ("raw", "none")
    assert conclude("rejected", None, "")[1:3] == ("UNKNOWN", "other")
    assert conclude("rejected", quiet, "raw")[5:7] == (True, False)
    assert conclude("rejected", loud, "raw")[5:7] == (True, True)
    assert conclude("delivered", loud, "raw")[5:7] == (False, False)
    assert len(conclude("pending", None, "n" * 1000).status_detail) == 128


OPT_OUTS = {
    "infobip": {"603", "573"}, "twilio": {"21610"}, "telnyx": {"40300"}, "plivo": {"200"}, "bandwidth": {"4775"},
    "bird": {"103", "603", "573"}, "vonage": {"9", "1240"}, "cm": set[str](), "sinch": set[str](), "lime": set[str](),
}  # fmt: skip
"""Codes by which a report tells that the contact asked for no more (PROVIDERS.md); each is told by an event too."""


@pytest.mark.parametrize("provider", FILES)
def test_the_codes_of_an_opt_out_are_those_of_the_providers_pages(provider: str) -> None:
    marked = {
        code: row
        for rows in table(provider).values()
        for code, row in rows.items()
        if row.flags & {"opted_out", "unsubscribe"}
    }
    assert {code for code in marked if code.isdigit()} == OPT_OUTS[provider]
    for row in marked.values():
        found = conclude("undeliverable", row, "raw")
        assert (found.opted_out, found.emit_unsubscribe, found.failure_class) == (True, True, "other")
        assert conclude("delivered", row, "raw")[5:7] == (False, False)
