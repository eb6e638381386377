"""The command `trackly endpoints`: look at endpoints, pause and resume them, change secrets, send a test event."""

import base64
import json
import secrets as randomness
import sys
import uuid
from typing import Any, Final, NoReturn

import click

from runtime.cli.options import actor, cluster_errors, fail, settings
from runtime.clock import now_ms
from runtime.worker import EXIT_CONFIGURATION, EXIT_FAILED, EXIT_TRY_AGAIN
from schemas.config import SealedSecret
from schemas.records import ConfigRecord
from schemas.settings import Settings
from schemas.timestamps import to_public

SECRET_BYTES: Final = 24
"""Of a fresh secret, as Standard Webhooks makes them."""
OVERLAP_DEFAULT: Final = "24h"
OVERLAP_MAX_MS: Final = 30 * 86_400_000
"""A longer overlap is a secret that never ends; 30 days."""
REASON_CHARS_MAX: Final = 500
"""Of a person's words in an audit record."""
_E: Final = click.argument("endpoint", metavar="E")


@click.group()
def endpoints() -> None:
    """State of endpoints and orders for them; E is account/endpoint."""


@endpoints.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--held", "with_held", is_flag=True, help="Count the held tasks too; reads the hold log.")
def list_(*, as_json: bool, with_held: bool) -> None:
    """Print every configured endpoint with its state as the dispatchers see it."""
    from dispatchers.endpoints import state_topic  # noqa: PLC0415 - refusals come without Kafka
    from dispatchers.endpoints.pauses import configured, line, shown  # noqa: PLC0415 - the same
    from runtime.config_topic import current_records, snapshot_from  # noqa: PLC0415 - the same

    effective = settings()
    with cluster_errors():
        known = configured(snapshot_from(current_records(effective).values()))
        states = state_topic.states(effective)
        found = [shown(name, *known[name], states) for name in sorted(known)]
        if with_held:
            counts = state_topic.held(effective, states).counts
            found = [{**one, "held": counts[one["id"]]} for one in found]
    width = max((len(one["id"]) for one in found), default=0)
    for one in found:
        click.echo(json.dumps(one, ensure_ascii=False) if as_json else line(one, width=width))


@endpoints.command()
@_E
@click.option("--reason", help="Why, in your words, for the audit.")
def pause(endpoint: str, reason: str | None) -> None:
    """Deliver nothing to E until `resume`; its events wait and spend no try."""
    _order("pause", endpoint, reason)


@endpoints.command()
@_E
@click.option("--reason", help="Why, in your words, for the audit.")
def resume(endpoint: str, reason: str | None) -> None:
    """Deliver to E again, whether it was paused by hand or for its failures."""
    _order("resume", endpoint, reason)


def _order(kind: Any, endpoint: str, reason: str | None) -> None:
    from dispatchers.endpoints.pauses import Unchanged, configured, order  # noqa: PLC0415 - refusals come without Kafka
    from dispatchers.endpoints.state_topic import states, write_order  # noqa: PLC0415 - the same
    from runtime.config_topic import current_records, snapshot_from  # noqa: PLC0415 - the same
    from schemas.topics import manual_key  # noqa: PLC0415 - the same

    if reason is not None and len(reason) > REASON_CHARS_MAX:
        fail(f"--reason is longer than {REASON_CHARS_MAX} characters", EXIT_CONFIGURATION)
    effective = settings()
    with cluster_errors():
        if endpoint not in configured(snapshot_from(current_records(effective).values())):
            _unknown(endpoint)
        known = states(effective)
        ordered = order(kind, endpoint, known, actor=actor(), now=now_ms())
        if isinstance(ordered, Unchanged):
            click.echo(ordered.sentence)
            return
        write_order(effective, ordered, known.get(manual_key(endpoint)), reason=reason)
    click.echo(f"{endpoint} is {'paused' if kind == 'pause' else 'resumed'}")


