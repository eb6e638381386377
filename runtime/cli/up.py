"""`trackly up`: everything on one machine."""

import signal
import sys
import threading
from pathlib import Path
from typing import Final

import click

from runtime.broker import BrokerUnavailableError, JarsUnavailableError
from runtime.cli.options import cluster_errors, fail, settings
from runtime.supervisor import Deployment, StartError
from runtime.worker import EXIT_CONFIGURATION, EXIT_FAILED, EXIT_TRY_AGAIN
from schemas.config_file import ConfigFileError
from schemas.settings import EgressSettings

TEND_S: Final = 0.2
LOOPBACK: Final = ("127.0.0.0/8", "::1/128")


@click.command()
@click.option(
    "--config", "file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Applied at start."
)
@click.option("--port", type=click.IntRange(1, 65535), help="Of the gateway.")
def up(file: Path | None, port: int | None) -> None:
    """Broker (unless one is configured), topics, configuration and every role, until SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    effective = settings()
    deployment = Deployment(
        Path(effective.state_dir).absolute(), _say, port=port, environment=local_environment(effective.egress)
    )
    try:
        with cluster_errors():
            deployment.start_broker()
            deployment.provision()
            if file is not None:
                deployment.configure(file.read_text("utf-8"), str(file))
            deployment.start_roles()
            deployment.await_ready()
        address = f"http://{effective.gateway.host}:{port or effective.gateway.port}"
        click.echo(f"ready gateway={address} bootstrap={deployment.settings().kafka.bootstrap_servers}")
        sys.stdout.flush()
        while not stop.wait(TEND_S):
            deployment.tend()
    except JarsUnavailableError as error:
        fail(str(error), EXIT_TRY_AGAIN)
    except (BrokerUnavailableError, ConfigFileError) as error:
        fail(str(error), EXIT_CONFIGURATION)
    except StartError as error:
        fail(str(error), EXIT_FAILED)
    finally:
        deployment.stop()


def local_environment(egress: EgressSettings) -> dict[str, str]:
    """`up` and `demo` may call loopback (INTERFACES.md), besides what the operator allows."""
    return {
        "TRACKLY_EGRESS__ALLOW_CIDRS": ",".join(dict.fromkeys((*LOOPBACK, *egress.allow_cidrs))),
        "TRACKLY_EGRESS__ALLOW_PLAIN_HTTP": "true",
    }


def _say(line: str) -> None:
    click.echo(f"trackly up: {line}", err=True)
