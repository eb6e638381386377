"""The commands `trackly dispatcher`, `trackly forwarder` and `trackly verify`."""

import sys
from typing import cast

import click

from schemas.topics import EVENTS, PublicEvent


@click.command()
@click.option(
    "--event", type=click.Choice([*EVENTS, "all"]), default="all", show_default=True, help="Events to deliver."
)
def dispatcher(event: str) -> None:
    """Deliver events to customers' endpoints, with retries."""
    from dispatchers.role import main  # noqa: PLC0415 - `verify` starts without Kafka
    from runtime.worker import run_async  # noqa: PLC0415 - the same

    events = EVENTS if event == "all" else (cast("PublicEvent", event),)
    sys.exit(run_async("dispatcher", lambda life: main(life, events)))


@click.command()
def forwarder() -> None:
    """Forward raw callbacks to lists' own URLs, one try each."""
    from dispatchers.forwarder import main  # noqa: PLC0415 - as above
    from runtime.worker import run_async  # noqa: PLC0415 - as above

    sys.exit(run_async("forwarder", main))


@click.command()
@click.option("--secret", required=True, help="The endpoint's secret.")
@click.option("--signature", required=True, help="Value of X-Trackly-Signature.")
def verify(secret: str, signature: str) -> None:
    """Check a webhook's body (stdin) as a customer would; exit 0 or 1."""
    from dispatchers.signature import verify as check  # noqa: PLC0415 - as above

    good = check(body=sys.stdin.buffer.read(), secret=secret, signature=signature)
    click.echo("valid" if good else "not valid", err=True)
    sys.exit(0 if good else 1)
