"""Brings a configuration file onto the config topic as one transaction: additions first, removals last, audited."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import BaseModel, SecretStr

from runtime.clock import now_ms
from runtime.kafka.admin import ClusterError
from runtime.kafka.one_shot import Write, write_together
from runtime.kafka.scan import scan
from runtime.secrets import SecretBox
from runtime.worker import ConfigurationError
from schemas import topics
from schemas.codec import PoisonError, UnknownSchemaError, decoder, encoder
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
from schemas.providers.authentication import PARAMETERS, expected_of
from schemas.records import AuditEntry, ConfigRecord
from schemas.settings import Settings

ORIGIN: Final = "file"
KINDS: Final = frozenset({"account", "list", "endpoint"})
"""What a file describes; entries of other kinds are never touched."""
_SORTED: Final = orjson.OPT_SORT_KEYS


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
    """Entries that the file lacks and that stay without --prune; topic keys."""
    protected: list[str] = field(default_factory=list)
    """Entries that somebody changed later; left alone without --force."""
    lines: list[str] = field(default_factory=list)
    """The difference for a person."""


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
        result.lines.append(f"+ {key}" if old is None else f"~ {key}: {_changed(old['payload'], item.payload)}")
    for key, old in present.items():
        if key in wanted or old["kind"] not in KINDS:
            continue
        if prune and (force or old["origin"] == ORIGIN):
            result.remove.append(key)
            result.lines.append(f"- {key}")
        elif prune:
            result.protected.append(key)
            result.lines.append(f"= {key} is not in the file and came by {old['origin']}; kept (--force deletes)")
        else:
            result.kept.append(key)
            result.lines.append(f"= {key} is not in the file; kept (--prune deletes)")
    return result


def execute(settings: Settings, planned: Plan, present: dict[str, ConfigRecord], *, actor: str) -> None:
    """Write a plan as one transaction, with its audit records; nothing to do writes nothing.

    Raises:
        ClusterError: nothing was written, or the outcome is not known; also when somebody changed an entry of the plan
            after `present` was read.
    """
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
    keys = [f"{item.kind}|{item.id}" for item in planned.put] + planned.remove

    def refuse_a_change_meanwhile() -> None:
        fresh = current_records(settings)
        if any(fresh.get(key) != present.get(key) for key in keys):
            raise ClusterError("config", "somebody changed the configuration meanwhile; run again", retriable=True)

    write_together(settings.kafka, writes, name=f"{settings.topic_prefix}config", check=refuse_a_change_meanwhile)


def shown(records: Iterable[ConfigRecord]) -> list[dict[str, Any]]:
    """Config records for a person: payloads without sealed values."""
    return [
        {**record, "payload": _for_a_person(json.loads(record["payload"]))}
        for record in sorted(records, key=lambda record: (record["kind"], record["id"]))
    ]


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
    return None if payload is None else json.dumps(_for_a_person(json.loads(payload)), sort_keys=True)


def _for_a_person(payload: Any) -> Any:
    """A payload without sealed values and without the contents of headers, which may be credentials too."""
    bare = _without_sealed(payload)
    if isinstance(bare, dict) and isinstance(bare.get("headers"), dict):
        bare = {**bare, "headers": dict.fromkeys(bare["headers"], "***")}
    return bare


def _without_sealed(value: Any) -> Any:
    if isinstance(value, dict):
        if "sealed" in value:
            return {"valid_from": value.get("valid_from"), "valid_until": value.get("valid_until")}
        return {name: _without_sealed(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_sealed(item) for item in value]
    return value


def _changed(old: str, new: str) -> str:
    """Names of the fields that differ; where none shows, only secrets can have changed."""
    before, after = _without_sealed(json.loads(old)), _without_sealed(json.loads(new))
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return ", ".join(names) or "secrets"


def _resolve(secret: SecretValue) -> str:
    if isinstance(secret, SecretStr):
        return secret.get_secret_value()
    assert isinstance(secret, SecretSource)
    if secret.env is not None:
        value = os.environ.get(secret.env)
        if not value:
            raise ConfigFileError([f"environment variable {secret.env} is not set"])
        return value
    path = Path(secret.secret_file or "")
    try:
        value = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigFileError([f"secret_file {path}: {getattr(error, 'strerror', 'not UTF-8 text')}"]) from None
    if not value:
        raise ConfigFileError([f"secret_file {path} is empty"])
    return value


class _Sealer:
    """Seals secrets and remembers their plain values for the hash of one entry alone."""

    def __init__(self, box: SecretBox) -> None:
        self._box = box
        self._plain: list[tuple[str, str]] = []

    def seal(self, secrets: tuple[SecretValue, ...], context: str) -> tuple[SealedSecret, ...]:
        values = [_resolve(secret) for secret in secrets]
        self._plain += [(context, value) for value in values]
        return tuple(self._box.seal(value, context) for value in values)

    def finish(self, kind: str, full_id: str, model: BaseModel) -> Wanted:
        """The entry; its hash is over the payload without sealed values and over the plain ones."""
        payload = model.model_dump_json()
        hashed = orjson.dumps([kind, full_id, _without_sealed(orjson.loads(payload)), self._plain], option=_SORTED)
        self._plain = []
        return Wanted(kind, full_id, payload, self._box.digest(hashed))


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
                provider_id=item.provider_id,
                compliance=Compliance(
                    failure_threshold=item.compliance.failure_threshold,
                    failure_window_ms=item.compliance.failure_window,
                    failure_spacing_ms=item.compliance.failure_spacing,
                    keywords=item.compliance.keywords,
                    languages=item.compliance.languages,
                    spam_action=item.compliance.spam_action,
                    stop_signs=item.compliance.stop_signs,
                    filtered_is_spam=item.compliance.filtered_is_spam,
                    blocklist_is_optout=item.compliance.blocklist_is_optout,
                    optout_scope=item.compliance.optout_scope,
                ),
            )
            yield sealer.finish("list", f"{part.id}/{item.number}", settings)
        for end in part.endpoints:
            full_id = f"{part.id}/{end.id}"
            endpoint = Endpoint(
                account=part.id,
                id=full_id,
                url=end.url,
                secrets=sealer.seal(end.secrets, f"endpoint|{full_id}"),
                events=end.events,
                filters=Filters(list_numbers=end.filters.list_numbers, statuses=end.filters.statuses),
                concurrency=end.concurrency,
                rate_per_s=end.rate_per_s,
                headers=end.headers,
            )
            yield sealer.finish("endpoint", full_id, endpoint)


def _check_parameters(part: AccountPart) -> None:
    """Refuse what only shows once a parameter that is given by name is read."""
    for provider, access in part.access.items():
        for name in access.credentials.keys() & PARAMETERS:
            for value in map(_resolve, access.credentials[name]):
                if choices := expected_of(name, value):
                    where = f"account {part.id}, provider {provider}: {name}"
                    raise ConfigFileError([f"{where}: unknown; one of {', '.join(choices)}"])


def _account(part: AccountPart, sealer: _Sealer) -> Wanted:
    _check_parameters(part)
    providers = {
        provider: ProviderAccess(
            credentials={
                name: sealer.seal(values, f"account|{part.id}|{provider}|{name}")
                for name, values in access.credentials.items()
            },
            allow_unauthenticated=access.allow_unauthenticated,
        )
        for provider, access in part.access.items()
    }
    notify = None
    if part.notify is not None:
        notify = Notify(url=part.notify.url, secrets=sealer.seal(part.notify.secrets, f"account|{part.id}|notify"))
    return sealer.finish("account", part.id, Account(id=part.id, providers=providers, notify=notify))
