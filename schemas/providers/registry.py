"""Finds the adapters: every module of this package that defines ADAPTER. Adding a provider is adding a module."""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache

import schemas.providers as package
from schemas.providers.callback import Adapter


@cache
def adapters() -> Mapping[str, Adapter]:
    """Every adapter by its name."""
    found: dict[str, Adapter] = {}
    for module in pkgutil.iter_modules(package.__path__):
        adapter = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), "ADAPTER", None)
        if adapter is not None:
            found[adapter.name] = adapter
    return found


@cache
def by_any_name() -> Mapping[str, Adapter]:
    """Every adapter by its name and its aliases."""
    found = dict(adapters())
    for adapter in adapters().values():
        found.update(dict.fromkeys(adapter.aliases, adapter))
    return found


def get(name: str) -> Adapter | None:
    """The adapter of a provider by name or alias."""
    return by_any_name().get(name)


def names() -> Sequence[str]:
    """Names of all adapters, sorted, without aliases."""
    return sorted(adapters())


def credential_names(provider: str) -> frozenset[str]:
    """Names that a provider's credentials may have in the configuration file."""
    adapter = get(provider)
    return frozenset({"secret"}) if adapter is None else frozenset({"secret", *adapter.credential_names})
