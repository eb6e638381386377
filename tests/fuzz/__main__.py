"""Fuzz targets for longer than the suite does: `python -m tests.fuzz [TARGET ...] --minutes N`, guided by coverage.

Needs atheris, which `make fuzz` puts into an environment of its own. The corpus grows under .fuzz/corpus/TARGET; an
input that breaks a target is kept under .fuzz/found, and `--input FILE` shows what it does, without atheris.
"""

import argparse
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tests.fuzz.targets import TARGETS

FOLDER: Final = Path(".fuzz")
INPUT_BYTES_MAX: Final = 4096
"""Longer inputs are slower and find little more."""
INPUT_S_MAX: Final = 10
"""One input that takes longer is a finding."""
MEMORY_MB_MAX: Final = 2048


def main() -> int:
    """Run the targets one after the other; 1 where an input broke one."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"{', '.join(TARGETS)}; none: all")
    parser.add_argument("--minutes", type=float, default=1.0, help="for each target")
    parser.add_argument("--input", type=Path, help="run one target once, on this file")
    asked = parser.parse_args()
    if unknown := set(asked.targets) - TARGETS.keys():
        parser.error(f"no target {', '.join(sorted(unknown))}")
    if asked.input is not None:
        for name in asked.targets:
            TARGETS[name].check(asked.input.read_bytes())
        return 0
    if find_spec("atheris") is None:
        parser.error("atheris is not installed here; `make fuzz` installs it")
    broken = [name for name in asked.targets or TARGETS if not _holds(name, asked.minutes)]
    print(f"broken: {', '.join(broken)}; inputs under {FOLDER / 'found'}" if broken else "every target held")
    return 1 if broken else 0


def _holds(name: str, minutes: float) -> bool:
    """One target in a process of its own: libFuzzer ends the process that it runs in."""
    corpus, seeds, found = FOLDER / "corpus" / name, FOLDER / "seeds" / name, FOLDER / "found"
    for folder in (corpus, seeds, found):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(TARGETS[name].seeds()):
        (seeds / str(number)).write_bytes(seed)
    limits = [
        f"-max_total_time={max(1, round(minutes * 60))}", f"-max_len={INPUT_BYTES_MAX}", f"-timeout={INPUT_S_MAX}",
        f"-rss_limit_mb={MEMORY_MB_MAX}", f"-artifact_prefix={found}/{name}-", "-print_final_stats=1", "-verbosity=0",
    ]  # fmt: skip
    print(f"--- {name}", flush=True)
    command = [sys.executable, "-m", "tests.fuzz.engine", name, *limits, str(corpus), str(seeds)]
    return subprocess.run(command, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
