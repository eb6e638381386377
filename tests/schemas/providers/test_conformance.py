"""What every adapter keeps, whichever provider it reads; a new provider needs its fixture file and nothing here."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.parse_report import RefusedBodyError, parse_body
from schemas.providers import registry
from schemas.providers.callback import (
    Adapter,
    Answer,
    Authentic,
    Credentials,
    DeliveryReport,
    Forged,
    Fragment,
    InboundMessage,
    Malformed,
    Nothing,
    Parsed,
    Unparsable,
)
from schemas.providers.envelopes import FRAGMENTS_MAX
from tests.schemas.providers.fixtures import VECTORS, Fixture, everything, record_of, request_of
from tests.schemas.providers.shape import check_shape, split_and_parse

FIXTURES = everything()
GOOD = [one for one in FIXTURES if one.expect]
ADAPTERS = [pytest.param(adapter, id=name) for name, adapter in registry.adapters().items()]


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_every_provider_has_a_fixture_file_with_both_outcomes(adapter: Adapter) -> None:
    own = [one for one in FIXTURES if one.provider == adapter.name]
    assert (VECTORS / f"{adapter.name}.jsonl").exists()
    assert any(one.expect for one in own)
    assert any(one.refused for one in own)
    assert len({one.name for one in own}) == len(own)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_every_alias_and_name_finds_its_adapter(adapter: Adapter) -> None:
    for name in (adapter.name, *adapter.aliases):
        assert registry.get(name) is adapter
    assert adapter.name in registry.names()
    assert "secret" in registry.credential_names(adapter.name)


def test_an_unknown_name_finds_no_adapter() -> None:
    assert registry.get("carrier-pigeon") is None
    assert registry.credential_names("carrier-pigeon") == {"secret"}


@pytest.mark.parametrize("fixture", [one for one in FIXTURES if not one.refused], ids=str)
def test_a_fixture_is_read_as_documented(fixture: Fixture) -> None:
    found = parse_body(fixture.provider, fixture.request)
    assert (list(found.objects), found.ignored, found.refused) == (fixture.expect, fixture.ignored, ())


@pytest.mark.parametrize("fixture", [one for one in FIXTURES if one.facts], ids=str)
def test_a_fixture_has_its_facts(fixture: Fixture) -> None:
    found = split_and_parse(fixture.provider, fixture.request)
    assert not isinstance(found, Malformed)
    assert len(fixture.facts) == len(found[1])
    for facts, parsed in zip(fixture.facts, found[1], strict=True):
        assert {name: getattr(parsed, name) for name in facts} == facts


@pytest.mark.parametrize("fixture", [one for one in FIXTURES if one.refused], ids=str)
def test_a_bad_fixture_is_refused_with_a_sentence(fixture: Fixture) -> None:
    try:
        said = [item.detail for item in parse_body(fixture.provider, fixture.request).refused]
    except RefusedBodyError as error:
        said = [str(error)]
    assert said
    assert all(sentence.endswith(".") for sentence in said)


@pytest.mark.parametrize("fixture", GOOD, ids=str)
def test_a_fragment_is_a_body_of_its_own(fixture: Fixture) -> None:
    found = split_and_parse(fixture.provider, fixture.request)
    assert not isinstance(found, Malformed)
    for fragment, parsed in zip(found[0].fragments, found[1], strict=True):
        alone = replace(
            fixture.request,
            method="POST" if fragment.body else "GET",
            body=fragment.body,
            headers={"content-type": fragment.content_type},
        )
        again = split_and_parse(fixture.provider, alone)
        if fixture.request.method == "POST" or not fragment.body:
            assert not isinstance(again, Malformed)
            assert list(again[0].fragments) == [fragment]
            assert again[1] == [parsed]


JSON_BODIES = [one for one in GOOD if one.request.body.lstrip()[:1] in {b"{", b"["} and one.name != "latin_1_body"]


@pytest.mark.parametrize("fixture", JSON_BODIES, ids=str)
@pytest.mark.parametrize("spoilt", ["mark", "charset", "spaces"])
def test_json_is_read_the_same_behind_a_mark_in_a_wrong_charset_and_with_spaces(fixture: Fixture, spoilt: str) -> None:
    plain = split_and_parse(fixture.provider, fixture.request)
    body = {"mark": b"\xef\xbb\xbf", "charset": b"", "spaces": b" \n\t"}[spoilt] + fixture.request.body
    headers = {"content-type": "application/json; charset=latin-1" if spoilt == "charset" else "application/json"}
    found = split_and_parse(fixture.provider, replace(fixture.request, body=body, headers=headers))
    assert not isinstance(found, Malformed)
    assert not isinstance(plain, Malformed)
    assert without_content_keys(found[1]) == without_content_keys(plain[1])


def without_content_keys(parsed: list[Parsed]) -> list[Parsed]:
    """CM.com's messages have no id: their key is that of their bytes."""
    keyed = (DeliveryReport, InboundMessage)
    return [
        msgspec.structs.replace(one, natural_key=None)
        if isinstance(one, keyed) and not one.provider_message_id
        else one
        for one in parsed
    ]


