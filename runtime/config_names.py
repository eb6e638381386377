"""What the names in a plan's URLs lead to at this moment: warnings for a person, never a refusal. Touches DNS only.

A name may lead elsewhere when it is called, so the guard at the connection is the truth; this tells of a mistake while
the person who made it looks. What cannot be looked up in time is passed over.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, Final

from aiohttp.abc import AbstractResolver
from aiohttp.resolver import AsyncResolver

from runtime.config_apply import Wanted
from runtime.egress import Address, EgressPolicy, Refused, as_literal, target_of

LOOK_UPS_S: Final = 3.0
"""For all names together: a person waits."""
LOOK_UPS_MAX: Final = 50
"""At once: what a name server takes without dropping some."""
_FIELDS: Final = {"account": ("notify", "url"), "list": ("forward", "delivery", "reply"), "endpoint": ("url",)}
"""Where a payload of each kind has its URLs: the part they are in, if any, and their names."""


def misled(wanted: Sequence[Wanted], policy: EgressPolicy, resolver: AbstractResolver | None = None) -> list[str]:
    """One sentence for every entry and name that leads to refused addresses only; a given resolver is closed."""
    named = [(item, host) for item in wanted for host in sorted(_names(item))]
    if not named:
        return []
    found = asyncio.run(_addresses({host for _, host in named}, resolver))
    sentences = []
    for item, host in named:
        reasons = [policy.check_address(address) for address in found.get(host, ())]
        if reasons and (first := reasons[0]) is not None and all(reasons):
            why = f"now leads only to addresses that are not called ({first.reason})"
            sentences.append(f"{item.kind} {item.id}: {host} {why}")
    return sentences


def _names(item: Wanted) -> set[str]:
    payload: Any = json.loads(item.payload)
    part, *inner = _FIELDS[item.kind]
    urls = [payload[part]] if not inner else [(payload[part] or {}).get(name) for name in inner]
    targets = [target_of(url) for url in urls if url is not None]
    return {one.host for one in targets if not isinstance(one, Refused) and as_literal(one.host) is None}


async def _addresses(hosts: set[str], resolver: AbstractResolver | None) -> dict[str, list[Address]]:
    """The addresses of every name that was answered in time."""
    asked = resolver or AsyncResolver(timeout=LOOK_UPS_S, tries=1)
    places = asyncio.Semaphore(LOOK_UPS_MAX)
    found: dict[str, list[Address]] = {}

    async def look_up(host: str) -> None:
        async with places:
            with contextlib.suppress(OSError):
                answers = await asked.resolve(host, 0, socket.AF_UNSPEC)
                found[host] = [ip_address(answer["host"]) for answer in answers]

    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_UPS_S), asyncio.TaskGroup() as looking:
                for host in sorted(hosts):
                    looking.create_task(look_up(host))
    finally:
        await asked.close()
    return found
