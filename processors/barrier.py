"""Send requests wait until everything acknowledged before them was read: topics have no common order. Pure.

A STOP that was acknowledged before a request was asked may still be read after it. So a request that was read waits
until the same partition of callbacks and commands is read up to the end it had then (KAFKA.md, Groups). Meanwhile its
own partition is not fetched, which bounds what waits to one batch.

W1  The ends are taken after the requests were read, READ_UNCOMMITTED.
W2  A request for a list that is not known waits also for configuration whose end was taken after it was read.
W3  A partition that is held back reaches no end, so nothing is approved beside a record that nobody could read.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from runtime.kafka.records import Message, Partition


@dataclass(slots=True)
class _Waiting:
    """The requests of one partition number."""

    messages: list[Message] = field(default_factory=list)
    ends: dict[Partition, int] = field(default_factory=dict)
    configuration_s: float | None = None
    """Configuration must be read to an end taken at this monotonic time or later."""


class Barrier:
    """Requests that were read and may not be decided yet."""

    def __init__(self) -> None:
        """Begin with none."""
        self._numbers: dict[int, _Waiting] = {}

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._numbers)

    @property
    def partitions(self) -> frozenset[Partition]:
        """Partitions of requests that are not to be fetched."""
        return frozenset(
            Partition(message.topic(), number)
            for number, waiting in self._numbers.items()
            for message in waiting.messages[:1]
        )

    def add(self, messages: Sequence[Message], ends: Mapping[Partition, int], *, configuration_s: float | None) -> None:
        """Requests were read, and then the ends of the same partition numbers were taken."""
        for message in messages:
            self._numbers.setdefault(message.partition(), _Waiting()).messages.append(message)
        for partition, end in ends.items():
            waiting = self._numbers[partition.number]
            waiting.ends[partition] = max(end, waiting.ends.get(partition, 0))
        if configuration_s is not None:
            for number in {message.partition() for message in messages}:
                self._numbers[number].configuration_s = configuration_s

    def reached(
        self, next_offset: Callable[[Partition], int], held_back: Collection[Partition], configuration_s: float
    ) -> list[Message]:
        """Take the requests whose ends are reached, in the order in which they were read."""
        ready = [
            number
            for number, waiting in self._numbers.items()
            if (waiting.configuration_s is None or waiting.configuration_s <= configuration_s)
            and all(at not in held_back and next_offset(at) >= end for at, end in waiting.ends.items())
        ]
        return [message for number in ready for message in self._numbers.pop(number).messages]

    def clear(self) -> None:
        """Forget what waits; it is read again."""
        self._numbers.clear()
