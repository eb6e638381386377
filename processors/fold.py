"""`fold(aggregate, list_window, fact, now)`: what one fact changes and what the world is told of it. Pure.

Rules, numbered:
F1  A repeat changes and emits nothing; a weak key never suppresses an opt-out while the contact is active.
F2  The list is told by the callback URL or the payload, else by a message id known from before, else it is the only
    one that is configured for the provider.
F3  Without a list a report or reply goes to quarantine and leaves no key; an opt-out blocks every list at once.
F4  Every distinct report is an event; state never goes back: one older than the newest of its message counts nothing.
F5  An opt-out makes the contact inactive on the list; a second one emits, and leaves state and first time alone.
F6  START re-activates a contact that left by message or by failures, never one removed by a person or a complaint.
F7  STOP and START: the log decides, with two exceptions by the provider's time (DESIGN.md 4.2).
F8  REJECTED_SPAM and REJECTED_DESTINATION remove at once; ABSENT and OPERATOR count towards the threshold.
F9  Any message of the contact, and a delivery that the handset confirmed, end the failures up to their time.
F10 A send request is judged by `processors/gate.py` and remembered, so that reports of the message find its list.
F11 Commands are carried out by `processors/contact_commands.py`; what the last hour says of a list stops removals.
F12 An opt-out meant for the whole account ends texting from each of its lists, those the contact never met included.
F13 Each part of a long text is an answer of its own; the whole is judged when its last part is there.
`now` is stream time: the partition's highest received_at; for send requests it is wall time, as senders wait by it.
"""

from collections.abc import Callable, Sequence
from typing import Final, assert_never

import msgspec

from processors import brake, consent, contact_commands, failures, gate, parts, unassigned
from processors.aggregate import (
    MESSAGE_ID_CHARS_MAX,
    MESSAGES_MAX,
    SEEN_AGE_MAX_MS,
    SEEN_MAX,
    WEAK_AGE_MAX_MS,
    AccountStop,
    Aggregate,
    ListState,
    MessageSeen,
    Seen,
    key_of,
    state_of,
)
from processors.brake import ListWindow
from processors.classify import classify
from processors.facts import (
    DEFAULT_FAILURE_POLICY,
    CommandFact,
    Fact,
    FailurePolicy,
    Folded,
    ListWindowOf,
    MessageFact,
    Origin,
    Refusal,
    ReportFact,
    RequestFact,
    SubmittedFact,
)
from processors.records import (
    contact_state,
    delivery_event,
    ledger_of_message,
    ledger_of_report,
    reply_event,
    unsubscribe_event,
    unsubscribe_event_of_report,
)
from schemas.providers.callback import DeliveryReport

_LIST_UNKNOWN: Final = Refusal(
    "list_unknown", "neither the callback URL nor the payload nor a known message id tells the list"
)


def _default_policy(_list_number: str) -> FailurePolicy:
    return DEFAULT_FAILURE_POLICY


def fold(
    aggregate: Aggregate,
    list_window: ListWindowOf,
    fact: Fact,
    now: int,
    *,
    policy_of: Callable[[str], FailurePolicy] = _default_policy,
) -> Folded:
    """Apply one fact to the contact it is about.

    The aggregate and the window are taken over: the caller must not use the aggregate again, `Folded.aggregate` is the
    one to keep; the window of the list that the fact turns out to be of is changed in place.
    """
    match fact:
        case ReportFact():
            return _fold_report(aggregate, list_window, fact, now, policy_of)
        case MessageFact():
            return _fold_message(aggregate, fact, now)
        case SubmittedFact():
            return _fold_submitted(aggregate, fact)
        case RequestFact():
            return _fold_request(aggregate, fact, now)
        case CommandFact():
            return contact_commands.apply(aggregate, fact, now)
        case _:
            assert_never(fact)


# ---- F1: repeats ----------------------------------------------------------------------------------------------------
def _is_repeat(aggregate: Aggregate, origin: Origin) -> bool:
    key = origin.fragment_key
    for seen in reversed(aggregate.seen):
        if seen.key == key:
            return not seen.weak or abs(origin.received_at - seen.at) <= WEAK_AGE_MAX_MS
    return False


