"""`trackly` whose names are looked up at the name server given first: the machine's own is not the bench's to change."""

import functools
import sys

from aiohttp.resolver import AsyncResolver

from dispatchers import sender
from runtime.cli import main as trackly

if __name__ == "__main__":
    setattr(sender, "AsyncResolver", functools.partial(AsyncResolver, nameservers=[sys.argv[1]]))  # noqa: B010 - a type
    trackly(sys.argv[2:])
