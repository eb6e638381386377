"""Deterministic ids: the same facts give the same id on every machine, so that a repeat is seen as one. Pure."""

import hashlib


def _digest(*parts: str) -> str:
    """SHA-256 in hex over length-prefixed parts: no two lists of parts can run together."""
    joined = "".join([f"{len(part)}:{part}" for part in parts])
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()


def event_id(account: str, provider: str, event_type: str, list_number: str, natural_key: str) -> str:
    """Id of an event and `webhook-id` of its deliveries: `evt_` and 32 hex digits (DESIGN.md 4.2)."""
    return "evt_" + _digest(account, provider, event_type, list_number, natural_key)[:32]


def coordinates_key(partition: int, offset: int) -> str:
    """Natural key of a fragment that holds neither id nor provider time: where its record lies."""
    return f"@{partition}:{offset}"


def task_id(event: str, endpoint: str, replay_id: str | None = None) -> str:
    """Id of one event for one endpoint, the same for every copy of one chain (DESIGN.md 4.8)."""
    return "tsk_" + _digest(event, endpoint, replay_id or "")[:32]


def test_event_id(account: str, endpoint: str, command_id: str) -> str:
    """Id of a test event (DESIGN.md 4.2)."""
    return "evt_" + _digest(account, "test", endpoint, command_id)[:32]


def notice_event_id(endpoint: str, kind: str, at: int) -> str:
    """Id of a notice about an endpoint and `webhook-id` of its tries (DELIVERY.md, Outcome policy)."""
    return "evt_" + _digest("notice", endpoint, kind, str(at))[:32]


def content_key(body: bytes) -> str:
    """Content hash of a fragment or body."""
    return hashlib.sha256(body).hexdigest()