@pytest.mark.parametrize("fixture", GOOD, ids=str)
def test_the_same_callback_again_has_the_same_keys(fixture: Fixture) -> None:
    first, again = (split_and_parse(fixture.provider, fixture.request) for _ in range(2))
    assert first == again


REPORT = {"messageId": "1", "to": "14155551234", "status": {"groupId": 3}}
CM_REPORT = {"to": "14155551234", "reference": "1", "status": {"code": "2"}}
EVENT = {"type": "message-delivered", "to": "+14155551234", "message": {"id": "1"}}
TELNYX = {"event_type": "message.sent", "id": "1"}
BATCHES: dict[str, Callable[[int], Any]] = {
    "infobip": lambda count: {"results": [REPORT] * count},
    "cm": lambda count: {"messages": {"msg": [CM_REPORT] * count}},
    "bandwidth": lambda count: [EVENT] * count,
    "sinch": lambda count: {
        "type": "delivery_report_sms", "batch_id": "1", "statuses": [{"code": 0, "recipients": ["14155551234"] * count}],
    },
    "telnyx": lambda count: {"data": {**TELNYX, "payload": {"to": [{"phone_number": "+14155551234"}] * count}}},
}  # fmt: skip
"""A body of so many equal reports, of every provider that sends several in one."""


def test_every_provider_that_sends_several_reports_in_one_body_has_its_limit_tested() -> None:
    assert {one.provider for one in FIXTURES if len(one.expect) > 1} <= set(BATCHES)


@pytest.mark.parametrize("provider", BATCHES)
def test_duplicates_in_one_body_have_one_key_and_a_batch_has_its_limit(provider: str) -> None:
    found = split_and_parse(provider, request_of(orjson.dumps(BATCHES[provider](3)), content_type="application/json"))
    assert not isinstance(found, Malformed)
    keys = [one.natural_key for one in found[1] if isinstance(one, DeliveryReport)]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    most = split_and_parse(provider, request_of(orjson.dumps(BATCHES[provider](FRAGMENTS_MAX))))
    assert not isinstance(most, Malformed)
    assert len(most[1]) == FRAGMENTS_MAX
    assert isinstance(
        split_and_parse(provider, request_of(orjson.dumps(BATCHES[provider](FRAGMENTS_MAX + 1)))), Malformed
    )


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_every_provider_keeps_emoji_and_says_what_it_does_not_know(adapter: Adapter) -> None:
    own = [one for one in FIXTURES if one.provider == adapter.name]
    texts = [shown["body"] for one in own for shown in one.expect if shown["kind"] == "inbound"]
    assert any(not text.isascii() for text in texts)
    facts = [fact for one in own for fact in one.facts]
    reports = any(shown["kind"] == "delivery" for one in own for shown in one.expect)
    assert not reports or any(fact.get("known") is False for fact in facts)


@pytest.mark.parametrize("fixture", GOOD, ids=str)
def test_our_id_in_the_callback_url_wins(fixture: Fixture) -> None:
    query = f"{'&'.join(f'{quote(n)}={quote(v)}' for n, v in fixture.request.query if n != 'mid')}&mid=OurOwnId"
    found = split_and_parse(fixture.provider, replace(fixture.request, query=parse_qsl(query, keep_blank_values=True)))
    assert not isinstance(found, Malformed)
    assert {one.message_id for one in found[1] if isinstance(one, DeliveryReport)} <= {"OurOwnId"}


