"""Decides one batch: raw records in, the records of one transaction out. Pure but for reads through the overlay.

Nothing is written here: the loop produces the outputs, commits, and only then folds the overlay into the store.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, assert_never

from processors import metrics
from processors.aggregate import Aggregate, UnreadableStateError, decode, decode_stream_time, encode, encode_stream_time
from processors.facts import (
    DEFAULT_FAILURE_POLICY,
    EMPTY_WINDOW,
    Fact,
    FailurePolicy,
    Folded,
    MessageFact,
    Origin,
    Refusal,
    ReportFact,
    SubmittedFact,
)
from processors.fold import fold
from processors.interpret import Ignored, Rules, interpret
from schemas import ids, topics
from schemas.codec import Record, encoder
from schemas.events import RECORDS
from schemas.partitioner import partition_of
from schemas.providers.callback import Adapter
from schemas.records import ContactState, ForwardTask, Quarantined, RawCallback, SendSubmitted

STREAM_TIME: Final = b"\x01stream_time"
"""Changelog key of a partition's highest received_at; it makes `now` the same after every restore."""

UNDECODABLE: Final = Refusal("undecodable", "the bytes fit no schema of this topic")
STATE_UNREADABLE: Final = Refusal("state_unreadable", "what is known of the contact is corrupt in the changelog itself")
MISROUTED: Final = Refusal("misrouted", "the record lies in a partition that is not its key's")

NEVER: Final = 2**62

Read = Callable[[int, bytes], bytes | None]
"""Value of a key of a partition, from the store."""


@dataclass(frozen=True, slots=True)
class Output:
    """One record of the transaction; the topic is without prefix, partition -1 leaves it to the key."""

    topic: str
    key: bytes | str
    value: bytes | None
    partition: int = -1


@dataclass(slots=True)
class Batch:
    """What a batch decided so far."""

    outputs: list[Output] = field(default_factory=list)
    overlay: dict[tuple[int, bytes], Aggregate] = field(default_factory=dict)
    changed: set[tuple[int, bytes]] = field(default_factory=set)
    stream_time: dict[int, int] = field(default_factory=dict)
    latest: int = NEVER
    """Stream time goes no further, so that one gateway's clock cannot end the memory of a whole partition."""
    counts: Counter[Any] = field(default_factory=Counter)
    """How far each metric moves, once the transaction is committed."""


