"""Decides callbacks: one raw record in, the records of the transaction out. Pure but for reads through the overlay."""

from collections.abc import Callable, Mapping
from typing import assert_never

from processors import metrics
from processors.aggregate import (
    Aggregate,
    UnreadableStateError,
    decode,
    decode_stream_time,
    decode_window,
    encode,
    encode_stream_time,
    encode_window,
)
from processors.batch import MISROUTED, STREAM_TIME, WINDOW, Batch, Output, Place, Read
from processors.brake import ListWindow
from processors.facts import (
    CommandFact,
    Fact,
    Folded,
    MessageFact,
    Refusal,
    ReportFact,
    RequestFact,
    SubmittedFact,
)
from processors.fold import fold
from processors.interpret import Ignored, Rules, interpret
from schemas import ids, topics
from schemas.codec import Record, encoder
from schemas.events import RECORDS
from schemas.partitioner import partition_of
from schemas.providers.callback import Adapter
from schemas.records import ContactState, ForwardTask, Quarantined, RawCallback


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

    def take_callback(self, batch: Batch, raw: RawCallback, place: Place, *, rules: Rules, read: Read) -> None:
        """Decide one raw callback.

        Raises:
            UnknownVersionError: a newer version wrote what is known of the contact.
            UnreadableStateError: what is known of the contact is corrupt.
        """
        received_at, partition = raw["received_at"], place.partition
        now = max(min(received_at, batch.latest), self.stream_time(batch, partition, read))
        batch.stream_time[partition] = now
        aggregate = self.aggregate(batch, place, raw["account"], raw["phone"], read)
        if aggregate is None:
            self.refuse(batch, raw, MISROUTED, place, now)
            return
        fact = interpret(raw, partition=partition, offset=place.offset, adapters=self._adapters, rules=rules)
        if isinstance(fact, Ignored):
            batch.counts[metrics.IGNORED] += 1
            return
        if isinstance(fact, Refusal):
            self.refuse(batch, raw, fact, place, now)
            return
        folded = self.fold(batch, place, aggregate, fact, now, rules=rules, read=read)
        if folded.repeat:
            batch.counts[metrics.REPEATS] += 1
            return
        self.tell(batch, place, folded)
        if folded.refusal is not None:
            self.refuse(batch, raw, folded.refusal, place, now)
        self._count(batch, fact, folded)
        self._forwards(batch, raw, folded.list_number, rules)

    def refuse(self, batch: Batch, raw: RawCallback, refusal: Refusal, place: Place, now: int) -> None:
        """Keep a callback in quarantine, with the reason."""
        record: Quarantined = {
            "account": raw["account"], "provider": raw["provider"], "kind": raw["kind"], "phone": raw["phone"],
            "body": raw["body"], "content_type": raw["content_type"], "headers": raw["headers"], "query": raw["query"],
            "mid": raw["mid"], "list": raw["list"], "received_at": raw["received_at"], "reason": refusal.reason,
            "detail": refusal.detail, "stage": "processor", "split": True, "source_topic": place.topic,
            "source_partition": place.partition, "source_offset": place.offset, "quarantined_at": now,
        }  # fmt: skip
        self._quarantine_record(batch, record)

    def refuse_bytes(self, batch: Batch, value: bytes, refusal: Refusal, place: Place, now: int) -> None:
        """Keep a record as it came, where nothing more is known of it."""
        account, _, phone = place.key.decode("utf-8", "replace").partition("|")
        record: Quarantined = {
            "account": account, "provider": "unknown", "kind": "unknown", "phone": phone or None, "body": value,
            "content_type": "application/octet-stream", "headers": {}, "query": {}, "mid": None, "list": None,
            "received_at": now, "reason": refusal.reason, "detail": refusal.detail,
            "stage": "processor", "split": True, "source_topic": place.topic, "source_partition": place.partition,
            "source_offset": place.offset, "quarantined_at": now,
        }  # fmt: skip
        self._quarantine_record(batch, record)

    def finish(self, batch: Batch) -> dict[int, list[tuple[bytes, bytes]]]:
        """Changed state by partition, as changelog and store hold it; a partition's stream time comes last."""
        state: dict[int, list[tuple[bytes, bytes]]] = {}
        for partition, key in batch.changed:
            state.setdefault(partition, []).append((key, encode(batch.overlay[partition, key])))
        for name in batch.windows_changed:
            partition, account, number = name
            entry = (_window_key(account, number), encode_window(batch.windows[name]))
            state.setdefault(partition, []).append(entry)
        for partition, at in batch.stream_time.items():
            state.setdefault(partition, []).append((STREAM_TIME, encode_stream_time(at)))
        return state

    def aggregate(self, batch: Batch, place: Place, account: str, phone: str, read: Read) -> Aggregate | None:
        """What is known of a contact; None where the record does not lie in the partition of its contact.

        What is known already lies where it belongs, so only a new contact's partition is computed.
        """
        if place.key != topics.contact_key(account, phone).encode():
            return None
        known = batch.overlay.get((place.partition, place.key))
        if known is not None:
            return known
        stored = read(place.partition, place.key)
        if stored is not None:
            return decode(stored)
        return Aggregate() if partition_of(place.key, self._partitions) == place.partition else None

    def fold(
        self, batch: Batch, place: Place, aggregate: Aggregate, fact: Fact, now: int, *, rules: Rules, read: Read
    ) -> Folded:
        """Apply a fact and keep what it leaves in the overlay."""
        account, slot, partition = fact.origin.account, (place.partition, place.key), place.partition

        def window_of(number: str) -> ListWindow:
            known = batch.windows.get((partition, account, number))
            return known if known is not None else self._window(batch, partition, account, number, read)

        folded = fold(aggregate, window_of, fact, now, policy_of=lambda number: rules.of(account, number).failures)
        if folded.aggregate is not None:
            batch.overlay[slot] = folded.aggregate
            batch.changed.add(slot)
        else:
            batch.overlay[slot] = aggregate
        if folded.window_counted and folded.list_number is not None:
            batch.windows_changed.add((partition, account, folded.list_number))
        return folded

    def tell(self, batch: Batch, place: Place, folded: Folded) -> None:
        """Add what the world is told: events, contact state, ledger."""
        outputs, key, partition = batch.outputs, place.key, place.partition
        for event, record in folded.events:
            outputs.append(Output(self._event_topics[event], key, self._events[event](record)))
        for state in folded.contacts:
            outputs.append(Output(topics.CONTACTS, _contact_state_key(state), self._contact(state), partition))
            batch.counts[metrics.CONTACT_CHANGES.labels(state["reason"])] += 1
        for entry in folded.ledger:
            outputs.append(Output(topics.LEDGER, key, self._ledger(entry), partition))
            if entry["decision"] == "removal_withheld":
                batch.counts[metrics.WITHHELD] += 1

    def stream_time(self, batch: Batch, partition: int, read: Read) -> int:
        """Stream time of a partition, milliseconds since the epoch; 0 before its first callback."""
        known = batch.stream_time.get(partition)
        if known:
            return known
        stored = read(partition, STREAM_TIME)
        if stored is None:
            return 0
        try:
            return decode_stream_time(stored)
        except UnreadableStateError:
            return 0  # it only bounds memories, and every record raises it again

    def _window(self, batch: Batch, partition: int, account: str, number: str, read: Read) -> ListWindow:
        stored = read(partition, _window_key(account, number))
        try:
            window = ListWindow() if stored is None else decode_window(stored)
        except UnreadableStateError:
            window = ListWindow()  # an hour's sample begins anew
        batch.windows[partition, account, number] = window
        return window

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
            case SubmittedFact() | RequestFact() | CommandFact():
                pass


def _contact_state_key(state: ContactState) -> str:
    return f"{state['account']}|{state['list_number']}|{state['phone_number']}"


def _window_key(account: str, list_number: str) -> bytes:
    return WINDOW + f"{account}/{list_number}".encode()


def _is_opt_out(fact: Fact) -> bool:
    match fact:
        case ReportFact(report=report):
            return report.opted_out
        case MessageFact(classification=found):
            return found.label == "opt_out"
        case SubmittedFact() | RequestFact() | CommandFact():
            return False
        case _:
            assert_never(fact)
