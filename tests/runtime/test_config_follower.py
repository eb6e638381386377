"""The follower is ready at the end of the topic and not before, and hands out what counts at this moment."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from runtime import provisioning
from runtime.config_follower import ConfigFollower
from runtime.kafka.one_shot import Write, write_together
from runtime.secrets import SecretBox, UnsealError, generate_keys
from schemas import codec, topics
from schemas.codec import encoder, schema_text
from schemas.config import Account, Endpoint, ProviderAccess, SealedSecret
from tests.conftest import KafkaFactory
from tests.stage import Stage, await_condition, open_stage

FILE = """
accounts:
  - id: acme
    providers:
      infobip: {secret: [first-path-secret, second-path-secret]}
    endpoints:
      - {id: main, url: "https://example.com/", secret: a-signing-secret}
"""
PATIENCE_S = 30.0


def for_s(seconds: float) -> Callable[[], bool]:
    """Keep waiting for so long."""
    deadline = time.monotonic() + seconds
    return lambda: time.monotonic() < deadline


@contextlib.contextmanager
def following(stage: Stage, **extra: str) -> Iterator[ConfigFollower]:
    follower = ConfigFollower(stage.settings(**extra), "test")
    follower.start()
    try:
        yield follower
    finally:
        follower.close()


def wait_ready(follower: ConfigFollower) -> None:
    assert follower.wait_ready(keep_waiting=for_s(PATIENCE_S))


def put(stage: Stage, kind: str, full_id: str, payload: str | None) -> None:
    """Write one config record as a command does."""
    record = {
        "kind": kind, "id": full_id, "payload": payload, "origin": "command", "actor": "test", "updated_at": 1,
        "applied_hash": "",
    }  # fmt: skip
    value = None if payload is None else encoder("ConfigRecord")(record)
    write_together(stage.settings().kafka, [Write(stage.prefix + topics.CONFIG, f"{kind}|{full_id}", value)], name="t")


def test_it_is_ready_with_everything_that_was_applied_and_follows_changes(stage: Stage) -> None:
    stage.configure(FILE)
    with following(stage) as follower:
        wait_ready(follower)
        assert follower.snapshot.accounts.keys() == {"acme"}
        assert follower.snapshot.endpoints["acme/main"].url == "https://example.com/"
        assert follower.snapshot.layout is not None
        assert follower.trusted

        told = threading.Event()
        follower.on_change(told.set)
        stage.configure(FILE.replace("example.com", "example.org").replace("main", "other"))
        assert told.wait(PATIENCE_S)
        assert [one.id for one in follower.snapshot.endpoints_of("acme")] == ["acme/other"]


def test_nothing_is_known_before_the_start_and_an_empty_topic_is_read_too(stage: Stage) -> None:
    unstarted = ConfigFollower(stage.settings(), "test")
    assert (unstarted.ready, unstarted.trusted, unstarted.behind_s) == (False, False, float("inf"))
    assert not unstarted.wait_ready(keep_waiting=lambda: False)
    unstarted.close()
    with following(stage) as follower:
        wait_ready(follower)
        assert follower.snapshot.accounts == {}


def test_read_to_end_sees_every_write_that_came_before_it(stage: Stage) -> None:
    with following(stage) as follower:
        for number in range(5):
            put(stage, "account", f"a{number}", Account(id=f"a{number}").model_dump_json())
            assert follower.read_to_end(keep_waiting=lambda: True)
            assert f"a{number}" in follower.snapshot.accounts
        put(stage, "account", "a0", None)
        assert asyncio.run(follower.read_to_end_async(threading.Event()))
        assert "a0" not in follower.snapshot.accounts


def test_an_end_of_markers_and_aborted_records_alone_is_reached(stage: Stage) -> None:
    producer = Producer({"bootstrap.servers": stage.bootstrap, "transactional.id": f"{stage.prefix}aborts"})
    producer.init_transactions(10)
    for _ in range(3):
        producer.begin_transaction()
        producer.produce(stage.prefix + topics.CONFIG, b"never committed", "account|never")
        producer.flush(10)
        producer.abort_transaction(10)
    with following(stage) as follower:
        wait_ready(follower)
        producer.begin_transaction()
        producer.produce(stage.prefix + topics.CONFIG, b"never committed", "account|never")
        producer.flush(10)
        assert not follower.read_to_end(keep_waiting=for_s(2.5)), "an open transaction may hold what is asked for"
        producer.abort_transaction(10)
        assert follower.read_to_end(keep_waiting=for_s(PATIENCE_S))


def test_damaged_records_are_passed_over_and_the_log_names_no_key(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    config = stage.prefix + topics.CONFIG
    damaged = [
        Write(config, "list|acme/+18005551234", b"not a record"),
        Write(
            config, "list|acme/+18005551234", encoder("Erasure")({"contact_hash": "", "account": "", "erased_at": 1})
        ),
    ]
    write_together(stage.settings().kafka, damaged, name="t")
    put(stage, "account", "acme", "{}")
    put(stage, "colour", "blue", "{}")
    put(stage, "account", "good", '{"id": "good"}')
    with following(stage) as follower:
        wait_ready(follower)
        assert follower.snapshot.accounts.keys() == {"good"}
    assert caplog.text.count("ignored") == 3
    assert "18005551234" not in caplog.text


class Registry:
    """A registry that learns a schema late."""

    def __init__(self) -> None:
        self.schemas: dict[int, str] = {}

    def id_of(self, record: str, schema: str) -> int:  # noqa: ARG002 - the protocol's signature
        return 7

    def schema_of(self, schema_id: int) -> str | None:
        return self.schemas.get(schema_id)


def test_a_record_of_a_newer_version_holds_the_reader_back_until_it_can_be_read(stage: Stage) -> None:
    registry = Registry()
    put(stage, "account", "before", '{"id": "before"}')
    record = {
        "kind": "account", "id": "new", "payload": '{"id": "new"}', "origin": "", "actor": "", "updated_at": 1, "applied_hash": "",
    }  # fmt: skip
    newer = encoder("ConfigRecord", registry=registry)(record)
    write_together(stage.settings().kafka, [Write(stage.prefix + topics.CONFIG, "account|new", newer)], name="t")
    put(stage, "account", "after", '{"id": "after"}')
    codec.use_registry(registry)
    try:
        with following(stage) as follower:
            await_condition(lambda: follower.snapshot.accounts.keys() == {"before"}, what="the first record")
            assert not follower.wait_ready(keep_waiting=for_s(2))
            assert not follower.trusted
            registry.schemas[7] = schema_text("ConfigRecord")
            wait_ready(follower)
            assert follower.snapshot.accounts.keys() == {"before", "new", "after"}
    finally:
        codec.use_registry(None)


def test_what_ends_the_reader_is_raised_wherever_it_is_asked(stage: Stage) -> None:
    with following(stage) as follower:
        wait_ready(follower)

        def refuse() -> None:
            raise ArithmeticError

        follower.on_change(refuse)
        put(stage, "account", "acme", '{"id": "acme"}')
        with pytest.raises(ArithmeticError):
            follower.read_to_end(keep_waiting=for_s(PATIENCE_S))
        for ask in (lambda: follower.snapshot, lambda: follower.trusted):
            with pytest.raises(ArithmeticError):
                ask()


# --- secrets ---------------------------------------------------------------------------------------------------------


def sealed(stage: Stage, value: str, context: str, **validity: int) -> SealedSecret:
    box = SecretBox.from_settings(stage.settings().secret_keys)
    return box.seal(value, context).model_copy(update=validity)


def test_credentials_are_opened_and_only_those_that_count_now(stage: Stage) -> None:
    stage.configure(FILE)
    with following(stage) as follower:
        wait_ready(follower)
        found = follower.credentials("acme", "infobip")
        assert found is not None
        assert found.values_of("secret") == ("first-path-secret", "second-path-secret")
        assert follower.credentials("acme", "twilio") is None
        assert follower.credentials("nobody", "infobip") is None

        context = "account|acme|infobip|secret"
        values = (
            sealed(stage, "expired", context, valid_until=1),
            sealed(stage, "present", context),
            sealed(stage, "future", context, valid_from=2**53),
        )
        access = ProviderAccess(credentials={"secret": values})
        put(stage, "account", "acme", Account(id="acme", providers={"infobip": access}).model_dump_json())
        assert follower.read_to_end(keep_waiting=for_s(PATIENCE_S))
        found = follower.credentials("acme", "infobip")
        assert found is not None
        assert found.values_of("secret") == ("present",)


def test_during_an_overlap_both_secrets_sign_and_the_previous_one_is_the_documented(stage: Stage) -> None:
    context = "endpoint|acme/main"
    old, new = sealed(stage, "old", context, valid_until=2**53), sealed(stage, "new", context, valid_from=1)

    def write(*secrets: SealedSecret) -> None:
        entry = Endpoint(account="acme", id="acme/main", url="https://example.com/", secrets=secrets)
        put(stage, "endpoint", "acme/main", entry.model_dump_json())

    with following(stage) as follower:
        write(old, new)
        assert follower.read_to_end(keep_waiting=for_s(PATIENCE_S))
        found = follower.endpoint_secrets("acme/main")
        assert (found.valid, found.documented) == (("old", "new"), "old")
        assert "old" not in repr(found)
        write(old.model_copy(update={"valid_until": 2}), new)
        assert follower.read_to_end(keep_waiting=for_s(PATIENCE_S))
        found = follower.endpoint_secrets("acme/main")
        assert (found.valid, found.documented) == (("new",), "new")
        write(old.model_copy(update={"valid_until": 2}))
        assert follower.read_to_end(keep_waiting=for_s(PATIENCE_S))
        for endpoint in ("acme/main", "acme/gone"):
            with pytest.raises(UnsealError, match="has no valid secret"):
                follower.endpoint_secrets(endpoint)


def test_without_the_key_a_secret_is_refused_and_the_rest_is_read(stage: Stage) -> None:
    stage.configure(FILE)
    with following(stage, TRACKLY_SECRET_KEYS=generate_keys("another")) as follower:
        wait_ready(follower)
        assert "acme/main" in follower.snapshot.endpoints
        with pytest.raises(UnsealError, match="no key 'local' in TRACKLY_SECRET_KEYS"):
            follower.endpoint_secrets("acme/main")
        with pytest.raises(UnsealError, match="no key 'local'"):
            follower.credentials("acme", "infobip")


# --- outages ---------------------------------------------------------------------------------------------------------


def test_a_broker_outage_is_waited_out(kafka_factory: KafkaFactory, topic_prefix: str, tmp_path: Path) -> None:
    broker = kafka_factory()
    with open_stage(broker.bootstrap, topic_prefix, tmp_path) as stage:
        assert not provisioning.apply(stage.settings(), partitions=1).differences
        stage.configure(FILE)
        with following(stage) as follower:
            wait_ready(follower)
            broker.stop()
            assert not follower.read_to_end(keep_waiting=for_s(3))
            assert follower.snapshot.accounts.keys() == {"acme"}
            broker.start()
            put(stage, "account", "later", '{"id": "later"}')
            assert follower.read_to_end(keep_waiting=for_s(PATIENCE_S))
            assert "later" in follower.snapshot.accounts