@pytest.mark.parametrize("fixture", FIXTURES, ids=str)
def test_answers_are_200_for_what_is_accepted_and_told_for_what_is_not(fixture: Fixture) -> None:
    adapter = registry.adapters()[fixture.provider]
    assert adapter.accepted(fixture.request).status == 200
    repeats_for_days = fixture.provider in {"cm", "vonage", "bandwidth"}
    assert adapter.malformed(fixture.request, "No.") == (Answer(200) if repeats_for_days else Answer(400, b"No."))


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("scheme", ["right", "wrong", "missing", "empty"])
def test_the_path_secret_is_enough_alone_and_needed_where_it_is_all(adapter: Adapter, scheme: str) -> None:
    given = {"right": "second-secret", "wrong": "second-secre", "missing": None, "empty": ""}[scheme]
    request = request_of(b"{}", path_secret=given)
    expected = {
        "right": Authentic("path_secret"),
        "wrong": Forged("wrong_secret"),
        "missing": Forged("missing"),
        "empty": Forged("wrong_secret"),
    }[scheme]
    credentials = Credentials({"secret": ["first-secret", "second-secret", ""]}, allow_unauthenticated=True)
    assert adapter.authenticate(request, credentials) == expected


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("secret", [None, "guess"])
def test_without_any_credential_only_an_explicit_permission_lets_a_request_in(
    adapter: Adapter, secret: str | None
) -> None:
    request = request_of(b"{}", path_secret=secret)
    nothing: list[dict[str, list[str]]] = [{}, {"secret": []}, {"secret": [""]}]
    for empty in nothing:
        refused = adapter.authenticate(request, Credentials(empty))
        assert isinstance(refused, Forged)
        assert secret is not None or refused == Forged("not_configured")
    assert adapter.authenticate(request, Credentials({})) == Forged("not_configured")
    assert adapter.authenticate(request, Credentials({}, allow_unauthenticated=True)) == Authentic("nothing")


HOSTILE = [
    b"",
    b"null",
    b"[]",
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf{}",
    b"[" * 100_000,
    b'{"results":' * 20_000,
    b'{"messages":{"msg":' + b"[" * 5_000 + b"]" * 5_000 + b"}}",
    b'{"messages":{"msg":[{"to":"14155551234","x":' + b"[" * 900 + b"]" * 900 + b"},{}]}}",
    b'{"results":[{"to":"14155551234","status":{"id":NaN}}]}',
    b'{"results":[{"to":1e400,"status":{}}]}',
    b'{"results":[{"to":' + b"9" * 5_000 + b',"status":{}}]}',
    b'{"results":[{"to":"14155551234","status":{"id":' + b"9" * 4_000 + b"}}]}",
    b'{"results":[{"to":"14155551234","status":{"name":"' + b"N" * 100_000 + b'"}}]}',
    b'{"results":[{"to":true,"status":{}}]}',
    b'{"results":[null,1,"x",[],{}]}',
    b'{"results":[{"from":"14155551234","text":"\\udc00\\ud800"}]}',
    b'{"from":{"number":{}},"message":[]}',
    b'{"from":[],"message":{"text":null}}',
    b'{"data":{"event_type":"message.sent","payload":{"x":1e999,"to":[{"phone_number":"14155551234"},{}]}}}',
    b'{"data":{"event_type":"message.sent","payload":{"x":' + b"[" * 900 + b"]" * 900 + b',"to":[{},{}]}}}',
    b'{"type":"delivery_report_sms","statuses":[{"recipients":["14155551234",1e999]},{"recipients":[{}]}]}',
    b'[{"type":"message-failed","to":{},"errorCode":{},"message":{"id":[],"to":[[]]}},{"type":[]}]',
    b'{"type":[],"event":{},"fromNumber":"14155551234","recipient":"14155551234"}',
    b'{"data":{"event_type":[],"payload":{"from":"14155551234","type":[]}}}',
    b'{"service":"channels","payload":{"receiver":{"contacts":[7]},"status":"sent","failure":[]}}',
    b'{"type":"sms.failed","data":{"to":"+14155551234","error":7,"sms_id":{}}}',
    b'{"status":"failed","msisdn":14155551234,"error":{"title":{}},"err-code":null}',
    b"&" * 500,
    b"From=%2B14155551234&To=%ff&Body=%ed%a0%80&MessageStatus=",
    b"From=%2B14155551234&Body=%00",
]


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("body", HOSTILE, ids=[repr(one[:40]) for one in HOSTILE])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_hostile_body_ends_in_a_record_or_a_typed_refusal(adapter: Adapter, body: bytes, method: str) -> None:
    for content_type in ("application/json", "application/x-www-form-urlencoded; charset=utf-7", "text/\x00", ""):
        check_shape(adapter.name, request_of(body, method=method, query="account=a", content_type=content_type))
        record = record_of(adapter.name, Fragment("unknown", "+14155551234", body, content_type))
        assert isinstance(adapter.parse(record), DeliveryReport | InboundMessage | Nothing | Unparsable)


