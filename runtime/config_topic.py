"""Reads the config topic as it is now, and writes changes to it: one transaction, audited, over nobody's change."""

import contextlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from pydantic import ValidationError

from runtime.kafka.admin import ClusterError
from runtime.kafka.one_shot import Write, write_together
from runtime.kafka.scan import scan
from runtime.worker import ConfigurationError
from schemas import topics
from schemas.codec import PoisonError, UnknownSchemaError, decoder, encoder
from schemas.config import Snapshot, read_entry, snapshot_of
from schemas.records import AuditEntry, ConfigRecord
from schemas.settings import Settings

_SORTED: Final = orjson.OPT_SORT_KEYS


@dataclass(frozen=True, slots=True)
class Change:
    """One entry as it is to be; a record of None removes it."""

    record: ConfigRecord | None
    key: str
    """Topic key, kind|id."""
    action: str
    """Closed word for the audit: put, remove, rotate, activate, reseal."""


def current_records(settings: Settings) -> dict[str, ConfigRecord]:
    """Every config record by its key, as the topic holds it now.

    Raises:
        ClusterError: the topic is missing or cannot be read.
        ConfigurationError: a record was written by a newer version; what is not poison is never overlooked.
    """
    decode = decoder("ConfigRecord")
    found: dict[str, ConfigRecord] = {}
    for message in scan(settings.kafka, settings.topic_prefix + topics.CONFIG):
        key = (message.key() or b"").decode("utf-8", "replace")
        value = message.value()
        try:
            if value is None:
                found.pop(key, None)
            else:
                found[key] = decode(value)[1]
        except PoisonError:
            found.pop(key, None)  # no worker can use it either, and an apply puts it right
        except UnknownSchemaError as error:
            raise ConfigurationError(
                f"config record at offset {message.offset()} was written by a newer version: {error}"
            ) from None
    return found


def snapshot_from(records: Iterable[ConfigRecord]) -> Snapshot:
    """What workers decide by; an entry that does not fit its kind is left out, as they leave it out."""
    entries = []
    for record in records:
        with contextlib.suppress(ValidationError):
            entries.append(read_entry(record["kind"], record["payload"]))
    return snapshot_of(entry for entry in entries if entry is not None)


def write_changes(
    settings: Settings,
    changes: Sequence[Change],
    present: dict[str, ConfigRecord],
    *,
    origin: str,
    actor: str,
    now: int,
) -> None:
    """Write changes as one transaction, with their audit records; none writes nothing.

    `origin` and `actor` are those of the audit; a record has its own. `now` is in milliseconds since the epoch.

    Raises:
        ClusterError: nothing was written, or the outcome is not known; also when somebody changed one of the entries
            after `present` was read.
    """
    if not changes:
        return
    config, audit = settings.topic_prefix + topics.CONFIG, settings.topic_prefix + topics.AUDIT
    encode, encode_audit = encoder("ConfigRecord"), encoder("AuditEntry")
    writes = [Write(config, one.key, None if one.record is None else encode(one.record)) for one in changes]
    trail = [_audit(one, present.get(one.key), origin=origin, actor=actor, now=now) for one in changes]
    writes += [Write(audit, entry["account"], encode_audit(entry)) for entry in trail]

    def refuse_a_change_meanwhile() -> None:
        fresh = current_records(settings)
        if any(fresh.get(one.key) != present.get(one.key) for one in changes):
            raise ClusterError("config", "somebody changed the configuration meanwhile; run again", retriable=True)

    write_together(settings.kafka, writes, name=f"{settings.topic_prefix}config", check=refuse_a_change_meanwhile)


def shown(records: Iterable[ConfigRecord]) -> list[dict[str, Any]]:
    """Config records for a person: payloads without sealed values."""
    return [
        {**record, "payload": _for_a_person(json.loads(record["payload"]))}
        for record in sorted(records, key=lambda record: (record["kind"], record["id"]))
    ]


def hashed_of(kind: str, full_id: str, payload: str, plain: Sequence[tuple[str, str]]) -> bytes:
    """What `applied_hash` is over: the payload without sealed values, and every secret as (context, value) in order."""
    return orjson.dumps([kind, full_id, without_sealed(orjson.loads(payload)), plain], option=_SORTED)


def without_sealed(value: Any) -> Any:
    """A payload with the times of its secrets only."""
    if isinstance(value, dict):
        if "sealed" in value:
            return {"valid_from": value.get("valid_from"), "valid_until": value.get("valid_until")}
        return {name: without_sealed(item) for name, item in value.items()}
    if isinstance(value, list):
        return [without_sealed(item) for item in value]
    return value


def _audit(change: Change, old: ConfigRecord | None, *, origin: str, actor: str, now: int) -> AuditEntry:
    kind, _, full_id = change.key.partition("|")
    return {
        "account": full_id.partition("/")[0],
        "actor": actor,
        "origin": origin,
        "action": f"{kind}.{change.action}",
        "target": full_id,
        "before": _text(old),
        "after": _text(change.record),
        "at": now,
    }


def _text(record: ConfigRecord | None) -> str | None:
    return None if record is None else json.dumps(_for_a_person(json.loads(record["payload"])), sort_keys=True)


def _for_a_person(payload: Any) -> Any:
    """A payload without sealed values and without the contents of headers, which may be credentials too."""
    bare = without_sealed(payload)
    if isinstance(bare, dict) and isinstance(bare.get("headers"), dict):
        bare = {**bare, "headers": dict.fromkeys(bare["headers"], "***")}
    return bare
