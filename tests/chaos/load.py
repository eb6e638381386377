"""The providers and the sending service of a run: callbacks with ids of their own at a rate, repeated until they are
acknowledged as a provider would, and questions to the send gate beside them. What was acknowledged is written down.

A contact waits for the answer to one callback before its next, so that the order of sending is the order of the facts.
"""

import asyncio
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
from confluent_kafka import Producer

from producers.simulator.spellings.twilio import signature
from tests.chaos.checker.avro import encode
from tests.chaos.checker.history import Callback, Kind, Request

PATH_SECRET: Final = "chaos-path-secret"
AUTH_TOKEN: Final = "chaos-auth-token-of-thirty-two-by"
BASE: Final = "https://hooks.test"
CONTACTS: Final = 300
KINDS: Final[dict[Kind, int]] = {"reply": 25, "delivered": 35, "undeliverable": 10, "stop": 16, "start": 14}
"""Weights; a contact changes its mind often, so that consent is what most is asked of."""
REPLIES: Final = (
    "see you at five o'clock then",
    "that is very kind of you",
    "which shop do you mean",
    "my order came and it is fine",
)
BATCH_MAX: Final = 3
"""Callbacks in one request where the provider sends several."""
BATCH_SHARE: Final = 0.15
ASK_SHARE: Final = 0.5
"""How often a question follows a change of mind at once; beside these, one for every fourth callback."""
RETRY_S: Final = (0.2, 0.5, 1.0, 2.0)
TRY_S: Final = 5.0
INFLIGHT_MAX: Final = 400
TICK_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Line:
    """One list and how its provider calls."""

    account: str
    number: str
    provider: str


LINES: Final = (
    Line("acme", "+18005550101", "infobip"),
    Line("acme", "+18005550102", "twilio"),
    Line("bolt", "+18005550103", "infobip"),
)


class Load:
    """Runs in a thread of its own until told to stop; then repeats what is not acknowledged until told to give up."""

    def __init__(
        self, folder: Path, seed: int, rate: float, gateways: Sequence[str], bootstrap: str, topic: str
    ) -> None:
        """Prepare; `start` begins."""
        self._rng = Random(seed)
        self._rate = rate
        self._gateways = cycle(gateways)
        self._topic = topic
        self._producer = Producer(
            {"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "enable.idempotence": True,
             "message.timeout.ms": 120_000, "log_level": 0}
        )  # fmt: skip
        self._callbacks = (folder / "callbacks.jsonl").open("ab")
        self._requests = (folder / "requests.jsonl").open("ab")
        self._number = 0
        self._busy: set[tuple[str, str]] = set()
        self._open: set[asyncio.Task[None]] = set()
        self._stop, self._give_up = threading.Event(), threading.Event()
        self.acknowledged: set[str] = set()
        self.asked: set[str] = set()
        self.unacknowledged = 0
        self.refused = 0
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def start(self) -> None:
        """Begin to call."""
        self._thread.start()

    def stop(self, wait_s: float) -> None:
        """Begin nothing new, and repeat what is open until it is acknowledged or the time is up."""
        self._stop.set()
        self._thread.join(wait_s)
        self._give_up.set()
        self._thread.join(TRY_S + 30)
        self._callbacks.close()
        self._requests.close()

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=TRY_S)
        connector = aiohttp.TCPConnector(limit=INFLIGHT_MAX)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as client:
            began, made = time.monotonic(), 0
            while not self._stop.is_set():
                await asyncio.sleep(TICK_S)
                self._producer.poll(0)
                due = int((time.monotonic() - began) * self._rate) - made
                for _ in range(due):
                    made += 1
                    self._begin(client)
            while self._open:
                await asyncio.wait(self._open, timeout=TICK_S)
                self._producer.poll(0)
        await asyncio.to_thread(self._producer.flush, 30)

    def _begin(self, client: aiohttp.ClientSession) -> None:
        line = self._rng.choice(LINES)
        many = self._rng.randint(2, BATCH_MAX) if self._rng.random() < BATCH_SHARE and line.provider == "infobip" else 1
        free = [contact for contact in self._contacts(many) if (line.account, contact) not in self._busy]
        if not free or len(self._open) >= INFLIGHT_MAX:
            return
        report = self._rng.random() < (KINDS["delivered"] + KINDS["undeliverable"]) / sum(KINDS.values())
        group = [self._make(line, contact, is_report=report) for contact in free]
        task = asyncio.create_task(self._deliver(client, line, group))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    def _contacts(self, many: int) -> list[str]:
        return [f"+1415555{number:04d}" for number in self._rng.sample(range(CONTACTS), many)]

    def _make(self, line: Line, contact: str, *, is_report: bool) -> Callback:
        self._number += 1
        kinds = [kind for kind in KINDS if (kind in {"delivered", "undeliverable"}) is is_report]
        (kind,) = self._rng.choices(kinds, [KINDS[kind] for kind in kinds])
        name = f"SM{self._number:032x}" if line.provider == "twilio" else f"cb-{self._number:07d}"
        text = {"stop": "STOP", "start": "START"}.get(kind)
        if kind == "reply":
            text = f"{self._rng.choice(REPLIES)} ({name})"
        self._busy.add((line.account, contact))
        return Callback(name, kind, line.account, contact, line.number, _now_ms(), None, text)

    async def _deliver(self, client: aiohttp.ClientSession, line: Line, group: list[Callback]) -> None:
        """Post until it is acknowledged, each try at the next gateway."""
        path, headers, body = spell(line, group)
        tries, acked_at = 0, None
        while acked_at is None and not self._give_up.is_set():
            if tries:
                await asyncio.sleep(RETRY_S[min(tries, len(RETRY_S)) - 1])
            tries += 1
            acked_at = await self._post(client, path, headers, body)
        for one in group:
            line_of = asdict(one) | {"acked_at": acked_at, "tries": tries}
            self._callbacks.write(json.dumps(line_of).encode() + b"\n")
            self._busy.discard((one.account, one.contact))
            if acked_at is None:
                self.unacknowledged += 1
                continue
            self.acknowledged.add(one.id)
            changes_mind = one.kind in {"stop", "start"} and self._rng.random() < ASK_SHARE
            if changes_mind or self._rng.random() < ASK_SHARE / 2:
                self._ask(one)

    async def _post(self, client: aiohttp.ClientSession, path: str, headers: dict[str, str], body: bytes) -> int | None:
        try:
            async with client.post(next(self._gateways) + path, data=body, headers=headers) as answer:
                await answer.read()
                if answer.status in range(200, 300):
                    return _now_ms()
                self.refused += 1
        except (aiohttp.ClientError, TimeoutError, OSError):
            self.refused += 1
        return None

    def _ask(self, about: Callback) -> None:
        self._number += 1
        now = _now_ms()
        asked = Request(f"send-{self._number:07d}", about.account, about.contact, about.list_number, now)
        value = {
            "account": asked.account, "list_number": asked.list_number, "phone_number": asked.contact,
            "message_id": asked.message_id, "requested_at": now, "expires_at": now + 30 * 60_000,
        }  # fmt: skip

        def written(error: Any, _message: Any) -> None:
            if error is None:
                self.asked.add(asked.message_id)
                self._requests.write(json.dumps(asdict(asked)).encode() + b"\n")

        key = f"{asked.account}|{asked.contact}"
        self._producer.produce(self._topic, encode("SendRequest", value), key, on_delivery=written)


