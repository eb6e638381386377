"""Metrics of every Kafka client: one line each, with a sentence. Label sets are closed."""

from prometheus_client import Counter, Gauge, Histogram

CONSUMER_LAG = Gauge("trackly_kafka_consumer_lag_seconds", "Age of the oldest record that is not processed.", ["input"])
OLDEST_UNPROCESSED = Gauge(
    "trackly_kafka_oldest_unprocessed_timestamp_seconds", "Timestamp of the oldest record not processed.", ["input"]
)
REBALANCES = Counter("trackly_kafka_rebalances_total", "Assignments and revocations seen.", ["kind"])
ASSIGNED = Gauge("trackly_kafka_assigned_partitions", "Partitions held by this process.", ["input"])
LAST_POLL = Gauge("trackly_kafka_last_poll_timestamp_seconds", "When a consumer of this process last polled.")
PRODUCER_QUEUE = Gauge("trackly_kafka_producer_queue_messages", "Records and requests waiting in the producer.")
BROKER_RTT = Histogram(
    "trackly_kafka_broker_rtt_seconds",
    "Time of small admin requests to the brokers.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
UNKNOWN_SCHEMA = Counter(
    "trackly_kafka_unknown_schema_total", "Records written with a schema newer than this process; the partition waits."
)
for _kind in ("assigned", "revoked", "lost"):
    REBALANCES.labels(_kind)
