"""What commands share: settings that are read or refused, and errors that become exit codes."""

import contextlib
import getpass
import os
import sys
from collections.abc import Iterator
from typing import NoReturn

import click

from runtime.kafka.properties import PropertyRefusedError, ProtocolRefusedError
from runtime.schema_registry import HttpRegistry, RegistryUnavailableError
from runtime.settings import SettingsError, load
from runtime.worker import EXIT_CONFIGURATION, EXIT_TRY_AGAIN, ConfigurationError
from schemas.codec import use_registry
from schemas.settings import Settings


def settings() -> Settings:
    """The settings of this process; ends with 2 where they are wrong."""
    try:
        found = load()
    except SettingsError as error:
        fail(str(error), EXIT_CONFIGURATION)
    if found.kafka.schema_registry_url is not None:
        use_registry(HttpRegistry(found.kafka.schema_registry_url))
    return found


def fail(text: str, code: int) -> NoReturn:
    """Say why on stderr and end."""
    click.echo(f"trackly: {text}", err=True)
    sys.exit(code)


def actor() -> str:
    """Who gives the order, for the audit."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid {os.getuid()}"


@contextlib.contextmanager
def cluster_errors() -> Iterator[None]:
    """Turn the cluster's refusals into exit codes: 75 where trying again can help, else 2."""
    from runtime.kafka.admin import ClusterError  # noqa: PLC0415 - small commands start without the client

    try:
        yield
    except ClusterError as error:
        fail(str(error), EXIT_TRY_AGAIN if error.retriable else EXIT_CONFIGURATION)
    except RegistryUnavailableError as error:
        fail(str(error), EXIT_TRY_AGAIN)
    except (ConfigurationError, PropertyRefusedError, ProtocolRefusedError) as error:
        fail(str(error), EXIT_CONFIGURATION)
