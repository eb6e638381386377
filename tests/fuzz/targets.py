"""What must hold for any bytes: one function a target, called by hypothesis in the suite and by `make fuzz` for longer.

A target raises AssertionError, or whatever the code under test must never raise. Inputs are written so that a person
can read them: lines for the parts of a request, then its body.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from dispatchers.replay.selection import SOURCES, Note, Selection, UnreadableNoteError
from dispatchers.verdict import retry_after_s
from dispatchers.window import SPAN_MAX, OffsetWindow
from processors.classify import DEFAULT_POLICY, MATCHED_CHARS_MAX, classify, policy_of
from processors.contacts_file import COLUMNS as CONTACT_COLUMNS
from processors.contacts_file import ContactsFileError, commands_of
from processors.optout.words import LANGUAGES
from producers.gateway.request import PREFIX, BadTarget, Target, read_headers, read_target
from producers.sends.requests_file import COLUMNS as SEND_COLUMNS
from producers.sends.requests_file import RequestsFileError, requests_of
from runtime.settings import SettingsError, load, masked
from schemas import records
from schemas.codec import PoisonError, UnknownSchemaError, decoder, encoder, fingerprint_of, schema_of
from schemas.config_file import ConfigFile, ConfigFileError, read
from schemas.providers import forms, registry
from schemas.providers.callback import (
    Authentic,
    CallbackRequest,
    Credentials,
    DeliveryReport,
    Forged,
    Fragment,
    InboundMessage,
    Nothing,
    Unparsable,
)
from tests.schemas.providers.fixtures import RECEIVED_AT, record_of, request_of
from tests.schemas.providers.fixtures import load as fixtures_of
from tests.schemas.providers.shape import check_shape

VECTORS: Final = Path(__file__).parents[1] / "vectors"
NOW: Final = 1_705_314_600_000
LABELS: Final = {"opt_out", "opt_in", "help", "reaction", "reply"}


@dataclass(frozen=True, slots=True)
class FuzzTarget:
    """What is tried, and inputs to begin with."""

    check: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


# ---- adapters --------------------------------------------------------------------------------------------------------
def _adapter(provider: str, data: bytes) -> None:
    """Lines: method, query, content type; the rest is the body."""
    method, query, content_type, body = (*data.split(b"\n", 3), b"", b"", b"")[:4]
    request = request_of(
        body,
        method="GET" if method == b"GET" else "POST",
        query=query.decode("latin-1"),
        content_type=content_type.decode("latin-1"),
    )
    check_shape(provider, request)
    adapter = registry.adapters()[provider]
    judged = adapter.authenticate(request, Credentials({name: ["a-key"] for name in adapter.credential_names}))
    assert isinstance(judged, Authentic | Forged)
    for kind in ("unknown", "delivery", "inbound"):
        alone = Fragment(kind, "+14155551234", body, request.content_type)
        parsed = adapter.parse(record_of(provider, alone))
        assert isinstance(parsed, DeliveryReport | InboundMessage | Nothing | Unparsable)


def _adapter_seeds(provider: str) -> list[bytes]:
    return [_written(one.request) for one in fixtures_of(provider)]


def _written(request: CallbackRequest) -> bytes:
    query = request.url.partition("?")[2]
    head = f"{request.method}\n{query}\n{request.headers.get('content-type', '')}\n"
    return head.encode("latin-1", "replace") + request.body


# ---- records ---------------------------------------------------------------------------------------------------------
_NAMES: Final = sorted(records.FILES)


@cache
def _decode_any() -> Callable[[bytes], tuple[str, Any]]:
    return decoder(*_NAMES)


def _codec(data: bytes) -> None:
    """Any record; and behind the first byte's record mark, so that few inputs end at an unknown writer."""
    framed = b""
    if data:
        name = _NAMES[data[0] % len(_NAMES)]
        framed = b"\xc3\x01" + fingerprint_of(schema_of(name)) + data[1:]
    for candidate in (data, framed):
        with suppress(PoisonError, UnknownSchemaError):
            name, value = _decode_any()(candidate)
            with suppress(ValueError):  # fastavro reads an int of more than 32 bits, and writes none
                again = encoder(name)(value)
                assert _decode_any()(again) == (name, value)


def _codec_seeds() -> list[bytes]:
    golden = [path.read_bytes() for path in sorted(VECTORS.glob("golden/*/*.avro"))]
    return [*golden, *(bytes([place]) + one[10:] for place in range(len(_NAMES)) for one in golden[place : place + 1])]


# ---- metadata of a commit ----------------------------------------------------------------------------------------------
def _metadata(data: bytes) -> None:
    """As text beside a position; then as steps of a window whose own metadata must bring everything back."""
    text = data.decode("utf-8", "surrogateescape")
    window = OffsetWindow(7, text)
    assert window.floor == 7
    assert len(window.metadata()) < 4096
    skipped = {offset for offset in (*range(7, 40), 7 + SPAN_MAX - 1, 7 + SPAN_MAX) if not window.begin(offset)}
    assert skipped <= _told(7, text)
    _walk(data)


