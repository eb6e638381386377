"""Contracts: every record reads back, golden bytes decode for ever, schemas stay compatible, poison has a name."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import fastavro
import pytest
from fastavro.schema import parse_schema
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import records
from schemas.codec import PoisonError, UnknownSchemaError, decoder, encoder, fingerprint_of, schema_of, schema_text
from schemas.topics import CATALOGUE

AVRO = Path(__file__).parents[2] / "schemas" / "avro"
GOLDEN = Path(__file__).parents[1] / "vectors" / "golden"
RELEASES = sorted(path for path in (AVRO / "released").iterdir() if path.is_dir())


def example(schema: Any, named: dict[str, Any]) -> Any:  # noqa: PLR0911 - one return per kind of schema
    """A value of a schema that leaves no field at its default."""
    if isinstance(schema, list):
        return example(schema[-1], named)
    if isinstance(schema, str):
        plain = {"string": "text", "long": 1_705_314_600_000, "int": 7, "bytes": b"\x00\xff", "boolean": True}
        return plain[schema] if schema in plain else example(named[schema], named)
    named[schema.get("name", "")] = schema
    match schema["type"]:
        case "record":
            return {field["name"]: example(field["type"], named) for field in schema["fields"]}
        case "enum":
            return schema["symbols"][-1]
        case "map":
            return {"k": "v"}
        case "array":
            return [example(schema["items"], named)]
        case other:
            return example(other, named)


def example_of(record: str) -> Any:
    return example(json.loads(schema_text(record)), {})


@pytest.mark.parametrize("record", sorted(records.FILES))
def test_a_record_reads_back_as_it_was_written(record: str) -> None:
    value = example_of(record)
    assert decoder(record)(encoder(record)(value)) == (record, value)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/*.avro")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_golden_records_of_every_release_decode_for_ever(path: Path) -> None:
    value = decoder(path.stem)(path.read_bytes())[1]
    expected = json.loads(path.with_suffix(".json").read_text())
    shown = json.loads(json.dumps(value, default=lambda raw: raw.hex()))
    assert {name: shown[name] for name in expected} == expected


def test_every_release_has_a_golden_record_of_every_type_it_ships() -> None:
    for release in RELEASES:
        kept = {path.stem for path in (GOLDEN / release.name).glob("*.avro")}
        shipped = {name for name, stem in records.FILES.items() if (release / f"{stem}.avsc").exists()}
        assert shipped <= kept


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
@pytest.mark.parametrize("record", sorted(records.FILES))
def test_todays_schema_and_a_released_one_read_each_other(record: str, release: Path) -> None:
    path = release / f"{records.FILES[record]}.avsc"
    if not path.exists():
        return
    old, new = parse_schema(json.loads(path.read_text())), schema_of(record)
    for writer, reader in ((old, new), (new, old)):
        out = io.BytesIO()
        value = example(json.loads(path.read_text() if writer is old else schema_text(record)), {})
        fastavro.schemaless_writer(out, writer, value)
        out.seek(0)
        fastavro.schemaless_reader(out, writer, reader)


def walk(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for item in schema for found in walk(item)]
    if not isinstance(schema, dict):
        return []
    inner = [*schema.get("fields", ()), schema.get("items", ""), schema.get("values", "")]
    nested = [schema["type"]] if isinstance(schema.get("type"), (dict, list)) else []
    return [schema, *(found for item in [*inner, *nested] for found in walk(item))]


@pytest.mark.parametrize("record", sorted(records.FILES))
def test_every_field_has_a_sentence_and_every_enum_a_default(record: str) -> None:
    for part in walk(json.loads(schema_text(record))):
        if part.get("type") == "record":
            assert part["doc"].endswith((".", "?"))
            assert all(field["doc"].endswith(".") for field in part["fields"])
        if part.get("type") == "enum":
            assert part["default"] in part["symbols"]


@pytest.mark.parametrize("record", sorted(records.FILES))
def test_the_typed_dict_has_the_fields_of_its_avro_file(record: str) -> None:
    hints = get_type_hints(getattr(records, record))
    fields = {field["name"]: field["type"] for field in json.loads(schema_text(record))["fields"]}
    assert list(hints) == list(fields)
    for name, hint in hints.items():
        optional = type(None) in get_args(hint) and get_origin(hint) is not Literal
        assert optional == (isinstance(fields[name], list) and "null" in fields[name]), name


def test_every_topic_names_records_that_exist() -> None:
    for topic in CATALOGUE.values():
        assert set(topic.records) <= set(records.FILES)


def test_bytes_that_are_no_record_are_poison_and_an_unknown_writer_is_not() -> None:
    decode = decoder("SendRequest")
    for data in (b"", b"\x00", b"garbage", encoder("SendRequest")(example_of("SendRequest"))[:-3]):
        with pytest.raises(PoisonError):
            decode(data)
    with pytest.raises(PoisonError):
        decode(encoder("Erasure")(example_of("Erasure")))
    with pytest.raises(UnknownSchemaError):
        decode(b"\xc3\x01" + b"\x01" * 8 + b"rest")
    with pytest.raises(UnknownSchemaError):
        decode(b"\x00\x00\x00\x00\x07rest")


class Registry:
    """The documented behaviour of a Confluent-compatible registry, in memory."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def id_of(self, record: str, schema: str) -> int:  # noqa: ARG002 - part of the protocol
        self._texts.append(schema)
        return len(self._texts) - 1

    def schema_of(self, schema_id: int) -> str | None:
        return self._texts[schema_id] if schema_id < len(self._texts) else None


