"""Lime: the list of an opt-out is Lime's own id, which the configuration maps; `optout-all` ends every list."""

from urllib.parse import parse_qsl, quote

from processors.facts import MessageFact
from processors.interpret import Rules, interpret
from schemas.config import ListSettings, snapshot_of
from schemas.parse_report import raw_callback
from schemas.providers import registry
from schemas.providers.callback import Split
from schemas.providers.lime import ADAPTER
from tests.schemas.providers.fixtures import request_of

LISTS = [
    ListSettings(account="acme", number="+18005550001", provider="lime", provider_id="1221"),
    ListSettings(account="acme", number="+18005550002", provider="lime", provider_id="1222"),
    ListSettings(account="acme", number="+18005550003", provider="twilio"),
]
RULES = Rules(snapshot_of(LISTS))


def fact_of(query: str) -> MessageFact:
    request = request_of(method="GET", query=query)
    assert dict(parse_qsl(query)) == dict(request.query)
    split = ADAPTER.split(request)
    assert isinstance(split, Split)
    raw = raw_callback("acme", "lime", request, split.fragments[0])
    found = interpret(raw, partition=0, offset=0, adapters=registry.adapters(), rules=RULES)
    assert isinstance(found, MessageFact)
    return found


def test_limes_list_id_is_mapped_by_the_configuration() -> None:
    assert fact_of("action=optout&list_id=1222&mobile_number=14155551234").origin.list_hint == "+18005550002"
    assert fact_of("action=optout&list_id=9&mobile_number=14155551234").origin.list_hint is None
    named = fact_of("action=optout&list_id=1222&mobile_number=14155551234&list=%2B18005550001")
    assert named.origin.list_hint == "+18005550001"


def test_an_opt_out_of_all_is_meant_for_every_list_of_the_account() -> None:
    everywhere = fact_of("action=optout-all&mobile_number=14155551234")
    assert everywhere.every_list == tuple(one.number for one in LISTS)
    assert everywhere.origin.list_hint == LISTS[0].number
    assert fact_of("action=optout&list_id=1221&mobile_number=14155551234").every_list == ()


def test_a_key_without_id_and_time_is_weak() -> None:
    assert fact_of("action=optout&list_id=1221&mobile_number=14155551234").origin.key_is_weak


def test_no_spelling_of_leaving_is_lost() -> None:
    for action in ("optout", "OptOut", "opt-out", " opt_out "):
        assert fact_of(f"action={quote(action)}&mobile_number=14155551234").every_list == ()
    for action in ("optout-all", "optout_all", "OPTOUT ALL"):
        fact = fact_of(f"action={quote(action)}&mobile_number=14155551234")
        assert fact.every_list == tuple(one.number for one in LISTS)


def test_fields_in_the_query_of_a_post_count_and_those_of_the_body_win() -> None:
    request = request_of(b"list_id=1222", query="account=a&token=t&action=optout&list_id=9&mobile_number=14155551234")
    split = ADAPTER.split(request)
    assert isinstance(split, Split)
    assert split.fragments[0].body == b"action=optout&list_id=1222&mobile_number=14155551234"
