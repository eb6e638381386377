from typing import Any

import orjson
import pytest

from processors.aggregate import decode_stream_time
from processors.batch import STREAM_TIME, UNDECODABLE, WINDOW, Batch, Place
from processors.decider import Decider
from processors.interpret import ID_CHARS_MAX, TEXT_CHARS_MAX, Rules
from processors.orders import Orders
from schemas import topics
from schemas.codec import decoder
from schemas.config import Compliance, ListSettings, snapshot_of
from schemas.partitioner import partition_of
from schemas.providers import registry
from schemas.records import RawCallback, SendSubmitted
from tests.bench.processor import report

PARTITIONS = 12
PHONE = "+14155550100"
KEY = topics.contact_key("acme", PHONE).encode()
HOME = partition_of(KEY, PARTITIONS)
ELSEWHERE = (HOME + 1) % PARTITIONS
NOW = 1_705_314_600_000
RULES = Rules(snapshot_of(()))


def raw(number: int = 1, **changed: Any) -> RawCallback:
    record: Any = {
        "account": "acme", "provider": "infobip", "kind": "delivery", "phone": PHONE, "body": report(number, PHONE),
        "content_type": "application/json", "headers": {}, "query": {}, "mid": None, "list": "18005551234",
        "received_at": NOW, "redriven": False, **changed,
    }  # fmt: skip
    return record  # type: ignore[no-any-return]


def submitted() -> SendSubmitted:
    record: Any = {
        "account": "acme", "provider": "infobip", "phone_number": PHONE, "list_number": "18005559999",
        "message_id": "ours-1", "provider_message_id": "m1", "submitted_at": NOW,
    }  # fmt: skip
    return record  # type: ignore[no-any-return]


class Decided:
    """A decider over a store that holds what earlier batches left."""

    def __init__(self) -> None:
        self.store: dict[tuple[int, bytes], bytes] = {}
        self.batch = Batch()
        self.decider = Decider(adapters=registry.by_any_name(), partitions=PARTITIONS)

    def read(self, partition: int, key: bytes) -> bytes | None:
        return self.store.get((partition, key))

    def take(self, record: RawCallback, *, key: bytes = KEY, partition: int = HOME) -> "Decided":
        self.decider.take_callback(
            self.batch, record, Place(topics.RAW, partition, 7, key), rules=RULES, read=self.read
        )
        return self

    def take_submitted(self, *, key: bytes = KEY, partition: int = HOME) -> bool:
        place = Place(topics.SENDS_SUBMITTED, partition, 1, key)
        orders = Orders(self.decider, hash_of=None)
        return orders.take_submitted(self.batch, submitted(), place, rules=RULES, read=self.read)

    def commit(self) -> None:
        for partition, entries in self.decider.finish(self.batch).items():
            self.store.update({(partition, key): value for key, value in entries})
        self.batch = Batch()

    @property
    def topics(self) -> list[str]:
        return [output.topic for output in self.batch.outputs]

    def quarantined(self) -> dict[str, Any]:
        assert self.topics == [topics.QUARANTINE]
        found: dict[str, Any] = decoder("Quarantined")(self.batch.outputs[0].value or b"")[1]
        return found


@pytest.mark.parametrize(
    "key, partition", [(KEY, ELSEWHERE), (topics.contact_key("other", PHONE).encode(), HOME), (b"", HOME)]
)
def test_a_callback_outside_its_keys_partition_is_kept_and_changes_nothing(key: bytes, partition: int) -> None:
    decided = Decided().take(raw(), key=key, partition=partition)
    kept = decided.quarantined()
    assert (kept["reason"], kept["source_partition"], kept["source_offset"]) == ("misrouted", partition, 7)
    assert not decided.batch.changed


def test_a_contact_is_folded_over_batch_and_store_and_a_repeat_tells_nothing() -> None:
    decided = Decided().take(raw(1)).take(raw(1)).take(raw(2))
    assert decided.topics == [topics.events_topic("delivery")] * 2
    decided.commit()
    assert decided.take(raw(1)).take(raw(2)).topics == []
    assert decided.take(raw(3)).topics == [topics.events_topic("delivery")]


