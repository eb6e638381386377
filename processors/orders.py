"""Decides what others ask and order: send requests, submitted sends, contact commands. Pure but for reads.

All of them change the same aggregate as callbacks do, through the same fold.
"""

from collections.abc import Callable

from processors import gate, metrics
from processors.aggregate import key_of
from processors.batch import MISROUTED, NO_KEYS, UNKNOWN_COMMAND, Batch, Output, Place, Read
from processors.decider import Decider
from processors.facts import CommandFact, GateReason, Origin, Refusal, RequestFact, SubmittedFact
from processors.interpret import Rules
from schemas import topics
from schemas.codec import encoder
from schemas.records import ContactCommand, Erasure, SendDecision, SendRequest, SendSubmitted

HashOf = Callable[[bytes], str]
"""Keyed hash of a contact, for `erasures`."""


class Orders:
    """Everything that is no callback."""

    def __init__(self, decider: Decider, *, hash_of: HashOf | None) -> None:
        """Share the decider's overlay, fold and outputs."""
        self._decider = decider
        self._hash_of = hash_of
        self._decision = encoder("SendDecision")
        self._erasure = encoder("Erasure")

    def take_submitted(self, batch: Batch, sent: SendSubmitted, place: Place, *, rules: Rules, read: Read) -> bool:
        """Learn a message id from the sending service; False where the record is not in its key's partition."""
        now = self._decider.stream_time(batch, place.partition, read)
        aggregate = self._decider.aggregate(batch, place, sent["account"], sent["phone_number"], read)
        if aggregate is None:
            return False
        origin = Origin(
            sent["account"], sent["provider"], sent["phone_number"], sent["submitted_at"], place.partition,
            place.offset, sent["list_number"], 0, key_is_weak=False, natural_key="",
        )  # fmt: skip
        fact = SubmittedFact(origin, sent["list_number"], sent["message_id"], sent["provider_message_id"])
        self._decider.fold(batch, place, aggregate, fact, now, rules=rules, read=read)
        return True

    def take_request(self, batch: Batch, asked: SendRequest, place: Place, *, rules: Rules, read: Read) -> None:
        """Answer a send request; one that does not lie in its contact's partition is blocked unread."""
        aggregate = self._decider.aggregate(batch, place, asked["account"], asked["phone_number"], read)
        if aggregate is None:
            self.answer(batch, asked, place, "misrouted")
            return
        origin = Origin(
            asked["account"], "", asked["phone_number"], asked["requested_at"], place.partition, place.offset,
            asked["list_number"], 0, key_is_weak=False, natural_key=asked["message_id"],
        )  # fmt: skip
        known = rules.knows(asked["account"], asked["list_number"])
        fact = RequestFact(origin, asked["list_number"], asked["message_id"], asked["expires_at"], known)
        folded = self._decider.fold(batch, place, aggregate, fact, batch.now, rules=rules, read=read)
        if folded.decision is None:
            batch.counts[metrics.REPEATED_REQUESTS] += 1
        else:
            self.answer(batch, asked, place, folded.decision)

    def answer(self, batch: Batch, asked: SendRequest, place: Place, reason: GateReason) -> None:
        """Tell a decision, in the partition of the request."""
        approved = reason == "approved"
        record: SendDecision = {
            "account": asked["account"], "list_number": asked["list_number"], "phone_number": asked["phone_number"],
            "message_id": asked["message_id"], "approved": approved, "reason": reason, "decided_at": batch.now,
            "valid_until": batch.now + gate.VALID_MS,
        }  # fmt: skip
        topic = topics.SENDS_APPROVED if approved else topics.SENDS_BLOCKED
        batch.outputs.append(Output(topic, place.key, self._decision(record), place.partition))
        batch.counts[metrics.DECISIONS.labels(reason)] += 1

    def take_command(
        self, batch: Batch, ordered: ContactCommand, place: Place, *, rules: Rules, read: Read
    ) -> Refusal | None:
        """Carry out a command; the refusal where this version cannot, MISROUTED included."""
        if ordered["command"] == "unknown":
            return UNKNOWN_COMMAND
        if ordered["command"] == "erase" and self._hash_of is None:
            return NO_KEYS
        aggregate = self._decider.aggregate(batch, place, ordered["account"], ordered["phone_number"], read)
        if aggregate is None:
            return MISROUTED
        account, now = ordered["account"], ordered["issued_at"]
        fact = command_fact(ordered, place, rules.lists_of(account))
        stream_time = self._decider.stream_time(batch, place.partition, read)
        folded = self._decider.fold(batch, place, aggregate, fact, stream_time or now, rules=rules, read=read)
        batch.counts[metrics.COMMANDS.labels(ordered["command"], "repeated" if folded.repeat else "done")] += 1
        self._decider.tell(batch, place, folded)
        if folded.erased and self._hash_of is not None:
            erasure: Erasure = {"contact_hash": self._hash_of(place.key), "account": account, "erased_at": now}
            batch.outputs.append(Output(topics.ERASURES, erasure["contact_hash"], self._erasure(erasure)))
        return None


def command_fact(ordered: ContactCommand, place: Place, lists: tuple[str, ...]) -> CommandFact:
    """What a command says; `lists` are those that the account has."""
    origin = Origin(
        ordered["account"], "command", ordered["phone_number"], ordered["issued_at"], place.partition, place.offset,
        ordered["list_number"], key_of("command", ordered["command_id"]), key_is_weak=False,
        natural_key=ordered["command_id"],
    )  # fmt: skip
    return CommandFact(
        origin, ordered["command"], ordered["list_number"], lists, ordered["actor"], ordered["active"],
        ordered["contact_reason"], ordered["unsubscribed_at"], ordered["changed_at"],
    )  # fmt: skip
