"""`trackly replay`: puts back what its sources keep; which ones there are is told by entry points, as commands are."""

from importlib.metadata import entry_points
from typing import Final

import click

from runtime.cli.options import fail
from runtime.worker import EXIT_CONFIGURATION

GROUP: Final = "trackly.replays"
"""Entry points of commands: `default`, and others that are meant by a flag of their name, which they take too."""
DEFAULT: Final = "default"


@click.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def replay(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Put dead letters, past events or (--quarantine) what was set aside back on their way."""
    sources = {entry.name: entry for entry in entry_points(group=GROUP)}
    name = next((name for name in sources if name != DEFAULT and f"--{name}" in arguments), DEFAULT)
    if name not in sources:
        fail("nothing that can be replayed is installed", EXIT_CONFIGURATION)
    command: click.Command = sources[name].load()
    with command.make_context(ctx.info_name, list(arguments), parent=ctx.parent) as inner:
        command.invoke(inner)
