"""A raw record becomes a fact by the rules of its list."""

from typing import TYPE_CHECKING

import orjson
import pytest

from processors.facts import MessageFact, ReportFact
from processors.failures import as_its_list_says
from processors.interpret import Rules, interpret
from processors.optout.words import LANGUAGES
from schemas.config import Compliance, Language, ListSettings, snapshot_of
from schemas.providers import registry
from schemas.providers.callback import DeliveryReport

if TYPE_CHECKING:
    from schemas.records import RawCallback

PHONE = "+14155550001"
SPANISH = ListSettings(
    account="acme",
    number="+18005550001",
    provider="infobip",
    compliance=Compliance(languages=("es",), keywords=("No Gracias",), spam_action="stop", optout_scope="account"),
)
PLAIN = ListSettings(account="acme", number="+18005550002", provider="twilio")
RULES = Rules(snapshot_of([SPANISH, PLAIN]))


def fact_of(text: str, number: str | None) -> MessageFact:
    item = {"messageId": "1", "from": PHONE, "text": text, "receivedAt": "2024-01-15T10:35:00.000+0000"}
    raw: RawCallback = {
        "account": "acme", "provider": "infobip", "kind": "inbound", "phone": PHONE,
        "body": orjson.dumps({"results": [{**item, "to": number} if number else item]}),
        "content_type": "application/json", "headers": {}, "query": {}, "mid": None, "list": None,
        "received_at": 1_705_315_000_000, "redriven": False,
    }  # fmt: skip
    found = interpret(raw, partition=0, offset=1, adapters=registry.adapters(), rules=RULES)
    assert isinstance(found, MessageFact)
    return found


def test_a_text_is_judged_by_the_words_of_its_list() -> None:
    for text in ("baja", "no gracias", "this is spam"):
        assert fact_of(text, SPANISH.number).classification.label == "opt_out"
        assert fact_of(text, PLAIN.number).classification.label == "reply"
        assert fact_of(text, None).classification.label == "opt_out", "the only list of the provider"


def test_an_opt_out_is_for_every_list_where_its_list_says_so() -> None:
    assert fact_of("STOP", SPANISH.number).every_list == (SPANISH.number, PLAIN.number)
    assert fact_of("STOP", PLAIN.number).every_list == ()
    assert fact_of("hello", SPANISH.number).every_list == ()


def test_a_part_of_a_text_carries_the_lists_that_the_whole_of_it_may_end() -> None:
    whole = ListSettings(
        account="acme", number="+18005550003", provider="vonage", compliance=Compliance(optout_scope="account")
    )
    raw: RawCallback = {
        "account": "acme", "provider": "vonage", "kind": "inbound", "phone": PHONE,
        "body": b"msisdn=14155550001&to=18005550003&messageId=1&text=please+do+not&type=text&concat=true"
                b"&concat-ref=7&concat-total=2&concat-part=1&message-timestamp=2024-01-15+10:35:00",
        "content_type": "application/x-www-form-urlencoded", "headers": {}, "query": {}, "mid": None, "list": None,
        "received_at": 1_705_315_000_000, "redriven": False,
    }  # fmt: skip
    rules = Rules(snapshot_of([PLAIN, whole]))
    found = interpret(raw, partition=0, offset=1, adapters=registry.adapters(), rules=rules)
    assert isinstance(found, MessageFact)
    assert (found.classification.label, found.every_list) == ("reply", (PLAIN.number, whole.number))


STRICT = Compliance(filtered_is_spam=True, blocklist_is_optout=True)


@pytest.mark.parametrize("compliance, found", [
    (Compliance(), ("other", "failed", False)), (STRICT, ("spam", "REJECTED_SPAM", False)),
])  # fmt: skip
def test_a_filtered_message_counts_as_spam_where_its_list_says_so(
    compliance: Compliance, found: tuple[str, str, bool]
) -> None:
    report = report_of("twilio", b"MessageSid=SM1&MessageStatus=failed&ErrorCode=30007&To=%2B14155550001", compliance)
    assert (report.failure_class, report.status_detail, report.opted_out) == found


@pytest.mark.parametrize("compliance, opted_out", [(Compliance(), False), (STRICT, True)])
def test_a_providers_block_list_counts_as_an_opt_out_where_its_list_says_so(
    compliance: Compliance,
    opted_out: bool,
) -> None:
    status = {"groupId": 5, "groupName": "REJECTED", "id": 10, "name": "REJECTED_DND"}
    body = orjson.dumps({"results": [{"messageId": "1", "to": PHONE, "status": status}]})
    report = report_of("infobip", body, compliance)
    assert (report.failure_class, report.opted_out) == ("other", opted_out)


def report_of(provider: str, body: bytes, compliance: Compliance) -> DeliveryReport:
    raw: RawCallback = {
        "account": "acme", "provider": provider, "kind": "delivery", "phone": PHONE, "body": body,
        "content_type": "application/json" if body.startswith(b"{") else "application/x-www-form-urlencoded",
        "headers": {}, "query": {}, "mid": None, "list": None, "received_at": 1_705_315_000_000, "redriven": False,
    }  # fmt: skip
    only = ListSettings(account="acme", number="+18005550009", provider=provider, compliance=compliance)
    rules = Rules(snapshot_of([only]))
    found = interpret(raw, partition=0, offset=1, adapters=registry.adapters(), rules=rules)
    assert isinstance(found, ReportFact)
    return as_its_list_says(found.report, rules.of("acme", only.number).failures)


def test_the_languages_of_the_configuration_are_those_of_the_rules() -> None:
    assert set(Language.__args__) == set(LANGUAGES)  # type: ignore[attr-defined]  # a Literal has them
