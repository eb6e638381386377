"""Does a broker answer? One metadata request, nothing kept."""

from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient


def answers(bootstrap: str, *, timeout_s: float) -> bool:
    """Ask for metadata; False when nothing answered within the time."""
    client: Any = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 200})
    try:
        client.list_topics(timeout=timeout_s)
    except KafkaException:
        return False
    return True
