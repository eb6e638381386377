"""The topic `endpoints.state` for commands: what it says now, what is held, and one order written with its audit."""

import json

from dispatchers.endpoints.held import Held
from runtime.kafka.admin import Cluster
from runtime.kafka.bookmarks import Bookmarks
from runtime.kafka.one_shot import Write, write_together
from runtime.kafka.records import Partition
from runtime.kafka.scan import read_span, scan
from runtime.worker import ConfigurationError
from schemas import topics
from schemas.codec import PoisonError, UnknownSchemaError, decoder, encoder
from schemas.records import AuditEntry, EndpointState
from schemas.settings import Settings


def states(settings: Settings) -> dict[str, EndpointState]:
    """Every record by its key, as the topic holds it now; one that is no record says nothing.

    Raises:
        ClusterError: the topic is missing or cannot be read.
        ConfigurationError: a record was written by a newer version.
    """
    decode = decoder("EndpointState")
    found: dict[str, EndpointState] = {}
    for message in scan(settings.kafka, settings.topic_prefix + topics.ENDPOINT_STATE):
        key, value = (message.key() or b"").decode("utf-8", "replace"), message.value()
        found.pop(key, None)
        if value is None:
            continue
        try:
            found[key] = decode(value)[1]
        except PoisonError:
            continue
        except UnknownSchemaError as error:
            raise ConfigurationError(f"a newer version wrote the state of endpoints: {error}") from None
    return found


def held(settings: Settings, known: dict[str, EndpointState]) -> Held:
    """Count what waits in the hold log; `known` are the states, read before. Reads the log, which may be long.

    Raises:
        ClusterError: the log is missing or cannot be read.
    """
    name = settings.topic_prefix + topics.HOLD
    cluster = Cluster(settings.kafka, "command")
    partitions = [Partition(name, number) for number in range(cluster.partition_counts().get(name, 0))]
    starts, ends = cluster.low_watermarks(partitions), cluster.end_offsets(partitions)
    marks = Bookmarks(settings.kafka, f"{settings.topic_prefix}trackly.dispatcher.hold")
    try:
        for partition, committed in marks.read(partitions).items():
            starts[partition] = max(starts[partition], committed.offset)
    finally:
        marks.close()
    counted = Held(known)
    for message in read_span(settings.kafka, starts, ends):
        if message.value() is not None:
            counted.note((message.key() or b"").decode("utf-8", "replace"), message.partition(), message.offset())
    return counted


def write_order(settings: Settings, state: EndpointState, before: EndpointState | None, *, reason: str | None) -> None:
    """Write what a person ordered and its audit record as one transaction; `reason` is the person's own word.

    Raises:
        ClusterError: nothing was written, or the outcome is not known; it can be ordered again.
    """
    prefix, endpoint = settings.topic_prefix, state["endpoint"]
    entry: AuditEntry = {
        "account": endpoint.partition("/")[0],
        "actor": state["actor"],
        "origin": "command",
        "action": "endpoint.pause" if state["paused"] else "endpoint.resume",
        "target": endpoint,
        "before": None if before is None else json.dumps({"paused": before["paused"], "since": before["since"]}),
        "after": json.dumps({"paused": state["paused"], "since": state["since"], "reason": reason}),
        "at": state["updated_at"],
    }
    writes = [
        Write(prefix + topics.ENDPOINT_STATE, topics.manual_key(endpoint), encoder("EndpointState")(state)),
        Write(prefix + topics.AUDIT, entry["account"], encoder("AuditEntry")(entry)),
    ]
    write_together(settings.kafka, writes, name=f"{prefix}endpoints")
