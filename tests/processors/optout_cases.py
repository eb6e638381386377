"""The labelled texts under tests/vectors: what people write, what it means, and why."""

from pathlib import Path
from typing import NamedTuple

from processors.command import decode_escapes

VECTORS = Path(__file__).parents[1] / "vectors"


class Case(NamedTuple):
    label: str
    text: str
    why: str

    @property
    def group(self) -> str:
        return self.why.partition(":")[0]


def load(name: str) -> list[Case]:
    """`optout`: the clear rows; `optout-policy`: choices; `optout-later`: written after the rules."""
    lines = (VECTORS / f"{name}.tsv").read_text("utf-8").splitlines()[1:]
    return [Case(label, decode_escapes(text), why) for label, text, why in (line.split("\t") for line in lines)]
