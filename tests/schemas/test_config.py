"""What the config topic holds, and the snapshot that workers decide by."""

import pytest
from pydantic import ValidationError

from schemas.config import Account, Endpoint, Layout, ListSettings, SealedSecret, read_entry, snapshot_of


def endpoint(full_id: str, url: str = "https://example.com/") -> Endpoint:
    return Endpoint(account=full_id.partition("/")[0], id=full_id, url=url, secrets=())


def test_a_snapshot_finds_by_id_and_by_account_in_the_order_of_the_entries() -> None:
    snapshot = snapshot_of(
        [
            Account(id="acme"),
            endpoint("acme/b"),
            endpoint("other/a"),
            endpoint("acme/a"),
            ListSettings(account="acme", number="+18005551234"),
            ListSettings(account="acme", number="72345"),
            Layout(partitions={"callbacks.raw": 12}),
        ]
    )
    assert snapshot.accounts["acme"].id == "acme"
    assert [one.id for one in snapshot.endpoints_of("acme")] == ["acme/b", "acme/a"]
    assert [one.number for one in snapshot.lists_of("acme")] == ["+18005551234", "72345"]
    assert snapshot.lists["acme/72345"].compliance.failure_threshold == 5
    assert snapshot.layout is not None
    assert snapshot.endpoints_of("nobody") == ()
    assert snapshot.lists_of("nobody") == ()


def test_the_last_entry_of_an_id_counts() -> None:
    snapshot = snapshot_of([endpoint("acme/a", "https://old/"), endpoint("acme/a", "https://new/")])
    assert [one.url for one in snapshot.endpoints_of("acme")] == ["https://new/"]
    assert snapshot.endpoints["acme/a"].url == "https://new/"


@pytest.mark.parametrize(
    "valid_from, valid_until, now, counts",
    [
        (None, None, 0, True),
        (100, None, 99, False),
        (100, None, 100, True),
        (None, 200, 199, True),
        (None, 200, 200, False),
        (100, 200, 150, True),
    ],
)
def test_a_secret_counts_from_its_first_moment_until_before_its_last(
    valid_from: int | None, valid_until: int | None, now: int, counts: bool
) -> None:
    secret = SealedSecret(key_id="k", sealed="s", valid_from=valid_from, valid_until=valid_until)
    assert secret.is_valid(now) is counts


def test_an_entry_is_read_as_its_kind_and_what_a_later_version_added_is_left_alone() -> None:
    assert read_entry("account", '{"id": "acme", "colour": "blue"}') == Account(id="acme")
    assert read_entry("colour", '{"id": "blue"}') is None


@pytest.mark.parametrize("payload", ["", "[]", "{}", '{"id": 7}', "\x00"])
def test_a_payload_that_does_not_fit_its_kind_is_refused(payload: str) -> None:
    with pytest.raises(ValidationError):
        read_entry("account", payload)
