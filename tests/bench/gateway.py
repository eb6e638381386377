"""The gateway with authentication and acknowledgements, beside a bare application on the same server."""

import re
import subprocess
import sys
from pathlib import Path

import httpx
import orjson

from runtime.broker import free_port
from tests.bench.cpu import Measured, cpu_s
from tests.bench.processor import CONFIG, report
from tests.stage import Stage, await_condition

SECONDS = 6.0
BATCH = 50
CONNECTIONS = {1: 256, BATCH: 32}
"""By reports a request: enough to keep the process busy while each waits for its acknowledgement, and not so many that
one account's bytes in flight reach their cap."""


def _load(stage: Stage, port: int, pid: int, path: str, body: bytes, reports: int = 1) -> Measured:
    file = stage.folder / "body"
    file.write_bytes(body)
    before = cpu_s(pid)
    command = [
        sys.executable,
        "-P",
        str(Path(__file__).with_name("load.py")),
        "127.0.0.1",
        str(port),
        path,
        str(file),
        str(SECONDS),
        str(CONNECTIONS[reports]),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Measured(int(done.stdout), cpu_s(pid) - before, SECONDS)


def ours(stage: Stage) -> tuple[Measured, Measured]:
    """Requests with one report each, and reports in requests of fifty."""
    stage.configure(CONFIG)
    role = stage.start("gateway", TRACKLY_GATEWAY__PORT="0").await_ready()
    found: re.Match[str] = await_condition(
        lambda: re.search(r"ready gateway=http://\S+:(\d+)", role.log_text()), what="the gateway's port"
    )
    path = "/api/webhook-feedbacks/infobip/path-secret?account=acme"
    single = _load(stage, int(found[1]), role.process.pid, path, report(1, "+14155550001"))
    items = [orjson.loads(report(number, f"+1415{number:07d}"))["results"][0] for number in range(BATCH)]
    batch = _load(stage, int(found[1]), role.process.pid, path, orjson.dumps({"results": items}), BATCH)
    assert role.terminate() == 0
    return single, Measured(batch.records * BATCH, batch.cpu_s, batch.wall_s)


def bare(stage: Stage) -> Measured:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-P", str(Path(__file__).with_name("bare.py")), str(port)])

    def answers() -> bool:
        try:
            return httpx.post(f"http://127.0.0.1:{port}/", content=b"x").status_code == 200
        except httpx.HTTPError:
            return False

    try:
        await_condition(answers, what="the bare application")
        return _load(stage, port, process.pid, "/", report(1, "+14155550001"))
    finally:
        process.terminate()
        process.wait()
