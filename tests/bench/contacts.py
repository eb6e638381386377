"""A million opt-outs imported from CSV, exported, restored into an empty state; how large a contact's state is.

`python -m tests.bench.contacts [count]`: some five minutes for a million. Restore is measured as it happens to a
processor whose directory is gone: from its start to its readiness, and by its own metric.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import psutil

from runtime.kafka.scan import scan
from schemas import topics
from tests.bench.__main__ import running
from tests.bench.processor import CONFIG, PARTITIONS
from tests.processors.test_loop_trouble import metric
from tests.stage import Role, Stage, await_condition, open_stage

COUNT = 1_000_000
SAMPLED = 200_000
"""States whose size is looked at."""
WAIT_S = 1200.0


def rows(count: int) -> Iterator[str]:
    yield "account,list_number,phone_number,active,reason,unsubscribed_at\n"
    for number in range(count):
        yield f"acme,+18005551234,+1{4_000_000_000 + number},false,message,2024-01-15T10:30:00.000Z\n"


def command(stage: Stage, *arguments: str, out: Path | None = None) -> float:
    """Run a command to its end; seconds it took."""
    started = time.monotonic()
    with (out or Path("/dev/null")).open("wb") as target:
        subprocess.run(
            [sys.executable, "-m", "runtime.cli", "contacts", *arguments],
            env=stage.env(), stdout=target, stderr=subprocess.DEVNULL, check=True,
        )  # fmt: skip
    return time.monotonic() - started


def cpu_s(role: Role) -> float:
    times = psutil.Process(role.process.pid).cpu_times()
    return float(times.user + times.system)


def measure(stage: Stage, count: int) -> dict[str, Any]:
    file, first, second = (stage.folder / name for name in ("in.csv", "first.csv", "second.csv"))
    file.write_text("".join(rows(count)), "utf-8")
    stage.configure(CONFIG)
    role = stage.start("processor").await_ready()
    begun, spent = time.monotonic(), cpu_s(role)
    import_s = command(stage, "import", str(file))
    done = 'trackly_classify_commands_total{command="import",outcome="done"}'
    await_condition(lambda: metric(role, done) >= count, what="every command", timeout_s=WAIT_S)
    applied_s, applied_cpu_s = time.monotonic() - begun, cpu_s(role) - spent
    export_s = command(stage, "export", out=first)
    assert role.terminate() == 0
    shutil.rmtree(stage.folder / "state" / "processor", ignore_errors=True)
    for left in (stage.folder / "state").glob("*"):
        if left.is_dir():
            shutil.rmtree(left)
    role = stage.start("processor")
    await_condition(role.is_ready, what="the restore", timeout_s=WAIT_S)
    restored = metric(role, "trackly_classify_state_restore_seconds")
    assert metric(role, "trackly_classify_restored_records_total") >= count
    restore_cpu_s = cpu_s(role)
    command(stage, "export", out=second)
    sizes = sizes_of(stage)
    assert role.terminate() == 0
    second_s = elsewhere(stage, first, count)
    assert first.read_bytes() == second.read_bytes()
    assert len(first.read_bytes().splitlines()) == count + 1
    return {
        "contacts": count,
        "import_command_s": round(import_s, 1),
        "import_applied_s": round(applied_s, 1),
        "import_applied_cpu_s": round(applied_cpu_s, 1),
        "export_s": round(export_s, 1),
        "restore_s": round(restored, 1),
        "restore_cpu_s": round(restore_cpu_s, 1),
        "second_cluster_s": round(second_s, 1),
        "state_bytes": {"median": median(sizes), "p99": quantiles(sizes, n=100)[-1], "max": max(sizes)},
    }


def elsewhere(stage: Stage, backup: Path, count: int) -> float:
    """Bring a backup into topics that were empty and look whether its own backup is the same; seconds to apply it."""
    out = stage.folder / "third.csv"
    (stage.folder / "elsewhere").mkdir()
    with open_stage(stage.bootstrap, "elsewhere.", stage.folder / "elsewhere") as other:
        other.provision(PARTITIONS).configure(CONFIG)
        role, begun = other.start("processor").await_ready(), time.monotonic()
        command(other, "import", str(backup))
        done = 'trackly_classify_commands_total{command="import",outcome="done"}'
        await_condition(lambda: metric(role, done) >= count, what="every command", timeout_s=WAIT_S)
        taken = time.monotonic() - begun
        command(other, "export", out=out)
        assert role.terminate() == 0
    assert out.read_bytes() == backup.read_bytes()
    return taken


def sizes_of(stage: Stage) -> list[int]:
    sizes = []
    for message in scan(stage.settings().kafka, stage.prefix + topics.AGGREGATE):
        value, key = message.value(), message.key() or b""
        if value is not None and not key.startswith(b"\x01"):
            sizes.append(len(value))
            if len(sizes) >= SAMPLED:
                break
    return sizes


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    with running() as (broker, folder), open_stage(broker.bootstrap, "contacts.", folder) as opened:
        sys.stdout.write(json.dumps(measure(opened.provision(PARTITIONS), wanted)) + "\n")
