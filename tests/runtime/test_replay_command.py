"""`trackly replay` finds what it can put back by entry points: one without a flag, the others by a flag of their name."""

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from runtime.cli import main

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution with the sources of the project file, before the one that is installed."""
    sources = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]["entry-points"]["trackly.replays"]
    folder = tmp_path / "trackly_webhooks-0.1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.4\nName: trackly-webhooks\nVersion: 0.1.0\n")
    lines = ["[trackly.replays]", *(f"{name} = {target}" for name, target in sources.items())]
    (folder / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


@pytest.mark.parametrize("arguments, sentence", [
    (["--help"], "--resume ID"),
    (["--quarantine", "--help"], "--provider TEXT"),
    (["--provider", "x", "--help", "--quarantine"], "--provider TEXT"),
])  # fmt: skip
def test_every_source_has_its_own_help(installed: Path, arguments: list[str], sentence: str) -> None:
    shown = CliRunner().invoke(main, ["replay", *arguments])
    assert shown.exit_code == 0
    assert sentence in shown.stdout
    assert "Usage: main replay [OPTIONS]" in shown.stdout


@pytest.mark.parametrize("arguments, sentence", [
    (["--since", "soon"], "--since is a time such as"),
    (["--quarantine", "--provider", "carrier-pigeon"], "no provider 'carrier-pigeon'"),
    (["--provider", "infobip"], "No such option"),
    (["--quarantine", "--endpoint", "acme/main"], "No such option"),
    (["stray"], "unexpected extra argument"),
])  # fmt: skip
def test_every_source_refuses_what_it_does_not_take(installed: Path, arguments: list[str], sentence: str) -> None:
    refused = CliRunner().invoke(main, ["replay", *arguments])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert sentence in refused.stderr


def test_without_any_source_it_says_so(installed: Path) -> None:
    (installed / "entry_points.txt").write_text("[trackly.commands]\n")
    refused = CliRunner().invoke(main, ["replay"])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "nothing that can be replayed is installed" in refused.stderr