def test_stream_time_never_goes_back_and_comes_last_in_the_state() -> None:
    decided = Decided().take(raw(1, received_at=NOW + 5)).take(raw(2, received_at=NOW))
    ((_, entries),) = decided.decider.finish(decided.batch).items()
    assert [key for key, _ in entries] == [KEY, WINDOW + b"acme/18005551234", STREAM_TIME]
    assert decode_stream_time(entries[-1][1]) == NOW + 5


def test_a_clock_that_is_ahead_does_not_end_the_memory_of_its_partition() -> None:
    ten_days = 10 * 86_400_000
    decided = Decided()
    decided.batch.latest = NOW + 1000
    decided.take(raw(1)).take(raw(2)).take(raw(3, received_at=NOW + ten_days))
    assert decided.batch.stream_time == {HOME: NOW + 1000}
    decided.take(raw(1))
    assert len(decided.topics) == 3, "the first is still known as a repeat"


def test_a_submitted_message_tells_the_list_and_our_id_of_its_report() -> None:
    decided = Decided()
    assert decided.take_submitted()
    decided.commit()
    (output,) = decided.take(
        raw(1, list=None, body=report(1, PHONE).replace(b'"sender":"18005551234",', b""))
    ).batch.outputs
    event = decoder("DeliveryEvent")(output.value or b"")[1]
    assert (event["list_number"], event["message_id"]) == ("18005559999", "ours-1")


def test_our_id_in_the_callback_url_wins_over_what_was_submitted() -> None:
    decided = Decided()
    decided.take_submitted()
    (output,) = decided.take(raw(1, mid="url-1")).batch.outputs
    assert decoder("DeliveryEvent")(output.value or b"")[1]["message_id"] == "url-1"


@pytest.mark.parametrize("key, partition", [(KEY, ELSEWHERE), (b"acme|+1", HOME)])
def test_a_submitted_message_outside_its_keys_partition_is_refused_and_teaches_nothing(
    key: bytes, partition: int
) -> None:
    decided = Decided()
    assert not decided.take_submitted(key=key, partition=partition)
    assert not decided.batch.changed
    assert not decided.batch.outputs


def test_a_record_that_cannot_be_read_is_kept_byte_for_byte_with_its_coordinates() -> None:
    decided = Decided()
    decided.decider.refuse_bytes(decided.batch, b"\x00junk", UNDECODABLE, Place(topics.RAW, 3, 9, KEY), NOW)
    kept = decided.quarantined()
    assert (kept["body"], kept["reason"], kept["phone"]) == (b"\x00junk", "undecodable", PHONE)
    assert (kept["source_topic"], kept["source_partition"], kept["source_offset"]) == (topics.RAW, 3, 9)


def test_a_threshold_is_that_of_the_list_that_a_message_id_tells() -> None:
    strict = ListSettings(account="acme", number="18005559999", compliance=Compliance(failure_threshold=1))
    decided = Decided()
    decided.take_submitted()
    absent = report(1, PHONE).replace(b'"sender":"18005551234",', b"")
    absent = absent.replace(
        b'"groupId":3,"groupName":"DELIVERED","id":5,"name":"DELIVERED_TO_HANDSET"',
        b'"groupId":2,"groupName":"UNDELIVERABLE","id":9,"name":"UNDELIVERABLE_NOT_DELIVERED"',
    )
    absent = absent.replace(
        b'"groupId":0,"groupName":"OK","id":0,"name":"NO_ERROR"',
        b'"groupId":1,"groupName":"HANDSET_ERRORS","id":27,"name":"EC_ABSENT_SUBSCRIBER"',
    )
    decided.decider.take_callback(
        decided.batch, raw(1, list=None, body=absent), Place(topics.RAW, HOME, 7, KEY),
        rules=Rules(snapshot_of((strict,))), read=decided.read,
    )  # fmt: skip
    assert topics.CONTACTS in decided.topics


@pytest.mark.parametrize("field, chars", [("text", TEXT_CHARS_MAX), ("messageId", ID_CHARS_MAX)])
def test_a_text_or_id_that_no_topic_could_take_is_kept_and_the_partition_goes_on(field: str, chars: int) -> None:
    item = {"messageId": "in1", "from": PHONE[1:], "to": "18005551234", "text": "hello", field: "x" * (chars + 1)}
    decided = Decided().take(raw(1, kind="inbound", body=orjson.dumps({"results": [item]})))
    assert decided.quarantined()["reason"] == "malformed"
