"""What holds for every history of a contact, whatever its facts and their order. Pure, no broker."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from processors import unassigned
from processors.aggregate import KEPT_MIN, SIZE_BYTES_MAX, Aggregate, ListState, decode, encode, state_of
from processors.brake import ListWindow
from processors.facts import CommandFact, Fact, MessageFact, ReportFact
from processors.fold import fold
from tests.processors.test_fold import LIST, T0, message, part, report
from tests.processors.test_gate import OTHER, command, request

LISTS = (LIST, OTHER)
TEXTS = ("STOP", "START", "hello", "stop texting me", "HELP", "UNSTOP", "👍")
OUTCOMES = (("delivered", "none"), ("undeliverable", "absent"), ("rejected", "spam"), ("undeliverable", "destination"),
            ("pending", "none"), ("expired", "other"))  # fmt: skip
KINDS = ("opt_out", "opt_in", "import", "erase")

steps = st.tuples(
    st.sampled_from(["text", "report", "command", "request"]),
    st.sampled_from([LIST, OTHER, None]),
    st.integers(0, 6),
    st.integers(0, 400_000),
)


@dataclass
class History:
    """Facts of one contact, each with a name and a time of its own."""

    prefix: str
    at: int = T0
    count: int = 0

    def next(self, step: tuple[str, str | None, int, int]) -> Fact:
        kind, list_number, choice, later_ms = step
        self.count += 1
        self.at += later_ms
        name = f"{self.prefix}{self.count}"
        match kind:
            case "text":
                return message(TEXTS[choice % len(TEXTS)], name, self.at, list_hint=list_number)
            case "report":
                status, failure = OUTCOMES[choice % len(OUTCOMES)]
                return report(name, status, failure, self.at, list_hint=list_number or LIST)  # type: ignore[arg-type]
            case "request":
                return request(name, list_number or LIST, at=self.at, ttl_ms=10_000)
            case _:
                chosen = KINDS[choice % len(KINDS)]
                where = None if chosen == "erase" else list_number
                extra = {"active": bool(choice % 2)} if chosen == "import" else {}
                return command(chosen, name, where, at=self.at, **extra)  # type: ignore[arg-type]  # one of KINDS


def apply(aggregate: Aggregate, fact: Fact, windows: dict[str, ListWindow] | None = None) -> tuple[Aggregate, Any]:
    chosen = windows if windows is not None else defaultdict(ListWindow)
    folded = fold(aggregate, chosen.__getitem__, fact, fact.origin.received_at)
    return decode(encode(folded.aggregate or aggregate)), folded


def is_opt_in(fact: Fact, number: str) -> bool:
    match fact:
        case MessageFact(classification=found, origin=origin):
            return found.label == "opt_in" and origin.list_hint == number
        case CommandFact(kind=kind, active=active, list_number=named):
            return (kind == "opt_in" or (kind == "import" and active)) and named in {None, number}
        case _:
            return False


class ConsentAlone(RuleBasedStateMachine):
    """Consent comes back by an opt-in alone, and a block without a list ends by its own causes alone."""

    @initialize()
    def begin(self) -> None:
        self.aggregate = Aggregate()
        self.history = History("c")
        self.before: dict[str, bool] = dict.fromkeys(LISTS, True)
        self.blocked: dict[str, bool] = dict.fromkeys(LISTS, False)
        self.lost: list[MessageFact] = []
        self.last: Fact | None = None

    def take(self, fact: Fact) -> None:
        self.before = {number: state_of(self.aggregate, number).active for number in LISTS}
        self.blocked = {number: unassigned.blocks(self.aggregate, number) for number in LISTS}
        self.aggregate, _ = apply(self.aggregate, fact)
        self.last = fact

    @rule(step=steps)
    def anything(self, step: tuple[str, str | None, int, int]) -> None:
        fact = self.history.next(step)
        if isinstance(fact, MessageFact) and fact.origin.list_hint is None and fact.classification.label == "opt_out":
            self.lost.append(fact)
        self.take(fact)

    @rule(which=st.integers(0, 3), number=st.sampled_from(LISTS))
    def its_own_redrive(self, which: int, number: str) -> None:
        if self.lost:
            fact = self.lost[which % len(self.lost)]
            origin = msgspec.structs.replace(fact.origin, list_hint=number, redriven=True)
            self.take(msgspec.structs.replace(fact, origin=origin))

    @invariant()
    def a_list_becomes_active_by_an_opt_in_alone(self) -> None:
        for number in LISTS:
            if self.last is not None and not self.before[number] and state_of(self.aggregate, number).active:
                assert is_opt_in(self.last, number), self.last

    @invariant()
    def a_block_without_a_list_ends_by_an_opt_in_a_command_or_its_own_redrive(self) -> None:
        for number in LISTS:
            if self.last is not None and self.blocked[number] and not unassigned.blocks(self.aggregate, number):
                own = isinstance(self.last, MessageFact) and self.last.origin.redriven
                assert own or is_opt_in(self.last, number), self.last


TestConsentAlone = ConsentAlone.TestCase
ConsentAlone.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@given(st.lists(steps, max_size=25), st.integers(0, 25))
def test_a_prefix_that_is_replayed_changes_nothing(taken: list[tuple[str, str | None, int, int]], count: int) -> None:
    history = History("r")
    facts = [history.next(step) for step in taken]
    aggregate = Aggregate()
    for fact in facts:
        aggregate, _ = apply(aggregate, fact)
    erased = any(isinstance(fact, CommandFact) and fact.kind == "erase" for fact in facts)
    before = encode(aggregate)
    for fact in facts[:count]:
        refused = fact.origin.list_hint is None and isinstance(fact, MessageFact)
        if erased or refused or (isinstance(fact, CommandFact)):
            continue  # an erasure forgets what came; what went to quarantine leaves no key; commands: the next test
        aggregate, folded = apply(aggregate, msgspec.structs.replace(fact) if isinstance(fact, ReportFact) else fact)
        assert folded.repeat
        assert (folded.events, folded.contacts, folded.ledger) == ([], [], [])
    assert encode(aggregate) == before


@given(st.lists(steps, max_size=20), st.lists(steps, max_size=20), st.randoms(use_true_random=False))
def test_the_order_of_different_contacts_does_not_matter_while_no_brake_is_on(
    first: list[tuple[str, str | None, int, int]], second: list[tuple[str, str | None, int, int]], rng: Any
) -> None:
    facts = {}
    for name, taken in (("a", first), ("b", second)):
        history = History(name)
        facts[name] = [history.next(step) for step in taken if step[0] != "report" or step[2] % 6 in {0, 1, 4}]
    results = []
    for _ in range(2):
        order = [name for name in facts for _ in facts[name]]
        rng.shuffle(order)
        windows: dict[str, ListWindow] = defaultdict(ListWindow)
        aggregates, places = {"a": Aggregate(), "b": Aggregate()}, {"a": 0, "b": 0}
        for name in order:
            aggregates[name], _ = apply(aggregates[name], facts[name][places[name]], windows)
            places[name] += 1
        results.append({name: encode(one) for name, one in aggregates.items()})
    assert results[0] == results[1]


def test_parts_in_any_script_and_lists_that_only_deliver_stay_within_the_bound() -> None:
    aggregate = Aggregate()
    for number in range(40):
        aggregate, _ = apply(aggregate, part("\U00020bb7" * 400, 1, 12, T0 + number, reference=str(number)))
    for number in range(400):
        aggregate, _ = apply(aggregate, report(f"m{number}", at=T0 + number, list_hint=f"+1800555{number:04d}"))
    aggregate, _ = apply(aggregate, message("STOP", "s", T0 + 500, list_hint="+18005550399"))
    for number in range(400, 800):
        aggregate, _ = apply(aggregate, report(f"m{number}", at=T0 + number, list_hint=f"+1800555{number:04d}"))
    assert len(encode(aggregate)) <= SIZE_BYTES_MAX
    assert len(aggregate.parts) >= 2
    assert not state_of(aggregate, "+18005550399").active
    assert aggregate.lists["+18005550799"].delivered_at == T0 + 799, "the newest are kept"


@given(st.integers(0, 40), st.integers(1, 4000), st.integers(1, 60))
def test_state_stays_within_its_bound_and_consent_is_never_forgotten(lists: int, chars: int, messages: int) -> None:
    aggregate = Aggregate(lists={f"+1800555{number:04d}": ListState(active=False) for number in range(lists)})
    for number in range(messages):
        name = f"{number}".rjust(chars, "x")
        found = report(name, at=T0 + number)
        folded = fold(aggregate, lambda _: ListWindow(), found, T0 + number)
        aggregate = decode(encode(folded.aggregate or aggregate))
    assert len(encode(aggregate)) <= SIZE_BYTES_MAX
    assert sum(not state.active for state in aggregate.lists.values()) == lists
    assert len(aggregate.messages) >= min(messages, KEPT_MIN)
