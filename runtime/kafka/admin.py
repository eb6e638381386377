"""Questions to the cluster: partitions, leaders, offsets, configurations; and the creation of topics.

One client, kept by name while its futures are pending (KAFKA.md, trap 14). Never used on a hot path.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public names that the package does not list
    AdminClient,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from runtime.kafka.metrics import BROKER_RTT
from runtime.kafka.properties import shared
from runtime.kafka.records import Partition
from schemas.settings import KafkaSettings

_LOG: Final = logging.getLogger(__name__)

TIMEOUT_S: Final = 10.0
CREATED_S: Final = 60.0
"""Longest wait for the leaders of new partitions to answer: a busy broker makes hundreds one after the other."""
ASK_AGAIN_S: Final = 0.05
_OPERATORS: Final = frozenset(
    {
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.INVALID_CONFIG,
        KafkaError.INVALID_PARTITIONS,
        KafkaError.INVALID_REPLICATION_FACTOR,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.POLICY_VIOLATION,
    }
)
"""Refusals that stay until somebody changes a setting, a right, or the cluster."""
_SPEC: Any = OffsetSpec
_LATEST: Final = _SPEC.latest()
_EARLIEST: Final = _SPEC.earliest()


class ClusterError(Exception):
    """The cluster refused, or did not answer in time; `retriable` tells whether asking again can help."""

    def __init__(self, what: str, code: str, *, retriable: bool) -> None:
        """Say what was asked and what came back."""
        super().__init__(f"{what}: {code}")
        self.code = code
        self.retriable = retriable


@dataclass(frozen=True, slots=True)
class NewTopicPlan:
    """A topic to create, with its full name."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]


