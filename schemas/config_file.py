"""The configuration file: YAML as documented, checked to the line. Pure; secrets come in plain or by name.

Unknown keys, bad URLs, bad numbers and duplicate ids are refused with line and path.
"""

import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from schemas.phone import is_e164, to_sender

PROVIDERS: Final = (
    "infobip", "twilio", "cm", "lime", "eztexting", "vonage", "sinch", "telnyx", "plivo", "bird", "bandwidth",
)  # fmt: skip
"""Provider names everywhere (INTERFACES.md)."""
ALIASES: Final = {"nexmo": "vonage", "messagebird": "bird"}
_DURATION: Final = re.compile(r"(\d+)\s*(ms|s|m|h|d)")
_UNIT_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_SENDER_NAME: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ._+-]{1,11}")
"""An alphanumeric sender of GSM 03.38: eleven characters at most, a letter among them."""
_OPTIONS: Final = frozenset({"allow_unauthenticated"})
SECRET_CHARS_MIN: Final = 8
"""A shorter signing secret can be guessed."""


class ConfigFileError(Exception):
    """The file cannot be used; each problem names its line and path."""

    def __init__(self, problems: list[str]) -> None:
        """Keep the problems, one sentence each."""
        super().__init__("\n".join(problems))
        self.problems = problems


def _duration(value: Any) -> Any:
    if isinstance(value, str):
        found = _DURATION.fullmatch(value.strip())
        if found is None:
            raise ValueError("a duration is a number and ms, s, m, h or d")
        return int(found[1]) * _UNIT_MS[found[2]]
    return value


def _number(value: str) -> str:
    sender = to_sender(value)
    if sender is None or not (is_e164(sender) or sender.isdigit() or _SENDER_NAME.fullmatch(sender)):
        raise ValueError("not a phone number, short code or sender name")
    return sender


def _provider(value: str) -> str:
    name = ALIASES.get(value, value)
    if name not in PROVIDERS:
        raise ValueError(f"unknown provider; one of {', '.join(PROVIDERS)}")
    return name


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("not an http(s) URL")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL must not carry credentials")
    return value


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Url = Annotated[str, AfterValidator(_url)]
Number = Annotated[str, AfterValidator(_number)]
Duration = Annotated[int, BeforeValidator(_duration), Field(gt=0)]
Provider = Annotated[str, AfterValidator(_provider)]
Event = Literal["delivery", "unsubscribe", "reply"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class SecretSource(_Part):
    """A secret by file or environment variable."""

    secret_file: str | None = None
    env: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.secret_file is None) == (self.env is None):
            raise ValueError("give secret_file or env")
        return self


SecretValue = SecretStr | SecretSource
Secrets = Annotated[tuple[SecretValue, ...], BeforeValidator(_as_list), Field(min_length=1)]


class ForwardPart(_Part):
    """A list's own URLs."""

    delivery: Url | None = None
    reply: Url | None = None


class CompliancePart(_Part):
    """When failures remove a contact."""

    failure_threshold: int = Field(5, ge=1, le=1000)
    failure_window: Duration = 90 * 86_400_000
    failure_spacing: Duration = 86_400_000


class ListPart(_Part):
    """One list."""

    number: Number
    provider: Provider | None = None
    forward: ForwardPart = ForwardPart()
    compliance: CompliancePart = CompliancePart()


class NotifyPart(_Part):
    """Where notices go."""

    url: Url
    secret: Secrets


class FiltersPart(_Part):
    """Which events an endpoint wants."""

    list_numbers: tuple[Number, ...] = ()
    statuses: tuple[Literal["pending", "delivered", "undeliverable", "expired", "rejected"], ...] = ()


