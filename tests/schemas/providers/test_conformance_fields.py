"""What every adapter makes of a field that is missing, null or of another type, taken from its own fixtures."""

import copy
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest

from schemas.parse_report import RefusedBodyError, parse_body
from schemas.providers import registry
from schemas.providers.callback import BadFragment, CallbackRequest, Malformed, Parsed, Unparsable
from schemas.providers.forms import FORM, write
from tests.schemas.providers.fixtures import Fixture, request_of
from tests.schemas.providers.shape import split_and_parse
from tests.schemas.providers.test_conformance import GOOD, JSON_BODIES, without_content_keys

CONTACT = {"delivery": "to", "inbound": "from"}
NAMES_CONTACT = [one for one in GOOD if all(shown[CONTACT[shown["kind"]]] for shown in one.expect)]
FORMS = [one for one in NAMES_CONTACT if one.request.content_type == FORM]
BY_QUERY = [one for one in NAMES_CONTACT if one.request.method == "GET"]
HOSTILE = [True, -1, 10**30, 1.5, "", " ", "\x00", "😀", [], {}, [[]], [None], {"a": 1}, "9" * 40]
Place = tuple[str | int, ...]


def places(value: Any, above: Place = ()) -> Iterator[Place]:
    """Where the named fields of a JSON value are, however deep."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        if isinstance(name, str):
            yield (*above, name)
        yield from places(one, (*above, name))


def changed(value: Any, place: Place, *to: Any) -> bytes:
    """The JSON value with the field at a place set to `to`, without it where nothing is given."""
    whole = copy.deepcopy(value)
    inner = whole
    for name in place[:-1]:
        inner = inner[name]
    if to:
        inner[place[-1]] = to[0]
    else:
        del inner[place[-1]]
    return json.dumps(whole).encode()


def refusals(provider: str, request: CallbackRequest) -> Sequence[Malformed | BadFragment | Unparsable]:
    found = split_and_parse(provider, request)
    if isinstance(found, Malformed):
        return [found]
    return [*found[0].bad, *(one for one in found[1] if isinstance(one, Unparsable))]


def is_told(refusal: Malformed | BadFragment | Unparsable, name: str) -> bool:
    """Whether the refusal is for want of the contact's number, or names the field that is not there."""
    return getattr(refusal, "reason", "") == "phone_invalid" or name.lower() in refusal.detail.lower()


def outcome(provider: str, request: CallbackRequest) -> tuple[list[str], list[Parsed]] | Malformed:
    found = split_and_parse(provider, request)
    return found if isinstance(found, Malformed) else ([b.reason for b in found[0].bad], without_content_keys(found[1]))


@pytest.mark.parametrize("fixture", JSON_BODIES, ids=str)
def test_a_null_field_is_a_missing_one_and_only_the_number_and_the_kind_are_needed(fixture: Fixture) -> None:
    value = json.loads(fixture.request.body)
    for place in places(value):
        missing = replace(fixture.request, body=changed(value, place))
        null = replace(fixture.request, body=changed(value, place, None))
        assert outcome(fixture.provider, null) == outcome(fixture.provider, missing), place
        told = [is_told(one, str(place[-1])) for one in refusals(fixture.provider, missing)]
        assert all(told), place


@pytest.mark.parametrize("fixture", [*FORMS, *BY_QUERY], ids=str)
def test_of_a_form_or_query_too_only_the_number_and_the_kind_are_needed(fixture: Fixture) -> None:
    by_query = fixture.request.method == "GET"
    pairs = list(fixture.request.query) if by_query else parse_qsl(fixture.request.body.decode("latin-1"), True)
    for name in dict(pairs):
        left = [pair for pair in pairs if pair[0] != name]
        empty = [(other, "" if other == name else value) for other, value in pairs]
        for fields in (left, empty):
            request = replace(fixture.request, **({"query": fields} if by_query else {"body": write(fields)}))
            told = [is_told(one, name) for one in refusals(fixture.provider, request)]
            assert all(told), name


@pytest.mark.parametrize("fixture", FORMS, ids=str)
@pytest.mark.parametrize("spoilt", ["mark", "line end", "charset"])
def test_a_form_is_read_the_same_behind_a_mark_with_a_line_end_and_in_a_charset_of_ascii(
    fixture: Fixture, spoilt: str
) -> None:
    body = {"mark": b"\xef\xbb\xbf%b", "line end": b"%b\r\n", "charset": b"%b"}[spoilt] % fixture.request.body
    headers = {"content-type": fixture.request.headers["content-type"] + "; charset=us-ascii" * (spoilt == "charset")}
    found = outcome(fixture.provider, replace(fixture.request, body=body, headers=headers))
    assert found == outcome(fixture.provider, fixture.request)


@pytest.mark.parametrize("fixture", JSON_BODIES, ids=str)
def test_a_field_of_another_type_is_read_or_refused_with_a_sentence_that_tells_no_number(fixture: Fixture) -> None:
    value = json.loads(fixture.request.body)
    rng = random.Random(fixture.name)
    contacts = {str(shown["to"]).lstrip("+") for shown in fixture.expect} - {""}
    for place in places(value):
        for hostile in rng.sample(HOSTILE, 4):
            body = changed(value, place, hostile)
            for one in refusals(fixture.provider, replace(fixture.request, body=body)):
                assert one.detail.endswith(".")
                assert not any(number in one.detail for number in contacts)


@pytest.mark.parametrize("provider, body, path", [
    ("infobip", b'{"results":[{"to":"14155551234","status":{"id":"x"}}]}', "results.0.status.id"),
    ("cm", b'{"messages":{"msg":{"to":"14155551234","status":{"code":[]}}}}', "messages.msg.status.code"),
    ("sinch", b'{"type":"recipient_delivery_report_sms","recipient":"14155551234","at":{}}', "at"),
    ("bandwidth", b'[{"type":"message-failed","to":"+14155551234","errorCode":[],"message":{}}]', "errorCode"),
    ("bandwidth", b'[{"type":"message-failed","to":"+14155551234","message":{"id":[]}}]', "message.id"),
    ("bandwidth", b'[{"type":"message-failed","to":"+14155551234","message":7}]', "message"),
    ("telnyx", b'{"data":{"event_type":"message.sent","id":[],"payload":{"to":["14155551234"]}}}', "data.id"),
    ("telnyx", b'{"data":{"event_type":"message.sent","payload":{"errors":7,"to":[{"phone_number":"14155551234"}]}}}',
     "data.payload.errors"),
])  # fmt: skip
def test_a_field_of_the_wrong_type_is_named_by_its_path(provider: str, body: bytes, path: str) -> None:
    (refused,) = parse_body(provider, request_of(body, content_type="application/json")).refused
    assert refused.detail == f"The field {path} is missing or has the wrong type."


@pytest.mark.parametrize("provider", registry.names())
@pytest.mark.parametrize("body", [b'{"a":', b"a=1&" * 300, b"\xff\xfe", b""])
def test_a_body_that_is_not_of_the_format_gets_its_providers_answer(provider: str, body: bytes) -> None:
    adapter = registry.adapters()[provider]
    request = request_of(body, content_type="application/json" if body[:1] == b"{" else FORM)
    found = adapter.split(request)
    assert isinstance(found, Malformed)
    with pytest.raises(RefusedBodyError):
        parse_body(provider, request)
    answer = adapter.malformed(request, found.detail)
    repeats_for_days = provider in {"cm", "vonage", "bandwidth"}
    assert (answer.status, answer.body) == ((200, b"") if repeats_for_days else (400, found.detail.encode()))
