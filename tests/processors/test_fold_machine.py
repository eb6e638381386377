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
from processors.consent import OUTLASTS_START
from processors.facts import CommandFact, Fact, Folded, MessageFact, ReportFact, RequestFact
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


def apply(
    aggregate: Aggregate, fact: Fact, windows: dict[str, ListWindow] | None = None, now: int = 0
) -> tuple[Aggregate, Folded]:
    chosen = windows if windows is not None else defaultdict(ListWindow)
    folded = fold(aggregate, chosen.__getitem__, fact, max(now, fact.origin.received_at))
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
        self.reasons: dict[str, str] = {}
        self.met: frozenset[str] = frozenset()
        self.lost: list[MessageFact] = []
        self.last: Fact | None = None
        self.folded = Folded()

    def take(self, fact: Fact) -> None:
        self.before = {number: state_of(self.aggregate, number).active for number in LISTS}
        self.met = frozenset(self.aggregate.lists)
        self.reasons = {number: state_of(self.aggregate, number).reason for number in LISTS}
        self.blocked = {number: unassigned.blocks(self.aggregate, number) for number in LISTS}
        self.aggregate, self.folded = apply(self.aggregate, fact)
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

    @rule(
        text=st.sampled_from(["STOP", "START", "hello"]),
        number=st.sampled_from(LISTS),
        later_ms=st.integers(0, 900_000),
    )
    def words_without_id_or_time(self, text: str, number: str, later_ms: int) -> None:
        self.history.at += later_ms
        fact = message(text, text + number, self.history.at, list_hint=number, weak=True)
        self.take(msgspec.structs.replace(fact, message=msgspec.structs.replace(fact.message, at=None)))

    @rule(number=st.sampled_from(LISTS))
    def a_report_of_long_ago(self, number: str) -> None:
        self.history.count += 1
        told = report(f"old{self.history.count}", "rejected", "spam", self.history.at, list_hint=number)
        self.take(msgspec.structs.replace(told, report=msgspec.structs.replace(told.report, at=T0 - 1)))

    def is_imported_for_every_list(self) -> bool:
        return isinstance(self.last, CommandFact) and self.last.kind == "import" and self.last.list_number is None

    @invariant()
    def a_stop_is_never_swallowed(self) -> None:
        fact = self.last
        if not isinstance(fact, MessageFact) or fact.classification.label != "opt_out" or fact.origin.redriven:
            return
        number = fact.origin.list_hint
        if number is None:
            assert all(unassigned.blocks(self.aggregate, one) for one in LISTS)
            return
        assert not state_of(self.aggregate, number).active
        if not fact.origin.key_is_weak or self.before[number]:
            assert [event for event, _ in self.folded.events] == ["unsubscribe"]
            assert [entry["decision"] for entry in self.folded.ledger] == ["opted_out"]

    @invariant()
    def what_a_person_ordered_or_complained_of_is_undone_by_an_order_alone(self) -> None:
        for number in LISTS:
            if self.last is not None and self.reasons[number] in OUTLASTS_START and not self.before[number]:
                now_active = state_of(self.aggregate, number).active
                assert not now_active or isinstance(self.last, CommandFact), self.last

    @invariant()
    def every_change_is_told_with_its_reason_time_and_source_and_nothing_else_is(self) -> None:
        told = {state["list_number"]: state for state in self.folded.contacts}
        for number in LISTS:
            state = state_of(self.aggregate, number)
            if self.is_imported_for_every_list() and number not in self.aggregate.lists:
                continue  # the list follows the account, of which the ledger tells
            if self.last is not None and self.before[number] != state.active:
                assert (told[number]["active"], told[number]["reason"]) == (state.active, state.reason)
                assert told[number]["source_event_id"]
                assert told[number]["changed_at"] == state.changed_at > 0
                assert number in {entry["list_number"] for entry in self.folded.ledger}
            elif number in told and number in self.met:  # one that only followed the account gets a line of its own
                assert self.reasons[number] != state.reason

    @invariant()
    def a_report_of_the_time_before_the_last_opt_in_undoes_nothing(self) -> None:
        fact = self.last
        if isinstance(fact, ReportFact) and fact.report.at == T0 - 1 and (number := fact.origin.list_hint) is not None:
            state = state_of(self.aggregate, number)
            came_back = state.ordered_at or state.start or state.delivered_at
            assert state.active is self.before[number] or not came_back

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
        if erased:
            continue  # an erasure forgets what came
        aggregate, folded = apply(aggregate, fact)
        refused = fact.origin.list_hint is None and isinstance(fact, MessageFact)
        assert folded.repeat or refused, "what went to quarantine goes there again"
        assert (folded.events, folded.contacts, folded.ledger) == ([], [], [])
    assert encode(aggregate) == before


def but_for_when_it_was_read(aggregate: Aggregate) -> bytes:
    """Keys of commands are kept with the stream's time, which bounds their memory and decides nothing else."""
    aggregate.seen = [msgspec.structs.replace(entry, at=0) for entry in aggregate.seen]
    return encode(aggregate)


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
        aggregates, places, stream_time = {"a": Aggregate(), "b": Aggregate()}, {"a": 0, "b": 0}, 0
        for name in order:
            fact = facts[name][places[name]]
            if not isinstance(fact, RequestFact):
                stream_time = max(stream_time, fact.origin.received_at)
            now = 0 if isinstance(fact, RequestFact) else stream_time
            aggregates[name], _ = apply(aggregates[name], fact, windows, now)
            places[name] += 1
        results.append({name: but_for_when_it_was_read(one) for name, one in aggregates.items()})
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
