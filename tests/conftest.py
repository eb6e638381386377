"""Fixtures that every room shares: the real broker, one per run on free ports, and names of one's own on it."""

import contextlib
import signal
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Protocol

import pytest

from runtime.broker import BrokerUnavailableError, EmbeddedBroker
from runtime.broker_java import class_path, default_cache_dir
from tests.stage import Stage, open_stage

BROKER_FIXTURES: Final = frozenset({"kafka", "kafka_factory"})
SYSTEM_TESTS: Final = Path(__file__).parent / "system"


LONGEST = frozenset({"test_chaos.py", "test_isolation.py", "test_pipeline.py"})
"""Files that take minutes."""


class KafkaFactory(Protocol):
    """Makes and starts brokers of a test's own, which it may stop, kill and start again."""

    def __call__(self, properties: Mapping[str, str] = ...) -> EmbeddedBroker:
        """Start one on free ports and an empty data folder."""


def pytest_configure() -> None:
    """Let SIGTERM end a run as Ctrl-C does, so that brokers stop and their folders go."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by what a test uses and where it lies, so that `make check` can leave the slow ones out."""
    for item in items:
        if BROKER_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.broker)
        if "kafka_factory" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
        if item.path.is_relative_to(SYSTEM_TESTS):
            item.add_marker(pytest.mark.system)
    items.sort(key=_weight)


def _weight(item: pytest.Item) -> int:
    """Long ones first, and whole files together: what comes last must not be what everybody waits for."""
    if item.path.name in LONGEST:
        return 0
    marks = ("system", "slow", "broker")
    return next((place for place, mark in enumerate(marks, 1) if item.get_closest_marker(mark)), len(marks) + 1)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fetch the broker's jars before the first test that needs them: a download counts against no test's time limit."""
    needed = any(item.get_closest_marker(name) for item in session.items for name in ("broker", "system"))
    if needed and not session.config.option.collectonly:
        with contextlib.suppress(
            BrokerUnavailableError
        ):  # the first test that needs the broker fails with it, and says so
            class_path(default_cache_dir(), lambda line: print(line, file=sys.stderr, flush=True))


@contextlib.contextmanager
def _data_folder() -> Iterator[Path]:
    """A folder outside the repository that goes away, whatever state a killed broker left it in."""
    with tempfile.TemporaryDirectory(prefix="trackly-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def kafka() -> Iterator[EmbeddedBroker]:
    """The broker of this run."""
    with _data_folder() as folder:
        broker = EmbeddedBroker(folder / "broker")
        broker.start()
        try:
            yield broker
        finally:
            broker.kill()  # its data goes with it, so a clean stop would be time spent on nothing


@pytest.fixture
def kafka_factory() -> Iterator[KafkaFactory]:
    """Brokers of a test's own; all are gone at its end."""
    with _data_folder() as folder, contextlib.ExitStack() as started:

        def make(properties: Mapping[str, str] | None = None) -> EmbeddedBroker:
            broker = EmbeddedBroker(folder / uuid.uuid4().hex[:8], properties=properties or {})
            started.callback(broker.kill)
            broker.start()
            return broker

        yield make


@pytest.fixture
def topic_prefix() -> str:
    """A prefix of topics and groups that no other test uses, such as `t1a2b3c4.`."""
    return f"t{uuid.uuid4().hex[:7]}."


@pytest.fixture
def stage(kafka: EmbeddedBroker, topic_prefix: str, tmp_path: Path) -> Iterator[Stage]:
    """A provisioned prefix of the test's own, and the means to run roles on it."""
    with open_stage(kafka.bootstrap, topic_prefix, tmp_path) as opened:
        yield opened.provision()