def _remember(aggregate: Aggregate, origin: Origin, now: int) -> None:
    seen = aggregate.seen
    if seen and (len(seen) >= SEEN_MAX or now - seen[0].at > SEEN_AGE_MAX_MS):
        oldest = now - SEEN_AGE_MAX_MS
        seen = [entry for entry in seen if entry.at >= oldest and entry.key != origin.fragment_key][-(SEEN_MAX - 1) :]
    if origin.key_is_weak:
        seen = [entry for entry in seen if entry.key != origin.fragment_key]
    aggregate.seen = [*seen, Seen(origin.fragment_key, origin.received_at, origin.key_is_weak)]


# ---- F2: the list ---------------------------------------------------------------------------------------------------
def _keys(provider: str, *ids: str | None) -> list[int]:
    """Keys of a message's ids, the provider's first."""
    return [key_of(provider, known) for known in dict.fromkeys(ids) if known]


def _own_key(message_id: str) -> int:
    """Key of a message by our id alone, as the send gate knows it."""
    return key_of("", message_id)


def _message_of(aggregate: Aggregate, keys: Sequence[int]) -> MessageSeen | None:
    return next((seen for seen in aggregate.messages if seen.key in keys), None)


def _register(
    aggregate: Aggregate, keys: Sequence[int], list_number: str, message_id: str | None
) -> MessageSeen | None:
    """Remember a message by its first key; `message_id` is the sender's own id where that is another."""
    if not keys:
        return None
    if message_id is not None and len(message_id) > MESSAGE_ID_CHARS_MAX:
        message_id = None
    entry = MessageSeen(keys[0], list_number, message_id)
    aggregate.messages = [*aggregate.messages[-(MESSAGES_MAX - 1) :], entry]
    return entry


def _list_of(origin: Origin, seen: MessageSeen | None) -> str | None:
    return origin.list_hint or (seen.list_number if seen is not None else None) or origin.only_list


def _fold_submitted(aggregate: Aggregate, fact: SubmittedFact) -> Folded:
    name = fact.provider_message_id or fact.message_id
    keys = _keys(fact.origin.provider, name)
    ours = fact.message_id if fact.message_id != name else None
    known = _message_of(aggregate, keys)
    if known is None:
        _register(aggregate, keys, fact.list_number, ours)
    elif (known.message_id, known.list_number) == (ours, fact.list_number):
        return Folded(repeat=True)
    else:  # its report came first
        known.message_id = ours if ours is None or len(ours) <= MESSAGE_ID_CHARS_MAX else None
        known.list_number = fact.list_number
    return Folded(aggregate, list_number=fact.list_number)


def _fold_request(aggregate: Aggregate, fact: RequestFact, now: int) -> Folded:
    keys = [_own_key(fact.message_id)]
    seen = _message_of(aggregate, keys)
    if gate.is_answered(seen, now):
        return Folded(repeat=True)
    decision = gate.judge(aggregate, fact, now)
    if seen is None:
        seen = _register(aggregate, keys, fact.list_number, fact.message_id)
    if seen is not None:
        seen.answered_until = now + gate.VALID_MS
        if decision == "approved":
            seen.list_number = fact.list_number
    return Folded(aggregate, list_number=fact.list_number, decision=decision)


# ---- reports --------------------------------------------------------------------------------------------------------
def _fold_report(
    aggregate: Aggregate,
    list_window: ListWindowOf,
    fact: ReportFact,
    now: int,
    policy_of: Callable[[str], FailurePolicy],
) -> Folded:
    origin, report = fact.origin, fact.report
    keys = _keys(origin.provider, report.provider_message_id, report.message_id)
    seen = _message_of(aggregate, keys)
    list_number = _list_of(origin, seen or _asked_for(aggregate, origin, report.message_id))
    policy = DEFAULT_FAILURE_POLICY if list_number is None else policy_of(list_number)
    if report.filtered or report.blocklisted:
        report = failures.as_its_list_says(report, policy)
        fact = msgspec.structs.replace(fact, report=report)
    active = list_number is None or state_of(aggregate, list_number).active
    if _is_repeat(aggregate, origin) and not (origin.key_is_weak and report.opted_out and active):
        return Folded(repeat=True)
    if list_number is None:
        return _without_list(aggregate, fact, now) if report.opted_out else Folded(refusal=_LIST_UNKNOWN)
    message_id = _message_id(fact, seen)
    if seen is None:
        seen = _register(aggregate, keys, list_number, report.message_id if len(keys) > 1 else None)
    _remember(aggregate, origin, now)
    event = delivery_event(fact, list_number, message_id or origin.natural_key)
    folded = Folded(aggregate, events=[("delivery", event)], list_number=list_number)
    unassigned.resolve(aggregate, origin)
    after = _judged(aggregate, list_window(list_number), fact, list_number, seen, now, policy)
    folded.window_counted = _is_final(report)
    if after.changed:
        aggregate.lists[list_number] = after.state
    if after.removed:
        folded.contacts.append(contact_state(origin, list_number, after.state, event["event_id"]))
    if after.decision != "none":
        folded.ledger.append(ledger_of_report(fact, list_number, after, event["event_id"], now))
    if report.emit_unsubscribe and after.rule_id != failures.BEFORE_START:
        folded.events.append(("unsubscribe", unsubscribe_event_of_report(fact, list_number)))
    return folded


