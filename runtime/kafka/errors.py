"""Which errors of a consumer end it, and which mend themselves. Pure.

An error that arrives in the place of a record says `fatal()` to nothing, whatever it is, so its code decides.
librdkafka goes on behind a record that it cannot read; to go on with it would be to leave that record out.
"""

from typing import Any, Final

from confluent_kafka import KafkaError

_ENDING: Final = frozenset(
    {
        KafkaError._FATAL,  # noqa: SLF001 - librdkafka's spelling
        KafkaError._FENCED,  # noqa: SLF001 - the same
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001 - the same; only where the reset policy is `error`
        KafkaError._BAD_MSG,  # noqa: SLF001 - the same
        KafkaError._BAD_COMPRESSION,  # noqa: SLF001 - the same
        KafkaError._NOT_IMPLEMENTED,  # noqa: SLF001 - the same: a compression that this build does not know
        KafkaError.INVALID_MSG,
        KafkaError.MSG_SIZE_TOO_LARGE,
    }
)


def ends_consumer(error: Any) -> bool:
    """Whether no waiting mends an error of a consumer, or reading on would leave a record out."""
    return bool(error.fatal()) or error.code() in _ENDING