def spell(line: Line, group: Sequence[Callback]) -> tuple[str, dict[str, str], bytes]:
    """Path, headers and body of one request in the provider's own format, authenticated as it would be."""
    if line.provider == "twilio":
        (one,) = group
        path = f"/api/webhook-feedbacks/twilio?account={line.account}"
        fields = _twilio(one)
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
        headers["X-Twilio-Signature"] = signature(AUTH_TOKEN, BASE + path, fields)
        return path, headers, urlencode(fields).encode()
    path = f"/api/webhook-feedbacks/infobip/{PATH_SECRET}?account={line.account}"
    body = json.dumps({"results": [_infobip(one) for one in group]}).encode()
    return path, {"Content-Type": "application/json"}, body


def _twilio(one: Callback) -> dict[str, str]:
    if one.text is not None:
        return {"MessageSid": one.id, "SmsStatus": "received", "NumMedia": "0", "Body": one.text,
                "To": one.list_number, "From": one.contact}  # fmt: skip
    word = {"delivered": "delivered", "undeliverable": "undelivered"}[one.kind]
    return {"MessageSid": one.id, "MessageStatus": word, "To": one.contact, "From": one.list_number}


def _infobip(one: Callback) -> dict[str, Any]:
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(one.sent_at / 1000)) + f".{one.sent_at % 1000:03d}+0000"
    contact, number = one.contact.removeprefix("+"), one.list_number.removeprefix("+")
    if one.text is not None:
        return {"messageId": one.id, "from": contact, "to": number, "text": one.text, "receivedAt": at}
    delivered = {"groupId": 3, "groupName": "DELIVERED", "id": 5, "name": "DELIVERED_TO_HANDSET"}
    failed = {"groupId": 2, "groupName": "UNDELIVERABLE", "id": 9, "name": "UNDELIVERABLE_NOT_DELIVERED"}
    status = delivered if one.kind == "delivered" else failed
    return {"messageId": one.id, "to": contact, "sender": number, "doneAt": at, "sentAt": at, "status": status}


def _now_ms() -> int:
    return int(time.time() * 1000)
