"""The settings that operators give by environment: one frozen model per section, described field by field. Pure.

`TRACKLY_GATEWAY__PORT` is field `port` of section `gateway`; `TRACKLY_STATE_DIR` is field `state_dir` of the top.
Reading the environment, `_FILE` variants and unknown names are the business of runtime.settings.
"""

from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from schemas.topics import HOLD_AGE_MAX_MS, PROBE_DELAYS_S, TIER_DELAYS_S, TIERS


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _is_network(value: str) -> str:
    try:
        ip_network(value)
    except ValueError:  # its text repeats the value
        raise ValueError("not a network such as 10.0.0.0/8") from None
    return value


def _as_many_as_tiers(value: tuple[float, ...]) -> tuple[float, ...]:
    if len(value) != len(TIERS):
        raise ValueError(f"{len(TIERS)} delays are needed, one per tier")
    if list(value) != sorted(value):
        raise ValueError("delays must not fall from one tier to the next")
    return value


Cidrs = Annotated[
    tuple[Annotated[str, AfterValidator(_is_network)], ...],
    BeforeValidator(_split),
]
Ports = Annotated[tuple[Annotated[int, Field(ge=1, le=65535)], ...], BeforeValidator(_split)]
Delays = Annotated[
    tuple[Annotated[float, Field(gt=0, le=86_400)], ...], BeforeValidator(_split), AfterValidator(_as_many_as_tiers)
]


def _not_empty_nor_falling(value: tuple[float, ...]) -> tuple[float, ...]:
    if not value or list(value) != sorted(value):
        raise ValueError("at least one delay is needed, and none may be shorter than the one before")
    return value


ProbeDelays = Annotated[
    tuple[Annotated[float, Field(gt=0, le=86_400)], ...],
    BeforeValidator(_split),
    AfterValidator(_not_empty_nor_falling),
]


class Section(BaseModel):
    """A frozen group of settings; unknown fields and times without end are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class KafkaSettings(BaseModel):
    """How to reach the brokers; every further field is a librdkafka property with dots as underscores."""

    model_config = ConfigDict(frozen=True, extra="allow")

    bootstrap_servers: str = Field("127.0.0.1:9092", description="Brokers, host:port separated by commas.")
    group_protocol: str = Field("classic", description="Group protocol of the consumers; classic is supported.")
    schema_registry_url: str | None = Field(
        None, description="Confluent-compatible registry; none: single-object Avro."
    )


class GatewaySettings(Section):
    """The ingest gateway."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_base_url: str | None = Field(
        None, description="Scheme and host that providers call; needed where they sign the URL."
    )
    body_bytes_max: int = Field(1_048_576, ge=1024, description="Largest request body in bytes.")
    read_timeout_s: float = Field(10, gt=0, description="Time for reading a request's head and body, seconds.")
    ack_timeout_s: float = Field(1.5, gt=0, description="Longest wait for the broker's acknowledgement, seconds.")
    account_inflight_bytes_max: int = Field(
        16_777_216, ge=1_048_576, description="Unacknowledged bytes of one account; above it 503."
    )


class ProcessorSettings(Section):
    """The exactly-once processor."""

    batch_records_max: int = Field(5000, ge=1, description="Most records of one transaction.")
    batch_s_max: float = Field(0.5, gt=0, description="Longest gathering of one transaction, seconds.")
    gather_s: float = Field(0.015, ge=0, description="Gathering time while little is waiting, seconds.")
    session_timeout_s: float = Field(10, ge=1, description="Group session of the static member, seconds.")


class DispatchSettings(Section):
    """The dispatcher and the forwarder."""

    tier_delays_s: Delays = Field(
        TIER_DELAYS_S, description="Delays of the five tiers, seconds; topic names do not change with them."
    )
    attempt_timeout_s: float = Field(5, gt=0, description="One try from the start of DNS to the status line, seconds.")
    inflight_max: int = Field(512, ge=1, description="Most tries in flight in one process.")
    concurrency: int = Field(8, ge=1, description="Tries in flight of one endpoint where it sets none.")
    session_timeout_s: float = Field(10, ge=1, description="Group session of a dispatcher, seconds.")
    pause_failures: int = Field(20, ge=1, description="Failures in a row that pause an endpoint.")
    pause_after_s: float = Field(600, ge=0, description="Shortest time that they must span, seconds.")
    probe_delays_s: ProbeDelays = Field(
        PROBE_DELAYS_S, description="When a paused endpoint is probed, seconds after the pause or the last probe."
    )
    hold_age_max_s: float = Field(
        HOLD_AGE_MAX_MS / 1000, gt=0, le=HOLD_AGE_MAX_MS / 1000, description="Longest a task waits held, seconds."
    )


class EgressSettings(Section):
    """Exceptions of the egress guard; all empty by default."""

    allow_cidrs: Cidrs = Field((), description="Networks that may be called although not globally routable.")
    allow_plain_http: bool = Field(default=False, description="Whether http:// endpoints may be called.")
    allow_ports: Ports = Field((), description="Ports besides 80 and 443; with allow_cidrs set and this empty, any.")


class AdminSettings(Section):
    """The admin listener of every role."""

    host: str = Field("127.0.0.1", description="Address of /metrics, /livez and /readyz.")
    port: int = Field(0, ge=0, le=65535, description="Its port; 0 takes a free one, written to the log.")


class LogSettings(Section):
    """What is logged."""

    level: str = Field("INFO", description="Least severe level that is logged.")
    json_lines: bool | None = Field(None, description="JSON lines; by default where stderr is not a terminal.")


class Settings(Section):
    """All settings of one process."""

    topic_prefix: str = Field("sms.", pattern=r"^[A-Za-z0-9._-]*$", description="Put before every topic and group.")
    state_dir: str = Field(".trackly", description="Directory of stores, locks, keys and the embedded broker.")
    ordinal: int = Field(0, ge=0, description="Stable number of this processor; names its transactions and its store.")
    secret_keys: SecretStr | None = Field(None, description="kid:base64[,...]; the first one seals secrets.")
    database_url: SecretStr | None = Field(None, description="Projection database.")
    kafka: KafkaSettings = KafkaSettings()
    gateway: GatewaySettings = GatewaySettings()
    processor: ProcessorSettings = ProcessorSettings()
    dispatch: DispatchSettings = DispatchSettings()
    egress: EgressSettings = EgressSettings()
    admin: AdminSettings = AdminSettings()
    log: LogSettings = LogSettings()
