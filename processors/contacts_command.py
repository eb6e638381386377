"""The command `trackly contacts`: what is known of a contact, orders for it, consent in and out as CSV.

Orders are records on `contacts.commands`; the processor alone changes a contact.
"""

import csv
import getpass
import json
import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from processors import unassigned
from processors.aggregate import Aggregate, UnknownVersionError, UnreadableStateError, decode
from processors.batch import is_contact_key
from processors.contacts_file import COLUMNS, ContactsFileError, commands_of, rows_of
from runtime.cli.options import cluster_errors, fail, settings
from runtime.clock import now_ms
from runtime.worker import EXIT_CONFIGURATION, EXIT_FAILED
from schemas import topics
from schemas.codec import encoder
from schemas.phone import to_e164, to_sender
from schemas.records import ContactCommand, ContactCommandKind
from schemas.settings import Settings
from schemas.timestamps import to_public

EXIT_NO: Final = EXIT_FAILED
"""The answer is no: nothing is known of the contact."""
_TIMES: Final = frozenset(
    {"unsubscribed_at", "changed_at", "ordered_at", "failed_first_at", "failed_last_at", "delivered_at"}
)


@click.group()
def contacts() -> None:
    """Show a contact, order something for it, take consent in and out."""


@contacts.command()
@click.argument("account")
@click.argument("phone")
def show(account: str, phone: str) -> None:
    """Print what the processor knows of a contact as one JSON object; exit 1 where that is nothing."""
    from runtime.kafka.scan import scan  # noqa: PLC0415 - refusals come without Kafka

    effective, key = settings(), topics.contact_key(account, _phone(phone))
    value: bytes | None = None
    with cluster_errors():
        for message in scan(effective.kafka, effective.topic_prefix + topics.AGGREGATE, key=key):
            if message.key() == key.encode():
                value = message.value()
    if value is None:
        fail("nothing is known of this contact", EXIT_NO)
    try:
        click.echo(json.dumps(_shown(decode(value)), ensure_ascii=False))
    except (UnknownVersionError, UnreadableStateError) as error:
        fail(str(error), EXIT_CONFIGURATION)


def _order(kind: ContactCommandKind, sentence: str) -> click.Command:
    name = kind.replace("_", "-")

    @click.command(name, help=sentence)
    @click.argument("account")
    @click.argument("phone")
    @click.option("--list", "list_number", help="Number of the list; without it every list of the account.")
    @click.option("--reason", required=True, help="Why, in your words; without the contact's number.")
    def order(account: str, phone: str, list_number: str | None, reason: str) -> None:
        number = _list(list_number)
        if kind == "erase" and number is not None:
            fail("an erasure is for the whole contact; leave --list out", EXIT_CONFIGURATION)
        ordered: ContactCommand = {
            "command_id": f"cmd_{uuid.uuid4().hex}", "account": account, "phone_number": _phone(phone),
            "list_number": number, "command": kind, "actor": getpass.getuser(), "reason": reason,
            "issued_at": now_ms(), "active": False, "contact_reason": "unknown", "unsubscribed_at": None,
            "changed_at": None,
        }  # fmt: skip
        _write(settings(), iter([ordered]))
        click.echo(json.dumps({"command_id": ordered["command_id"], "command": kind}))

    return order


contacts.add_command(_order("opt_out", "Text a contact no more."))
contacts.add_command(_order("opt_in", "Allow texting a contact again; you answer for its consent."))
contacts.add_command(_order("erase", "Forget a contact but for its consent, which must be honoured for ever."))


@contacts.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--reason", default="import", show_default=True, help="Why, in your words.")
def import_(file: Path, reason: str) -> None:
    """Take consent from a CSV file as `contacts export` writes it; a later decision of ours is never overwritten."""
    from rich.progress import Progress  # noqa: PLC0415 - the other commands start without it

    effective, actor, now = settings(), getpass.getuser(), now_ms()
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            total = sum(1 for _ in commands_of(lines, actor=actor, reason=reason, now=now))
        with file.open(encoding="utf-8-sig", newline="") as lines, Progress(console=_stderr()) as progress:
            shown = progress.add_task("importing", total=total)
            _write(
                effective,
                commands_of(lines, actor=actor, reason=reason, now=now),
                acked=lambda: progress.advance(shown),
            )
    except (ContactsFileError, UnicodeDecodeError) as error:
        fail(f"{file}: {error}", EXIT_CONFIGURATION)
    click.echo(json.dumps({"imported": total}))


@contacts.command()
def export() -> None:
    """Print the consent of every contact and list as CSV: the backup that `contacts import` restores.

    A line without a list number is for every list: the contact asked for it, or for a list that could not be told.
    """
    from runtime.kafka.scan import scan  # noqa: PLC0415 - refusals come without Kafka

    effective = settings()
    latest: dict[bytes, Sequence[tuple[str, ...]]] = {}
    try:
        with cluster_errors():
            for message in scan(effective.kafka, effective.topic_prefix + topics.AGGREGATE):
                key = message.key() or b""
                if is_contact_key(key):
                    latest[key] = _rows(key, message.value())
    except (UnknownVersionError, UnreadableStateError) as error:
        fail(str(error), EXIT_CONFIGURATION)
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(COLUMNS)
    for key in sorted(latest):
        out.writerows(latest[key])


def _rows(key: bytes, value: bytes | None) -> Sequence[tuple[str, ...]]:
    account, _, phone = key.decode().partition("|")
    return () if value is None else rows_of(account, phone, decode(value))


def _write(effective: Settings, ordered: Iterator[ContactCommand], **told: Any) -> None:
    from runtime.kafka.one_shot import Write, write_each  # noqa: PLC0415 - refusals come without Kafka

    encode, topic = encoder("ContactCommand"), effective.topic_prefix + topics.CONTACT_COMMANDS
    writes = (Write(topic, topics.contact_key(one["account"], one["phone_number"]), encode(one)) for one in ordered)
    with cluster_errors():
        write_each(effective.kafka, writes, **told)


def _phone(written: str) -> str:
    phone = to_e164(written)
    if phone is None:
        fail("the phone number is not an international one", EXIT_CONFIGURATION)
    return phone


def _list(written: str | None) -> str | None:
    number = None if written is None else to_sender(written)
    if written is not None and number is None:
        fail("--list is not a number", EXIT_CONFIGURATION)
    return number


def _shown(aggregate: Aggregate) -> dict[str, Any]:
    """What a person asks for; keys of messages and repeats say nothing to anybody."""
    return {
        "lists": {
            number: _readable(msgspec.structs.asdict(state)) for number, state in sorted(aggregate.lists.items())
        },
        "stopped_for_the_account": aggregate.stopped is not None,
        "optouts_without_list": len(unassigned.standing(aggregate)) + aggregate.unassigned_overflow,
        "messages_remembered": len(aggregate.messages),
        "repeats_remembered": len(aggregate.seen),
        "erased_at": None if aggregate.erased_at is None else to_public(aggregate.erased_at),
    }


def _readable(state: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in state.items() if name not in {"stop", "start"}}
    return {name: to_public(value) if name in _TIMES and value else value for name, value in shown.items()}


def _stderr() -> Any:
    from rich.console import Console  # noqa: PLC0415 - the other commands start without it

    return Console(stderr=True)