@endpoints.command()
@_E
@click.option("--overlap", default=OVERLAP_DEFAULT, show_default=True, help="How long old secrets stay valid; 0: not.")
@click.option("--activate", "only_activate", is_flag=True, help="No new secret: the newest signs X-Trackly-Signature.")
def rotate(endpoint: str, overlap: str, *, only_activate: bool) -> None:
    """Give E a fresh secret and print it, once; the old ones stay valid for the overlap.

    X-Trackly-Signature keeps the previous secret until the overlap ends or until `--activate`; webhook-signature is
    signed with every valid one.
    """
    from dispatchers.endpoints.rotation import Active, Refused, activate  # noqa: PLC0415 - refusals come without Kafka
    from dispatchers.endpoints.rotation import rotate as rotated  # noqa: PLC0415 - the same
    from runtime.config_topic import current_records, snapshot_from  # noqa: PLC0415 - the same
    from runtime.secrets import SecretBox  # noqa: PLC0415 - the same

    overlap_ms = _overlap(overlap)
    effective, now, fresh = settings(), now_ms(), ""
    with cluster_errors():
        present = current_records(effective)
        old = snapshot_from(present.values()).endpoints.get(endpoint)
        if old is None or f"endpoint|{endpoint}" not in present:  # secrets of notices stand in the account's entry
            _unknown(endpoint)
        if only_activate:
            result = activate(old.secrets, now=now)
        else:
            fresh = "whsec_" + base64.b64encode(randomness.token_bytes(SECRET_BYTES)).decode()
            sealed = SecretBox.from_settings(effective.secret_keys).seal(fresh, f"endpoint|{endpoint}")
            result = rotated(old.secrets, sealed, now=now, overlap_ms=overlap_ms)
        if isinstance(result, Active):
            click.echo(f"the newest secret of {endpoint} signs already", err=True)
            return
        if isinstance(result, Refused):
            fail(f"{endpoint}: {result.sentence}", EXIT_CONFIGURATION)
        _put(effective, present, endpoint, result, "activate" if only_activate else "rotate", now=now)
    if only_activate:
        click.echo(f"the newest secret of {endpoint} signs X-Trackly-Signature now", err=True)
        return
    click.echo(fresh)
    old_ones = [one for one in result if one.valid_until is not None]
    until = f"older ones end by {to_public(now + overlap_ms)}" if old_ones else "older ones have ended"
    click.echo(f"{endpoint} has a fresh secret, shown only here; {until}", err=True)


@endpoints.command("test")
@_E
@click.option("--timeout", "timeout_s", type=click.FloatRange(0, 600), default=15, show_default=True, help="Seconds.")
def test(endpoint: str, timeout_s: float) -> None:
    """Send E a `delivery` event with made-up numbers and print what came back; exit 0 for any 2xx, else 1.

    One try, marked with the header `X-Trackly-Test: 1`. Exit 75 where no try was seen in time.
    """
    from dispatchers.endpoints.trial import Answers, is_good, shown, task_of  # noqa: PLC0415 - without Kafka
    from runtime.config_topic import current_records, snapshot_from  # noqa: PLC0415 - the same
    from runtime.kafka.one_shot import Write, write_each  # noqa: PLC0415 - the same
    from schemas.codec import encoder  # noqa: PLC0415 - the same
    from schemas.topics import TASKS  # noqa: PLC0415 - the same

    effective, now = settings(), now_ms()
    with cluster_errors():
        found = snapshot_from(current_records(effective).values()).endpoints.get(endpoint)
        if found is None:
            _unknown(endpoint)
        task = task_of(found.account, endpoint, f"cmd_{uuid.uuid4().hex}", now=now)
        answers = Answers(effective, since_ms=now)
        try:
            write_each(
                effective.kafka, [Write(effective.topic_prefix + TASKS, endpoint, encoder("DeliveryTask")(task))]
            )
            attempt = answers.of(task, timeout_s=timeout_s)
        finally:
            answers.close()
    if attempt is None:
        why = f"is a dispatcher running? is {endpoint} paused? The event may still go out"
        fail(f"no try was seen in {timeout_s:g} s; {why}", EXIT_TRY_AGAIN)
    click.echo(json.dumps(shown(attempt), ensure_ascii=False))
    sys.exit(0 if is_good(attempt) else EXIT_FAILED)


def _put(
    effective: Settings,
    present: dict[str, ConfigRecord],
    endpoint: str,
    secrets: tuple[SealedSecret, ...],
    action: str,
    *,
    now: int,
) -> None:
    """Write the endpoint's record back whole with other secrets; from now on `config apply` leaves it alone."""
    from runtime.config_topic import Change, write_changes  # noqa: PLC0415 - refusals come without Kafka

    key, who = f"endpoint|{endpoint}", actor()
    payload = {**json.loads(present[key]["payload"]), "secrets": [one.model_dump() for one in secrets]}
    record: ConfigRecord = {
        **present[key],
        "payload": json.dumps(payload, ensure_ascii=False, separators=(",", ":")),
        "origin": "command",
        "actor": who,
        "updated_at": now,
    }
    write_changes(effective, [Change(record, key, action)], present, origin="command", actor=who, now=now)


def _overlap(text: str) -> int:
    from schemas.config_file import duration_ms  # noqa: PLC0415 - help comes without it

    try:
        found = 0 if text.strip() == "0" else duration_ms(text)
    except ValueError as error:
        fail(f"--overlap: {error}, or 0", EXIT_CONFIGURATION)
    if found > OVERLAP_MAX_MS:
        fail(f"--overlap is longer than {OVERLAP_MAX_MS // 86_400_000} days", EXIT_CONFIGURATION)
    return found


def _unknown(endpoint: str) -> NoReturn:
    fail(f"no endpoint {endpoint!r} is configured; `trackly endpoints list` shows them", EXIT_CONFIGURATION)