class Decider:
    """Holds what every batch needs: encoders, adapters, partition count."""

    def __init__(
        self,
        *,
        adapters: Mapping[str, Adapter],
        partitions: int,
        encoders: Callable[[str], Callable[[Record], bytes]] = encoder,
    ) -> None:
        """Make the encoders once."""
        self._adapters = adapters
        self._partitions = partitions
        self._events = {event: encoders(record) for event, record in RECORDS.items()}
        self._event_topics = {event: topics.events_topic(event) for event in RECORDS}
        self._contact = encoders("ContactState")
        self._ledger = encoders("LedgerEntry")
        self._quarantine = encoders("Quarantined")
        self._forward = encoders("ForwardTask")

    def take_callback(
        self, batch: Batch, raw: RawCallback, key: bytes, *, partition: int, offset: int, rules: Rules, read: Read
    ) -> None:
        """Decide one raw callback.

        Raises:
            UnknownVersionError: a newer version wrote what is known of the contact.
            UnreadableStateError: what is known of the contact is corrupt.
        """
        received_at = raw["received_at"]
        now = max(
            min(received_at, batch.latest), batch.stream_time.get(partition) or self._stream_time(partition, read)
        )
        batch.stream_time[partition] = now
        expected = topics.contact_key(raw["account"], raw["phone"]).encode()
        slot = (partition, key)
        aggregate = self._aggregate(batch, slot, read) if key == expected else None
        if aggregate is None:
            self.refuse(batch, raw, MISROUTED, partition=partition, offset=offset, now=now)
            return
        fact = interpret(raw, partition=partition, offset=offset, adapters=self._adapters, rules=rules)
        if isinstance(fact, Ignored):
            batch.counts[metrics.IGNORED] += 1
            return
        if isinstance(fact, Refusal):
            self.refuse(batch, raw, fact, partition=partition, offset=offset, now=now)
            return
        account = raw["account"]
        folded = self._fold(batch, slot, aggregate, fact, now, lambda number: rules.of(account, number).failures)
        if folded.repeat:
            batch.counts[metrics.REPEATS] += 1
            return
        self._tell(batch, key, folded, partition=partition)
        if folded.refusal is not None:
            self.refuse(batch, raw, folded.refusal, partition=partition, offset=offset, now=now)
        self._count(batch, fact, folded)
        self._forwards(batch, raw, folded.list_number, rules)

    def take_submitted(
        self, batch: Batch, sent: SendSubmitted, key: bytes, *, partition: int, offset: int, read: Read
    ) -> bool:
        """Learn a message id from the sending service; False where the record is not in its key's partition."""
        now = batch.stream_time.get(partition) or self._stream_time(partition, read)
        origin = Origin(
            sent["account"], sent["provider"], sent["phone_number"], sent["submitted_at"], partition, offset,
            sent["list_number"], 0, key_is_weak=False, natural_key="",
        )  # fmt: skip
        fact = SubmittedFact(origin, sent["list_number"], sent["message_id"], sent["provider_message_id"])
        slot = (partition, key)
        in_place = key == topics.contact_key(sent["account"], sent["phone_number"]).encode()
        aggregate = self._aggregate(batch, slot, read) if in_place else None
        if aggregate is None:
            return False
        self._fold(batch, slot, aggregate, fact, now, lambda _: DEFAULT_FAILURE_POLICY)
        return True

    def refuse(
        self, batch: Batch, raw: RawCallback, refusal: Refusal, *, partition: int, offset: int, now: int
    ) -> None:
        """Keep a callback in quarantine, with the reason."""
        record: Quarantined = {
            "account": raw["account"], "provider": raw["provider"], "kind": raw["kind"], "phone": raw["phone"],
            "body": raw["body"], "content_type": raw["content_type"], "headers": raw["headers"], "query": raw["query"],
            "mid": raw["mid"], "list": raw["list"], "received_at": raw["received_at"], "reason": refusal.reason,
            "detail": refusal.detail, "stage": "processor", "split": True, "source_topic": topics.RAW,
            "source_partition": partition, "source_offset": offset, "quarantined_at": now,
        }  # fmt: skip
        self._quarantine_record(batch, record)

    def refuse_bytes(
        self,
        batch: Batch,
        value: bytes,
        key: bytes,
        refusal: Refusal,
        *,
        topic: str,
        partition: int,
        offset: int,
        now: int,
    ) -> None:
        """Keep a record as it came, where nothing more is known of it."""
        account, _, phone = key.decode("utf-8", "replace").partition("|")
        record: Quarantined = {
            "account": account, "provider": "unknown", "kind": "unknown", "phone": phone or None, "body": value,
            "content_type": "application/octet-stream", "headers": {}, "query": {}, "mid": None, "list": None,
            "received_at": now, "reason": refusal.reason, "detail": refusal.detail,
            "stage": "processor", "split": True, "source_topic": topic, "source_partition": partition,
            "source_offset": offset, "quarantined_at": now,
        }  # fmt: skip
        self._quarantine_record(batch, record)

    def finish(self, batch: Batch) -> dict[int, list[tuple[bytes, bytes]]]:
        """Changed state by partition, as changelog and store hold it; a partition's stream time comes last."""
        state: dict[int, list[tuple[bytes, bytes]]] = {}
        for partition, key in batch.changed:
            state.setdefault(partition, []).append((key, encode(batch.overlay[partition, key])))
        for partition, at in batch.stream_time.items():
            state.setdefault(partition, []).append((STREAM_TIME, encode_stream_time(at)))
        return state

    def _aggregate(self, batch: Batch, slot: tuple[int, bytes], read: Read) -> Aggregate | None:
        """What is known of a contact; None where the partition is not its key's.

        What is known already lies where it belongs, so only a new contact's partition is computed.
        """
        known = batch.overlay.get(slot)
        if known is not None:
            return known
        stored = read(*slot)
        if stored is not None:
            return decode(stored)
        partition, key = slot
        return Aggregate() if partition_of(key, self._partitions) == partition else None

    def _fold(
        self,
        batch: Batch,
        slot: tuple[int, bytes],
        aggregate: Aggregate,
        fact: Fact,
        now: int,
        policy_of: Callable[[str], FailurePolicy],
    ) -> Folded:
        folded = fold(aggregate, EMPTY_WINDOW, fact, now, policy_of=policy_of)
        if folded.aggregate is not None:
            batch.overlay[slot] = folded.aggregate
            batch.changed.add(slot)
        else:
            batch.overlay[slot] = aggregate
        return folded

    def _tell(self, batch: Batch, key: bytes, folded: Folded, *, partition: int) -> None:
        outputs = batch.outputs
        for event, record in folded.events:
            outputs.append(Output(self._event_topics[event], key, self._events[event](record)))
        for state in folded.contacts:
            outputs.append(Output(topics.CONTACTS, _contact_state_key(state), self._contact(state), partition))
        for entry in folded.ledger:
            outputs.append(Output(topics.LEDGER, key, self._ledger(entry), partition))

    def _forwards(self, batch: Batch, raw: RawCallback, list_number: str | None, rules: Rules) -> None:
        wanted = rules.of(raw["account"], list_number)
        if list_number is None or not (
            wanted.forward_delivery if raw["kind"] == "delivery" else wanted.forward_inbound
        ):
            return
        task: ForwardTask = {
            "account": raw["account"], "list_number": list_number, "kind": raw["kind"], "body": raw["body"],
            "content_type": raw["content_type"], "provider": raw["provider"], "received_at": raw["received_at"],
        }  # fmt: skip
        batch.outputs.append(Output(topics.FORWARDS, f"{raw['account']}/{list_number}", self._forward(task)))

    def _quarantine_record(self, batch: Batch, record: Quarantined) -> None:
        value = self._quarantine(record)
        batch.outputs.append(Output(topics.QUARANTINE, ids.content_key(record["body"]), value))
        reason = record["reason"] if record["reason"] in metrics.REASONS else "other"
        batch.counts[metrics.QUARANTINED.labels(reason)] += 1

    def _count(self, batch: Batch, fact: Fact, folded: Folded) -> None:
        origin = fact.origin
        provider = origin.provider if origin.provider in metrics.PROVIDERS else "other"
        children = metrics.RECORD_CHILDREN
        for event, record in folded.events:
            status = record["status"] if event == "delivery" else "none"  # type: ignore[typeddict-item]  # by event type
            batch.counts[children[event, str(status), provider]] += 1
        for state in folded.contacts:
            batch.counts[metrics.CONTACT_CHANGES.labels(state["reason"])] += 1
        if folded.refusal is not None and _is_opt_out(fact):
            batch.counts[metrics.UNASSIGNED] += 1
        match fact:
            case ReportFact(report=report):
                if not report.known:
                    batch.counts[metrics.UNKNOWN_CODE.labels(provider)] += 1
                if report.time_invalid:
                    batch.counts[metrics.TIME_INVALID.labels(provider)] += 1
            case MessageFact(classification=found):
                if found.label == "opt_out" and found.match_type is not None:
                    batch.counts[metrics.OPTOUT_MATCHES.labels(found.match_type)] += 1
            case SubmittedFact():
                pass

    def _stream_time(self, partition: int, read: Read) -> int:
        stored = read(partition, STREAM_TIME)
        if stored is None:
            return 0
        try:
            return decode_stream_time(stored)
        except UnreadableStateError:
            return 0  # it only bounds memories, and every record raises it again


def _contact_state_key(state: ContactState) -> str:
    return f"{state['account']}|{state['list_number']}|{state['phone_number']}"


def _is_opt_out(fact: Fact) -> bool:
    match fact:
        case ReportFact(report=report):
            return report.opted_out
        case MessageFact(classification=found):
            return found.label == "opt_out"
        case SubmittedFact():
            return False
        case _:
            assert_never(fact)
