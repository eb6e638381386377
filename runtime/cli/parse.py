"""`trackly parse PROVIDER`: what any callback becomes, without network, broker or authentication."""

import sys
import time
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import parse_qsl

import click
import orjson

from runtime.worker import EXIT_CONFIGURATION
from schemas.parse_report import RefusedBodyError, parse_body
from schemas.providers.callback import CallbackRequest

if TYPE_CHECKING:
    from schemas.records import CallbackKind

ITEM_CHARS_MAX: Final = 300
"""Most of a refused item that is shown: enough to tell it from the others of its batch."""


@click.command()
@click.argument("provider")
@click.option("--kind", type=click.Choice(["delivery", "inbound"]), help="Where the payload does not show it.")
@click.option("--query", default="", help="Query string of the callback.")
@click.option("--content-type", default="", help="Media type of the body.")
@click.option("--header", multiple=True, metavar="'N: V'", help="A header; may be repeated.")
def parse(provider: str, kind: str | None, query: str, content_type: str, header: tuple[str, ...]) -> None:
    """Read a callback's body from stdin; print one JSON object per report or message."""
    headers = {}
    for line in header:
        name, colon, value = line.partition(":")
        if not colon:
            click.echo(f"trackly: --header {name!r} is not 'Name: value'", err=True)
            sys.exit(EXIT_CONFIGURATION)
        headers[name.strip().lower()] = value.strip()
    if content_type:
        headers["content-type"] = content_type
    body = sys.stdin.buffer.read()
    query = query.encode("utf-8", "surrogateescape").decode("utf-8", "replace").lstrip("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    request = CallbackRequest(
        method="POST" if body.strip() else "GET",
        url=f"https://localhost/?{query}",
        headers=headers,
        query=pairs,
        body=body,
        received_at=time.time_ns() // 1_000_000,
        kind=cast("CallbackKind", kind or "unknown"),
    )
    try:
        found = parse_body(provider, request)
    except RefusedBodyError as error:
        click.echo(f"trackly: {error}", err=True)
        sys.exit(EXIT_CONFIGURATION)
    for one in found.objects:
        click.echo(orjson.dumps(one))
    for _ in range(found.ignored):
        click.echo("well formed, tells nothing of ours", err=True)
    for _ in range(found.without_contact):
        click.echo("a report names no contact: the gateway keeps it in quarantine", err=True)
    for item in found.refused:
        body = item.body.decode("utf-8", "replace")
        shown = body if len(body) <= ITEM_CHARS_MAX else f"{body[:ITEM_CHARS_MAX]}…"
        click.echo(f"trackly: refused ({item.reason}): {item.detail} {shown!r}", err=True)
    if found.refused:
        sys.exit(EXIT_CONFIGURATION)
