"""Fixtures that every room shares: the real broker, one per run on free ports, and names of one's own on it."""

import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime.broker import EmbeddedBroker
from tests.stage import Stage, open_stage

BROKER_FIXTURES = frozenset({"kafka", "kafka_factory"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by what a test uses and where it lies, so that `make check` can leave the slow ones out."""
    for item in items:
        if BROKER_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.broker)
        if "system" in item.path.parts:
            item.add_marker(pytest.mark.system)


@pytest.fixture(scope="session")
def kafka() -> Iterator[EmbeddedBroker]:
    """The broker of this run."""
    folder = Path(tempfile.mkdtemp(prefix="trackly-test-"))
    broker = EmbeddedBroker(folder / "broker", on_progress=print)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def kafka_factory(tmp_path: Path) -> Iterator[Callable[[], EmbeddedBroker]]:
    """Makes brokers of a test's own, which it may stop, kill and start again."""
    made: list[EmbeddedBroker] = []

    def make() -> EmbeddedBroker:
        broker = EmbeddedBroker(tmp_path / f"broker-{len(made)}")
        made.append(broker)
        broker.start()
        return broker

    yield make
    for broker in made:
        broker.kill()


@pytest.fixture
def topic_prefix() -> str:
    """A prefix of topics and groups that no other test uses."""
    return f"t{uuid.uuid4().hex[:8]}."


@pytest.fixture
def stage(kafka: EmbeddedBroker, topic_prefix: str, tmp_path: Path) -> Iterator[Stage]:
    """A provisioned prefix of the test's own, and the means to run roles on it."""
    with open_stage(kafka.bootstrap, topic_prefix, tmp_path) as opened:
        yield opened.provision()
