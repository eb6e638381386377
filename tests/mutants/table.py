"""The breaks, each with the tests that are there to catch it. Data only.

A break that no test catches is a promise that nothing guards; `make mutants` runs them all.
"""

from typing import NamedTuple


class Mutant(NamedTuple):
    """One change of one file, `old` standing in it exactly once, and the tests that turn red by it."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        "an offset counts as done before the next record is acknowledged",
        "dispatchers/tries.py",
        "self.hops.send(hops, lambda: owner.ended(ticket, done=not stays))",
        "owner.ended(ticket, done=not stays)\n        self.hops.send(hops, lambda: None)",
        ("tests/dispatchers/test_tries.py",),
    ),
    Mutant(
        "an abort is skipped",
        "runtime/kafka/transactions.py",
        "            self.abort()\n            raise RewoundError",
        "            raise RewoundError",
        ("tests/processors/test_exactly_once.py",),
    ),
    Mutant(
        "the store is written before the commit",
        "processors/loop.py",
        "        self._producer.commit(positions, self._inputs.group_metadata())\n        for number, entries in state.items():\n"
        "            self._stores.write(number, entries, applied[number] + 1)\n",
        "        for number, entries in state.items():\n            self._stores.write(number, entries, 0)\n"
        "        self._producer.commit(positions, self._inputs.group_metadata())\n",
        ("tests/processors/test_exactly_once.py",),
    ),
    Mutant(
        "the changelog is dropped",
        "processors/loop.py",
        "            for key, value in entries[:-1]:\n                produce(self._changelog, key, value, number)\n",
        "",
        ("tests/processors/test_exactly_once.py",),
    ),
    Mutant(
        "a restore stops at the last stable offset",
        "runtime/kafka/admin.py",
        "wanted, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=TIMEOUT_S",
        "wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=TIMEOUT_S",
        ("tests/processors/test_exactly_once.py",),
    ),
    Mutant(
        "after an unknown outcome the input is rewound and the state kept",
        "processors/loop.py",
        "            self._read_from(self._restore(held))\n\n    def _assigned",
        "            self._read_from({place: max(at, 0) for place, at in self._committed_of(held).items()})\n\n    def _assigned",
        ("tests/processors/test_exactly_once.py",),
    ),
    Mutant(
        "the processor's inputs are assigned by cooperative-sticky",
        "runtime/kafka/copartitioned.py",
        '"partition.assignment.strategy": "range"',
        '"partition.assignment.strategy": "cooperative-sticky"',
        ("tests/runtime/test_copartitioned.py", "tests/system/test_pipeline.py"),
    ),
    Mutant(
        "send requests are decided without the barrier",
        "processors/loop.py",
        "        if not asked and not self._barrier:\n            return messages\n",
        "        return messages\n",
        ("tests/processors/test_loop_gate.py",),
    ),
    Mutant(
        "a head is released early",
        "dispatchers/delay.py",
        "self._heads[0][0] <= now:",
        "self._heads[0][0] <= now + 200:",
        ("tests/dispatchers/test_decisions.py",),
    ),
    Mutant(
        "a second STOP with another id is swallowed",
        "processors/fold.py",
        '        folded.events.append(("unsubscribe", event))\n        folded.ledger',
        '        if state.active:\n            folded.events.append(("unsubscribe", event))\n        folded.ledger',
        ("tests/processors/test_fold.py", "tests/processors/test_fold_machine.py"),
    ),
    Mutant(
        "a callback is answered before the brokers have it",
        "producers/gateway/ingest.py",
        "        good = await waiter.future\n",
        "        good = True\n",
        ("tests/producers/test_gateway.py", "tests/producers/test_gateway_abuse.py"),
    ),
    Mutant(
        "a paused endpoint is tried all the same",
        "dispatchers/flow.py",
        '        return task["origin"] != "test" and self._pauses.is_paused(task["endpoint"])\n',
        "        return False\n",
        ("tests/dispatchers/test_hold.py",),
    ),
    Mutant(
        "a redirect is followed",
        "dispatchers/sender.py",
        "allow_redirects=False",
        "allow_redirects=True",
        ("tests/dispatchers/test_sender_egress.py", "tests/dispatchers/test_endpoint_faults.py"),
    ),
    Mutant(
        "an address is judged when it is looked up, not when it is connected to",
        "runtime/egress.py",
        "            raise BlockedAddressError(refused.reason)\n",
        "",
        ("tests/dispatchers/test_sender_egress.py",),
    ),
)
