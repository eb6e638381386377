"""(h) After a STOP is acknowledged no send that is asked for later is approved, unless an opt-in came after it.

And the other way round: nothing is blocked on a list where no STOP can be in force.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from tests.chaos.checker.history import Callback, History, Record, Request, Violation, where

_Contact = tuple[str, str, str]


def approved_after_stop(history: History) -> Iterator[Violation]:
    """Judge every decision by what the provider and the asking side knew."""
    said: defaultdict[_Contact, list[Callback]] = defaultdict(list)
    for callback in history.callbacks:
        said[callback.account, callback.list_number, callback.contact].append(callback)
    asked = {request.message_id: request for request in history.requests}
    for topic in ("sends.approved", "sends.blocked"):
        for record in history.of(topic):
            request = asked.get(record.value["message_id"])
            if request is not None:
                about = said[request.account, request.list_number, request.contact]
                yield from (_approved if record.value["approved"] else _blocked)(topic, record, request, about)


def _approved(topic: str, record: Record, request: Request, said: list[Callback]) -> Iterator[Violation]:
    stops = [
        one for one in said if one.kind == "stop" and one.acked_at is not None and one.acked_at <= request.asked_at
    ]
    if not stops:
        return
    stop = max(stops, key=lambda one: one.sent_at)
    lifted = any(one.kind == "start" and stop.sent_at < one.sent_at <= record.timestamp for one in said)
    if not lifted:
        yield Violation("h", "approved_after_stop", _evidence(topic, record, request) | {"stop": _facts(stop)})


def _blocked(topic: str, record: Record, request: Request, said: list[Callback]) -> Iterator[Violation]:
    if not any(_may_hold(one, request, said) for one in said if one.sent_at <= record.timestamp):
        evidence = _evidence(topic, record, request) | {"reason": record.value["reason"]}
        yield Violation("h", "blocked_without_stop", evidence)


def _may_hold(stop: Callback, request: Request, said: list[Callback]) -> bool:
    """Whether a STOP may still have been in force: no START after it was acknowledged before the question."""
    return stop.kind == "stop" and not any(
        one.kind == "start"
        and one.sent_at > stop.sent_at
        and one.acked_at is not None
        and one.acked_at <= request.asked_at
        for one in said
    )


def _evidence(topic: str, record: Record, request: Request) -> dict[str, object]:
    return {
        "message_id": request.message_id,
        "list_number": request.list_number,
        "asked_at": request.asked_at,
        "decided_at": record.timestamp,
        "record": where(topic, record),
    }


def _facts(stop: Callback) -> Mapping[str, object]:
    return {"callback": stop.id, "sent_at": stop.sent_at, "acked_at": stop.acked_at}
