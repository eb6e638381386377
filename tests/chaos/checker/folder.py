"""Reads a history from the folder of a run: what was written down while it ran, a JSON object a line.

`setup.json`, `callbacks.jsonl`, `requests.jsonl`, `hits.jsonl`, `faults.jsonl`, `records.jsonl` (values in base64, as
they lay on the topics) and every `*.log`.
"""

import base64
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.chaos.checker.avro import UndecodableError, decode
from tests.chaos.checker.history import UNDECODABLE, Callback, Fault, History, Hit, Record, Request, Setup

PRIVATE = frozenset({"contacts.aggregate"})
"""Topics whose format is nobody's business."""


def read_folder(folder: Path) -> History:
    """The history of a run."""
    records: defaultdict[str, list[Record]] = defaultdict(list)
    for line in _lines(folder / "records.jsonl"):
        if line["topic"] not in PRIVATE:
            records[line["topic"]].append(record_of(line))
    for found in records.values():
        found.sort(key=lambda one: (one.partition, one.offset))
    return History(
        read_setup(folder),
        [Callback(**line) for line in _lines(folder / "callbacks.jsonl")],
        [Request(**line) for line in _lines(folder / "requests.jsonl")],
        records,
        [Hit(**line) for line in _lines(folder / "hits.jsonl")],
        [Fault(**line) for line in _lines(folder / "faults.jsonl")],
        {path.name: path.read_text("utf-8", "replace") for path in sorted(folder.glob("*.log"))},
    )


def read_setup(folder: Path) -> Setup:
    """What the run was configured to be."""
    said = json.loads((folder / "setup.json").read_text("utf-8"))
    endpoints = {name: frozenset(events) for name, events in said.pop("endpoints").items()}
    return Setup(endpoints=endpoints, **said)


def record_of(line: dict[str, Any]) -> Record:
    """One record; a value of no schema of ours is kept under a name of its own, and is a violation."""
    name: str = ""
    value: Mapping[str, Any] = {}
    if line["value"] is not None:
        raw = base64.b64decode(line["value"])
        try:
            name, value = decode(raw)
        except UndecodableError as error:
            name, value = UNDECODABLE, {"error": str(error)}
    return Record(line["partition"], line["offset"], line["timestamp"], line["key"], name, value)


def _lines(path: Path) -> Iterator[Any]:
    if path.exists():
        with path.open("rb") as file:
            yield from (json.loads(line) for line in file if line.strip())
