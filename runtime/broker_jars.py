"""Fetches the jars of one Maven endpoint into an empty folder, with jgo. Touches the network and that folder only.

Resolves and downloads, nothing else: jgo's own environments would fetch a second Java only to sort jars. Imported
lazily, because jgo is part of an extra. Never prints: progress is a callback, stdout belongs to results.
"""

import contextlib
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from jgo.maven import Artifact, MavenContext, PythonResolver

TRIES: Final = 3
"""Tries of one file, so that a single dropped connection does not end the fetch."""
TRY_PAUSE_S: Final = 1.0
"""Between two tries: long enough for a dropped connection to come back, short beside the whole fetch."""
READ_TIMEOUT_S: Final = 30
"""Longest silence of the repository before a try counts as failed."""
SAY_EVERY_S: Final = 1.0
"""Between two progress lines: alive to a person, short in a log."""

Progress = Callable[[str], None]


def fetch_jars(coordinates: Sequence[str], folder: Path, progress: Progress) -> list[Path]:
    """Fetch every jar that `coordinates` (`group:artifact:version`) need at run time into the empty `folder`.

    Raises:
        OSError: the network or the disk says no, or a jar arrived damaged.
        RuntimeError: the repository does not have an artifact.
    """
    resolver = _Downloader(_Meter(progress))
    context = MavenContext(resolver=resolver, repo_cache=folder, timeout=READ_TIMEOUT_S)
    wanted = [context.create_dependency(coordinate) for coordinate in coordinates]
    inputs, transitive = resolver.resolve(wanted)
    needed = [*inputs, *(each for each in transitive if each.scope in {"compile", "runtime"})]
    jars = [each.artifact.resolve() for each in needed]
    for jar in jars:
        _check(jar)
    return jars


def _check(jar: Path) -> None:
    """Refuse a jar that was cut short or damaged: jgo only warns of a wrong checksum."""
    try:
        with zipfile.ZipFile(jar) as archive:
            damaged = archive.testzip()
    except zipfile.BadZipFile as error:
        raise OSError(f"{jar.name} arrived damaged: {error}") from error
    if damaged is not None:
        raise OSError(f"{jar.name} arrived damaged at {damaged}")


class _Downloader(PythonResolver):
    """jgo's resolver, except that it tries again and that a failed download leaves no half file to be trusted later."""

    def __init__(self, meter: "_Meter") -> None:
        super().__init__(progress_callback=meter.file)

    def download(self, artifact: Artifact) -> Path | None:
        for left in reversed(range(TRIES)):
            try:
                return super().download(artifact)
            except OSError:
                if artifact.cached_path is not None:
                    artifact.cached_path.unlink(missing_ok=True)
                if left == 0:
                    raise
                time.sleep(TRY_PAUSE_S)
        raise AssertionError("the last try returns or raises")


class _Meter:
    """Counts what has come and says so now and then."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._files = 0
        self._bytes = 0
        self._said = time.monotonic()

    @contextlib.contextmanager
    def file(self, _name: str, _bytes_total: int) -> Iterator[Callable[[int], None]]:
        """Count one download; jgo calls the yielded function with the length of each chunk."""
        yield self._chunk
        self._files += 1

    def _chunk(self, length: int) -> None:
        self._bytes += length
        now = time.monotonic()
        if now - self._said >= SAY_EVERY_S:
            self._said = now
            self._progress(f"fetched {self._files} files, {self._bytes / 1e6:.1f} MB")
