"""The command `trackly demo`."""

import signal
import sys

import click


@click.command()
@click.option(
    "--seconds", type=click.FloatRange(1, 3600), default=20, show_default=True, help="How long traffic flows."
)
@click.option("--rate", type=click.FloatRange(1, 5000), default=60, show_default=True, help="Callbacks a second.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed tells the same story.")
def demo(seconds: float, rate: float, seed: int) -> None:
    """Watch callbacks become signed webhooks: embedded Kafka, every role, simulated providers, a checking customer."""
    from rich.console import Console  # noqa: PLC0415 - help must not load the stage

    from producers.demo.run import run  # noqa: PLC0415 - the same
    from runtime.broker import BrokerUnavailableError, JarsUnavailableError  # noqa: PLC0415 - the same
    from runtime.supervisor import StartError  # noqa: PLC0415 - the same

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(run(seconds=seconds, rate=rate, seed=seed, console=Console()))
    except JarsUnavailableError as error:
        click.echo(f"trackly demo: {error}", err=True)
        sys.exit(75)
    except BrokerUnavailableError as error:
        click.echo(f"trackly demo: {error}", err=True)
        sys.exit(2)
    except StartError as error:
        click.echo(f"trackly demo: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("trackly demo: interrupted", err=True)
        sys.exit(130)