def test_the_confluent_wire_format_is_written_with_a_registry_and_both_are_read() -> None:
    registry = Registry()
    value = example_of("SendRequest")
    framed = encoder("SendRequest", registry=registry)(value)
    assert framed[:5] == b"\x00\x00\x00\x00\x00"
    decode = decoder("SendRequest", registry=registry)
    assert decode(framed) == decode(encoder("SendRequest")(value)) == ("SendRequest", value)


def test_the_fingerprint_is_the_specifications_crc_64_avro() -> None:
    """Avro's own table: the fingerprint of the schema "int" is 0x7275d51a3f395c8f."""
    assert fingerprint_of("int") == bytes.fromhex("7275d51a3f395c8f")[::-1]


def values_of(schema: Any, named: dict[str, Any]) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one return per kind
    """Every value that a schema allows."""
    if isinstance(schema, list):
        return st.one_of([values_of(one, named) for one in schema])
    if isinstance(schema, str):
        plain: dict[str, st.SearchStrategy[Any]] = {
            "null": st.none(), "string": st.text(max_size=20), "long": st.integers(-(2**63), 2**63 - 1),
            "int": st.integers(-(2**31), 2**31 - 1), "bytes": st.binary(max_size=20), "boolean": st.booleans(),
        }  # fmt: skip
        return plain[schema] if schema in plain else values_of(named[schema], named)
    named[schema.get("name", "")] = schema
    match schema["type"]:
        case "record":
            fields = {field["name"]: values_of(field["type"], named) for field in schema["fields"]}
            return st.fixed_dictionaries(fields)
        case "enum":
            return st.sampled_from(schema["symbols"])
        case "map":
            return st.dictionaries(st.text(max_size=5), values_of(schema["values"], named), max_size=3)
        case "array":
            return st.lists(values_of(schema["items"], named), max_size=3)
        case other:
            return values_of(other, named)


@pytest.mark.parametrize("record", sorted(records.FILES))
def test_whatever_a_schema_allows_reads_back_as_it_was_written(record: str) -> None:
    encode, decode = encoder(record), decoder(record)

    @settings(max_examples=30)
    @given(values_of(json.loads(schema_text(record)), {}))
    def holds(value: Any) -> None:
        assert decode(encode(value)) == (record, value)

    holds()


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/*.avro")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_golden_record_with_one_bit_changed_is_a_record_or_a_named_error(path: Path) -> None:
    golden, decode = path.read_bytes(), decoder(*records.FILES)
    for bit in range(len(golden) * 8):
        data = bytearray(golden)
        data[bit // 8] ^= 1 << bit % 8
        with contextlib.suppress(PoisonError, UnknownSchemaError):
            name, value = decode(bytes(data))
            with contextlib.suppress(ValueError):  # fastavro reads an int of more than 32 bits, and writes none
                assert decode(encoder(name)(value)) == (name, value)


@given(st.binary(max_size=200))
def test_decoding_any_bytes_ends_in_a_record_or_a_named_error(data: bytes) -> None:
    framed = encoder("RawCallback")(example_of("RawCallback"))[:10] + data
    for candidate in (data, framed):
        with contextlib.suppress(PoisonError, UnknownSchemaError):
            decoder("RawCallback")(candidate)
