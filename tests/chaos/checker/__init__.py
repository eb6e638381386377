"""Decides from histories whether a promise was broken: values in, violations out, no product code but the Avro files.

A history is what three parties saw for themselves: the provider (what was acknowledged), the log (what lies on the
topics) and the customer (what arrived and how it was answered), with the faults that were made in between. Everything
else here is written anew and naively, so that a mistake of the product is not repeated by its judge.
"""

from collections import Counter
from typing import Final

from tests.chaos.checker import contacts, deliveries, gate, logs, order, outcomes, times
from tests.chaos.checker.history import History, Violation

CHECKS: Final = (
    outcomes.lost,
    outcomes.repeated,
    contacts.folded,
    deliveries.unreached,
    deliveries.duplicates,
    times.early,
    order.overtaken,
    gate.approved_after_stop,
    logs.leaks,
)
"""One per promise, in the order of their letters (docs/reliability/README.md)."""


def check(history: History) -> list[Violation]:
    """Every violation, promise by promise."""
    return [violation for one in CHECKS for violation in one(history)]


def counts(history: History) -> dict[str, int]:
    """How much a history holds, so that a report of no violation says of what."""
    kinds = Counter(f"callbacks_{one.kind}" for one in history.callbacks if one.acked_at is not None)
    answers = Counter(f"hits_{one.status or 'unanswered'}" for one in history.hits)
    steps = Counter(step.excuse or "must_hold" for step in order.steps(history))
    overtaken = Counter(
        f"order_overtaken_{step.excuse}" for step in order.steps(history) if step.excuse and step.overtakes
    )
    topics = {f"topic_{topic}": len(found) for topic, found in sorted(history.records.items()) if found}
    return {
        "callbacks": len(history.callbacks),
        "callbacks_acknowledged": sum(kinds.values()),
        **dict(sorted(kinds.items())),
        "requests": len(history.requests),
        "hits": len(history.hits),
        **dict(sorted(answers.items())),
        "duplicates": sum(found.times for found in deliveries.repeats(history)),
        "duplicates_allowed": deliveries.bound(history),
        **{f"order_{name}": count for name, count in sorted(steps.items())},
        **dict(sorted(overtaken.items())),
        **topics,
    }
