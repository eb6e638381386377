"""What `trackly parse` shows: any callback of a provider as JSON objects, without broker or authentication. Pure."""

from dataclasses import dataclass, field
from typing import Any, assert_never

from schemas.providers import registry
from schemas.providers.callback import (
    Adapter,
    BadFragment,
    CallbackRequest,
    DeliveryReport,
    Fragment,
    InboundMessage,
    Malformed,
    Nothing,
    Parsed,
    Split,
    Unparsable,
)
from schemas.records import RawCallback
from schemas.timestamps import to_public


class RefusedBodyError(Exception):
    """The body is not in the provider's format; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """One part of a body that does not fit the provider's format; it goes to quarantine alone."""

    reason: str
    """Closed word, as the quarantine has it."""
    detail: str
    """A sentence for a person, without phone numbers or text."""
    body: bytes = field(repr=False)
    """The part itself, for the person who gave it to us."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one body becomes."""

    objects: tuple[dict[str, Any], ...]
    """One for each report or message."""
    ignored: int
    """Parts that are well formed and tell nothing of ours."""
    refused: tuple[RefusedItem, ...]
    without_contact: int = 0
    """Reports among the objects that name no contact: the gateway cannot place them and keeps them in quarantine."""


def describe(parsed: Parsed) -> dict[str, Any] | Nothing | Unparsable:
    """One parsed fragment as the documented object, where it is a report or a message."""
    match parsed:
        case DeliveryReport():
            return {
                "kind": "delivery",
                "message_id": parsed.message_id,
                "provider_message_id": parsed.provider_message_id,
                "to": parsed.to or None,
                "from": parsed.sender,
                "status": parsed.status,
                "status_detail": parsed.status_detail,
                "raw_status": parsed.raw_status or None,
                "raw_code": parsed.raw_code,
                "timestamp": None if parsed.at is None else to_public(parsed.at),
            }
        case InboundMessage():
            return {
                "kind": "inbound",
                "provider_message_id": parsed.provider_message_id,
                "from": parsed.sender,
                "to": parsed.to,
                "body": parsed.body,
                "timestamp": None if parsed.at is None else to_public(parsed.at),
            }
        case Nothing() | Unparsable():
            return parsed
        case _:
            assert_never(parsed)


def _nameless(adapter: Adapter, request: CallbackRequest, bad: BadFragment) -> dict[str, Any] | None:
    """A refused report that says all but whom it is about; None where it is refused for anything else."""
    if bad.kind != "delivery" or bad.reason != "phone_invalid":
        return None
    alone = Fragment(bad.kind, "", bad.body, bad.content_type)
    shown = describe(adapter.parse(raw_callback("-", adapter.name, request, alone)))
    return shown if isinstance(shown, dict) and shown["to"] is None else None


def raw_callback(account: str, provider: str, request: CallbackRequest, fragment: Fragment) -> RawCallback:
    """The raw record of a fragment, as far as it does not depend on the gateway's settings.

    Of our own parameters the first one counts, as at the gateway: providers append theirs.
    """
    query = dict(reversed(request.query))
    return {
        "account": account,
        "provider": provider,
        "kind": fragment.kind if fragment.kind != "unknown" else request.kind,
        "phone": fragment.phone,
        "body": fragment.body,
        "content_type": fragment.content_type,
        "headers": {},
        "query": dict(fragment.query),
        "mid": query.get("mid") or None,
        "list": query.get("list") or None,
        "received_at": request.received_at,
        "redriven": False,
    }


def parse_body(provider: str, request: CallbackRequest) -> Report:
    """Split and parse one body.

    Raises:
        RefusedBodyError: unknown provider, or the body as a whole does not fit its format.
    """
    adapter = registry.get(provider)
    if adapter is None:
        raise RefusedBodyError(f"unknown provider; one of {', '.join(registry.names())}")
    match adapter.split(request):
        case Malformed() as refusal:
            raise RefusedBodyError(refusal.detail)
        case Split() as split:
            found = [
                (one, describe(adapter.parse(raw_callback("-", adapter.name, request, one)))) for one in split.fragments
            ]
            unparsable = [
                RefusedItem(why.reason, why.detail, one.body) for one, why in found if isinstance(why, Unparsable)
            ]
            nameless = [(bad, _nameless(adapter, request, bad)) for bad in split.bad]
            refused = [RefusedItem(bad.reason, bad.detail, bad.body) for bad, shown in nameless if shown is None]
            shown_anyway = [shown for _, shown in nameless if shown is not None]
            return Report(
                (*(shown for _, shown in found if isinstance(shown, dict)), *shown_anyway),
                split.ignored + sum(isinstance(shown, Nothing) for _, shown in found),
                (*refused, *unparsable),
                len(shown_anyway),
            )
        case other:
            assert_never(other)