def _judged(
    aggregate: Aggregate,
    window: ListWindow,
    fact: ReportFact,
    list_number: str,
    seen: MessageSeen | None,
    now: int,
    policy: FailurePolicy,
) -> failures.AfterReport:
    """What a report does to the contact on its list; the window counts it first."""
    report = fact.report
    if _is_final(report):
        brake.count(window, report.failure_class, now)
    return failures.after_report(
        state_of(aggregate, list_number),
        seen,
        report,
        received_at=fact.origin.received_at,
        policy=policy,
        hour=lambda: brake.hour_of(window, now),
        failed_after=lambda at: _failed_after(aggregate, list_number, at),
    )


def _failed_after(aggregate: Aggregate, list_number: str, at: int) -> list[int]:
    """When messages of a list failed that counted, as far as they are remembered, later than a time."""
    return [seen.at for seen in aggregate.messages if seen.counted and seen.list_number == list_number and seen.at > at]


def _is_final(report: DeliveryReport) -> bool:
    return report.final and report.status != "pending"


def _asked_for(aggregate: Aggregate, origin: Origin, message_id: str | None) -> MessageSeen | None:
    """The message as the send gate knows it, where nothing else tells the list and the callback carries our id."""
    ours = origin.message_id or message_id
    if not ours or origin.list_hint is not None:
        return None
    return _message_of(aggregate, [_own_key(ours), key_of(origin.provider, ours)])


def _message_id(fact: ReportFact, seen: MessageSeen | None) -> str | None:
    """Ours where the callback carries it, else as the sending service told it, else the provider's (DESIGN.md 4.2).

    A field that a sender may fill or leave to the provider (Infobip's messageId) carries ours only where nobody told
    another.
    """
    report, theirs = fact.report, fact.report.provider_message_id
    carried = report.message_id if report.message_id != theirs else None
    told = seen.message_id if seen is not None else None
    return fact.origin.message_id or carried or told or theirs


# ---- messages -------------------------------------------------------------------------------------------------------
def _fold_message(aggregate: Aggregate, fact: MessageFact, now: int) -> Folded:
    origin, label = fact.origin, fact.classification.label
    answered = fact.message.answers_message_id
    seen = _message_of(aggregate, _keys(origin.provider, answered)) or _asked_for(aggregate, origin, answered)
    list_number = _list_of(origin, seen)
    state = ListState() if list_number is None else state_of(aggregate, list_number)
    active = state.active
    if _is_repeat(aggregate, origin) and not (origin.key_is_weak and label == "opt_out" and active):
        return Folded(repeat=True)
    if list_number is None:
        return _without_list(aggregate, fact, now) if label == "opt_out" else Folded(refusal=_LIST_UNKNOWN)
    _remember(aggregate, origin, now)
    unassigned.resolve(aggregate, origin)
    if state.failures:
        state = aggregate.lists[list_number] = failures.cleared(state)
    if fact.message.part is not None:
        fact = _whole(aggregate, fact, now)
        label = fact.classification.label
    match label:
        case "opt_out":
            return _opt_out(aggregate, fact, list_number, state, now)
        case "opt_in":
            return _opt_in(aggregate, fact, list_number, state, now)
        case _:
            return Folded(aggregate, events=[("reply", reply_event(fact, list_number))], list_number=list_number)


