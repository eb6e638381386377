"""What a person or program orders for a contact: opt out, opt in, erase, import. Pure (DESIGN.md 4.9, OPTOUT.md 7).

K1  A command id counts once.
K2  Without a list a command is for every list of the account, also those the contact was never on; an import tells
    only of those it was on.
K3  An opt-in ends weak dedupe keys and lifts what opt-outs without a list block; for all lists where it names none.
K4  An import changes only what nothing later is known of, and a known reason only where START would undo that one.
K5  An erasure keeps consent, because without it a STOP cannot be honoured, and forgets everything else.
"""

from typing import assert_never

from processors import consent, unassigned
from processors.aggregate import SEEN_MAX, AccountStop, Aggregate, ListState, Seen, state_of
from processors.consent import Decided
from processors.facts import CommandFact, Folded
from processors.records import contact_state, ledger_of_command
from schemas.records import ContactReason


def apply(aggregate: Aggregate, fact: CommandFact, now: int) -> Folded:
    """Carry out one command on a contact; a repeat answers `repeat`."""
    origin = fact.origin
    if any(seen.key == origin.fragment_key for seen in aggregate.seen):
        return Folded(repeat=True)
    folded = Folded(aggregate, list_number=fact.list_number)
    match fact.kind:
        case "opt_out":
            _opt_out(aggregate, fact, folded, now)
        case "opt_in":
            _opt_in(aggregate, fact, folded, now)
        case "import":
            _import(aggregate, fact, folded, now)
        case "erase":
            folded.aggregate = aggregate = _erased(aggregate, origin.received_at)
            folded.erased = True
        case "unknown":
            raise ValueError("a command of an unknown kind is refused before the fold")
        case _:
            assert_never(fact.kind)
    aggregate.seen = [*aggregate.seen[-(SEEN_MAX - 1) :], Seen(origin.fragment_key, now)]
    return folded


def _targets(aggregate: Aggregate, fact: CommandFact) -> list[str]:
    """K2: the lists whose state the world is told."""
    if fact.list_number is not None:
        return [fact.list_number]
    return sorted({*aggregate.lists, *fact.lists})


def _opt_out(aggregate: Aggregate, fact: CommandFact, folded: Folded, now: int) -> None:
    for number in _targets(aggregate, fact):
        _tell(
            aggregate,
            fact,
            folded,
            number,
            consent.ordered_out(state_of(aggregate, number), fact.origin, "manual"),
            now,
        )
    if fact.list_number is None:
        _stop_account(aggregate, fact, folded, "manual", fact.origin.received_at, now)


def _opt_in(aggregate: Aggregate, fact: CommandFact, folded: Folded, now: int) -> None:
    aggregate.seen = [entry for entry in aggregate.seen if not entry.weak]
    for number in _targets(aggregate, fact):
        decided = consent.ordered_in(state_of(aggregate, number), fact.origin)
        _tell(aggregate, fact, folded, number, decided, now)
    if fact.list_number is None:
        lifted = unassigned.lift_all(aggregate)
        aggregate.stopped, aggregate.lifted_at = None, max(aggregate.lifted_at, fact.origin.received_at)
    else:
        lifted = unassigned.lift(aggregate, fact.list_number, fact.origin, None)
    if lifted:
        folded.ledger.append(
            ledger_of_command(fact, fact.list_number, Decided(ListState(), "lifted", changed=False, applies=True), now)
        )


def _import(aggregate: Aggregate, fact: CommandFact, folded: Folded, now: int) -> None:
    told = fact.changed_at if fact.changed_at is not None else fact.unsubscribed_at
    at = fact.origin.received_at if told is None else min(told, fact.origin.received_at)
    for number in list(aggregate.lists) if fact.list_number is None else [fact.list_number]:
        decided = consent.imported(
            _before_import(aggregate, number, fact, at),
            fact.origin,
            active=fact.active,
            reason=fact.reason,
            at=at,
            unsubscribed_at=fact.unsubscribed_at,
        )
        if decided is not None:
            _tell(aggregate, fact, folded, number, decided, now)
    if fact.active:
        aggregate.seen = [entry for entry in aggregate.seen if not entry.weak]
    elif fact.list_number is None and aggregate.lifted_at <= at:
        _stop_account(aggregate, fact, folded, fact.reason, at, now)


def _before_import(aggregate: Aggregate, number: str, fact: CommandFact, at: int) -> ListState:
    """What is known of a list; one that only follows the account takes its own line, unless START could undo more."""
    followed = state_of(aggregate, number)
    if fact.active or number in aggregate.lists or followed.active:
        return followed
    is_weaker = followed.reason in consent.OUTLASTS_START and fact.reason in consent.REACTIVATED_BY_START
    return followed if is_weaker and at < followed.changed_at else ListState(ordered_at=aggregate.lifted_at)


def _stop_account(
    aggregate: Aggregate, fact: CommandFact, folded: Folded, reason: ContactReason, at: int, now: int
) -> None:
    """Lists that the contact never met follow; the first reason stays, but for one that START would undo."""
    stopped = aggregate.stopped
    if stopped is not None and not (
        stopped.reason in consent.REACTIVATED_BY_START and reason in consent.OUTLASTS_START
    ):
        return
    aggregate.stopped = AccountStop(reason, at if stopped is None else stopped.at)
    if not folded.ledger:
        decided = Decided(ListState(active=False, reason=reason), "opted_out", changed=True, applies=True)
        folded.ledger.append(ledger_of_command(fact, None, decided, now))


def _erased(aggregate: Aggregate, at: int) -> Aggregate:
    """K5."""
    kept = {
        number: ListState(
            active=state.active,
            reason=state.reason,
            unsubscribed_at=state.unsubscribed_at,
            changed_at=state.changed_at,
            stop=state.stop,
            start=state.start,
            ordered_at=state.ordered_at,
        )
        for number, state in aggregate.lists.items()
    }
    return Aggregate(
        lists=kept,
        unassigned=aggregate.unassigned,
        unassigned_overflow=aggregate.unassigned_overflow,
        overflow_lifted=aggregate.overflow_lifted,
        stopped=aggregate.stopped,
        erased_at=at,
        lifted_at=aggregate.lifted_at,
    )


def _tell(aggregate: Aggregate, fact: CommandFact, folded: Folded, number: str, decided: Decided, now: int) -> None:
    """Keep a list's new state; the world is told of a change only, and the ledger of every decision.

    What an order for all lists says of one that the contact never met is kept once, not for each of them.
    """
    if number in aggregate.lists or decided.changed or number == fact.list_number:
        aggregate.lists[number] = decided.state
    folded.ledger.append(ledger_of_command(fact, number, decided, now))
    if decided.changed:
        folded.contacts.append(contact_state(fact.origin, number, decided.state, fact.origin.natural_key))
