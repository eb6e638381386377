"""The configuration file: YAML as documented, checked to the line. Pure; secrets come in plain or by name.

Unknown and doubled keys, bad URLs, bad numbers and duplicate ids are refused with line and path; no value is repeated
in a refusal. Every scalar but null is text until its model says what it is: an unquoted secret or number stays as it
was written.
"""

import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    ValidationError,
    model_validator,
)

from schemas.config import NOTICES_ID, Language
from schemas.config_yaml import ConfigFileError, Document, Location
from schemas.phone import is_e164, to_sender
from schemas.providers.authentication import PARAMETERS, expected_of

__all__ = ["ConfigFile", "ConfigFileError", "duration_ms", "read"]

PROVIDERS: Final = (
    "infobip", "twilio", "cm", "lime", "eztexting", "vonage", "sinch", "telnyx", "plivo", "bird", "bandwidth",
)  # fmt: skip
"""Provider names everywhere (INTERFACES.md)."""
ALIASES: Final = {"nexmo": "vonage", "messagebird": "bird"}
SECRET_CHARS_MIN: Final = 8
"""A shorter secret can be guessed; it is taken with a warning, because the other side may have chosen it."""
_DURATION: Final = re.compile(r"(\d{1,9})\s*(ms|s|m|h|d)")
_UNIT_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_DIGITS: Final = re.compile(r"[0-9]+")
_SENDER_NAME: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ._+-]{1,11}")
"""An alphanumeric sender of GSM 03.38: eleven characters at most, a letter among them."""
_PLAIN: Final = "<plain>"
_BY_NAME: Final = "<by name>"
_BLANK: Final = re.compile(r"[\x00-\x20\x7f]")
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A token of RFC 9110, section 5.6.2."""
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]*")
"""Visible ASCII and spaces: nothing that could end the header."""
_OUR_HEADERS: Final = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "host", "te", "trailer", "transfer-encoding"}
)


def duration_ms(text: str) -> int:
    """Read a duration such as `24h`, in milliseconds.

    Raises:
        ValueError: it is none.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError("a duration is a number and ms, s, m, h or d")
    return int(found[1]) * _UNIT_MS[found[2]]


def _duration(value: Any) -> Any:
    return duration_ms(value) if isinstance(value, str) else value


def _number(value: str) -> str:
    sender = to_sender(value)
    if sender is None or not (is_e164(sender) or _DIGITS.fullmatch(sender) or _SENDER_NAME.fullmatch(sender)):
        raise ValueError("not a phone number, short code or sender name")
    return sender


def _provider(value: str) -> str:
    if ALIASES.get(value, value) not in PROVIDERS:
        raise ValueError(f"unknown provider; one of {', '.join(PROVIDERS)}")
    return value


def _canonical(value: str) -> str:
    return ALIASES.get(value, value)


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"https", "http"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # unbalanced brackets, a port that is no port
        raise ValueError("not an http(s) URL") from None
    if not usable or _BLANK.search(value):
        raise ValueError("not an http(s) URL")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL must not carry credentials")
    return value


def _header(value: dict[str, str]) -> dict[str, str]:
    for name, content in value.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(content):
            raise ValueError(f"header {name!r} is no header")
        if name.lower() in _OUR_HEADERS or name.lower().startswith(("webhook-", "x-trackly-")):
            raise ValueError(f"header {name} is ours to set")
    return value


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _secret_form(value: Any) -> str:
    return _BY_NAME if isinstance(value, dict | SecretSource) else _PLAIN


