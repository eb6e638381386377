"""The captured and documented callbacks of every provider: one file under tests/vectors, one line a callback."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from schemas.providers.callback import CallbackRequest, Fragment
from schemas.records import RawCallback

VECTORS = Path(__file__).parents[2] / "vectors"
RECEIVED_AT = 1_705_315_000_000


@dataclass(frozen=True, slots=True)
class Fixture:
    """A request, and what `trackly parse` prints for it."""

    provider: str
    name: str
    source: str
    request: CallbackRequest
    expect: Sequence[dict[str, Any]]
    facts: Sequence[dict[str, Any]]
    """Fields of the parsed values that the printed object does not show, one entry per expected object."""
    ignored: int
    refused: bool

    def __str__(self) -> str:
        return f"{self.provider}-{self.name}"


def request_of(
    body: bytes = b"",
    *,
    method: str = "POST",
    query: str = "",
    content_type: str = "",
    headers: Mapping[str, str] | None = None,
    path_secret: str | None = None,
    received_at: int = RECEIVED_AT,
) -> CallbackRequest:
    given = {"content-type": content_type} if content_type else {}
    return CallbackRequest(
        method,
        "https://api.example.com/hook" + (f"?{query}" if query else ""),
        given | dict(headers or {}),
        parse_qsl(query, keep_blank_values=True),
        body,
        received_at,
        path_secret=path_secret,
    )


def record_of(provider: str, fragment: Fragment, *, mid: str | None = None) -> RawCallback:
    return {
        "account": "acme", "provider": provider, "kind": fragment.kind, "phone": fragment.phone, "body": fragment.body,
        "content_type": fragment.content_type, "headers": {}, "query": dict(fragment.query), "mid": mid, "list": None,
        "received_at": RECEIVED_AT, "redriven": False,
    }  # fmt: skip


def load(provider: str) -> list[Fixture]:
    lines = (VECTORS / f"{provider}.jsonl").read_text("utf-8").splitlines()
    return [_fixture(provider, json.loads(line)) for line in lines]


def everything() -> list[Fixture]:
    return [one for path in sorted(VECTORS.glob("*.jsonl")) for one in load(path.stem)]


def _fixture(provider: str, row: dict[str, Any]) -> Fixture:
    body = base64.b64decode(row["body_base64"]) if "body_base64" in row else row["body"].encode()
    request = request_of(body, method=row["method"], query=row["query"], content_type=row["content_type"])
    return Fixture(
        provider,
        row["name"],
        row["source"],
        request,
        row["expect"],
        row.get("facts", ()),
        row.get("ignored", 0),
        row.get("refused", False),
    )
