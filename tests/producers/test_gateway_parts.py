"""The gateway's pure parts: targets, headers, caps; and the waits that all end alike."""

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.gateway.app import App
from producers.gateway.ingest import Ingest, Outcome
from producers.gateway.limits import InFlight
from producers.gateway.records import Records
from producers.gateway.request import (
    HEADER_BYTES_MAX,
    HEADERS_MAX,
    KEPT_HEADERS,
    BadTarget,
    Target,
    kept_fields,
    read_headers,
    read_target,
)
from schemas.codec import decoder
from schemas.providers import registry
from schemas.providers.callback import Adapter, Answer, BadFragment, CallbackRequest, Fragment
from schemas.settings import GatewaySettings

PREFIX = b"/api/webhook-feedbacks/"


def target(path: bytes, query: bytes) -> Target:
    found = read_target(PREFIX + path, query)
    assert isinstance(found, Target)
    return found


@pytest.mark.parametrize("path, query, status", [
    (b"/other", b"account=a", 404),
    (PREFIX, b"account=a", 404),
    (PREFIX + b"infobip/a/b", b"account=a", 404),
    (PREFIX + b"infobip", b"", 400),
    (PREFIX + b"infobip", b"account=", 400),
    (PREFIX + b"infobip", b"account=\xff", 400),
    (PREFIX + b"infobip", b"account=a" + b"&x=1" * 100, 400),
    (PREFIX + b"infobip", b"account=a&x=" + b"x" * 20_000, 414),
])  # fmt: skip
def test_what_is_meant_for_nobody_is_refused(path: bytes, query: bytes, status: int) -> None:
    found = read_target(path, query)
    assert isinstance(found, BadTarget)
    assert found.status == status


@pytest.mark.parametrize("query, flaw", [
    (b"kind=other", "kind is delivery or inbound"),
    (b"list=whatsapp:1", "list is not a number"),
    (b"mid=" + b"x" * 129, "mid is too long"),
    (b"kind=inbound&list=18005551234&mid=m", None),
])  # fmt: skip
def test_a_flaw_of_our_own_fields_is_remembered_until_the_caller_has_shown_itself(
    query: bytes, flaw: str | None
) -> None:
    assert target(b"infobip", b"account=a&" + query).flaw == flaw


@pytest.mark.parametrize("path, secret", [
    (b"infobip", None),
    (b"infobip/", None),
    (b"infobip/s", "s"),
    (b"infobip/s/", "s"),
    (b"infobip/a%2Fb", "a/b"),
    (b"infobip/a%252Fb", "a%2Fb"),
    (b"infobip/%C3%A9", "\u00e9"),
    (b"infobip/%ff", "\ufffd"),
])  # fmt: skip
def test_the_path_secret_is_decoded_once(path: bytes, secret: str | None) -> None:
    found = target(path, b"account=a")
    assert (found.provider, found.path_secret) == ("infobip", secret)


def test_of_our_own_parameters_the_first_counts_and_the_providers_are_kept() -> None:
    found = target(b"vonage", b"account=ours&account=theirs&list=%2B18005551234&kind=inbound&mid=m&to=1&to=2")
    assert (found.account, found.list_number, found.kind, found.mid) == ("ours", "+18005551234", "inbound", "m")
    assert found.kept_query == {"to": "2"}
    assert found.path_and_query.startswith("/api/webhook-feedbacks/vonage?account=ours&account=theirs&")


@pytest.mark.parametrize(
    "name",
    [
        "secret",
        "token",
        "Auth-Token",
        "api_key",
        "sig",
        "signature",
        "bodySHA256",
        "access_token",
        "X-API-Key",
        "pwd",
        "key",
    ],
)
def test_what_shows_who_is_calling_is_not_kept(name: str) -> None:
    found = target(b"infobip", f"account=a&{name}=hidden&text=kept".encode())
    assert found.kept_query == {"text": "kept"}
    assert "hidden" not in repr(found)


def test_a_value_that_is_a_credential_is_not_kept_whatever_its_name() -> None:
    assert kept_fields({"campaign": "spring", "pw2": "hush", "sig": "x"}, frozenset({"hush"})) == {"campaign": "spring"}


def test_a_plus_in_a_list_survives_however_it_was_written() -> None:
    for written in (b"+18005551234", b"%2B18005551234", b"18005551234", b"0018005551234"):
        assert target(b"cm", b"account=a&list=" + written).list_number == "+18005551234"


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_no_path_and_query_raises(path: bytes, query: bytes) -> None:
    assert isinstance(read_target(PREFIX + path, query), Target | BadTarget)