class Cluster:
    """The admin face of one cluster."""

    def __init__(self, kafka: KafkaSettings, role: str = "admin") -> None:
        """Create the client; nothing is asked yet."""
        self._properties = shared(kafka, role)
        self._client: Any = AdminClient(self._properties)

    def partition_counts(self) -> dict[str, int]:
        """Every topic's number of partitions."""
        return {name: len(topic.partitions) for name, topic in self._metadata().topics.items()}

    def replication(self) -> dict[str, int]:
        """Every topic's number of copies; the fewest of any of its partitions."""
        return {
            name: min((len(partition.replicas) for partition in topic.partitions.values()), default=0)
            for name, topic in self._metadata().topics.items()
        }

    def brokers(self) -> int:
        """How many brokers there are."""
        return len(self._metadata().brokers)

    def leaders(self, topics: Iterable[str]) -> dict[Partition, int]:
        """Broker id that leads each partition of the topics; partitions without a leader are left out."""
        found = self._metadata().topics
        return {
            Partition(topic, number): partition.leader
            for topic in topics
            if topic in found
            for number, partition in found[topic].partitions.items()
            if partition.leader >= 0
        }

    def end_offsets(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """End of each log, with what is not committed yet (READ_UNCOMMITTED)."""
        return self._offsets(partitions, _LATEST)

    def low_watermarks(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """First offset that is still kept."""
        return self._offsets(partitions, _EARLIEST)

    def offsets_since(self, partitions: Iterable[Partition], at_ms: int) -> dict[Partition, int]:
        """First record written at or after a time, milliseconds since the epoch; the end where there is none."""
        partitions = list(partitions)
        ends = self._offsets(partitions, _LATEST)
        found = self._offsets(partitions, _SPEC.for_timestamp(at_ms))
        return {partition: ends[partition] if offset < 0 else offset for partition, offset in found.items()}

    def committed(self, group: str, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Committed positions of a group, -1 where there is none; refused while a transaction on them is pending.

        A consumer of the group answers the same, but not once its membership is lost, and then not for ever.
        """
        asked = [TopicPartition(partition.topic, partition.number) for partition in partitions]
        if not asked:
            return {}
        request = [ConsumerGroupTopicPartitions(group, asked)]
        futures = self._client.list_consumer_group_offsets(request, require_stable=True, request_timeout=TIMEOUT_S)
        ((_, found),) = self._each("committed positions", futures)
        refused = [one.error for one in found.topic_partitions if one.error is not None]
        if refused:
            raise ClusterError("committed positions", refused[0].name(), retriable=True)
        return {Partition(one.topic, one.partition): max(one.offset, -1) for one in found.topic_partitions}

    def configs(self, topics: Iterable[str]) -> dict[str, dict[str, str]]:
        """Configuration of each topic as the broker applies it."""
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in topics]
        if not resources:
            return {}
        return {
            resource.name: {name: entry.value for name, entry in future.items()}
            for resource, future in self._each("describe configs", self._client.describe_configs(resources))
        }

    def broker_config(self) -> dict[str, str]:
        """Configuration of one broker."""
        broker = str(next(iter(self._metadata().brokers)))
        resources = [ConfigResource(ResourceType.BROKER, broker)]
        (found,) = self._each("describe broker", self._client.describe_configs(resources))
        return {name: entry.value for name, entry in found[1].items()}

    def create(self, plans: Iterable[NewTopicPlan]) -> None:
        """Create topics; one that exists by now is left as it is. Waits until every partition answers."""
        plans = list(plans)
        new = [
            NewTopic(p.name, num_partitions=p.partitions, replication_factor=p.replication, config=dict(p.config))
            for p in plans
        ]
        if not new:
            return
        for name, future in self._client.create_topics(new, operation_timeout=TIMEOUT_S).items():
            try:
                future.result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise translated(f"create topic {name}", error) from error
        self._await_answers([Partition(p.name, number) for p in plans for number in range(p.partitions)])

    def grow(self, counts: Mapping[str, int]) -> None:
        """Raise the number of partitions of topics that may grow."""
        if counts:
            new = [NewPartitions(name, count) for name, count in counts.items()]
            list(self._each("create partitions", self._client.create_partitions(new)))

    def _await_answers(self, partitions: Iterable[Partition]) -> None:
        """A broker tells of a leader before that leader knows of itself."""
        partitions = list(partitions)
        deadline = time.monotonic() + CREATED_S
        while True:
            try:
                self.end_offsets(partitions)
            except ClusterError as error:
                if not error.retriable or time.monotonic() > deadline:
                    raise
                time.sleep(ASK_AGAIN_S)
            else:
                return

    def _metadata(self) -> Any:
        started = time.monotonic()
        try:
            found = self._client.list_topics(timeout=TIMEOUT_S)
        except KafkaException as error:
            raise translated("metadata", error) from error
        BROKER_RTT.observe(time.monotonic() - started)
        return found

    def _offsets(self, partitions: Iterable[Partition], spec: Any) -> dict[Partition, int]:
        wanted = {TopicPartition(partition.topic, partition.number): spec for partition in partitions}
        if not wanted:
            return {}
        started = time.monotonic()
        futures = self._client.list_offsets(
            wanted, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=TIMEOUT_S
        )
        found = {
            Partition(partition.topic, partition.partition): answer.offset
            for partition, answer in self._each("list offsets", futures)
        }
        BROKER_RTT.observe(time.monotonic() - started)
        return found

    def _each(self, what: str, futures: Mapping[Any, Any]) -> Iterable[tuple[Any, Any]]:
        for key, future in futures.items():
            try:
                yield key, future.result()
            except KafkaException as error:
                self._renew()
                raise translated(what, error) from error

    def _renew(self) -> None:
        """Forget what the client knows of leaders.

        `list_offsets` sends the leader epoch that the client has cached and does not refresh it when the broker answers
        FENCED_LEADER_EPOCH, so after a broker restart one client would be refused for ever (seen with librdkafka 2.16).
        """
        self._client = AdminClient(self._properties)


def translated(what: str, error: KafkaException) -> ClusterError:
    """The client's exception in our words; only what an operator must change is not worth asking again."""
    problem = error.args[0]
    return ClusterError(what, problem.name(), retriable=not problem.fatal() and problem.code() not in _OPERATORS)


_Answer = TypeVar("_Answer")


def insist(question: Callable[[], _Answer], *, keep_waiting: Callable[[], bool]) -> _Answer:
    """Ask until the cluster answers; `keep_waiting` waits a little and says whether to go on.

    Raises:
        ClusterError: the cluster refused for good.
        InterruptedError: `keep_waiting` said no.
    """
    while True:
        try:
            return question()
        except ClusterError as error:
            if not error.retriable:
                raise
            _LOG.warning("%s", error)
            if not keep_waiting():
                raise InterruptedError("stopping while the cluster was asked") from error
