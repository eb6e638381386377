"""A handful of faults through a dispatcher's process: the record on its tier, the attempt as the owner sees it, the metric."""

import asyncio
import contextlib
import re
from dataclasses import dataclass

from runtime.kafka.scan import scan
from schemas import topics
from tests.dispatchers.hostile import endpoint, hang, raw
from tests.dispatchers.test_shell import SECRET, event, produce
from tests.stage import Stage

DELAYS_S = (60, 300, 900, 3600, 7200)
TIMEOUT_MS = 1000
EXCERPT = b"slow down: " + b"x" * 2000
BUSY = raw(b"HTTP/1.1 429 No\r\nRetry-After: 301\r\nContent-Length: %d\r\n\r\n%s" % (len(EXCERPT), EXCERPT))
ELSEWHERE = raw(b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 4\r\n\r\naway")


@dataclass
class Expected:
    outcome: str
    tier: int
    parts: str
    """The parts of the try that have a time."""
    status: int | None = None
    excerpt: bytes = b""
    hung_in: str | None = None


FAULTS = {
    "acme/refuses": Expected("connect", 0, "connect"),
    "acme/hangs": Expected("timeout_response", 0, "connect response", hung_in="response"),
    "acme/handshake": Expected("timeout_tls", 0, "connect tls", hung_in="tls"),
    "acme/busy": Expected("http_429", 2, "connect response", 429, EXCERPT[:1024]),
    "acme/elsewhere": Expected("http_3xx", 0, "connect response", 302, b"away"),
}


def configuration(urls: dict[str, str]) -> str:
    lines = [f'      - {{id: {name}, url: "{url}", secret: {SECRET}}}' for name, url in urls.items()]
    return "\n".join(["accounts:", "  - id: acme", "    endpoints:", *lines])


async def test_a_fault_leaves_its_tier_record_its_attempt_and_its_count(stage: Stage) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with endpoint(hang) as closed:
            pass
        ports = {
            name: await stack.enter_async_context(endpoint(answer))
            for name, answer in (("hangs", hang), ("handshake", hang), ("busy", BUSY), ("elsewhere", ELSEWHERE))
        }
        urls = {"refuses": f"http://127.0.0.1:{closed}/"} | {
            name: f"{'https' if name == 'handshake' else 'http'}://127.0.0.1:{port}/" for name, port in ports.items()
        }
        await asyncio.to_thread(check, stage, urls)


def check(stage: Stage, urls: dict[str, str]) -> None:
    stage.configure(configuration(urls))
    role = stage.start(
        "dispatcher",
        "--event",
        "delivery",
        TRACKLY_DISPATCH__TIER_DELAYS_S=",".join(str(delay) for delay in DELAYS_S),
        TRACKLY_DISPATCH__ATTEMPT_TIMEOUT_S=str(TIMEOUT_MS // 1000),
    ).await_ready()
    produce(stage, event(1))
    attempts = {one["endpoint"]: one for one in stage.await_records(topics.ATTEMPTS, len(FAULTS))}
    waiting = {
        one["endpoint"]: (tier, one) for tier in range(5) for one in stage.read(topics.tier_topic("delivery", tier))
    }
    metrics = role.metrics()
    headers = [
        dict(message.headers() or ()) for message in scan(stage.settings().kafka, stage.prefix + topics.ATTEMPTS)
    ]
    assert sorted(header["outcome"] or b"" for header in headers if "outcome" in header) == sorted(
        expected.outcome.encode() for expected in FAULTS.values()
    )
    for name, expected in FAULTS.items():
        made, (tier, task) = attempts[name], waiting[name]
        assert (made["outcome"], made["status_code"]) == (expected.outcome, expected.status), name
        assert (made["verdict"], made["next_tier"], tier) == ("retry", topics.TIERS[expected.tier], expected.tier), name
        ended_at = made["started_at"] + made["duration_ms"]
        assert made["next_try_at"] == ended_at + DELAYS_S[expected.tier] * 1000, name
        assert made["response_excerpt"] == expected.excerpt, name
        assert [part for part in ("dns", "connect", "tls", "response") if made[f"{part}_ms"] is not None] == (
            expected.parts.split()
        ), name
        if expected.hung_in is not None:
            assert 0.8 * TIMEOUT_MS <= made[f"{expected.hung_in}_ms"] <= made["duration_ms"], name
        assert (task["attempt"], [one["outcome"] for one in task["outcomes"]]) == (2, [expected.outcome]), name
        counter = (
            rf'^trackly_dispatch_attempts_total\{{attempt="1",event="delivery",outcome="{expected.outcome}"\}} 1\.0$'
        )
        assert re.search(counter, metrics, re.MULTILINE), name
    assert role.terminate() == 0