URLS = [
    "https://[/hook", "http://[::1/hook?x", "https://\ud800/?a=%ff", "//", "", "https://a:b@c:99999/?x#y",
    "https://\uff41\u2100b/",
]  # fmt: skip
SIGNED_BY = [
    "authorization", "x-twilio-signature", "x-twilio-webhooks-signature-settings", "x-plivo-signature-v3",
    "x-plivo-signature-ma-v3", "x-plivo-signature-v3-nonce", "x-plivo-signature-v2", "messagebird-signature-jwt",
    "messagebird-signature", "messagebird-request-timestamp", "webhook-signature", "webhook-timestamp", "x-signature",
    "telnyx-signature-ed25519", "telnyx-timestamp", "x-sinch-webhook-signature", "x-sinch-webhook-signature-timestamp",
    "x-sinch-webhook-signature-nonce", "x-sinch-webhook-signature-algorithm", "x-hub-signature",
]  # fmt: skip
SHOWN = [
    "", "é", "\udcff", "\x00", ",,,", "v1,", "v1,AAAA v1,é", "sha256=", "algorithm=,=", "Basic", "Basic !", "Basic /zo=",
    "Bearer", "Bearer ..", "Bearer " + "." * 5000, "1705315000", "9" * 400, "-1", "²", "1e9", "A" * 200,
    "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJIUzI1NiJ9.W10.AAAA", "W1tb" * 4000 + ".e30.AA",
]  # fmt: skip
KEYS = ["", "k", "é", "\ud800", "not base64!", "whsec_AAAA", "user:pass", "HMAC_MD5", "sha256", "A" * 43 + "="]


@pytest.mark.parametrize("adapter", ADAPTERS)
@given(
    url=st.sampled_from(URLS),
    headers=st.dictionaries(st.sampled_from(SIGNED_BY), st.sampled_from(SHOWN) | st.text(), max_size=6),
    keys=st.lists(st.sampled_from(KEYS) | st.text(), min_size=1, max_size=2),
    secret=st.none() | st.sampled_from(KEYS),
    body=st.sampled_from([b"", b"a=%ff&b", b"\xff", b"{}", b"&" * 500]),
    method=st.sampled_from(["POST", "GET"]),
)
def test_a_hostile_credential_or_host_is_judged_and_never_accepted(
    adapter: Adapter, url: str, headers: dict[str, str], keys: list[str], secret: str | None, body: bytes, method: str
) -> None:
    request = replace(
        request_of(body, method=method, headers=headers, path_secret=secret), url=url, query=[("a", "\ud800")]
    )
    judged = adapter.authenticate(request, Credentials(dict.fromkeys(adapter.credential_names, keys)))
    assert isinstance(judged, Forged)


@given(
    fixture=st.sampled_from(FIXTURES),
    seed=st.integers(0, 2**32),
    edits=st.integers(1, 4),
    charset=st.sampled_from(["", "; charset=utf-16", "; charset=latin-1", "; charset=nonsense"]),
)
def test_a_mutated_fixture_ends_in_a_record_or_a_typed_refusal(
    fixture: Fixture, seed: int, edits: int, charset: str
) -> None:
    rng = random.Random(seed)
    body = bytearray(fixture.request.body)
    for _ in range(edits):
        at = rng.randrange(len(body) + 1)
        span = body[at : at + rng.randrange(24)]
        body[at : at + rng.randrange(24)] = rng.choice(
            [b"", b"\xff", b'"', b"null", b"{}", b"[]", b"-1", b"1e999", b"\\ud800", b"%", b"&", b"=", bytes(span) * 2]
        )
    query = [
        (name, value if name == "mid" else rng.choice([value, value[:1], value * 2, "\ud800"]))
        for name, value in fixture.request.query
    ]
    request = replace(
        fixture.request, body=bytes(body), query=query,
        headers={"content-type": fixture.request.content_type + charset, "x-twilio-signature": "é"},
    )  # fmt: skip
    for provider in registry.names():
        check_shape(provider, request)
        adapter = registry.adapters()[provider]
        everything_set = Credentials({name: ["k"] for name in adapter.credential_names})
        assert isinstance(adapter.authenticate(request, everything_set), Authentic | Forged)


def test_an_unknown_provider_is_refused_with_the_names_of_the_known() -> None:
    with pytest.raises(RefusedBodyError, match="infobip"):
        parse_body("carrier-pigeon", request_of(b"{}"))