def _told(floor: int, text: str) -> set[int]:
    """Offsets that a text of ours may name, by another way of reading it."""
    if not text.isascii() or not text.startswith("1:"):
        return set()
    told = b""
    with suppress(ValueError):
        told = base64.b64decode(text[2:] + "==")
    bits = "".join(f"{byte:08b}"[::-1] for byte in told)
    return {floor + place for place, bit in enumerate(bits[:SPAN_MAX]) if bit == "1"}


def _walk(data: bytes) -> None:
    window, known, done, at = OffsetWindow(0), [], set[int](), 0
    for step in data[:400]:
        if step < 96:
            at += step % 3
            assert window.begin(at)
            known.append(at)
            at += 1
        elif step < 224 and known:
            offset = known[step % len(known)]
            window.finish(offset)
            done.add(offset)
        else:
            window = _restarted(window, known, done, at)
    _restarted(window, known, done, at)


def _restarted(window: OffsetWindow, known: list[int], done: set[int], at: int) -> OffsetWindow:
    """What was finished is skipped, and nothing else."""
    floor = window.floor
    assert floor == min((offset for offset in known if offset not in done), default=at)
    again = OffsetWindow(floor, window.metadata())
    for offset in known:
        if offset >= floor:
            assert again.begin(offset) == (offset not in done)
    return again


def _metadata_seeds() -> list[bytes]:
    texts = ["", "1:", "1:gA==", "2:gA==", "1:" + "A" * 2732, "1:/+8=", "{}"]
    return [*(text.encode() for text in texts), bytes([1, 2, 3, 100, 101, 255, 130, 5]), bytes(range(0, 256, 5))]


def _note(data: bytes) -> None:
    """What lies beside a replay's position: read back as it was written, or refused."""
    with suppress(UnreadableNoteError):
        note = Note.read(data.decode("utf-8", "surrogateescape"))
        assert note.selection.source in SOURCES
        assert isinstance(note.selection.is_time(NOW), bool)
        assert isinstance(note.selection.accounts, set)
        assert Note.read(note.text()) == note


def _note_seeds() -> list[bytes]:
    chosen = Selection("dead", "acme/main", "acme", "reply", NOW, NOW + 1, "attempts_exhausted")
    return [Note(chosen, 9).text().encode(), Note(Selection("events"), 0).text().encode(), b'{"v":2}', b"[]"]


# ---- files and settings that people write ------------------------------------------------------------------------------
CONFIG: Final = """\
accounts:
  - id: acme
    providers:
      infobip: {secret: "a-path-secret"}
      twilio: {auth_token: ["first-token", {env: TWILIO_TOKEN}]}
      nexmo: {secret_file: /run/secrets/vonage}
      cm: {allow_unauthenticated: true}
    lists: &lists
      - number: "+1 (800) 555-1234"
        provider: messagebird
        forward: {delivery: "https://example.com/dlr"}
        compliance: {failure_threshold: 3, failure_window: 30d, keywords: [halt], languages: [es]}
    notify: {url: "https://example.com/notices", env: NOTIFY_SECRET}
    endpoints:
      - id: main
        url: "https://example.com/trackly?a=b%2Fc"
        secret: "a-signing-secret"
        events: [delivery, reply]
        filters: {list_numbers: ["+18005551234"], statuses: [delivered]}
        concurrency: 8
        rate_per_s: 2.5
        headers: {Authorization: Bearer abc}
  - {id: other, lists: *lists, <<: {notify: null}}
"""


def _config(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    refused = _refusal(text)
    if refused is not None:
        assert refused.problems
        for problem in refused.problems:
            problem.encode()
            assert problem.startswith("t.yaml:")


def _refusal(text: str) -> ConfigFileError | None:
    try:
        found = read(
            text,
            name="t.yaml",
            credential_names=registry.credential_names,
            url_refusal=lambda _: None,
            warn=lambda sentence: sentence.encode(),
        )
    except ConfigFileError as error:
        return error
    assert isinstance(found, ConfigFile)
    found.model_dump_json()
    return None


def _config_seeds() -> list[bytes]:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(30))
    texts = [
        CONFIG,
        bomb,
        "[" * 200,
        "? !!int 5\n: &a [*a]\n",
        '"\\U0001F600\\x41": !!str x\n',
        "%YAML 1.1\n---\n{a, b}",
    ]
    return [text.encode() for text in texts]


def _settings(data: bytes) -> None:
    """Lines of NAME=VALUE behind our prefix; no file is read."""
    environ = {}
    for line in data.decode("utf-8", "surrogateescape").splitlines():
        name, _, value = line.partition("=")
        if not name.endswith("_FILE"):
            environ[f"TRACKLY_{name}"] = value
    with suppress(SettingsError):
        json.dumps(masked(load(environ)), default=str)


def _settings_seeds() -> list[bytes]:
    lines = ["GATEWAY__PORT=0", "DISPATCH__TIER_DELAYS_S=1,2,3,4,5", "EGRESS__ALLOW_CIDRS=127.0.0.0/8,::1/128",
             "EGRESS__ALLOW_PORTS=8080", "KAFKA__LINGER_MS=7", "LOG__JSON_LINES=true", "TOPIC_PREFIX=t.",
             "DATABASE_URL=postgresql://u:p@h/d?x=y#z", "GATEWAY_PORT_80_TCP=x"]  # fmt: skip
    return [*(line.encode() for line in lines), "\n".join(lines).encode()]


