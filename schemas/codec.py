"""Record bytes: Avro single-object encoding without a registry, Confluent wire format with one; both are read.

Pure but for the registry handed in. A fingerprint or id that no schema is known for is `UnknownSchemaError`, which is
not poison: a newer writer may be ahead of this reader during a rolling upgrade. Bytes that do not fit their schema are
`PoisonError`.
"""

import io
import json
import struct
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, Protocol, cast

import fastavro
from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

from schemas.records import FILES

_SINGLE_OBJECT: Final = b"\xc3\x01"
"""Marker of Avro single-object encoding (Avro 1.12 specification, Single-object encoding)."""
_CONFLUENT: Final = 0
"""Magic byte of the Confluent wire format, before a big-endian four-byte schema id."""
_PREFIX_BYTES: Final = 10
_CONFLUENT_PREFIX_BYTES: Final = 5

Record = Mapping[str, Any]


class UnknownSchemaError(Exception):
    """The record was written with a schema that this reader does not know; upgrade the reader and read again."""


class PoisonError(Exception):
    """The bytes are no record at all, or do not fit the schema they name."""


class SchemaRegistry(Protocol):
    """What the codec needs of a Confluent-compatible registry."""

    def id_of(self, record: str, schema: str) -> int:
        """Register a schema under the record's subject and answer its id."""
        ...

    def schema_of(self, schema_id: int) -> str | None:
        """Schema text of an id, or None where the registry has none."""
        ...


_PROCESS: Final[dict[str, SchemaRegistry]] = {}


def use_registry(registry: SchemaRegistry | None) -> None:
    """Make every encoder and decoder that is made from now on use a registry; None goes back to none."""
    _PROCESS.clear()
    if registry is not None:
        _PROCESS["registry"] = registry


def schema_text(record: str) -> str:
    """The Avro file of a record, as text."""
    return files("schemas").joinpath("avro", f"{FILES[record]}.avsc").read_text("utf-8")


@cache
def schema_of(record: str) -> dict[str, Any]:
    """The parsed schema of a record type by its name in schemas.records."""
    return cast("dict[str, Any]", parse_schema(json.loads(schema_text(record))))


def fingerprint_of(schema: Any) -> bytes:
    """CRC-64-AVRO of the parsing canonical form, eight bytes little-endian, as single-object encoding wants it."""
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


@cache
def _known() -> dict[bytes, tuple[str, Any]]:
    """Fingerprint to (record, writer schema), for the present files and every released version."""
    known: dict[bytes, tuple[str, Any]] = {}
    for folder in sorted(files("schemas").joinpath("avro", "released").iterdir(), key=lambda entry: entry.name):
        for record, stem in FILES.items():
            path = folder.joinpath(f"{stem}.avsc")
            if path.is_file():
                schema = parse_schema(json.loads(path.read_text("utf-8")))
                known[fingerprint_of(schema)] = (record, schema)
    for record in FILES:
        known[fingerprint_of(schema_of(record))] = (record, schema_of(record))
    return known


def encoder(record: str, *, registry: SchemaRegistry | None = None) -> Callable[[Record], bytes]:
    """Make the function that writes one record type; keep it, making it costs a schema look-up.

    Raises:
        ValueError: from the function, when a value does not fit the schema (a defect of the caller).
    """
    schema = schema_of(record)
    registry = registry or _PROCESS.get("registry")
    if registry is None:
        prefix = _SINGLE_OBJECT + fingerprint_of(schema)
    else:
        prefix = struct.pack(">bI", _CONFLUENT, registry.id_of(record, schema_text(record)))
    write = fastavro.schemaless_writer

    def encode(value: Record) -> bytes:
        out = io.BytesIO()
        out.write(prefix)
        write(out, schema, value)
        return out.getvalue()

    return encode


def decoder(*records: str, registry: SchemaRegistry | None = None) -> Callable[[bytes], tuple[str, Any]]:
    """Make the function that reads any of the named record types; it answers (record type, value).

    Raises:
        UnknownSchemaError: from the function, for a schema that no version of ours knows.
        PoisonError: from the function, for bytes that are no record, or one that does not belong here.
    """
    wanted = frozenset(records)
    registry = registry or _PROCESS.get("registry")
    by_prefix: dict[bytes, tuple[str, Any, Any]] = {
        _SINGLE_OBJECT + mark: (record, schema, None if schema == schema_of(record) else schema_of(record))
        for mark, (record, schema) in _known().items()
        if record in wanted
    }
    others = {_SINGLE_OBJECT + mark for mark, (record, _) in _known().items() if record not in wanted}
    read = fastavro.schemaless_reader

    def resolve(prefix: bytes) -> tuple[str, Any, Any]:
        if prefix[:2] == _SINGLE_OBJECT and len(prefix) == _PREFIX_BYTES:
            if prefix in others:
                raise PoisonError("a record of a type that does not belong on this topic")
            raise UnknownSchemaError(f"unknown schema fingerprint {prefix[2:].hex()}")
        if len(prefix) >= _CONFLUENT_PREFIX_BYTES and prefix[0] == _CONFLUENT:
            return _from_registry(prefix[:_CONFLUENT_PREFIX_BYTES], wanted, registry)
        raise PoisonError("neither Avro single-object encoding nor the Confluent wire format")

    confluent: dict[bytes, tuple[str, Any, Any]] = {}

    def decode(data: bytes) -> tuple[str, Any]:
        prefix = data[:_PREFIX_BYTES]
        entry = by_prefix.get(prefix)
        skip = _PREFIX_BYTES
        if entry is None:
            short = data[:_CONFLUENT_PREFIX_BYTES]
            entry = confluent.get(short)
            skip = _CONFLUENT_PREFIX_BYTES
            if entry is None:
                entry = confluent[short] = resolve(prefix)
        record, writer, reader = entry
        source = io.BytesIO(data)
        source.seek(skip)
        try:
            value = read(source, writer, reader)
        except (
            ValueError,
            EOFError,
            IndexError,
            KeyError,
            TypeError,
            OverflowError,
            UnicodeDecodeError,
            MemoryError,
        ) as e:
            raise PoisonError(f"bytes do not fit {record}") from e
        return record, value

    return decode


def _from_registry(prefix: bytes, wanted: frozenset[str], registry: SchemaRegistry | None) -> tuple[str, Any, Any]:
    if registry is None:
        raise UnknownSchemaError("a registry's schema id, and no registry is configured")
    (schema_id,) = struct.unpack(">I", prefix[1:])
    text = registry.schema_of(schema_id)
    if text is None:
        raise UnknownSchemaError(f"the registry has no schema {schema_id}")
    writer = parse_schema(json.loads(text))
    name = str(cast("dict[str, Any]", writer)["name"]).rpartition(".")[2]
    if name not in wanted:
        raise PoisonError("a record of a type that does not belong on this topic")
    return name, writer, schema_of(name)
