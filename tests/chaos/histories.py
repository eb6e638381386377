"""Small histories for the tests of the checker: a right one of two contacts, built step by step as a run would."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.checker.history import EVENT_OF, Callback, Fault, History, Hit, Kind, Record, Request, Setup

LIST = "+18005550101"
ANN, BOB = "+14155550001", "+14155550002"
MAIN, SLOW = "acme/main", "acme/slow"
SECRET = "the-path-secret"
TIER = "events.reply.retry-1m"
START = 1_700_000_000_000
SETUP = Setup(
    endpoints={MAIN: frozenset({"delivery", "unsubscribe", "reply"}), SLOW: frozenset({"reply"})},
    delays_ms={f"events.{event}.retry-1m": 1000 for event in ("delivery", "unsubscribe", "reply")},
    session_ms=6000,
    inflight_max=4,
    secrets=(SECRET,),
)


@dataclass
class Builder:
    """Writes what a system would that keeps every promise; `at` is the time of the next step."""

    setup: Setup = SETUP
    at: int = START
    callbacks: list[Callback] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    records: defaultdict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    hits: list[Hit] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=lambda: {"gateway.log": '{"event": "ready", "at": 1700000000000}\n'})

    def history(self) -> History:
        return History(self.setup, self.callbacks, self.requests, self.records, self.hits, self.faults, self.logs)

    def write(self, topic: str, name: str, key: str, value: Mapping[str, Any], at: int | None = None) -> Record:
        found = self.records[topic]
        record = Record(0, len(found), self.at if at is None else at, key, name, value)
        found.append(record)
        return record

    def callback(self, name: str, kind: Kind, contact: str = ANN, *, acked: bool = True) -> Callback:
        self.at += 100
        text = {"stop": "STOP", "start": "START", "reply": f"see you at five, my reference is {name}"}.get(kind)
        made = Callback(name, kind, "acme", contact, LIST, self.at, self.at + 10 if acked else None, text)
        self.callbacks.append(made)
        return made

    def raw(self, made: Callback) -> None:
        body = json.dumps({"results": [{"messageId": made.id}]}).encode()
        self.write("callbacks.raw", "RawCallback", f"acme|{made.contact}", {"body": body})

    def event(self, made: Callback, event_id: str | None = None) -> str:
        event = EVENT_OF[made.kind]
        who = {"to": made.contact, "status": made.kind} if event == "delivery" else {"phone_number": made.contact}
        said = {"body": made.text} if event == "reply" else {}
        found = event_id or f"evt_{made.id}"
        value = {"event_id": found, "account": "acme", "list_number": LIST, "provider_message_id": made.id}
        self.write(f"events.{event}", event, f"acme|{made.contact}", {**value, **who, **said})
        return found

    def change(self, made: Callback, *, active: bool) -> None:
        reason = "resubscribed" if active else "message"
        value = {"active": active, "reason": reason, "source_event_id": f"evt_{made.id}"}
        self.write("contacts", "ContactState", f"acme|{LIST}|{made.contact}", value)

    def attempt(
        self, event_id: str, endpoint: str, number: int = 1, status: int | None = 200, verdict: str = "", took: int = 20
    ) -> None:
        """One try, from now on."""
        good = status == 200
        self.hits.append(Hit(event_id, endpoint, self.at + 5, status))
        value = {
            "event_id": event_id, "endpoint": endpoint, "task_id": f"tsk_{event_id}|{endpoint}", "attempt": number,
            "outcome": "success" if good else "http_5xx", "status_code": status, "started_at": self.at,
            "duration_ms": took, "verdict": verdict or ("delivered" if good else "retry"),
        }  # fmt: skip
        self.at += took
        self.write("webhooks.attempts", "Attempt", endpoint, value)

    def tier(self, event_id: str, endpoint: str, number: int) -> None:
        value = {"task_id": f"tsk_{event_id}|{endpoint}", "event_id": event_id, "endpoint": endpoint, "attempt": number}
        self.write(TIER, "DeliveryTask", endpoint, value)

    def hold(self, event_id: str, endpoint: str) -> None:
        self.write("webhooks.hold", "DeliveryTask", endpoint, {"event_id": event_id, "endpoint": endpoint})

    def dead(self, event_id: str, endpoint: str) -> None:
        task = {"event_id": event_id, "endpoint": endpoint}
        self.write("webhooks.dead", "DeadLetter", endpoint, {"task": task})

    def whole(self, name: str, kind: Kind, contact: str = ANN) -> str:
        """A callback all the way to every endpoint."""
        made = self.callback(name, kind, contact)
        self.raw(made)
        event_id = self.event(made)
        for endpoint, subscribed in self.setup.endpoints.items():
            if EVENT_OF[kind] in subscribed:
                self.attempt(event_id, endpoint)
        return event_id

    def ask(self, message_id: str, contact: str = ANN) -> Request:
        self.at += 100
        made = Request(message_id, "acme", contact, LIST, self.at)
        self.requests.append(made)
        return made

    def decide(self, made: Request, *, approved: bool) -> None:
        self.at += 20
        topic = "sends.approved" if approved else "sends.blocked"
        value = {"message_id": made.message_id, "approved": approved, "reason": "x"}
        self.write(topic, "SendDecision", f"acme|{made.contact}", value)

    def fault(self, kind: str = "kill", dispatchers: int = 1) -> None:
        self.faults.append(Fault(kind, "dispatcher-0", self.at, self.at + 500, dispatchers))


def right() -> Builder:
    """Consent both ways, a retry, a repeat of an id on the log, a lost answer, questions before and after."""
    build = Builder()
    build.decide(build.ask("m1"), approved=True)
    build.whole("r1", "reply", BOB)
    build.whole("s1", "stop")
    build.change(build.callbacks[-1], active=False)
    build.raw(build.callbacks[-1])
    build.decide(build.ask("m2"), approved=False)
    build.decide(build.ask("m3", BOB), approved=True)
    build.whole("s2", "stop")
    build.whole("g1", "start")
    build.change(build.callbacks[-1], active=True)
    build.decide(build.ask("m4"), approved=True)
    build.whole("d1", "delivered")
    build.whole("u1", "undeliverable", BOB)
    made = build.callback("r2", "reply", BOB)
    build.raw(made)
    event_id = build.event(made)
    build.attempt(event_id, MAIN, status=503)
    build.tier(event_id, MAIN, 2)
    build.attempt(event_id, SLOW, status=200)
    build.at += 1000
    build.attempt(event_id, MAIN, 2)
    build.callback("r3", "reply", acked=False)
    return build
