"""Which config records are to be sealed anew under the first key, once it is another one. Seals, writes nothing.

R1  A secret under another key is opened and sealed under the first; its context and its times stay as they are.
R2  Origin, actor and time of a record stay: nobody changed what it says.
R3  The hash of what a file applied is made anew under the first key where it was right under another: an unchanged file
    shows no difference then. A hash that is right under no key stays, and so does that of what others changed.
R4  A record with a secret that does not open stays as it is, and is named.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from runtime.config_topic import Change, hashed_of
from runtime.secrets import SecretBox, UnsealError
from schemas.config import SealedSecret
from schemas.records import ConfigRecord

_BY_FILE: Final = "file"


@dataclass(slots=True)
class Resealing:
    """What a reseal would do."""

    changes: list[Change] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    """A sentence for every record that cannot be opened."""


def reseal(present: Mapping[str, ConfigRecord], box: SecretBox) -> Resealing:
    """Find what is not under the first key yet."""
    result = Resealing()
    for key, record in sorted(present.items()):
        try:
            fresh = _resealed(record, box)
        except UnsealError as error:
            result.closed.append(f"{key}: {error}")
            continue
        except ValueError:  # no JSON, or no sealed secret where one must be; its text may hold one
            result.closed.append(f"{key}: what it holds cannot be read; apply the file again")
            continue
        if fresh != record:
            result.changes.append(Change(fresh, key, "reseal"))
    return result


def _resealed(record: ConfigRecord, box: SecretBox) -> ConfigRecord:
    payload = orjson.loads(record["payload"])
    plain: list[tuple[str, str]] = []
    moved = False
    for secrets, context in _places(record["kind"], record["id"], payload):
        for place, written in enumerate(secrets):
            one = SealedSecret.model_validate(written)
            value = box.open(one, context)
            plain.append((context, value))
            if one.key_id != box.first:
                fresh = box.seal(value, context)
                secrets[place] = {**written, "key_id": fresh.key_id, "sealed": fresh.sealed}
                moved = True
    text = orjson.dumps(payload).decode() if moved else record["payload"]
    return {**record, "payload": text, "applied_hash": _hash(record, plain, box)}


def _hash(record: ConfigRecord, plain: list[tuple[str, str]], box: SecretBox) -> str:
    if record["origin"] != _BY_FILE:
        return record["applied_hash"]
    first, *others = box.digests(hashed_of(record["kind"], record["id"], record["payload"], plain))
    return first if record["applied_hash"] in others else record["applied_hash"]


def _places(kind: str, full_id: str, payload: Any) -> Iterator[tuple[list[Any], str]]:
    """Every list of sealed secrets with its context, in the order in which a file's secrets are hashed."""
    if kind == "endpoint":
        yield payload.get("secrets", []), f"endpoint|{full_id}"
    elif kind == "account":
        for provider, access in payload.get("providers", {}).items():
            for name, secrets in access.get("credentials", {}).items():
                yield secrets, f"account|{full_id}|{provider}|{name}"
        yield (payload.get("notify") or {}).get("secrets", []), f"account|{full_id}|notify"
