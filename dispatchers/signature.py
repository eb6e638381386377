"""The headers that prove a webhook is ours: the documented one and Standard Webhooks beside it. Pure.

Sources: the public contract (X-Trackly-Signature); the Standard Webhooks specification (webhook-id, -timestamp,
-signature). A body-only MAC can be replayed, so both are sent.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from typing import Final

_PREFIX: Final = "whsec_"
DOCUMENTED: Final = "sha256="


def documented(body: bytes, secret: str) -> str:
    """`sha256=<hex HMAC-SHA256(body, secret)>`; the secret's UTF-8 bytes are the key."""
    return DOCUMENTED + hmac.digest(secret.encode(), body, "sha256").hex()


def standard_key(secret: str) -> bytes:
    """Key of Standard Webhooks: `whsec_` and base64 is decoded, any other secret is its UTF-8 bytes.

    A customer whose secret has no `whsec_` hands base64 of it to a verifying library.
    """
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            return secret.encode()
    return secret.encode()


def headers_for(
    *, body: bytes, event_id: str, valid_secrets: Sequence[str], documented_secret: str, now_s: int
) -> dict[str, str]:
    """Signature headers of one try; every valid secret signs `webhook-signature`."""
    signed = f"{event_id}.{now_s}.".encode() + body
    signatures = (
        base64.b64encode(hmac.digest(standard_key(secret), signed, "sha256")).decode() for secret in valid_secrets
    )
    return {
        "X-Trackly-Signature": documented(body, documented_secret),
        "webhook-id": event_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def verify(*, body: bytes, secret: str, signature: str) -> bool:
    """What a customer computes for X-Trackly-Signature, in constant time."""
    return hmac.compare_digest(documented(body, secret).encode(), signature.strip().encode("utf-8", "surrogatepass"))
