"""Whether tries may start: not after a gap of the loop, until the group has confirmed that we are still a member.

A process that stood still for longer than its session may have lost its partitions without knowing it. Half a session
is the limit, so that the question is asked before the answer can be no. What was lost is dropped by the readers'
`lost`, told before their answer; what is still ours goes on (DESIGN.md 4.4).
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from runtime.clock import mono_s
from runtime.kafka.reader import Reader

_LOG = logging.getLogger(__name__)


class Membership:
    """Membership of the groups of one shell."""

    def __init__(self, readers: Sequence[Reader], *, session_s: float, ask_for_positions: Callable[[], None]) -> None:
        """`ask_for_positions` hands the readers the floor of every partition that has one."""
        self._readers = readers
        self._gap_s = session_s / 2
        self._ask_for_positions = ask_for_positions
        self._seen_s = mono_s()
        self._gaps = 0
        self._confirming: asyncio.Task[None] | None = None

    def beat(self) -> None:
        """Say that the loop goes on; call it often."""
        self._look()
        self._seen_s = mono_s()

    def may_start(self) -> bool:
        """Whether a try may start at this moment; asked before every start, because a beat may come too late."""
        self._look()
        return self._confirming is None

    def _look(self) -> None:
        now = mono_s()
        if now - self._seen_s <= self._gap_s:
            return
        _LOG.warning("the loop stood still for %.1f s; nothing starts until the group confirms us", now - self._seen_s)
        self._seen_s = now
        self._gaps += 1
        if self._confirming is None:
            self._confirming = asyncio.create_task(self._confirm())

    async def _confirm(self) -> None:
        while True:
            gaps = self._gaps
            self._ask_for_positions()
            answers = await asyncio.gather(*(reader.verify() for reader in self._readers))
            if not all(answers):
                return  # a reader ended, so the process does too; nothing starts any more
            if gaps == self._gaps:
                break
        _LOG.info("the group confirmed us")
        self._confirming = None
