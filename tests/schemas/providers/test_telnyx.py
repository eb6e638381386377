"""Telnyx's Ed25519 signature against a vector of RFC 8032's key and its own library."""

import base64
import time

import pytest
from nacl.signing import SigningKey
from telnyx import Telnyx as Sdk

from schemas.providers.callback import Authentic, Authentication, Credentials, Forged
from schemas.providers.telnyx import ADAPTER, TOLERANCE_S
from tests.schemas.providers.fixtures import request_of

SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
BODY = b'{"data":{"event_type":"message.received","id":"bf6307bd-884d-4c1f-b6ea-c62b8c495d3c"}}'
SIGNATURE = "CSjc8IAT7C7p4m7x3OyZ1Rlhjy8KyCdKKCeNsnrTxmOw3/2zuqq1Q1qfvYZkXZlJZeGqtKVXgszuNrF5TsX3Bg=="
AT = 1_700_000_000


def authenticate(
    body: bytes = BODY,
    signature: str = SIGNATURE,
    *,
    at: str = str(AT),
    arrived_s: int = AT,
    keys: list[str] | None = None,
) -> Authentication:
    headers = {"telnyx-signature-ed25519": signature, "telnyx-timestamp": at}
    request = request_of(body, headers=headers, received_at=arrived_s * 1000)
    return ADAPTER.authenticate(request, Credentials({"public_key": keys or [PUBLIC]}))


def test_the_derived_vector_is_right_and_no_other() -> None:
    assert authenticate() == Authentic("signature")
    assert authenticate(keys=["AAAA", base64.b64encode(bytes(32)).decode(), PUBLIC]) == Authentic("signature")
    assert authenticate(BODY + b" ") == Forged("wrong_signature")
    assert authenticate(at=str(AT + 1)) == Forged("wrong_signature")
    assert authenticate(signature=SIGNATURE[:-4] + "AA==") == Forged("wrong_signature")
    assert authenticate(signature="not base64") == Forged("wrong_signature")
    assert authenticate(keys=[base64.b64encode(bytes(32)).decode()]) == Forged("wrong_signature")
    assert authenticate(at="noon") == Forged("malformed")


def test_a_signature_without_its_time_is_refused_beside_a_good_path_secret() -> None:
    request = request_of(BODY, headers={"telnyx-signature-ed25519": SIGNATURE}, path_secret="s3cret")
    credentials = Credentials({"public_key": [PUBLIC], "secret": ["s3cret"]})
    assert ADAPTER.authenticate(request, credentials) == Forged("malformed")
    unsigned = request_of(BODY, headers={"telnyx-timestamp": str(AT)})
    assert ADAPTER.authenticate(unsigned, credentials) == Forged("missing")


@pytest.mark.parametrize("away_s, expected", [
    (TOLERANCE_S, Authentic("signature")),
    (-TOLERANCE_S, Authentic("signature")),
    (TOLERANCE_S + 1, Forged("expired")),
    (-TOLERANCE_S - 1, Forged("expired")),
])  # fmt: skip
def test_a_signature_lives_five_minutes(away_s: int, expected: Authentication) -> None:
    assert authenticate(arrived_s=AT + away_s) == expected


def test_telnyx_own_library_judges_as_we_do() -> None:
    now = int(time.time())
    signature = base64.b64encode(SigningKey(SEED).sign(f"{now}|".encode() + BODY).signature).decode()
    headers = {"telnyx-signature-ed25519": signature, "telnyx-timestamp": str(now)}
    sdk = Sdk(api_key="none", public_key=PUBLIC)
    sdk.webhooks.unwrap(BODY.decode(), headers=headers)
    assert authenticate(signature=signature, at=str(now), arrived_s=now) == Authentic("signature")
    with pytest.raises(ValueError, match="does not match"):
        sdk.webhooks.unwrap(BODY.decode() + " ", headers=headers)
    assert authenticate(BODY + b" ", signature, at=str(now), arrived_s=now) == Forged("wrong_signature")
