"""The embedded broker: Apache Kafka as one KRaft node, from the `local` extra alone. Touches Java, files and two ports.

For development, tests and the demo, never for production. It must not outlive the process that started it, nor leave
files outside its data folder and the cache of jars.
"""

import base64
import contextlib
import errno
import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Final
from uuid import uuid4

from runtime.broker_java import BrokerUnavailableError, JarsUnavailableError, class_path, default_cache_dir, java
from runtime.kafka.probe import answers

__all__ = [
    "BrokerUnavailableError",
    "EmbeddedBroker",
    "JarsUnavailableError",
    "free_port",
    "render_properties",
    "run_foreground",
]

LOOPBACK: Final = "127.0.0.1"
START_S: Final = 90
"""Longest start on a busy machine; a warm one takes 3 s."""
PROBE_S: Final = 1.0
"""Longest wait for one answer while starting, so that an early death is noticed soon."""
STOP_S: Final = 30
"""Longest clean stop before the process is killed; a clean stop takes half a second."""
HEAP: Final = "384m"
"""Enough for a few hundred partitions; the whole process then takes some 340 MB."""
LOG_TAIL_LINES: Final = 15
LOG_TAIL_BYTES: Final = 16 * 1024
"""What of broker.log is looked at for the last lines, in bytes."""
LOG_BYTES_MAX: Final = 8 * 1024 * 1024
"""A longer broker.log is started afresh at the next start: only warnings go there, so more is a storm."""
PORTS: Final = range(20_000, 32_000)
"""Where free ports are looked for: below what Linux and macOS lend to outgoing connections, so that a stopped broker
finds its port free when it starts again."""
PORT_TRIES: Final = 200
"""Random ports tried before giving up; one is nearly always enough."""
CLUSTER_FILE: Final = "trackly-cluster-id"
"""Marks a data folder as ours and says which cluster it holds."""

_NO_PROPERTIES: Final[Mapping[str, str]] = MappingProxyType({})
_JAVA_FLAGS: Final = (
    "-XX:+UseSerialGC",  # the smallest collector; the heap is small
    "-XX:-UsePerfData",  # keeps its files out of the machine's temporary folder
    "--sun-misc-unsafe-memory-access=allow",  # Kafka's way of closing mapped files; else four lines of warning a start
    "--enable-native-access=ALL-UNNAMED",  # the same for its compression libraries
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)
_JAVA_ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8", "PATH": os.defpath}
"""All of Java's environment: paths may hold any letter, options meant for other programs do not reach it, nor do our
secrets."""
_START_ON_A_LINE: Final = 'read -r _ && exec "$@"'
"""Shell: becomes the given command when a line comes, ends when the input ends first."""
_KILL_AT_THE_END: Final = 'read -r _ || kill -9 "$0"'
"""Shell: kills the given process when its input ends without a line, which is when the writer is gone."""


def render_properties(
    template: str, *, port: int, controller_port: int, log_dir: str, overrides: Mapping[str, str] = _NO_PROPERTIES
) -> str:
    """Fill the template of server.properties; `overrides` win. Pure.

    Answers one `name=value` a line, in Java's escaping, without comments.
    """
    given = {"port": port, "controller_port": controller_port, "log_dir": log_dir}
    lines = (line.split("=", 1) for line in template.splitlines() if line and not line.startswith("#"))
    settings = {name: value.format_map(given) for name, value in lines} | dict(overrides)
    return "".join(f"{name}={_escaped(value)}\n" for name, value in settings.items())


def _escaped(value: str) -> str:
    r"""Java reads properties as Latin-1 and `\` as an escape, so everything else travels as UTF-16 code units."""
    units = value.encode("utf-16-be")
    codes = [int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2)]
    return "".join(chr(code) if " " < chr(code) <= "~" and chr(code) != "\\" else f"\\u{code:04x}" for code in codes)


