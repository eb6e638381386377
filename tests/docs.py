"""The tables in the documents are made from the code: `python -m tests.docs --write` writes them, a test compares."""

import importlib
import sys
from pathlib import Path

from prometheus_client import REGISTRY
from pydantic import BaseModel

from schemas.settings import Settings
from schemas.topics import CATALOGUE, DAY_MS

ROOT = Path(__file__).parents[1]
METRIC_MODULES = ("producers.metrics", "processors.metrics", "dispatchers.metrics", "runtime.kafka.metrics")


def topics_table() -> str:
    lines = ["| topic | key | records | what it holds | kept |", "|---|---|---|---|---|"]
    for topic in CATALOGUE.values():
        kept = "compacted" if topic.retention_ms is None else f"{topic.retention_ms / DAY_MS:.3g} d"
        stamp = ", append time" if topic.log_append_time else ""
        names = ", ".join(topic.records) or "private"
        key = topic.key.replace("|", "\\|")
        lines.append(f"| `{topic.name}` | `{key}` | {names} | {topic.purpose} | {kept}{stamp} |")
    return "\n".join(lines)


def settings_table() -> str:
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for top, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            for leaf, inner in field.annotation.model_fields.items():
                lines.append(_row(f"TRACKLY_{top}__{leaf}", inner.default, inner.description))
        else:
            lines.append(_row(f"TRACKLY_{top}", field.default, field.description))
    return "\n".join(lines)


def _row(name: str, default: object, description: str | None) -> str:
    shown = ",".join(str(item) for item in default) if isinstance(default, tuple) else default
    text = "" if shown is None or shown == "" else f"`{shown}`"
    return f"| `{name.upper()}` | {text} | {description} |"


def metrics_table() -> str:
    for module in METRIC_MODULES:
        importlib.import_module(module)
    lines = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    found = {}
    for collector in list(REGISTRY._collector_to_names):
        name = getattr(collector, "_name", "")
        if name.startswith("trackly_"):
            kind = getattr(collector, "_type", "")
            labels = ", ".join(getattr(collector, "_labelnames", ()))
            suffix = "_total" if kind == "counter" else ""
            found[name] = f"| `{name}{suffix}` | {kind} | {labels} | {getattr(collector, '_documentation', '')} |"
    return "\n".join(lines + [found[name] for name in sorted(found)])


TABLES = {"topics": topics_table, "settings": settings_table, "metrics": metrics_table}
DOCUMENTS = ("docs/operators.md",)


def rendered(text: str) -> str:
    """The document with every generated table fresh."""
    for name, make in TABLES.items():
        head, tail = f"<!-- generated: {name} -->\n", "<!-- end -->"
        before, found, rest = text.partition(head)
        if found:
            text = before + head + make() + "\n" + tail + rest.partition(tail)[2]
    return text


if __name__ == "__main__":
    for document in DOCUMENTS:
        path = ROOT / document
        fresh = rendered(path.read_text("utf-8"))
        if "--write" in sys.argv:
            path.write_text(fresh, "utf-8")
        elif fresh != path.read_text("utf-8"):
            sys.exit(f"{document} has drifted: make docs")
