"""Brings a configuration file onto the config topic as one transaction: additions first, removals last, audited."""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import BaseModel, SecretStr

from runtime.clock import now_ms
from runtime.config_follower import ConfigFollower
from runtime.kafka.one_shot import Write, write_together
from runtime.kafka.scan import scan
from runtime.secrets import SecretBox
from schemas import topics
from schemas.codec import decoder, encoder
from schemas.config import (
    Account,
    Compliance,
    Endpoint,
    Filters,
    Forward,
    ListSettings,
    Notify,
    ProviderAccess,
    SealedSecret,
)
from schemas.config_file import AccountPart, ConfigFile, ConfigFileError, SecretSource, SecretValue
from schemas.records import AuditEntry, ConfigRecord
from schemas.settings import Settings

ORIGIN: Final = "file"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One entry as the file wants it; the hash covers unsealed values, the payload only sealed ones."""

    kind: str
    id: str
    payload: str
    digest: str


@dataclass(slots=True)
class Plan:
    """What an apply would do."""

    put: list[Wanted] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    """Topic keys, kind|id."""
    kept: list[str] = field(default_factory=list)
    """Entries that the file lacks and that stay without --prune."""
    protected: list[str] = field(default_factory=list)
    """Entries that somebody changed later; left alone without --force."""
    lines: list[str] = field(default_factory=list)
    """The difference for a person."""


def current_records(settings: Settings) -> dict[str, ConfigRecord]:
    """Every config record by its key, as the topic holds it now."""
    decode = decoder("ConfigRecord")
    found: dict[str, ConfigRecord] = {}
    for message in scan(settings.kafka, settings.topic_prefix + topics.CONFIG):
        key = (message.key() or b"").decode()
        value = message.value()
        if value is None:
            found.pop(key, None)
        else:
            found[key] = decode(value)[1]
    return found


def plan(file: ConfigFile, present: dict[str, ConfigRecord], box: SecretBox, *, prune: bool, force: bool) -> Plan:
    """Compare the file with the topic.

    Raises:
        ConfigFileError: a secret's file or variable cannot be read.
    """
    result = Plan()
    wanted = {f"{item.kind}|{item.id}": item for item in _wanted(file, box)}
    for key, item in wanted.items():
        old = present.get(key)
        if old is not None and old["applied_hash"] == item.digest and old["origin"] == ORIGIN:
            continue
        if old is not None and old["origin"] != ORIGIN and not force:
            result.protected.append(key)
            result.lines.append(f"= {key} was changed by {old['origin']}; kept (--force overwrites)")
            continue
        result.put.append(item)
        result.lines.append(f"{'+' if old is None else '~'} {key}")
    for key, old in present.items():
        if key in wanted or old["kind"] == "layout":
            continue
        if prune and (force or old["origin"] == ORIGIN):
            result.remove.append(key)
            result.lines.append(f"- {key}")
        else:
            result.kept.append(key)
            result.lines.append(f"  {key} is not in the file; kept (--prune deletes)")
    return result


def execute(settings: Settings, planned: Plan, present: dict[str, ConfigRecord], *, actor: str) -> None:
    """Write a plan as one transaction, with its audit records; nothing to do writes nothing."""
    if not planned.put and not planned.remove:
        return
    now = now_ms()
    config, audit = settings.topic_prefix + topics.CONFIG, settings.topic_prefix + topics.AUDIT
    encode, encode_audit = encoder("ConfigRecord"), encoder("AuditEntry")
    writes, trail = [], []
    for item in planned.put:
        key = f"{item.kind}|{item.id}"
        record: ConfigRecord = {
            "kind": item.kind,
            "id": item.id,
            "payload": item.payload,
            "origin": ORIGIN,
            "actor": actor,
            "updated_at": now,
            "applied_hash": item.digest,
        }
        writes.append(Write(config, key, encode(record)))
        trail.append(_audit(key, "put", present.get(key), item.payload, actor=actor, now=now))
    for key in planned.remove:
        writes.append(Write(config, key, None))
        trail.append(_audit(key, "remove", present.get(key), None, actor=actor, now=now))
    writes += [Write(audit, entry["account"], encode_audit(entry)) for entry in trail]
    write_together(settings.kafka, writes, name=f"{settings.topic_prefix}config")


def shown(records: Iterable[ConfigRecord]) -> list[dict[str, Any]]:
    """Config records for a person: payloads without sealed values."""
    return [
        {**record, "payload": _without_secrets(json.loads(record["payload"]))}
        for record in sorted(records, key=lambda record: (record["kind"], record["id"]))
    ]


def follow_until_ready(settings: Settings, role: str) -> ConfigFollower:
    """A started follower that has read the topic to its end."""
    follower = ConfigFollower(settings, role)
    follower.start()
    follower.wait_ready(keep_waiting=lambda: True)
    return follower


def _audit(key: str, action: str, old: ConfigRecord | None, new: str | None, *, actor: str, now: int) -> AuditEntry:
    kind, _, full_id = key.partition("|")
    return {
        "account": full_id.partition("/")[0],
        "actor": actor,
        "origin": ORIGIN,
        "action": f"{kind}.{action}",
        "target": full_id,
        "before": _text(old["payload"] if old is not None else None),
        "after": _text(new),
        "at": now,
    }


def _text(payload: str | None) -> str | None:
    return None if payload is None else json.dumps(_without_secrets(json.loads(payload)), sort_keys=True)


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        if "sealed" in value:
            return {"valid_from": value.get("valid_from"), "valid_until": value.get("valid_until")}
        return {name: _without_secrets(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return value


def _resolve(secret: SecretValue) -> str:
    if isinstance(secret, SecretStr):
        return secret.get_secret_value()
    assert isinstance(secret, SecretSource)
    if secret.env is not None:
        value = os.environ.get(secret.env)
        if value is None:
            raise ConfigFileError([f"environment variable {secret.env} is not set"])
        return value
    path = Path(secret.secret_file or "")
    try:
        return path.read_text("utf-8").strip()
    except OSError as error:
        raise ConfigFileError([f"secret_file {path}: {error.strerror}"]) from None


class _Sealer:
    """Seals secrets and remembers their plain values for the hash alone."""

    def __init__(self, box: SecretBox) -> None:
        self._box = box
        self._plain: list[str] = []

    def seal(self, secrets: tuple[SecretValue, ...], context: str) -> tuple[SealedSecret, ...]:
        values = [_resolve(secret) for secret in secrets]
        self._plain += values
        return tuple(self._box.seal(value, context) for value in values)

    def finish(self, kind: str, full_id: str, model: BaseModel) -> Wanted:
        """The entry; its hash is over the payload without sealed values and over hashes of the plain ones."""
        payload = model.model_dump_json()
        bare = orjson.dumps(_without_secrets(orjson.loads(payload)), option=orjson.OPT_SORT_KEYS)
        secret_part = "".join(hashlib.sha256(f"{kind}|{full_id}|{value}".encode()).hexdigest() for value in self._plain)
        self._plain = []
        return Wanted(kind, full_id, payload, hashlib.sha256(bare + secret_part.encode()).hexdigest())


def _wanted(file: ConfigFile, box: SecretBox) -> Iterable[Wanted]:
    sealer = _Sealer(box)
    for part in file.accounts:
        yield _account(part, sealer)
        for item in part.lists:
            settings = ListSettings(
                account=part.id,
                number=item.number,
                provider=item.provider,
                forward=Forward(delivery=item.forward.delivery, reply=item.forward.reply),
                compliance=Compliance(
                    failure_threshold=item.compliance.failure_threshold,
                    failure_window_ms=item.compliance.failure_window,
                    failure_spacing_ms=item.compliance.failure_spacing,
                ),
            )
            yield sealer.finish("list", f"{part.id}/{item.number}", settings)
        for end in part.endpoints:
            full_id = f"{part.id}/{end.id}"
            endpoint = Endpoint(
                account=part.id,
                id=full_id,
                url=end.url,
                secrets=sealer.seal(end.secret, f"endpoint|{full_id}"),
                events=end.events,
                filters=Filters(list_numbers=end.filters.list_numbers, statuses=end.filters.statuses),
                concurrency=end.concurrency,
                rate_per_s=end.rate_per_s,
                headers=end.headers,
            )
            yield sealer.finish("endpoint", full_id, endpoint)


def _account(part: AccountPart, sealer: _Sealer) -> Wanted:
    providers = {
        provider: ProviderAccess(
            credentials={
                name: sealer.seal(values, f"account|{part.id}|{provider}|{name}")
                for name, values in part.credentials_of(provider).items()
            },
            allow_unauthenticated=part.allows_unauthenticated(provider),
        )
        for provider in part.providers
    }
    notify = None
    if part.notify is not None:
        notify = Notify(url=part.notify.url, secrets=sealer.seal(part.notify.secret, f"account|{part.id}|notify"))
    return sealer.finish("account", part.id, Account(id=part.id, providers=providers, notify=notify))