class EndpointPart(_Part):
    """One endpoint."""

    id: str = Field(pattern=_ID)
    url: Url
    secret: Secrets
    events: tuple[Event, ...] = ("delivery", "unsubscribe", "reply")
    filters: FiltersPart = FiltersPart()
    concurrency: int | None = Field(None, ge=1, le=1000)
    rate_per_s: float | None = Field(None, gt=0)
    headers: dict[str, str] = {}

    @model_validator(mode="after")
    def _headers(self) -> Self:
        for name in self.headers:
            if name.lower().startswith(("webhook-", "x-trackly-")) or name.lower() in {
                "content-type",
                "content-length",
                "host",
            }:
                raise ValueError(f"header {name} is ours to set")
        return self


class AccountPart(_Part):
    """One account."""

    id: str = Field(pattern=_ID)
    providers: dict[Provider, dict[str, Any]] = {}
    lists: tuple[ListPart, ...] = ()
    notify: NotifyPart | None = None
    endpoints: tuple[EndpointPart, ...] = ()

    def credentials_of(self, provider: str) -> dict[str, tuple[SecretValue, ...]]:
        """Credentials of a provider by name, each with its values."""
        found: dict[str, tuple[SecretValue, ...]] = {}
        for name, value in self.providers[provider].items():
            if name in _OPTIONS:
                continue
            if name in {"secret_file", "env"}:
                found["secret"] = (SecretSource.model_validate({name: value}),)
            else:
                found[name] = tuple(
                    SecretSource.model_validate(item) if isinstance(item, dict) else SecretStr(str(item))
                    for item in _as_list(value)
                )
        return found

    def allows_unauthenticated(self, provider: str) -> bool:
        """Whether callbacks without any credential are taken."""
        return self.providers[provider].get("allow_unauthenticated") is True


class ConfigFile(_Part):
    """The whole file."""

    accounts: tuple[AccountPart, ...] = ()


def read(text: str, *, name: str, credential_names: Callable[[str], frozenset[str]]) -> ConfigFile:
    """Read and check a file; `credential_names` tells which names a provider's adapter knows.

    Raises:
        ConfigFileError: with every problem found.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        raise ConfigFileError([f"{name}{line}: not YAML: {getattr(error, 'problem', error)}"]) from None
    try:
        found = ConfigFile.model_validate(data if data is not None else {})
    except ValidationError as error:
        raise ConfigFileError(
            [
                f"{name}:{_line(node, item['loc'])}: {_path(item['loc'])}: {item['msg']}"
                for item in error.errors(include_input=False, include_url=False)
            ]
        ) from None
    problems = [
        f"{name}:{_line(node, loc)}: {_path(loc)}: {text}" for loc, text in _cross_checks(found, credential_names)
    ]
    if problems:
        raise ConfigFileError(problems)
    return found


Location = tuple[int | str, ...]


def _cross_checks(file: ConfigFile, names: Callable[[str], frozenset[str]]) -> Iterator[tuple[Location, str]]:
    accounts: set[str] = set()
    for index, account in enumerate(file.accounts):
        here: Location = ("accounts", index)
        if account.id in accounts:
            yield (*here, "id"), f"account {account.id} stands twice"
        accounts.add(account.id)
        yield from _duplicates([item.number for item in account.lists], (*here, "lists"), "number")
        yield from _duplicates([item.id for item in account.endpoints], (*here, "endpoints"), "id")
        for provider, access in account.providers.items():
            unknown = access.keys() - names(provider) - _OPTIONS - {"secret_file", "env"}
            for name in sorted(unknown):
                yield (*here, "providers", provider, name), "unknown credential of this provider"
        for number, endpoint in enumerate(account.endpoints):
            for secret in endpoint.secret:
                if isinstance(secret, SecretStr) and len(secret.get_secret_value()) < SECRET_CHARS_MIN:
                    yield (*here, "endpoints", number, "secret"), f"shorter than {SECRET_CHARS_MIN} characters"


def _duplicates(values: list[str], where: Location, leaf: str) -> Iterator[tuple[Location, str]]:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield (*where, index, leaf), "stands twice in this account"
        seen.add(value)


def _path(loc: Location) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".") or "file"


def _line(node: Any, loc: Location) -> int:
    """Line of the deepest node on the way to a location, from 1."""
    line = 1
    for part in loc:
        if node is None:
            break
        line = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
