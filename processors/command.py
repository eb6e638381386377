"""The commands `trackly processor` and `trackly classify`."""

import json
import re
import sys

import click

from processors.classify import classify as judge

_ESCAPE = re.compile(r"\\(n|t|\\|u[0-9a-fA-F]{4})")


@click.command()
def processor() -> None:
    """Classify callbacks into events, exactly once."""
    from processors.role import main  # noqa: PLC0415 - `classify` starts without Kafka
    from runtime.worker import run_sync  # noqa: PLC0415 - the same

    sys.exit(run_sync("processor", main))


@click.command()
def classify() -> None:
    r"""Judge lines of text from stdin (\n, \t, \uXXXX are decoded); one JSON object a line."""
    for line in sys.stdin:
        found = judge(decode_escapes(line.rstrip("\n")))
        click.echo(
            json.dumps(
                {
                    "label": found.label,
                    "keyword": found.keyword,
                    "match_type": found.match_type,
                    "rule_id": found.rule_id,
                },
                ensure_ascii=False,
            )
        )


def decode_escapes(text: str) -> str:
    r"""Decode \n, \t, \\ and \uXXXX; pairs of surrogates become one character."""

    def one(found: re.Match[str]) -> str:
        mark = found[1]
        return {"n": "\n", "t": "\t", "\\": "\\"}.get(mark) or chr(int(mark[1:], 16))

    decoded = _ESCAPE.sub(one, text)
    return decoded.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