def _whole(aggregate: Aggregate, fact: MessageFact, now: int) -> MessageFact:
    """F13: a part as it is, or as the whole text where that asks for what no part of it did."""
    if fact.classification.label != "reply":
        return fact
    text = parts.joined(aggregate, fact, now)
    if text is None:
        return fact
    judged = classify(text, policy=fact.words)
    if judged.label != "opt_out":
        return fact
    return msgspec.structs.replace(parts.as_whole(fact, text), classification=judged)


def _opt_out(aggregate: Aggregate, fact: MessageFact, list_number: str, state: ListState, now: int) -> Folded:
    decided = consent.opted_out(state, fact.origin, fact.message.at)
    aggregate.lists[list_number] = decided.state
    folded = Folded(aggregate, list_number=list_number)
    if decided.applies:
        event = unsubscribe_event(fact, list_number)
        folded.events.append(("unsubscribe", event))
        folded.ledger.append(ledger_of_message(fact, list_number, decided, event["event_id"], now))
        if decided.changed:
            folded.contacts.append(contact_state(fact.origin, list_number, decided.state, event["event_id"]))
    else:
        folded.events.append(("reply", reply_event(fact, list_number)))
        folded.ledger.append(ledger_of_message(fact, list_number, decided, None, now))
    if fact.every_list:
        _opt_out_everywhere(aggregate, fact, list_number, folded, now)
    return folded


def _opt_out_everywhere(aggregate: Aggregate, fact: MessageFact, told: str, folded: Folded, now: int) -> None:
    """F12: the other lists, each by the rules of its own consent; a list that changes tells it."""
    for other in dict.fromkeys((*fact.every_list, *aggregate.lists)):
        decided = consent.opted_out(state_of(aggregate, other), fact.origin, fact.message.at)
        if other == told or not decided.applies:
            continue
        aggregate.lists[other] = decided.state
        if decided.changed:
            event = unsubscribe_event(fact, other)
            folded.events.append(("unsubscribe", event))
            folded.contacts.append(contact_state(fact.origin, other, decided.state, event["event_id"]))
            folded.ledger.append(ledger_of_message(fact, other, decided, event["event_id"], now))
    if aggregate.stopped is None and not unassigned.is_ordered_later(aggregate, fact.origin):
        mark = consent.mark_of(fact.origin, fact.message.at)
        aggregate.stopped = AccountStop("message", mark.provider_time or mark.received_at)


def _opt_in(aggregate: Aggregate, fact: MessageFact, list_number: str, state: ListState, now: int) -> Folded:
    aggregate.seen = [entry for entry in aggregate.seen if not entry.weak or entry.key == fact.origin.fragment_key]
    event = reply_event(fact, list_number)
    folded = Folded(aggregate, events=[("reply", event)], list_number=list_number)
    decided = consent.opted_in(state, fact.origin, fact.message.at)
    aggregate.lists[list_number] = decided.state  # the START is remembered even where it changes nothing: F7
    if decided.applies and unassigned.lift(aggregate, list_number, fact.origin, fact.message.at):
        lifted = consent.Decided(decided.state, "lifted", changed=False, applies=True)
        folded.ledger.append(ledger_of_message(fact, list_number, lifted, event["event_id"], now))
    if decided.changed:
        folded.contacts.append(contact_state(fact.origin, list_number, decided.state, event["event_id"]))
        folded.ledger.append(ledger_of_message(fact, list_number, decided, event["event_id"], now))
    return folded


def _without_list(aggregate: Aggregate, fact: ReportFact | MessageFact, now: int) -> Folded:
    """F3: the fragment waits in quarantine; until it is re-driven or a command lifts it, every list is blocked."""
    folded = Folded(aggregate, refusal=_LIST_UNKNOWN)
    sent_at = fact.message.at if isinstance(fact, MessageFact) else fact.report.at
    if not unassigned.add(aggregate, fact.origin, sent_at):
        return folded
    decided = consent.Decided(ListState(), "blocked_unassigned", changed=True, applies=True)
    if isinstance(fact, MessageFact):
        folded.ledger.append(ledger_of_message(fact, None, decided, None, now))
    else:
        blocked = failures.AfterReport(
            ListState(), "blocked_unassigned", "report.opted_out", removed=True, changed=True
        )
        folded.ledger.append(ledger_of_report(fact, None, blocked, None, now))
    return folded
