"""Settings are read strictly, from the environment and from files, and shown without secrets."""

import json
from pathlib import Path
from typing import Any

import pytest

from runtime.kafka.properties import FORBIDDEN, PropertyRefusedError, ProtocolRefusedError, shared
from runtime.settings import SettingsError, known_names, load, masked


def test_nothing_set_gives_the_documented_defaults() -> None:
    settings = load({})
    assert settings.topic_prefix == "sms."
    assert list(settings.dispatch.tier_delays_s) == [60, 300, 900, 3600, 7200]
    assert settings.dispatch.attempt_timeout_s == 5
    assert settings.egress.allow_plain_http is False


@pytest.mark.parametrize(
    "name, value, path, meant",
    [
        ("TRACKLY_GATEWAY__PORT", "0", ("gateway", "port"), 0),
        ("TRACKLY_DISPATCH__TIER_DELAYS_S", "1, 2,3 ,4,5.5", ("dispatch", "tier_delays_s"), (1, 2, 3, 4, 5.5)),
        ("TRACKLY_EGRESS__ALLOW_CIDRS", "127.0.0.0/8,::1/128", ("egress", "allow_cidrs"), ("127.0.0.0/8", "::1/128")),
        ("TRACKLY_EGRESS__ALLOW_CIDRS", "", ("egress", "allow_cidrs"), ()),
        ("TRACKLY_EGRESS__ALLOW_PLAIN_HTTP", "true", ("egress", "allow_plain_http"), True),
        ("TRACKLY_EGRESS__ALLOW_PORTS", "8080", ("egress", "allow_ports"), (8080,)),
        ("TRACKLY_TOPIC_PREFIX", "", ("topic_prefix",), ""),
    ],
)
def test_a_variable_is_read_as_what_it_means(name: str, value: str, path: tuple[str, ...], meant: Any) -> None:
    found: Any = load({name: value})
    for step in path:
        found = getattr(found, step)
    assert found == meant