def test_headers_are_bounded_in_count_and_bytes() -> None:
    assert read_headers([(b"a", b"1"), (b"a", b"2")]) == {"a": "2"}
    assert read_headers([(b"a", b"")] * HEADERS_MAX) == {"a": ""}
    assert read_headers([(b"a", b"")] * (HEADERS_MAX + 1)) is None
    assert read_headers([(b"a", b"x" * (HEADER_BYTES_MAX - 1))]) is not None
    assert read_headers([(b"a", b"x" * HEADER_BYTES_MAX)]) is None


def test_no_record_holds_a_credential() -> None:
    found = target(b"infobip/path-secret", b"account=acme&token=query-secret&x=1")
    headers = {"authorization": "Basic hidden", "x-twilio-signature": "hidden", **dict.fromkeys(KEPT_HEADERS, "kept")}
    request = CallbackRequest(
        "POST", "https://x" + found.path_and_query, headers, found.query, b"body", 5, found.path_secret
    )
    records, decode = Records("t."), decoder("RawCallback", "Quarantined")
    fragment = Fragment("delivery", "+14155551234", b"f", "application/json", {"sig": "hidden", "to": "1"})
    slots = records.of_fragments(found, "infobip", request, [fragment])
    slots.append(records.of_bad(found, "infobip", request, BadFragment("malformed", "why", b"b", "text/plain")))
    slots.append(records.of_whole(found, "infobip", request, reason="malformed", detail="why"))
    raw, bad, whole = (decode(value)[1] for _, _, value in slots)
    assert [topic for topic, _, _ in slots] == ["t.callbacks.raw", "t.callbacks.quarantine", "t.callbacks.quarantine"]
    assert slots[0][1] == "acme|+14155551234"
    assert raw["query"] == {"x": "1", "to": "1"}
    assert (bad["body"], bad["split"], whole["body"], whole["split"]) == (b"b", True, b"body", False)
    for record in (raw, bad, whole):
        assert record["headers"] == dict.fromkeys(KEPT_HEADERS, "kept")
        for hidden in ("hidden", "path-secret", "query-secret"):
            assert hidden not in str(record)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 60)), max_size=60))
def test_no_account_and_not_all_together_take_more_than_their_share(steps: list[tuple[str, int]]) -> None:
    inflight = InFlight(100, 150)
    taken: list[tuple[str, int]] = []
    for account, size in steps:
        held = sum(of for name, of in taken if name == account)
        total = sum(of for _, of in taken)
        fits = (held == 0 or held + size <= 100) and total + size <= 150
        assert inflight.take(account, size) is fits
        if fits:
            taken.append((account, size))
        assert inflight.total == sum(of for _, of in taken)
    for account, size in taken:
        inflight.give(account, size)
    assert inflight.total == 0
    assert inflight.take("a", 150)


class _Defective:
    """Stands for a defect that some input finds."""

    def admit(self, _target: Target, _adapter: object) -> None:
        return None

    async def take(self, target: Target, _adapter: object, request: CallbackRequest) -> Outcome:
        raise ValueError(f"{target.path_secret} {request.body!r}")


async def test_a_defect_is_answered_503_and_told_without_what_the_caller_sent(caplog: pytest.LogCaptureFixture) -> None:
    app = App(GatewaySettings(), registry.by_any_name(), cast("Ingest", _Defective()))
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"hidden-body", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "scheme": "http", "headers": [], "state": {},
        "raw_path": PREFIX + b"infobip/hidden-secret", "query_string": b"account=a",
    }  # fmt: skip
    await app(scope, receive, send)
    assert sent[0]["status"] == 503
    assert (b"retry-after", b"2") in sent[0]["headers"]
    assert "ValueError" in caplog.text
    assert "hidden" not in caplog.text


class _Seen:
    """Keeps which adapter a request was meant for."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def admit(self, _target: Target, adapter: Adapter | None) -> Outcome | None:
        self.names.append("none" if adapter is None else adapter.name)
        return Outcome(Answer(404), "not_found")


async def test_a_provider_is_reached_by_its_other_name_too() -> None:
    seen = _Seen()
    app = App(GatewaySettings(), registry.by_any_name(), cast("Ingest", seen))

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: dict[str, Any]) -> None:
        return None

    for name in (b"nexmo", b"messagebird", b"bird", b"carrier-pigeon"):
        scope = {
            "type": "http", "method": "GET", "scheme": "http", "headers": [], "state": {},
            "raw_path": PREFIX + name, "query_string": b"account=a",
        }  # fmt: skip
        await app(scope, receive, send)
    assert seen.names == ["vonage", "bird", "bird", "none"]
