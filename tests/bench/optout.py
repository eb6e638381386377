"""How well texts are understood, and how fast: recall and precision by group, time a message; no broker needed.

`python -m tests.bench.optout`: the labelled rows under tests/vectors. Rules that are easy to name stand beside ours on
the same rows, so that a figure has something to be held against.
"""

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter_ns
from typing import Any

from processors.classify import classify
from tests.processors.optout_cases import Case, load

ROUNDS = 7
_EXACT = frozenset({"stop", "unsubscribe", "end", "quit", "stopall", "revoke", "optout", "cancel"})
_PREFIX = re.compile(r"\s*(stop|unsubscribe|cancel|quit|end)\b", re.IGNORECASE)
RULES: dict[str, Callable[[str], bool]] = {
    "this project": lambda text: classify(text).label == "opt_out",
    "whole message is one of eight keywords": lambda text: text.strip().lower() in _EXACT,
    "begins with a keyword": lambda text: _PREFIX.match(text) is not None,
    "contains the word stop": lambda text: re.search(r"\bstop\b", text, re.IGNORECASE) is not None,
}


def measure() -> dict[str, Any]:
    """Recall and precision of every rule, our groups, and microseconds a message."""
    sets = {"clear rows": load("optout"), "rows written after the rules": load("optout-later")}
    return {
        "rules": {name: {where: _score(cases, rule) for where, cases in sets.items()} for name, rule in RULES.items()},
        "groups": _groups([*sets["clear rows"], *load("optout-policy")]),
        "us": _times([case.text for case in sets["clear rows"]]),
    }


def _score(cases: Sequence[Case], rule: Callable[[str], bool]) -> dict[str, float]:
    found = [(case.label == "opt_out", rule(case.text)) for case in cases]
    hits = sum(meant and said for meant, said in found)
    return {
        "recall": hits / sum(meant for meant, _ in found),
        "precision": hits / max(1, sum(said for _, said in found)),
    }


def _groups(cases: Sequence[Case]) -> dict[str, tuple[int, int]]:
    rows: dict[str, Counter[bool]] = defaultdict(Counter)
    for case in cases:
        rows[f"{case.label}: {case.group}"][classify(case.text).label == case.label] += 1
    return {group: (counted[True], counted.total()) for group, counted in sorted(rows.items())}


def _times(texts: Sequence[str]) -> dict[str, float]:
    best = []
    for text in texts:
        taken = []
        for _ in range(ROUNDS):
            started = perf_counter_ns()
            classify(text)
            taken.append(perf_counter_ns() - started)
        best.append(min(taken) / 1000)
    best.sort()
    return {"median": median(best), "p99": best[int(len(best) * 0.99)]}


def show(found: dict[str, Any]) -> str:
    """The figures as lines for a person."""
    lines = [f"{'rule':42}{'rows':32}{'recall':>8}{'precision':>11}"]
    for name, sets in found["rules"].items():
        for where, score in sets.items():
            lines.append(f"{name:42}{where:32}{score['recall']:8.1%}{score['precision']:11.1%}")
    lines += [f"{right:4} of {total:4}  {group}" for group, (right, total) in found["groups"].items()]
    lines.append(f"a message: {found['us']['median']:.1f} us at the median, {found['us']['p99']:.1f} us at p99")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(show(measure()) + "\n")
