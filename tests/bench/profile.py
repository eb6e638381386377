"""Where a role's time goes: `python -m tests.bench.profile processor|mixed|gateway|dispatcher` prints the top of a profile.

The role runs under cProfile in its bench, every thread with a profile of its own; calls are dearer under it, so its
rates are no measurement. Scripts of this folder run with -P, or they would find this module as the standard `profile`.
"""

import cProfile
import pstats
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from runtime.cli import main as trackly
from tests.bench import dispatcher, gateway, processor
from tests.bench.__main__ import running
from tests.stage import Role, Stage

TOP = {"tottime": 25, "cumtime": 60}
"""Lines by order; the first dozen by cumulative time are the way into the loop."""
BENCHES = {
    "processor": processor.ours,
    "mixed": processor.ours_mixed,
    "gateway": gateway.ours,
    "dispatcher": dispatcher.ours,
}


@dataclass
class ProfiledStage(Stage):
    """A stage whose roles leave a profile behind."""

    def start(self, *arguments: str, **extra: str) -> Role:
        out = str(self.folder / "profile")
        return self.run("tests.bench.profile", "--run", out, *arguments, log_name=arguments[0], **extra)


def run_role(out: str, arguments: list[str]) -> None:
    """Run a role to its end; profiles go to `out`, a file for each thread."""
    run = threading.Thread.run

    def profiled(thread: threading.Thread) -> None:
        profile = cProfile.Profile()
        try:
            profile.runcall(run, thread)
        finally:
            profile.dump_stats(f"{out}-{thread.native_id}.{thread.name.replace('/', '-')}")

    setattr(threading.Thread, "run", profiled)  # noqa: B010 - mypy forbids the plain form; cProfile sees one thread only
    profile = cProfile.Profile()
    try:
        profile.runcall(trackly, arguments, standalone_mode=True)
    finally:
        profile.dump_stats(f"{out}-main")


def show(folder: Path) -> None:
    """Print the main thread's profile by own time and by cumulative time, then the largest calls of each other thread."""
    main_thread = pstats.Stats(str(folder / "profile-main"))
    for order, lines in TOP.items():
        main_thread.sort_stats(order).print_stats(lines)
    for file in sorted(folder.glob("profile-[0-9]*")):
        pstats.Stats(str(file)).sort_stats("tottime").print_stats(3)


def main(name: str) -> None:
    with running() as (broker, folder):
        stage = ProfiledStage(broker.bootstrap, "profile.", folder)
        try:
            BENCHES[name](stage.provision(processor.PARTITIONS))
        finally:
            stage.close()
        show(folder)


if __name__ == "__main__":
    if sys.argv[1] == "--run":
        run_role(sys.argv[2], sys.argv[3:])
    else:
        main(sys.argv[1])
