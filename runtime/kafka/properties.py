"""librdkafka properties from settings: what every client of ours shares, and what nobody may override. Pure."""

from typing import Any, Final

from schemas.settings import KafkaSettings

Properties = dict[str, Any]

FORBIDDEN: Final = frozenset(
    {
        "acks",
        "auto.offset.reset",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.idempotence",
        "group.id",
        "group.instance.id",
        "group.remote.assignor",
        "isolation.level",
        "max.in.flight.requests.per.connection",
        "message.timeout.ms",
        "delivery.timeout.ms",
        "partition.assignment.strategy",
        "partitioner",
        "transaction.timeout.ms",
        "transactional.id",
    }
)
"""Properties that promises rest on; setting one is refused (KAFKA.md)."""
MESSAGE_BYTES_MAX: Final = 3 * 1024 * 1024
"""Largest record we produce: a body of 1 MiB, its headers, and growth by encoding."""


class PropertyRefusedError(Exception):
    """A librdkafka property that correctness rests on was set by the operator."""


class ProtocolRefusedError(Exception):
    """The group protocol asked for is not supported."""


def shared(kafka: KafkaSettings, role: str) -> Properties:
    """Properties of every client: brokers, name, and what the operator passed through.

    Raises:
        PropertyRefusedError: the operator set one of FORBIDDEN.
        ProtocolRefusedError: group protocol other than classic.
    """
    if kafka.group_protocol != "classic":
        raise ProtocolRefusedError(
            f"group.protocol={kafka.group_protocol} is not supported; TRACKLY_KAFKA__GROUP_PROTOCOL takes classic"
        )
    extra = {name.replace("_", "."): value for name, value in (kafka.model_extra or {}).items()}
    refused = sorted(FORBIDDEN & extra.keys())
    if refused:
        raise PropertyRefusedError(f"{', '.join(refused)}: set by trackly and not open to configuration")
    return {
        "bootstrap.servers": kafka.bootstrap_servers,
        "client.id": f"trackly.{role}",
        "socket.nagle.disable": True,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1000,
        "log_level": 2,  # what goes wrong comes through error_cb and results, as JSON
        **extra,
    }


def producer(kafka: KafkaSettings, role: str, *, message_timeout_ms: int, linger_ms: int = 5) -> Properties:
    """An idempotent producer with the partitioner that Java and Python share.

    `message_timeout_ms` 0 repeats for ever inside librdkafka, with its sequence number (KAFKA.md, trap 7).
    """
    return {
        **shared(kafka, role),
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",
        "linger.ms": linger_ms,
        "compression.type": "lz4",
        "message.max.bytes": MESSAGE_BYTES_MAX,
        "queue.buffering.max.messages": 100_000,
        "queue.buffering.max.kbytes": 131_072,
        "message.timeout.ms": message_timeout_ms,
    }


def transactional(kafka: KafkaSettings, role: str, *, transactional_id: str, linger_ms: int = 10) -> Properties:
    """A transactional producer with a stable id; time-out 15 s (KAFKA.md, Exactly-once loop)."""
    properties = producer(kafka, role, message_timeout_ms=10_000, linger_ms=linger_ms)
    return {**properties, "transactional.id": transactional_id, "transaction.timeout.ms": 15_000}


def consumer(kafka: KafkaSettings, role: str, *, group: str, session_timeout_s: float) -> Properties:
    """A consumer that commits only what it is told and reads only what is committed."""
    session_ms = int(session_timeout_s * 1000)
    return {
        **shared(kafka, role),
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": session_ms,
        "heartbeat.interval.ms": max(session_ms // 5, 200),
        "max.poll.interval.ms": max(300_000, session_ms),
        "fetch.wait.max.ms": 100,
        "fetch.min.bytes": 1,
        "queued.max.messages.kbytes": 32_768,
        "topic.metadata.refresh.interval.ms": 30_000,
    }
