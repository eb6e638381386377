"""A naive decoder of Avro single-object encoding: two bytes, a fingerprint, the body (Avro 1.12 specification)."""

import io
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import fastavro
from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

FILES: Final = Path(__file__).parents[3] / "schemas" / "avro"
_MARKER: Final = b"\xc3\x01"
_HEAD_BYTES: Final = 10


class UndecodableError(Exception):
    """Bytes that are no record of a schema we have."""


@cache
def _schemas() -> dict[bytes, Any]:
    """Every schema by its CRC-64-AVRO fingerprint, as it is written: little-endian."""
    found = {}
    for path in sorted(FILES.rglob("*.avsc")):
        schema = json.loads(path.read_text("utf-8"))
        canonical = to_parsing_canonical_form(schema)
        found[bytes.fromhex(fingerprint(canonical, "CRC-64-AVRO"))] = parse_schema(schema)
    return found


def decode(value: bytes) -> tuple[str, Mapping[str, Any]]:
    """The record's name without its namespace, and its fields.

    Raises:
        UndecodableError: no single object, or of an unknown schema.
    """
    schema = _schemas().get(value[2:_HEAD_BYTES])
    if value[:2] != _MARKER or schema is None:
        raise UndecodableError(value[:_HEAD_BYTES].hex())
    fields: Any = fastavro.schemaless_reader(io.BytesIO(value[_HEAD_BYTES:]), schema, None)
    return str(schema["name"]).rpartition(".")[2], fields


def encode(name: str, fields: Mapping[str, Any]) -> bytes:
    """A record of the newest schema of a name, for tests of the decoder and for questions to the send gate."""
    for path in sorted(FILES.glob("*.avsc")):
        schema = json.loads(path.read_text("utf-8"))
        if schema["name"] == name:
            body = io.BytesIO()
            fastavro.schemaless_writer(body, parse_schema(schema), dict(fields))
            canonical = to_parsing_canonical_form(schema)
            return _MARKER + bytes.fromhex(fingerprint(canonical, "CRC-64-AVRO")) + body.getvalue()
    raise UndecodableError(name)
