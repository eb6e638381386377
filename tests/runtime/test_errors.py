"""Which errors end a consumer."""

import pytest
from confluent_kafka import KafkaError

from runtime.kafka.errors import ends_consumer


@pytest.mark.parametrize(
    "code, it_ends",
    [
        (KafkaError._FATAL, True),
        (KafkaError._AUTO_OFFSET_RESET, True),
        (KafkaError.OFFSET_OUT_OF_RANGE, False),
        (KafkaError.FENCED_INSTANCE_ID, True),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, True),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, True),
        (KafkaError.CLUSTER_AUTHORIZATION_FAILED, True),
        (KafkaError._BAD_MSG, True),
        (KafkaError._BAD_COMPRESSION, True),
        (KafkaError._TRANSPORT, False),
        (KafkaError._ALL_BROKERS_DOWN, False),
        (KafkaError._TIMED_OUT, False),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, False),
        (KafkaError.NOT_LEADER_FOR_PARTITION, False),
    ],
)
def test_what_no_waiting_mends_or_would_leave_records_out_ends_a_consumer(code: int, it_ends: bool) -> None:
    assert ends_consumer(KafkaError(code)) is it_ends
