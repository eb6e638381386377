"""Which past events are replayed, and to whom: by the subscriptions and filters of now. Pure."""

from collections.abc import Callable, Iterable
from typing import Any

from dispatchers.replay.selection import NOT_MEANT, ErasedAt, Judged, Left, Selection, Tasks
from dispatchers.task import UntrustedTaskError, check, fan_out
from schemas.config import Endpoint
from schemas.topics import PublicEvent


def judge(
    event_type: PublicEvent,
    event: dict[str, Any],
    chosen: Selection,
    *,
    endpoints_of: Callable[[str], Iterable[Endpoint]],
    erased_at: ErasedAt,
) -> Judged:
    """What an event comes to."""
    account = event["account"]
    if not (chosen.is_time(event["received_at"]) and account in (chosen.accounts or {account})):
        return NOT_MEANT
    wanted = [endpoint for endpoint in endpoints_of(account) if chosen.is_endpoint(endpoint.id)]
    try:
        tasks = fan_out(event_type, event, wanted)
        for task in tasks:
            check(task, event_type)
    except UntrustedTaskError:
        return Left("untrusted")
    if not tasks:
        return Left("not_subscribed")
    if event["received_at"] <= erased_at(tasks[0]["contact_key"]):
        return Left("erased")
    return Tasks(tasks)
