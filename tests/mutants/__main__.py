"""`make mutants`: break the product in each way of the table and see its tests turn red; 1 where one stays green.

Each break is made in a copy of what git tracks, so the checkout is never touched. `--only WORD` takes those whose name
holds a word; `--json FILE` keeps what was found.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import click

from tests.mutants.table import MUTANTS, Mutant

ROOT: Final = Path(__file__).parents[2]
LONGEST_S: Final = 900
"""Of the tests of one break; those of a broken product may wait for what never comes."""


def copied(to: Path) -> None:
    """Copy every tracked file."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).exists():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def broken(mutant: Mutant, tree: Path) -> None:
    """Make the change; the table is wrong where its text does not stand in the file exactly once."""
    file = tree / mutant.file
    text = file.read_text("utf-8")
    if text.count(mutant.old) != 1:
        raise click.ClickException(f"{mutant.name}: {mutant.file} holds the text {text.count(mutant.old)} times")
    file.write_text(text.replace(mutant.old, mutant.new), "utf-8")


def caught_by(mutant: Mutant, tree: Path) -> list[str]:
    """Tests that turned red; the first of each file is enough."""
    red: list[str] = []
    for file in mutant.tests:
        command = [sys.executable, "-m", "pytest", file, "-q", "-x", "-n0", "-rfE", "--no-header"]
        try:
            here = {**os.environ, "PYTHONPATH": str(tree)}
            ran = subprocess.run(command, cwd=tree, capture_output=True, timeout=LONGEST_S, env=here, check=False)
        except subprocess.TimeoutExpired:
            return [*red, f"{file} (no end within {LONGEST_S} s)"]
        lines = ran.stdout.decode("utf-8", "replace").splitlines()
        red += [line.split(" - ")[0] for line in lines if line.startswith(("FAILED ", "ERROR "))]
        if red:
            break
    return red


@click.command()
@click.option("--only", default="", help="Breaks whose name holds this.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Where to keep what was found.")
def main(only: str, out: Path | None) -> None:
    """Run every break of the table."""
    found: list[dict[str, Any]] = []
    for mutant in [one for one in MUTANTS if only in one.name]:
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="trackly-mutant-") as folder:
            tree = Path(folder)
            copied(tree)
            broken(mutant, tree)
            red = caught_by(mutant, tree)
        took_s = round(time.monotonic() - started)
        found.append({"break": mutant.name, "file": mutant.file, "caught_by": red, "seconds": took_s})
        click.echo(
            f"{'caught  ' if red else 'SURVIVED'} {took_s:4d} s  {mutant.name}"
            + "".join(f"\n           {r}" for r in red)
        )
    if out is not None:
        out.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    sys.exit(0 if all(one["caught_by"] for one in found) else 1)


if __name__ == "__main__":
    main()
