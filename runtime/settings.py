"""Reads TRACKLY_ variables into schemas.settings, once, strictly. Touches the environment and `_FILE` paths only."""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, SecretStr, ValidationError

from schemas.settings import Settings

PREFIX: Final = "TRACKLY_"
_KUBERNETES: Final = re.compile(
    r"TRACKLY_[A-Z0-9_]*?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP)(_[A-Z]+)?)?)"
)
"""Variables that Kubernetes injects for services named trackly-*: single underscores (OPERATIONS.md, Settings)."""
_KAFKA_PROPERTY: Final = re.compile(rf"{PREFIX}KAFKA__.+", re.DOTALL)
_SECRET_PROPERTY: Final = re.compile(r"password|secret|key|token|credential|oauth|sasl_jaas", re.IGNORECASE)


class SettingsError(Exception):
    """A setting is unknown or wrong; the text names the variable and never its value."""


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read all settings of this process.

    Raises:
        SettingsError: unknown variable (with a suggestion), both X and X_FILE set, unreadable file, bad value.
    """
    environ = os.environ if environ is None else environ
    tree: dict[str, Any] = {}
    for name, value in sorted(environ.items()):
        if name.startswith(PREFIX) and not _is_injected(name):
            _place(tree, name, value, environ)
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def known_names() -> list[str]:
    """Every variable name that has a description."""
    names = []
    for top, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names += [f"{PREFIX}{top}__{leaf}".upper() for leaf in field.annotation.model_fields]
        else:
            names.append(f"{PREFIX}{top}".upper())
    return names


def masked(settings: Settings) -> dict[str, Any]:
    """The effective settings for a log line or `doctor`: secrets are shown as set or not set."""

    def mask(name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: mask(key, item) for key, item in value.items()}
        if isinstance(value, SecretStr) or (value is not None and _SECRET_PROPERTY.search(name)):
            return "***"
        if isinstance(value, str) and ("://" in value or name.endswith("_url")):
            return _without_credentials(value)
        return value

    shown: dict[str, Any] = mask("", settings.model_dump())
    return shown


def _without_credentials(value: str) -> str:
    """A URL that keeps where it leads: user, password, query values and fragment may be credentials."""
    try:
        parts = urlsplit(value)
    except ValueError:  # unbalanced brackets: nobody can say which part of it is secret
        return "***"
    _, at, host = parts.netloc.rpartition("@")
    if "@" in parts.path or ("@" in value and not at):  # a password with / ? # unescaped, or no scheme before it
        return "***"
    asked = "&".join(_masked_pair(item) for item in parts.query.split("&")) if parts.query else ""
    fragment = "***" if parts.fragment else ""
    return urlunsplit((parts.scheme, f"***@{host}" if at else host, parts.path, asked, fragment))


def _masked_pair(item: str) -> str:
    """One item of a query; its name stays, and what has no name may be a value."""
    name, equals, _ = item.partition("=")
    return f"{name}=***" if equals else "***"


def _is_injected(name: str) -> bool:
    return "__" not in name and name not in known_names() and _KUBERNETES.fullmatch(name) is not None


def _place(tree: dict[str, Any], name: str, value: str, environ: Mapping[str, str]) -> None:
    target = name
    if name.endswith("_FILE") and not name.startswith(f"{PREFIX}KAFKA__"):
        target = name.removesuffix("_FILE")
        if target in environ:
            raise SettingsError(f"{target} and {name} are both set; keep one")
        try:
            value = Path(value).read_text("utf-8").strip()
        except OSError as error:
            raise SettingsError(f"{name}: {error.strerror}") from None
        except ValueError:  # not UTF-8, or a path that no system has
            raise SettingsError(f"{name}: names no file of text in UTF-8") from None
    known = known_names()
    if target not in known and not _KAFKA_PROPERTY.fullmatch(target):
        close = difflib.get_close_matches(target, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else "; `trackly doctor` lists the known ones"
        raise SettingsError(f"unknown setting {name}{hint}")
    section, _, leaf = target.removeprefix(PREFIX).lower().partition("__")
    if leaf:
        tree.setdefault(section, {})[leaf] = value
    else:
        tree[section] = value


def _explain(error: ValidationError) -> str:
    problems = []
    for item in error.errors(include_input=False, include_url=False):
        name = PREFIX + "__".join(str(part) for part in item["loc"] if not isinstance(part, int)).upper()
        problems.append(f"{name}: {item['msg']}")
    return "; ".join(problems)
