"""Callbacks that come as a query, a form or a JSON object of the same names: read to fields. Pure; never raises."""

import codecs
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from schemas.providers import forms
from schemas.providers.callback import CallbackRequest, Malformed
from schemas.providers.envelopes import JSON, Refused, decode, decode_body
from schemas.records import RawCallback

Flatten = Callable[[Mapping[str, Any]], dict[str, str]]
"""Writes a JSON object in the form of fields."""
NO_FIELDS: Final = "The fragment is neither a form nor a JSON object."
_read_object: Final = msgspec.json.Decoder(dict[str, Any]).decode


def scalars(found: Mapping[str, Any]) -> dict[str, str]:
    """A flat JSON object in the form of fields; what is null or has parts of its own is left out."""
    plain = {name: value for name, value in found.items() if isinstance(value, str | int | float)}
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in plain.items()}


class Fields(NamedTuple):
    """The fields of a request, and the body that its fragment keeps."""

    fields: dict[str, str]
    body: bytes
    content_type: str


def of_request(
    request: CallbackRequest, flatten: Flatten, *, pairs_of: Callable[[CallbackRequest], forms.Pairs | None] = forms.of
) -> Fields | Malformed:
    """Read a request; what came by GET is kept as a form, JSON as it came; of a repeated field the last counts."""
    if is_json(request):
        found, body = decode_body(_read_object, request)
        return (
            Malformed("The body is not a JSON object.")
            if isinstance(found, Refused)
            else Fields(flatten(found), body, JSON)
        )
    pairs = pairs_of(request)
    if pairs is None:
        return Malformed(f"The body is not a form of at most {forms.FIELDS_MAX} fields.")
    return Fields(forms.last_of(pairs), forms.body_of(request, pairs), forms.FORM)


def of_fragment(raw: RawCallback, flatten: Flatten) -> dict[str, str] | None:
    """Read a fragment; None where it is neither a form nor a JSON object."""
    if raw["content_type"] == JSON:
        found = decode(_read_object, raw["body"])
        return None if isinstance(found, Refused) else flatten(found)
    pairs = forms.read(raw["body"])
    return None if pairs is None else forms.last_of(pairs)


def is_json(request: CallbackRequest) -> bool:
    """Whether a request's body is JSON, by its media type or by how it begins, behind a byte order mark too."""
    begins = request.body.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    return request.method != "GET" and (request.content_type == JSON or begins == b"{")
