"""What the credential checks share, where the providers' own tests do not reach it."""

import base64
import hashlib
import hmac
from typing import Any

import pytest

from schemas.providers.authentication import lists_mac


def test_of_many_listed_values_any_may_be_right() -> None:
    right = base64.b64encode(hmac.new(b"new", b"m", hashlib.sha256).digest()).decode()
    assert lists_mac(["AAAA", f" {right}"], [b"old", b"new"], b"m", hashlib.sha256)
    assert not lists_mac(["AAAA", right], [b"old"], b"m", hashlib.sha256)
    assert not lists_mac(["", "é", right[:-1]], [b"new"], b"m", hashlib.sha256)
    assert not lists_mac([], [b"new"], b"m", hashlib.sha256)


@pytest.mark.parametrize("count", [1, 8000])
def test_a_header_with_thousands_of_values_costs_one_hmac_a_key(count: int) -> None:
    made = 0

    def counted(*given: Any) -> Any:
        nonlocal made
        made += 1
        return hashlib.sha256(*given)

    hmac.new(b"k", b"m", counted)
    once, made = made, 0
    assert not lists_mac(["AAAA"] * count, [b"old", b"new"], b"m", counted)
    assert made == 2 * once
