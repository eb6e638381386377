"""(f) No try is early by the brokers' clock: not before the append time of its tier's record plus the tier's delay.

The append time is the broker's, `started_at` the dispatcher's wall clock, the arrival the receiver's. All three are one
clock here, for all run on one machine; a dispatcher takes `started_at` late rather than early. On several machines the
skew between them would have to be allowed for.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from tests.chaos.checker.deliveries import hits_by_pair
from tests.chaos.checker.history import History, Record, Violation, where

ROUNDING_MS: Final = 3
"""Three times were cut or rounded to whole milliseconds."""


def early(history: History) -> Iterator[Violation]:
    """Second and later tries that began before any record of theirs was due, or that no tier ever held."""
    dues: defaultdict[tuple[str, int], list[tuple[int, str]]] = defaultdict(list)
    for topic, delay_ms in history.setup.delays_ms.items():
        for record in history.of(topic):
            dues[record.value["task_id"], record.value["attempt"]].append(
                (record.timestamp + delay_ms, where(topic, record))
            )
    for record in history.of("webhooks.attempts"):
        if record.value["attempt"] > 1:
            due = min(dues.get((record.value["task_id"], record.value["attempt"]), ()), default=None)
            yield from _judge(record, due)
    yield from _early_hits(history, dues)


def _judge(record: Record, due: tuple[int, str] | None) -> Iterator[Violation]:
    value = record.value
    evidence = {
        "task_id": value["task_id"],
        "attempt": value["attempt"],
        "started_at": value["started_at"],
        "record": where("webhooks.attempts", record),
    }
    if due is None:
        yield Violation("f", "try_of_no_tier", evidence)
    elif value["started_at"] < due[0] - ROUNDING_MS:
        yield Violation("f", "early", evidence | {"due": due[0], "tier": due[1]})


def _early_hits(history: History, dues: dict[tuple[str, int], list[tuple[int, str]]]) -> Iterator[Violation]:
    """The customer's view, whatever the attempts say: a second hit comes after the first due time of any second try.

    Only of pairs that one try of each number and no holding can account for, as a repeat or a probe may come any time.
    """
    attempts: defaultdict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in history.of("webhooks.attempts"):
        attempts[record.value["event_id"], record.value["endpoint"]].append(record)
    for pair, hits in hits_by_pair(history).items():
        made = sorted(attempts.get(pair, ()), key=lambda one: int(one.value["attempt"]))
        if len(made) != len(hits) or [one.value["attempt"] for one in made] != list(range(1, len(made) + 1)):
            continue
        for hit, one in list(zip(hits, made, strict=True))[1:]:
            due = min(dues.get((one.value["task_id"], one.value["attempt"]), ()), default=None)
            if due is not None and hit.arrived_at < due[0] - ROUNDING_MS:
                evidence = {"event_id": pair[0], "endpoint": pair[1], "arrived_at": hit.arrived_at}
                yield Violation("f", "arrived_early", evidence | {"due": due[0], "tier": due[1]})
