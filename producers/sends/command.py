"""The command `trackly send`: questions to the send gate in, its answers out."""

import json
import secrets
import string
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import click

from runtime.cli.options import cluster_errors, fail, settings
from runtime.clock import now_ms
from runtime.worker import EXIT_CONFIGURATION, EXIT_FAILED, EXIT_TRY_AGAIN
from schemas.phone import to_e164, to_sender
from schemas.records import SendRequest

_ALPHABET: Final = string.ascii_letters + string.digits
_ID_CHARS: Final = 8
"""Length of our own message ids."""


@click.command()
@click.argument("account", required=False)
@click.argument("list_number", metavar="LIST", required=False)
@click.argument("phone", required=False)
@click.option("--message-id", help="Id of the message; by default a new one.")
@click.option("--csv", "file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Many, from a file.")
def send(
    account: str | None, list_number: str | None, phone: str | None, message_id: str | None, file: Path | None
) -> None:
    """Ask whether ACCOUNT may text PHONE from LIST now, or every line of a file; one JSON object an answer.

    The file has the columns account, list_number, phone_number and, where you have one, message_id. Exit 1 where the
    one that was asked is blocked, 75 where answers are missing: nothing may be sent without one.
    """
    if file is not None:
        if account is not None or message_id is not None:
            fail("give either a file or one contact", EXIT_CONFIGURATION)
        _ask_file(file)
        return
    number, contact = to_sender(list_number or ""), to_e164(phone or "")
    if not account or number is None or contact is None:
        fail("give ACCOUNT, LIST and PHONE (an international number), or --csv FILE", EXIT_CONFIGURATION)
    from producers.sends.gate_client import request_for  # noqa: PLC0415 - refusals come without Kafka

    request = request_for(account, number, contact, message_id or _new_id(), now=now_ms())
    blocked, unanswered = _ask([request])
    sys.exit(EXIT_TRY_AGAIN if unanswered else EXIT_FAILED if blocked else 0)


def _ask_file(file: Path) -> None:
    from rich.console import Console  # noqa: PLC0415 - a single question starts without it
    from rich.progress import Progress  # noqa: PLC0415 - the same

    from producers.sends.requests_file import RequestsFileError, requests_of  # noqa: PLC0415 - without Kafka

    now = now_ms()
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            total = sum(1 for _ in requests_of(lines, now=now, new_id=_new_id))
        with (
            file.open(encoding="utf-8-sig", newline="") as lines,
            Progress(console=Console(stderr=True)) as progress,
        ):
            shown = progress.add_task("asking", total=total)
            _, unanswered = _ask(requests_of(lines, now=now, new_id=_new_id), answered=lambda: progress.advance(shown))
    except (RequestsFileError, UnicodeDecodeError) as error:
        fail(f"{file}: {error}", EXIT_CONFIGURATION)
    sys.exit(EXIT_TRY_AGAIN if unanswered else 0)


def _ask(requests: Iterable[SendRequest], *, answered: Any = lambda: None) -> tuple[int, int]:
    """Ask and print; answer how many were blocked and how many got no answer."""
    from producers.sends.gate_client import SendGate, Unanswered  # noqa: PLC0415 - refusals come without Kafka

    blocked = unanswered = 0
    with cluster_errors(), SendGate(settings()) as gate:
        for answer in gate.ask(requests):
            if isinstance(answer, Unanswered):
                unanswered += 1
                line: dict[str, Any] = {**answer.request, "approved": False, "reason": "no_answer"}
            else:
                blocked += not answer["approved"]
                line = {**answer}
            click.echo(json.dumps(line, ensure_ascii=False))
            answered()
    if unanswered:
        click.echo(f"trackly: {unanswered} without an answer; is a processor running?", err=True)
    return blocked, unanswered


def _new_id() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_ID_CHARS))