@pytest.mark.parametrize(
    "environment, sentence",
    [
        ({"TRACKLY_GATEWAY__PROT": "1"}, "unknown setting TRACKLY_GATEWAY__PROT; did you mean TRACKLY_GATEWAY__PORT?"),
        ({"TRACKLY_KAKFA__LINGER_MS": "1"}, "unknown setting TRACKLY_KAKFA__LINGER_MS"),
        ({"TRACKLY_GATEWAY__PORT": "hush"}, "TRACKLY_GATEWAY__PORT: Input should be a valid integer"),
        ({"TRACKLY_GATEWAY__PORT": "70000"}, "TRACKLY_GATEWAY__PORT: Input should be less than or equal to 65535"),
        (
            {"TRACKLY_DISPATCH__TIER_DELAYS_S": "1,2"},
            "TRACKLY_DISPATCH__TIER_DELAYS_S: Value error, 5 delays are needed",
        ),
        ({"TRACKLY_DISPATCH__TIER_DELAYS_S": "5,4,3,2,1"}, "delays must not fall from one tier to the next"),
        ({"TRACKLY_EGRESS__ALLOW_CIDRS": "hush"}, "TRACKLY_EGRESS__ALLOW_CIDRS: Value error"),
        (
            {"TRACKLY_DISPATCH__ATTEMPT_TIMEOUT_S": "inf"},
            "TRACKLY_DISPATCH__ATTEMPT_TIMEOUT_S: Input should be a finite number",
        ),
        ({"TRACKLY_KAFKA__": "x", "TRACKLY_KAFKA__LINGER_MS": "1"}, "unknown setting TRACKLY_KAFKA__;"),
        ({"TRACKLY_SECRET_KEYS_FILE": "a\0b"}, "TRACKLY_SECRET_KEYS_FILE: names no file of text in UTF-8"),
        ({"TRACKLY_TOPIC_PREFIX": "a b"}, "TRACKLY_TOPIC_PREFIX: String should match pattern"),
        ({"TRACKLY_SECRET_KEYS_FILE": "/nowhere/at/all"}, "TRACKLY_SECRET_KEYS_FILE: No such file or directory"),
        (
            {"TRACKLY_SECRET_KEYS": "hush", "TRACKLY_SECRET_KEYS_FILE": "/x"},
            "TRACKLY_SECRET_KEYS and TRACKLY_SECRET_KEYS_FILE are both set; keep one",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(environment)
    assert sentence in str(refused.value)
    assert "hush" not in str(refused.value)


def test_a_file_that_is_no_text_is_refused_by_name_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_bytes(b"\xff\xfehush")
    with pytest.raises(SettingsError) as refused:
        load({"TRACKLY_SECRET_KEYS_FILE": str(path)})
    assert str(refused.value) == "TRACKLY_SECRET_KEYS_FILE: names no file of text in UTF-8"


@pytest.mark.parametrize(
    "name",
    ["TRACKLY_GATEWAY_SERVICE_HOST", "TRACKLY_GATEWAY_PORT", "TRACKLY_GATEWAY_PORT_80_TCP", "TRACKLY_CONSOLE_PORT_80_TCP_ADDR",
     "TRACKLY_GATEWAY_SERVICE_PORT_HTTP"],
)  # fmt: skip
def test_what_kubernetes_injects_is_ignored(name: str) -> None:
    assert load({name: "tcp://10.0.0.1:80"}) == load({})


def test_a_file_holds_a_value(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("a:b\n")
    keys = load({"TRACKLY_SECRET_KEYS_FILE": str(path)}).secret_keys
    assert keys is not None
    assert keys.get_secret_value() == "a:b"


def test_every_documented_name_is_known_and_has_a_file_form() -> None:
    for name in known_names():
        if "KAFKA" not in name:
            with pytest.raises(SettingsError, match=f"{name} and {name}_FILE are both set"):
                load({name: "1", f"{name}_FILE": "/nowhere"})
    assert load({"TRACKLY_KAFKA__BOOTSTRAP_SERVERS": "a:1"}).kafka.bootstrap_servers == "a:1"


def test_a_librdkafka_property_passes_through() -> None:
    kafka = load({"TRACKLY_KAFKA__LINGER_MS": "7", "TRACKLY_KAFKA__SASL_PASSWORD": "hush"}).kafka
    properties = shared(kafka, "test")
    assert (properties["linger.ms"], properties["sasl.password"]) == ("7", "hush")


@pytest.mark.parametrize("name", sorted(FORBIDDEN))
def test_a_property_that_promises_rest_on_is_refused(name: str) -> None:
    kafka = load({"TRACKLY_KAFKA__" + name.replace(".", "_").upper(): "1"}).kafka
    with pytest.raises(PropertyRefusedError, match=name):
        shared(kafka, "test")


def test_an_unsupported_group_protocol_is_refused_with_the_one_that_works() -> None:
    kafka = load({"TRACKLY_KAFKA__GROUP_PROTOCOL": "consumer"}).kafka
    with pytest.raises(ProtocolRefusedError, match="takes classic"):
        shared(kafka, "test")


def test_what_is_shown_holds_no_secret() -> None:
    settings = load(
        {
            "TRACKLY_SECRET_KEYS": "a:hush",
            "TRACKLY_DATABASE_URL": "postgresql://u:hush@h/d",
            "TRACKLY_KAFKA__SASL_PASSWORD": "hush",
            "TRACKLY_KAFKA__SSL_KEY_PEM": "hush",
        }
    )
    shown = masked(settings)
    assert "hush" not in json.dumps(shown, default=str)
    assert "hush" not in repr(settings.secret_keys)
    assert shown["secret_keys"] == "***"
    assert shown["topic_prefix"] == "sms."


@pytest.mark.parametrize(
    "name, value, shown",
    [
        ("TRACKLY_KAFKA__SCHEMA_REGISTRY_URL", "https://user:hush@r:8081/v1", "https://***@r:8081/v1"),
        ("TRACKLY_KAFKA__SCHEMA_REGISTRY_URL", "https://hush@r", "https://***@r"),
        ("TRACKLY_KAFKA__SCHEMA_REGISTRY_URL", "https://u:a@hush@r", "https://***@r"),
        ("TRACKLY_KAFKA__SCHEMA_REGISTRY_URL", "https://r/?token=hush&a=hush", "https://r/?token=***&a=***"),
        ("TRACKLY_KAFKA__SCHEMA_REGISTRY_URL", "https://r?hush", "https://r?***"),
        ("TRACKLY_KAFKA__SCHEMA_REGISTRY_URL", "https://r#hush", "https://r#***"),
        ("TRACKLY_KAFKA__SCHEMA_REGISTRY_URL", "https://u:hush/hush@r", "***"),
        ("TRACKLY_KAFKA__SCHEMA_REGISTRY_URL", "https://u:hush#hush@r", "***"),
        ("TRACKLY_KAFKA__SCHEMA_REGISTRY_URL", "https://u:hush@[r", "***"),
        ("TRACKLY_KAFKA__SCHEMA_REGISTRY_URL", "user:hush@r:8081", "***"),
        ("TRACKLY_KAFKA__SCHEMA_REGISTRY_URL", "http://127.0.0.1:8081", "http://127.0.0.1:8081"),
        ("TRACKLY_KAFKA__HTTPS_PROXY", "http://u:hush@p:3128", "http://***@p:3128"),
        ("TRACKLY_GATEWAY__PUBLIC_BASE_URL", "https://u:hush@g", "https://***@g"),
    ],
)
def test_a_url_is_shown_without_what_it_may_hold_of_credentials(name: str, value: str, shown: str) -> None:
    section, _, leaf = name.removeprefix("TRACKLY_").lower().partition("__")
    found = masked(load({name: value}))
    assert found[section][leaf] == shown
    assert "hush" not in json.dumps(found, default=str)
