"""Brings a configuration file onto the config topic as one transaction: additions first, removals last, audited."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import BaseModel, SecretStr

from runtime.clock import now_ms
from runtime.config_topic import Change, current_records, hashed_of, shown, without_sealed, write_changes
from runtime.secrets import SecretBox
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
from schemas.records import ConfigRecord
from schemas.settings import Settings

__all__ = ["Plan", "Wanted", "current_records", "execute", "plan", "shown"]

ORIGIN: Final = "file"
KINDS: Final = frozenset({"account", "list", "endpoint"})
"""What a file describes; entries of other kinds are never touched."""


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
        ClusterError: as `write_changes` says.
    """
    now = now_ms()
    changes = [
        Change(
            {
                "kind": item.kind,
                "id": item.id,
                "payload": item.payload,
                "origin": ORIGIN,
                "actor": actor,
                "updated_at": now,
                "applied_hash": item.digest,
            },
            f"{item.kind}|{item.id}",
            "put",
        )
        for item in planned.put
    ] + [Change(None, key, "remove") for key in planned.remove]
    write_changes(settings, changes, present, origin=ORIGIN, actor=actor, now=now)


def _changed(old: str, new: str) -> str:
    """Names of the fields that differ; where none shows, only secrets can have changed."""
    before, after = without_sealed(json.loads(old)), without_sealed(json.loads(new))
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
        hashed = hashed_of(kind, full_id, payload, self._plain)
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
