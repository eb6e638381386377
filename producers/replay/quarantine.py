"""From a quarantined body to the raw records that are tried again. Pure.

Q1  The record keeps its `received_at` and says `redriven`, so that order and dedupe hold (DESIGN.md 4.2).
Q2  A body that was never split is split again; one that was is a body of its own, and is cut to find its contact.
Q3  What still cannot be split stays where it is, with the reason.
Q4  Equal bodies of two arrivals both go: without an id they may be two answers, with one the repeat is known as such.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from schemas.ids import content_key
from schemas.providers.callback import Adapter, CallbackRequest, Fragment, Malformed, Split
from schemas.records import Quarantined, RawCallback


@dataclass(frozen=True, slots=True)
class Selection:
    """Which quarantined bodies are meant; times in milliseconds since the epoch."""

    since: int
    account: str | None = None
    provider: str | None = None
    reason: str | None = None
    until: int | None = None

    def holds(self, one: Quarantined) -> bool:
        """Whether a body is meant."""
        return (
            self.since <= one["quarantined_at"]
            and (self.until is None or one["quarantined_at"] < self.until)
            and self.account in {None, one["account"]}
            and self.provider in {None, one["provider"]}
            and self.reason in {None, one["reason"]}
        )


@dataclass(frozen=True, slots=True)
class Left:
    """It stays in quarantine; `reason` is a closed word."""

    reason: str


def arrival_of(one: Quarantined) -> str:
    """Name of one arrival of one body: the same when it was replayed and came back."""
    query = sorted(one["query"].items())
    where = repr((one["account"], one["provider"], one["list"], one["mid"], query, one["received_at"]))
    return content_key(where.encode("utf-8", "replace") + one["body"])


def again(one: Quarantined, adapters: Mapping[str, Adapter]) -> Sequence[RawCallback] | Left:
    """The raw records of a quarantined body."""
    adapter = adapters.get(one["provider"])
    if adapter is None:
        return Left("provider_unknown")
    if one["split"] and one["phone"] is not None:
        return [_record(one, Fragment(one["kind"], one["phone"], one["body"], one["content_type"]))]
    match adapter.split(_request(one)):
        case Malformed():
            return Left("malformed")
        case Split() as split:
            if not split.fragments:
                return Left(split.bad[0].reason if split.bad else "tells_nothing")
            return [_record(one, fragment) for fragment in split.fragments]
        case other:
            assert_never(other)


def _request(one: Quarantined) -> CallbackRequest:
    """The request as far as it was kept; a request without a body came by GET."""
    return CallbackRequest(
        "POST" if one["body"] else "GET",
        "",
        {**one["headers"], "content-type": one["content_type"]},
        list(one["query"].items()),
        one["body"],
        one["received_at"],
        kind=one["kind"],
    )


def _record(one: Quarantined, fragment: Fragment) -> RawCallback:
    return {
        "account": one["account"],
        "provider": one["provider"],
        "kind": fragment.kind if fragment.kind != "unknown" else one["kind"],
        "phone": fragment.phone,
        "body": fragment.body,
        "content_type": fragment.content_type,
        "headers": one["headers"],
        "query": one["query"],
        "mid": one["mid"],
        "list": one["list"],
        "received_at": one["received_at"],
        "redriven": True,
    }
