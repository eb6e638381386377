"""`python -m tests.chaos`: breaks the system on purpose for a while and tells whether a promise was broken.

Exit code 0 when every promise was kept, 1 when one was broken, 2 when the run itself could not be made.
"""

import argparse
import random
import shlex
import signal
import sys
import time
from pathlib import Path

from tests.chaos.run import Report, judge, run, say


def main() -> int:
    """Parse, run, report."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="how long it is loaded and broken (10)")
    parser.add_argument(
        "--seed", type=int, default=None, help="decides load and faults; drawn and printed when missing"
    )
    parser.add_argument("--rate", type=float, default=100.0, help="callbacks a second (100)")
    parser.add_argument("--calm", action="store_true", help="make no fault: nothing may be repeated then")
    parser.add_argument("--out", type=Path, default=Path(".trackly") / "chaos", help="where the run's folder is made")
    parser.add_argument("--check", type=Path, default=None, help="judge the folder of an earlier run again, and stop")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that everything that was started ends with us
    if given.check is not None:
        report = Report(0, f"--check {given.check}", str(given.check), settled=True)
        judge(given.check, report)
        print(report.text())
        return int(report.broken)
    seed = random.SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    command = f"python -m tests.chaos --minutes {given.minutes:g} --seed {seed} --rate {given.rate:g}"
    command += " --calm" if given.calm else ""
    folder: Path = given.out.absolute() / f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{seed}"
    folder.mkdir(parents=True)
    say(f"seed {seed}: {command}; folder {shlex.quote(str(folder))}")
    report = run(folder, seed=seed, seconds=given.minutes * 60, rate=given.rate, command=command, calm=given.calm)
    print(report.text())
    return int(report.broken)


if __name__ == "__main__":
    sys.exit(main())
