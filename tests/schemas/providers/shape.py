"""What an adapter makes of any request, and what holds for it: for the conformance suite and for fuzzing."""

import msgspec

from schemas.phone import is_e164
from schemas.providers import registry
from schemas.providers.callback import (
    Answer,
    BadFragment,
    CallbackRequest,
    DeliveryReport,
    InboundMessage,
    Malformed,
    Nothing,
    Parsed,
    Split,
    Unparsable,
)
from tests.schemas.providers.fixtures import record_of


def split_and_parse(provider: str, request: CallbackRequest) -> tuple[Split, list[Parsed]] | Malformed:
    adapter = registry.get(provider)
    assert adapter is not None
    split = adapter.split(request)
    if isinstance(split, Malformed):
        return split
    mid = dict(request.query).get("mid")
    return split, [adapter.parse(record_of(provider, one, mid=mid)) for one in split.fragments]


def check_shape(provider: str, request: CallbackRequest) -> None:
    """Records or typed refusals, whatever the input; and what goes on is fit for the topics."""
    found = split_and_parse(provider, request)
    adapter = registry.get(provider)
    assert adapter is not None
    assert isinstance(adapter.accepted(request), Answer)
    if isinstance(found, Malformed):
        assert found.detail.endswith(".")
        return
    split, parsed = found
    for bad in split.bad:
        assert isinstance(bad, BadFragment)
    for fragment, one in zip(split.fragments, parsed, strict=True):
        assert is_e164(fragment.phone)
        assert fragment.kind in {"delivery", "inbound", "unknown"}
        assert isinstance(one, DeliveryReport | InboundMessage | Nothing | Unparsable)
        if isinstance(one, DeliveryReport | InboundMessage):
            assert (one.to if isinstance(one, DeliveryReport) else one.sender) == fragment.phone
            for field in msgspec.structs.fields(one):
                value = getattr(one, field.name)
                if isinstance(value, str):
                    value.encode("utf-8")
        if isinstance(one, DeliveryReport):
            assert 0 < len(one.status_detail) <= 128
            assert (one.failure_class == "none") is (one.status in {"pending", "delivered"})
            assert not (one.emit_unsubscribe and not one.opted_out)
