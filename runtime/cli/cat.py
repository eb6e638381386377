"""`trackly cat TOPIC`: records as JSON, one a line."""

import base64
import json
import sys
from typing import Any, Final

import click

from runtime.cli.options import cluster_errors, fail, settings
from runtime.worker import EXIT_CONFIGURATION
from schemas.codec import PoisonError, UnknownSchemaError, decoder
from schemas.topics import CATALOGUE

SHOWN_BYTES: Final = 1024
"""Of a record that is not decoded; enough to see what it is."""


@click.command()
@click.argument("topic")
@click.option("--from-beginning", is_flag=True, help="Begin with the oldest record that is kept.")
@click.option("--max", "limit", type=click.IntRange(1), help="End after so many records.")
@click.option("--follow", is_flag=True, help="Go on as records come.")
def cat(topic: str, *, from_beginning: bool, limit: int | None, follow: bool) -> None:
    """Print TOPIC (without the prefix) decoded; bytes are shown as text, else as base64.

    Without --from-beginning only what comes from now on is shown, until --max or a signal.
    """
    known = CATALOGUE.get(topic)
    if known is None:
        fail(f"no topic {topic!r}; one of {', '.join(CATALOGUE)}", EXIT_CONFIGURATION)
    from runtime.kafka.scan import scan  # noqa: PLC0415 - help must not load the client

    effective = settings()
    decode = decoder(*known.records) if known.records else _private
    printed = 0
    with cluster_errors():
        follow_on = follow or not from_beginning
        for message in scan(
            effective.kafka, effective.topic_prefix + topic, from_end=not from_beginning, follow=follow_on
        ):
            value = message.value()
            line: dict[str, Any] = {} if value is None else _shown(decode, value)
            line["_partition"], line["_offset"] = message.partition(), message.offset()
            line["_key"], line["_timestamp"] = _text(message.key()), message.timestamp()[1]
            line["_headers"] = {name: _text(content) for name, content in message.headers() or ()}
            click.echo(json.dumps(line, default=_text, ensure_ascii=False))
            sys.stdout.flush()
            printed += 1
            if printed == limit:
                return


def _private(value: bytes) -> tuple[str, dict[str, Any]]:
    """Nobody outside the processor may rely on its changelog."""
    return "private", {"_bytes": len(value), "_hex": value[:SHOWN_BYTES].hex()}


def _shown(decode: Any, value: bytes) -> dict[str, Any]:
    try:
        record, found = decode(value)
    except (PoisonError, UnknownSchemaError) as error:
        return {
            "_undecoded": str(error),
            "_bytes": len(value),
            "_base64": base64.b64encode(value[:SHOWN_BYTES]).decode(),
        }
    return {"_type": record, **found}


def _text(value: Any) -> str | None:
    if value is None:
        return None
    try:
        return str(value.decode("utf-8"))
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(value).decode()