Url = Annotated[str, AfterValidator(_url)]
Number = Annotated[str, AfterValidator(_number)]
Duration = Annotated[int, BeforeValidator(_duration), Field(gt=0)]
Provider = Annotated[str, AfterValidator(_provider)]
Event = Literal["delivery", "unsubscribe", "reply"]
Status = Literal["pending", "delivered", "undeliverable", "expired", "rejected"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


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
Secrets = Annotated[
    tuple[
        Annotated[
            Annotated[SecretStr, Field(min_length=1), Tag(_PLAIN)] | Annotated[SecretSource, Tag(_BY_NAME)],
            Discriminator(_secret_form),
        ],
        ...,
    ],
    BeforeValidator(_as_list),
    Field(min_length=1),
]


class _WithSecret(_Part):
    """Something that has a secret: in plain, or by the name of a file or variable."""

    secret: Secrets | None = None
    secret_file: str | None = None
    env: str | None = None

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        if sum(form is not None for form in (self.secret, self.secret_file, self.env)) > 1:
            raise ValueError("give one of secret, secret_file and env")
        return self

    @property
    def secrets(self) -> tuple[SecretValue, ...]:
        """The secrets, whichever way they were given."""
        if self.secret is not None:
            return self.secret
        named = self.secret_file is not None or self.env is not None
        return (SecretSource(secret_file=self.secret_file, env=self.env),) if named else ()


class _Signed(_WithSecret):
    """Something that cannot do without a secret."""

    @model_validator(mode="after")
    def _at_least_one(self) -> Self:
        if not self.secrets:
            raise ValueError("give secret, secret_file or env")
        return self


class ProviderPart(_WithSecret):
    """How one provider shows that it is itself; further keys are the credentials its adapter knows."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Secrets]

    allow_unauthenticated: bool = False

    @property
    def credentials(self) -> dict[str, tuple[SecretValue, ...]]:
        """Credentials by name, each with its values."""
        plain = {"secret": self.secrets} if self.secrets else {}
        return {**plain, **self.__pydantic_extra__}


class ForwardPart(_Part):
    """A list's own URLs."""

    delivery: Url | None = None
    reply: Url | None = None


class CompliancePart(_Part):
    """When failures remove a contact, and what the list counts as an opt-out."""

    failure_threshold: int = Field(5, ge=1, le=1000)
    failure_window: Duration = 90 * 86_400_000
    failure_spacing: Duration = 86_400_000
    keywords: tuple[Annotated[str, Field(min_length=1, max_length=60, pattern=r"\w")], ...] = Field((), max_length=200)
    languages: tuple[Language, ...] = ()
    spam_action: Literal["label", "stop"] = "label"
    stop_signs: bool = True
    filtered_is_spam: bool = False
    blocklist_is_optout: bool = False
    optout_scope: Literal["list", "account"] = "list"


class ListPart(_Part):
    """One list."""

    number: Number
    provider: Annotated[Provider, AfterValidator(_canonical)] | None = None
    provider_id: str | None = Field(None, min_length=1, max_length=64)
    forward: ForwardPart = ForwardPart()
    compliance: CompliancePart = CompliancePart()


class NotifyPart(_Signed):
    """Where notices go."""

    url: Url


class FiltersPart(_Part):
    """Which events an endpoint wants."""

    list_numbers: tuple[Number, ...] = ()
    statuses: tuple[Status, ...] = ()


class EndpointPart(_Signed):
    """One endpoint."""

    id: str = Field(pattern=_ID)
    url: Url
    events: tuple[Event, ...] = Field(("delivery", "unsubscribe", "reply"), min_length=1)
    filters: FiltersPart = FiltersPart()
    concurrency: int | None = Field(None, ge=1, le=1000)
    rate_per_s: float | None = Field(None, gt=0, allow_inf_nan=False)
    headers: Annotated[dict[str, str], AfterValidator(_header)] = {}


class AccountPart(_Part):
    """One account."""

    id: str = Field(pattern=_ID)
    providers: dict[Provider, ProviderPart] = {}
    lists: tuple[ListPart, ...] = ()
    notify: NotifyPart | None = None
    endpoints: tuple[EndpointPart, ...] = ()

    @property
    def access(self) -> dict[str, ProviderPart]:
        """Providers by the name that everything else uses, aliases resolved."""
        return {_canonical(name): part for name, part in self.providers.items()}


class ConfigFile(_Part):
    """The whole file."""

    accounts: tuple[AccountPart, ...] = ()


CredentialNames = Callable[[str], frozenset[str]]
UrlRefusal = Callable[[str], str | None]


def read(
    text: str,
    *,
    name: str,
    credential_names: CredentialNames,
    url_refusal: UrlRefusal,
    warn: Callable[[str], object] | None = None,
) -> ConfigFile:
    """Read and check a file; `credential_names` tells which names a provider's adapter knows.

    `url_refusal` says why a URL may not be called, None where it may. `warn` gets a sentence about everything that is
    taken and looks like a mistake.

    Raises:
        ConfigFileError: with every problem found.
    """
    document = Document(text, name)
    try:
        found = ConfigFile.model_validate(document.data if document.data is not None else {})
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        raise document.refusal((_steps(item["loc"]), _say(item)) for item in problems) from None
    across = [*_cross_checks(found, credential_names), *_refused_urls(found, url_refusal)]
    if across:
        raise document.refusal(across)
    if warn is not None:
        for loc, problem in _doubts(found):
            warn(document.sentence(loc, problem))
    return found


def _cross_checks(file: ConfigFile, names: CredentialNames) -> Iterator[tuple[Location, str]]:
    """What no single part can see."""
    yield from _repeated([account.id for account in file.accounts], ("accounts",), "id", "stands twice")
    for index, account in enumerate(file.accounts):
        here: Location = ("accounts", index)
        again = "stands twice in this account"
        yield from _repeated([item.number for item in account.lists], (*here, "lists"), "number", again)
        yield from _repeated([item.id for item in account.endpoints], (*here, "endpoints"), "id", again)
        for place, endpoint in enumerate(account.endpoints):
            if endpoint.id == NOTICES_ID:
                yield (
                    (*here, "endpoints", place, "id"),
                    f"{NOTICES_ID} is where the account's notices go; name it otherwise",
                )
        seen: set[str] = set()
        for provider, part in account.providers.items():
            if _canonical(provider) in seen:
                yield (*here, "providers", provider), "stands twice, by its name and by an alias"
            seen.add(_canonical(provider))
            known = names(_canonical(provider))
            for name in part.credentials.keys() - known:
                expected = ", ".join(sorted(known))
                yield (*here, "providers", provider, name), f"unknown credential of this provider; it has {expected}"
            for name, value in _plain(part):
                if choices := expected_of(name, value):
                    yield (*here, "providers", provider, name), f"unknown; one of {', '.join(choices)}"


def _refused_urls(file: ConfigFile, refusal: UrlRefusal) -> Iterator[tuple[Location, str]]:
    for loc, url in _urls(file):
        if (reason := refusal(url)) is not None:
            yield loc, reason


def _urls(file: ConfigFile) -> Iterator[tuple[Location, str]]:
    """Everything that would be called, and where it stands."""
    for index, account in enumerate(file.accounts):
        here: Location = ("accounts", index)
        for place, item in enumerate(account.lists):
            for kind, url in (("delivery", item.forward.delivery), ("reply", item.forward.reply)):
                if url is not None:
                    yield (*here, "lists", place, "forward", kind), url
        if account.notify is not None:
            yield (*here, "notify", "url"), account.notify.url
        for place, endpoint in enumerate(account.endpoints):
            yield (*here, "endpoints", place, "url"), endpoint.url


def _doubts(file: ConfigFile) -> Iterator[tuple[Location, str]]:
    """What may be meant, and is more likely a mistake."""
    weak = f"a secret of fewer than {SECRET_CHARS_MIN} characters can be guessed"
    for index, account in enumerate(file.accounts):
        here: Location = ("accounts", index)
        numbers = {item.number for item in account.lists}
        for provider, part in account.providers.items():
            for name, values in part.credentials.items():
                if name not in PARAMETERS and _is_weak(values):
                    yield (*here, "providers", provider, name), weak
            if not part.credentials and not part.allow_unauthenticated:
                yield (*here, "providers", provider), "no credential, so every callback is refused"
        for place, endpoint in enumerate(account.endpoints):
            if _is_weak(endpoint.secrets):
                yield (*here, "endpoints", place, "secret"), weak
            for item, number in enumerate(endpoint.filters.list_numbers):
                if number not in numbers:
                    yield (*here, "endpoints", place, "filters", "list_numbers", item), "no list of this account"


def _plain(part: ProviderPart) -> Iterator[tuple[str, str]]:
    """Every credential that stands in the file itself; what is given by name is known to an apply alone."""
    for name, values in part.credentials.items():
        yield from ((name, one.get_secret_value()) for one in values if isinstance(one, SecretStr))


def _is_weak(values: tuple[SecretValue, ...]) -> bool:
    return any(isinstance(one, SecretStr) and len(one.get_secret_value()) < SECRET_CHARS_MIN for one in values)


def _repeated(values: list[str], where: Location, leaf: str, problem: str) -> Iterator[tuple[Location, str]]:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield (*where, index, leaf), problem
        seen.add(value)


_SAID: Final = {
    "extra_forbidden": "unknown key",
    "missing": "is missing",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "string_type": "must be text",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "recursion_loop": "holds itself",
}


def _say(item: Any) -> str:
    """A problem in the words of the file, without what was found there."""
    kind, text = str(item["type"]), str(item["msg"])
    return _SAID.get(kind) or text.removeprefix("Value error, ")


def _steps(loc: Location) -> Location:
    """The location without the validator's own steps: which form of a secret, and whether a key was meant."""
    return tuple(part for part in loc if part not in {_PLAIN, _BY_NAME, "[key]"})
