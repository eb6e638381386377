"""Credential checks that several providers share. Pure; every comparison takes the same time whatever it finds."""

import base64
import binascii
import hmac
from collections.abc import Iterable, Sequence

from schemas.providers.callback import Authentic, Authentication, CallbackRequest, Credentials, Forged


def any_equal(given: str, accepted: Iterable[str]) -> bool:
    """Whether a value equals one of several; looks at every one of them."""
    found = False
    encoded = given.encode("utf-8", "surrogatepass")
    for value in accepted:
        found |= hmac.compare_digest(encoded, value.encode("utf-8", "surrogatepass"))
    return found


def path_secret(request: CallbackRequest, credentials: Credentials) -> Authentication | None:
    """The secret in the path: None where the request carries none."""
    if request.path_secret is None:
        return None
    accepted = credentials.values_of("secret")
    if not accepted:
        return Forged("not_configured")
    return Authentic("path_secret") if any_equal(request.path_secret, accepted) else Forged("wrong_secret")


def basic(request: CallbackRequest, credentials: Credentials) -> Authentication | None:
    """HTTP Basic against `basic: user:password` (RFC 7617): None where none is carried or configured."""
    accepted = credentials.values_of("basic")
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic" or not accepted:
        return None
    try:
        given = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return Forged("malformed")
    return Authentic("basic") if any_equal(given, accepted) else Forged("wrong_secret")


def decide(found: Sequence[Authentication | None], credentials: Credentials) -> Authentication:
    """Join the schemes: any that is present, configured and wrong refuses; else any that is right accepts.

    A signature that is present and wrong is refused even beside a good path secret (DESIGN.md 4.1).
    """
    present = [one for one in found if one is not None]
    for one in present:
        if isinstance(one, Forged) and one.reason != "not_configured":
            return one
    for one in present:
        if isinstance(one, Authentic):
            return one
    if any(credentials.secrets.values()):
        return Forged("missing")
    return Authentic("nothing") if credentials.allow_unauthenticated else Forged("not_configured")
