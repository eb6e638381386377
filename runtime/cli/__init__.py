"""The `trackly` command line: tools live here, roles and stage commands are found by entry points.

Runtime imports no stage; a distribution that lacks one simply lacks its commands. Results go to stdout, everything
else to stderr. Exit codes: 0 ok, 1 the answer is no, 2 bad input or configuration, 75 try again.
"""

import importlib
from importlib.metadata import entry_points
from typing import Final

import click

GROUP: Final = "trackly.commands"
_TOOLS: Final = {
    "broker": "runtime.cli.broker:broker",
    "topics": "runtime.cli.topics:topics",
    "config": "runtime.cli.config:config",
    "parse": "runtime.cli.parse:parse",
    "cat": "runtime.cli.cat:cat",
    "doctor": "runtime.cli.doctor:doctor",
    "replay": "runtime.cli.replay:replay",
    "up": "runtime.cli.up:up",
}


class _Commands(click.Group):
    """Finds a command when it is asked for, so that the small ones start fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names in order."""
        return sorted({*_TOOLS, *(entry.name for entry in entry_points(group=GROUP))})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        """Import the module of one command."""
        target = _TOOLS.get(cmd_name)
        if target is not None:
            module, _, name = target.partition(":")
            command: click.Command = getattr(importlib.import_module(module), name)
            return command
        for entry in entry_points(group=GROUP, name=cmd_name):
            found: click.Command = entry.load()
            return found
        return None


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="trackly-webhooks")
def main() -> None:
    """Provider callbacks in, signed webhooks out."""
