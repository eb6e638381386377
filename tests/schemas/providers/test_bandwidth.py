"""Bandwidth: HTTP Basic is all it shows, and a batch is cut without rewriting."""

import orjson
import pytest

from schemas.providers.bandwidth import ADAPTER
from schemas.providers.callback import Answer, Authentic, Credentials, Forged, Malformed, Split
from schemas.providers.envelopes import FRAGMENTS_MAX
from tests.schemas.providers.fixtures import request_of


@pytest.mark.parametrize("header, expected", [
    ("Basic dXNlcjpwYXNz", Authentic("basic")),
    ("basic dXNlcjpwYXNz", Authentic("basic")),
    ("Basic dXNlcjpvdGhlcg==", Forged("wrong_secret")),
    ("Basic !", Forged("wrong_secret")),
    ("Bearer dXNlcjpwYXNz", Forged("missing")),
])  # fmt: skip
def test_http_basic_is_checked(header: str, expected: object) -> None:
    credentials = Credentials({"basic": ["old:old", "user:pass"]})
    assert ADAPTER.authenticate(request_of(b"[]", headers={"authorization": header}), credentials) == expected


@pytest.mark.parametrize("count, good", [(FRAGMENTS_MAX, True), (FRAGMENTS_MAX + 1, False)])
def test_a_list_has_at_most_so_many_events(count: int, good: bool) -> None:
    event = {"type": "message-delivered", "to": "+14155551234", "message": {"id": "1"}}
    assert isinstance(ADAPTER.split(request_of(orjson.dumps([event] * count))), Split if good else Malformed)


def test_a_bad_event_leaves_its_neighbour_alone_and_is_answered_200() -> None:
    body = b'[{"type":"message-delivered","to":"+14155551234","message":{"id":"1"}},7]'
    found = ADAPTER.split(request_of(body))
    assert isinstance(found, Split)
    assert ([one.phone for one in found.fragments], len(found.bad)) == (["+14155551234"], 1)
    assert ADAPTER.malformed(request_of(b"x"), "No.") == Answer(200)