def _csv(data: bytes) -> None:
    """A file behind the columns of an import of contacts, and behind those of questions to the gate."""
    body = data.decode("utf-8-sig", "replace")
    for head, prefix in ((CONTACT_COLUMNS, ""), (SEND_COLUMNS, ""), ((), body)):
        lines = (prefix or f"{','.join(head)}\n{body}").splitlines(keepends=True)
        with suppress(ContactsFileError):
            for command in commands_of(lines, actor="a", reason="r", now=NOW):
                encoder("ContactCommand")(command)
        with suppress(RequestsFileError):
            for request in requests_of(lines, now=NOW, new_id=lambda: "m"):
                encoder("SendRequest")(request)


def _csv_seeds() -> list[bytes]:
    rows = ["acme,+18005551234,+14155551234,false,message,2024-01-15T10:30:00.000Z,", "acme,,+14155551234,,,,",
            "acme,+18005551234,+14155551234,m1", '"acme","a ""b""",x\r\ny', ",".join(CONTACT_COLUMNS) + "\na,b,c"]  # fmt: skip
    return [row.encode() for row in rows]


# ---- texts and what comes with HTTP --------------------------------------------------------------------------------------
_POLICIES: Final = (DEFAULT_POLICY, policy_of(("x",), LANGUAGES, "stop"))


def _classify(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for policy in _POLICIES:
        found = classify(text, policy=policy)
        assert found.label in LABELS
        assert found.label == "reply" or found.rule_id is not None
        assert len(found.matched_text or "") <= MATCHED_CHARS_MAX
        assert classify(text, provider_verdict="opt_out", policy=policy).label == "opt_out"


def _classify_seeds() -> list[bytes]:
    lines = (VECTORS / "optout.tsv").read_text("utf-8").splitlines()
    return [line.partition("\t")[2].encode() for line in lines if line and not line.startswith("#")]


def _forms(data: bytes) -> None:
    """Lines: query, content type; the rest is a form. The standard library reads a form of ours the same way."""
    query, content_type, body = (*data.split(b"\n", 2), b"", b"")[:3]
    assert isinstance(read_target(PREFIX + body[:200], query), Target | BadTarget)
    found = read_target(PREFIX + b"cm/secret", query)
    if isinstance(found, Target):
        assert isinstance(found.list_number, str | None)
        assert not {"account", "list", "mid", "kind"} & found.kept_query.keys()
    read_headers([(b"content-type", content_type)])
    pairs = forms.read(body, content_type.decode("latin-1"))
    assert pairs is None or len(pairs) <= forms.FIELDS_MAX
    if pairs is not None:
        assert forms.read(forms.write(pairs)) == pairs or _odd(pairs)
    exact = forms.read_exactly(body)
    text = body.decode("utf-8", "surrogateescape")
    if exact is not None:
        assert exact == parse_qsl(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=10**6)


def _odd(pairs: forms.Pairs) -> bool:
    """Halves of a pair of surrogates, which no form can carry."""
    return any(0xD800 <= ord(char) < 0xE000 for name, value in pairs for char in name + value)


def _forms_seeds() -> list[bytes]:
    return [
        b"account=acme&list=%2B18005551234&kind=inbound&mid=m\napplication/x-www-form-urlencoded\nFrom=%2B1415&Body=a+b%20c",
        b"account=a&token=x\ntext/plain; charset=latin-1\n\xef\xbb\xbfa=%ff&b&=c&&d==e\r\n",
    ]


def _retry_after(data: bytes) -> None:
    found = retry_after_s(data.decode("latin-1"), now=NOW)
    assert found is None or 0 <= found < float("inf")


def _retry_after_seeds() -> list[bytes]:
    date = datetime.fromtimestamp(RECEIVED_AT / 1000, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    return [
        b"120",
        date.encode(),
        b"Monday, 15-Jan-24 11:30:00 GMT",
        b"Mon Jan 15 11:30:00 2024",
        b"1 Jan 2024 1:1 -0000",
    ]


def _everything() -> Iterator[tuple[str, FuzzTarget]]:
    for name in registry.names():
        yield name, FuzzTarget(partial(_adapter, name), partial(_adapter_seeds, name))
    yield "codec", FuzzTarget(_codec, _codec_seeds)
    yield "metadata", FuzzTarget(_metadata, _metadata_seeds)
    yield "note", FuzzTarget(_note, _note_seeds)
    yield "config", FuzzTarget(_config, _config_seeds)
    yield "settings", FuzzTarget(_settings, _settings_seeds)
    yield "csv", FuzzTarget(_csv, _csv_seeds)
    yield "classify", FuzzTarget(_classify, _classify_seeds)
    yield "forms", FuzzTarget(_forms, _forms_seeds)
    yield "retry-after", FuzzTarget(_retry_after, _retry_after_seeds)


TARGETS: Final[Mapping[str, FuzzTarget]] = dict(_everything())