class EmbeddedBroker:
    """One Kafka node of our own; start, stop, kill and start again on the same port and data."""

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        controller_port: int = 0,
        properties: Mapping[str, str] = _NO_PROPERTIES,
        bench: bool = False,
        cache_dir: Path | None = None,
        on_progress: Callable[[str], None] = lambda _line: None,
    ) -> None:
        """Describe the broker; nothing happens before `start`.

        Port 0 takes a free one at the first start and keeps it. `properties` win over the template. `bench` lets Java
        compile fully; without it the start is faster. `on_progress` gets a line now and then while jars are fetched.
        """
        self.data_dir = data_dir.absolute()
        self.port = port
        self._controller_port = controller_port
        self._properties = dict(properties)
        self._cache_dir = cache_dir or default_cache_dir()
        self._progress = on_progress
        temporary = self.data_dir / "tmp"  # native libraries are unpacked there; else a kill would leave them behind
        compiler = () if bench else ("-XX:TieredStopAtLevel=1",)
        self._flags = [f"-Xmx{HEAP}", *_JAVA_FLAGS, *compiler, f"-Djava.io.tmpdir={temporary}"]
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._log_from = 0

    @property
    def bootstrap(self) -> str:
        """Address for clients; its port is known after the first start."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id of Java, None when it was not started or was stopped."""
        return self._process.pid if self._process is not None else None

    @property
    def log_path(self) -> Path:
        """What Java prints."""
        return self.data_dir / "broker.log"

    def start(self) -> None:
        """Start, and wait until the broker answers the Kafka protocol.

        Raises:
            BrokerUnavailableError: missing extra, port taken, foreign or used data folder, early death.
            JarsUnavailableError: the jars are not to be had; a later try may work.
        """
        if self._process is not None:
            raise RuntimeError("the broker was started already; stop() comes first")
        binary = str(java())
        self._take_ports()
        try:
            _own(self.data_dir)
            command = [binary, *self._flags, "-cp", class_path(self._cache_dir, self._progress)]
            config = self._write_config()
            self._format(command, config)
            self._launch([*command, "kafka.Kafka", str(config)])
            self._wait_ready()
        except OSError as error:
            self.kill()
            raise BrokerUnavailableError(
                f"the data folder {self.data_dir} cannot be used: {error.strerror}; choose another with --data"
            ) from error
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Stop cleanly; kill after STOP_S. Does nothing when there is nothing to stop."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End Java without a chance to write anything; data survives as it would a crash of the process."""
        self._end(signal.SIGKILL)

    def wait(self) -> int:
        """Wait for Java's own end and answer its exit code, negative for a signal."""
        if self._process is None:
            raise RuntimeError("start() comes first")
        return self._process.wait()

    def log_tail(self) -> str:
        """The last lines that Java printed since the last start."""
        if not self.log_path.exists():
            return ""
        with self.log_path.open("rb") as log:
            log.seek(max(self._log_from, self.log_path.stat().st_size - LOG_TAIL_BYTES))
            return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-LOG_TAIL_LINES:])

    def _take_ports(self) -> None:
        self.port = self.port or free_port()
        self._controller_port = self._controller_port or free_port()
        for port in (self.port, self._controller_port):
            reason = _why_not(port)
            if reason is not None:
                raise BrokerUnavailableError(
                    f"port {port} {reason}; end what uses it, choose another with --port, "
                    "or name an existing cluster in TRACKLY_KAFKA__BOOTSTRAP_SERVERS"
                )

    def _write_config(self) -> Path:
        template = files("deploy").joinpath("local", "server.properties.template").read_text("utf-8")
        config = self.data_dir / "server.properties"
        config.write_text(
            render_properties(
                template,
                port=self.port,
                controller_port=self._controller_port,
                log_dir=str(self.data_dir / "kafka-logs"),
                overrides=self._properties,
            ),
            "ascii",
        )
        return config

    def _format(self, command: list[str], config: Path) -> None:
        """Prepare a new data folder; one that is prepared stays as it is."""
        logs = self.data_dir / "kafka-logs"
        if (logs / "meta.properties").exists():
            return
        shutil.rmtree(logs, ignore_errors=True)  # a format that was cut short; nothing was ever stored
        cluster = (self.data_dir / CLUSTER_FILE).read_text("ascii")
        done = subprocess.run(  # noqa: S603 - our own Java with our own arguments
            [*command, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(config), "--standalone"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=self.data_dir,
            env=_JAVA_ENVIRONMENT,
            check=False,
        )
        if done.returncode != 0:
            raise BrokerUnavailableError(f"preparing {self.data_dir} failed:\n{done.stdout}{done.stderr}")

    def _launch(self, command: list[str]) -> None:
        """Start Java in a session of its own, so that Ctrl-C reaches only us, and tie its life to ours.

        Java begins only once its guard stands, and the guard kills it when the pipe from us breaks, however we end.
        """
        if self.log_path.exists() and self.log_path.stat().st_size > LOG_BYTES_MAX:
            self.log_path.unlink()
        with self.log_path.open("ab") as log:
            self._log_from = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 - our own Java with our own arguments
                ["/bin/sh", "-c", _START_ON_A_LINE, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.data_dir,
                env=_JAVA_ENVIRONMENT,
                start_new_session=True,
            )
        self._guard = subprocess.Popen(  # noqa: S603 - a fixed line of shell and a process id
            ["/bin/sh", "-c", _KILL_AT_THE_END, str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _say_line(self._process)

    def _wait_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if answers(self.bootstrap, timeout_s=PROBE_S):
                return
            if self._process.poll() is not None:
                raise BrokerUnavailableError(
                    f"the broker ended while it started; {self.log_path} says:\n{self.log_tail()}"
                )
        raise BrokerUnavailableError(
            f"the broker did not answer within {START_S} s; {self.log_path} says:\n{self.log_tail()}"
        )

    def _end(self, number: signal.Signals) -> None:
        """Signal Java, reap it, then dismiss the guard, which must never outlive the process id it holds.

        Touches nothing when Java never ran: the folder may be somebody else's.
        """
        if self._process is not None:
            self._process.send_signal(number)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
            shutil.rmtree(self.data_dir / "tmp", ignore_errors=True)
        if self._guard is not None:
            _say_line(self._guard)
            self._guard.wait()
            self._guard = None


def run_foreground(port: int, data: Path) -> int:
    """Be `trackly broker`: print `ready bootstrap=127.0.0.1:P`, stay until SIGTERM or SIGINT, answer the exit code.

    0 stopped as asked, 1 the broker ended by itself, 2 it cannot run as asked, 75 the jars could not be fetched.
    Call it in the main thread.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    broker = EmbeddedBroker(data, port=port, on_progress=_to_stderr)
    try:
        broker.start()
        print(f"ready bootstrap={broker.bootstrap}", flush=True)  # noqa: T201 - the command's result
        broker.wait()
    except KeyboardInterrupt:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # asked once is enough; a second must not cut the clean stop short
        broker.stop()
        return 0
    except JarsUnavailableError as error:
        _to_stderr(str(error))
        return 75
    except BrokerUnavailableError as error:
        _to_stderr(str(error))
        return 2
    _to_stderr(f"the broker ended by itself; its last lines:\n{broker.log_tail()}")
    broker.stop()
    return 1


def free_port() -> int:
    """Find a port of 127.0.0.1 that nobody listens on now."""
    for port in random.sample(PORTS, PORT_TRIES):
        if _why_not(port) is None:
            return port
    raise BrokerUnavailableError(f"no free port among {PORT_TRIES} tried from {PORTS.start} to {PORTS.stop - 1}")


def _why_not(port: int) -> str | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does: old connections do not count
        try:
            probe.bind((LOOPBACK, port))
        except OverflowError:
            return "is not a port"
        except OSError as error:
            return "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
    return None


def _own(data_dir: Path) -> None:
    """Make the data folder, or recognise it; refuse one that another cluster, program or running broker holds."""
    marker, logs = data_dir / CLUSTER_FILE, data_dir / "kafka-logs"
    advice = f"choose another folder with --data, or delete {data_dir} if nothing in it is needed"
    if "," in str(data_dir):
        raise BrokerUnavailableError(f"Kafka takes no comma in a data folder, as in {data_dir}; choose another --data")
    if not marker.exists():
        if data_dir.exists() and any(data_dir.iterdir()):
            raise BrokerUnavailableError(f"{data_dir} holds files of something else; {advice}")
        data_dir.mkdir(parents=True, exist_ok=True)
        marker.write_text(_new_cluster_id(), "ascii")
    cluster = marker.read_text("ascii")
    meta = logs / "meta.properties"
    if meta.exists() and f"cluster.id={cluster}" not in meta.read_text("utf-8").splitlines():
        raise BrokerUnavailableError(f"{data_dir} belongs to another cluster than {cluster}; {advice}")
    if _held(logs / ".lock"):
        raise BrokerUnavailableError(f"{data_dir} is in use by a running broker; stop it or choose another --data")
    shutil.rmtree(data_dir / "tmp", ignore_errors=True)  # what a killed broker left
    (data_dir / "tmp").mkdir()


def _held(lock: Path) -> bool:
    """Tell whether another process holds Kafka's own lock file."""
    if not lock.exists():
        return False
    with lock.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # which of the two it is, POSIX leaves open
            return True
    return False


def _new_cluster_id() -> str:
    """22 characters of URL-safe base64 that do not begin with a dash, as the storage tool wants them."""
    return base64.urlsafe_b64encode(uuid4().bytes).decode().rstrip("=").replace("-", "a")


def _say_line(process: subprocess.Popen[bytes]) -> None:
    """Send one line and close the pipe."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as pipe:  # it may have ended already; waiting tells
        pipe.write(b"\n")


def _to_stderr(line: str) -> None:
    print(f"trackly broker: {line}", file=sys.stderr, flush=True)  # noqa: T201 - progress of a command
