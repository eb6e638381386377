"""The documents say what the code says."""

import re

import pytest

from runtime.settings import known_names
from tests.docs import DOCUMENTS, ROOT, rendered


@pytest.mark.parametrize("document", DOCUMENTS)
def test_generated_tables_have_not_drifted(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    assert rendered(text) == text, "run `make docs`"


def test_every_module_that_the_map_names_exists_and_every_module_is_on_the_map() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    named = set(re.findall(r"`((?:schemas|runtime|producers|processors|dispatchers)/[\w/]+\.py)`", text))
    rooms = ("schemas", "runtime", "producers", "processors", "dispatchers")
    real = {
        str(path.relative_to(ROOT))
        for room in rooms
        for path in (ROOT / room).rglob("*.py")
        if path.name not in {"__init__.py", "__main__.py"}
    }
    assert named == real


def test_every_variable_that_a_document_names_is_a_setting() -> None:
    known = set(known_names())
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for name in re.findall(r"TRACKLY_[A-Z0-9_]+[A-Z0-9]", path.read_text("utf-8")):
            assert name in known or name.startswith("TRACKLY_KAFKA") or name in {"TRACKLY_X", "TRACKLY_X_FILE"}, (
                path.name,
                name,
            )
