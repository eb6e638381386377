"""Credential checks that several providers share. Pure; every comparison takes the same time whatever it finds."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from schemas.providers.callback import Authentic, Authentication, CallbackRequest, Credentials, Forged

SIGNATURE_REASONS: Final = frozenset({"wrong_signature", "expired", "malformed"})
"""A signature that says one of these refuses the request whatever else is right (DESIGN.md 4.1)."""
PARAMETERS: Final = frozenset({"hmac_header", "hmac_algorithm", "hmac_encoding"})
"""Names in the configuration that say how a secret is used; alone they prove nothing."""
_ALGORITHMS: Final = {
    "HMAC_MD5": hashlib.md5,
    "HMAC_SHA_1": hashlib.sha1,
    "HMAC_SHA_224": hashlib.sha224,
    "HMAC_SHA_256": hashlib.sha256,
    "HMAC_SHA_384": hashlib.sha384,
    "HMAC_SHA_512": hashlib.sha512,
}
_ENCODINGS: Final = ("hex", "base64", "either")
Algorithm = Callable[..., Any]
_SECONDS_DIGITS_MAX: Final = 12
_PREFIX: Final = re.compile(r"(?:md5|sha-?_?\d+)=", re.IGNORECASE)


def expected_of(name: str, value: str) -> Sequence[str]:
    """What a parameter of PARAMETERS may be where the value is none of it; empty where the value will do."""
    match name:
        case "hmac_algorithm":
            return () if value.upper() in _ALGORITHMS else tuple(_ALGORITHMS)
        case "hmac_encoding":
            return () if value.lower() in _ENCODINGS else _ENCODINGS
        case _:
            return ()


def any_equal(given: str, accepted: Iterable[str]) -> bool:
    """Whether a value equals one of several; looks at every one of them, and an empty one never counts."""
    found = False
    encoded = given.encode("utf-8", "surrogatepass")
    for value in accepted:
        found |= hmac.compare_digest(encoded, value.encode("utf-8", "surrogatepass")) and bool(value)
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
        given = base64.b64decode(encoded.strip().encode("ascii"), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return Forged("wrong_secret")
    return Authentic("basic") if any_equal(given, accepted) else Forged("wrong_secret")


def header_secret(request: CallbackRequest, credentials: Credentials, header: str) -> Authentication | None:
    """A fixed value in a header of its own: None where none is carried or configured."""
    accepted = credentials.values_of("header_secret")
    given = request.headers.get(header)
    if given is None or not accepted:
        return None
    return Authentic("header_secret") if any_equal(given, accepted) else Forged("wrong_secret")


def body_hmac(request: CallbackRequest, credentials: Credentials, default_header: str) -> Authentication | None:
    """An HMAC of the body under `hmac_secret`: None where none is carried or configured.

    `hmac_header`, `hmac_algorithm` (HMAC_SHA_256) and `hmac_encoding` (`hex` or `base64`; either where it is not
    set) say how the sender makes it. A scheme that is configured but unknown refuses what it cannot check.
    """
    keys = credentials.values_of("hmac_secret")
    given = request.headers.get(_first(credentials, "hmac_header", default_header).lower())
    if given is None or not keys:
        return None
    algorithm = _ALGORITHMS.get(_first(credentials, "hmac_algorithm", "HMAC_SHA_256").upper())
    encoding = _first(credentials, "hmac_encoding", "either").lower()
    if algorithm is None or encoding not in _ENCODINGS:
        return Forged("wrong_signature")
    value = _PREFIX.sub("", given, count=1) if _PREFIX.match(given) else given
    good = False
    for key in keys:
        mac = hmac.new(key.encode("utf-8", "surrogatepass"), request.body, algorithm).digest()
        right = (encoding != "base64" and any_equal(value.lower(), [mac.hex()])) | (
            encoding != "hex" and any_equal(value, [base64.b64encode(mac).decode()])
        )
        good |= right and bool(key)
    return Authentic("hmac") if good else Forged("wrong_signature")


def is_mac(
    given: str, keys: Iterable[str], messages: Sequence[bytes], algorithm: Algorithm, *, hexadecimal: bool = False
) -> bool:
    """Whether a value is the HMAC of one of the messages under one of the keys; base64, also hex where asked for."""
    good = False
    for key in keys:
        own = [key.encode("utf-8", "surrogatepass")] if key else []
        for message in messages:
            good |= is_mac_of(given, own, message, algorithm, hexadecimal=hexadecimal)
    return good


def is_mac_of(
    given: str, keys: Iterable[bytes], message: bytes, algorithm: Algorithm, *, hexadecimal: bool = False
) -> bool:
    """Whether a value is the HMAC of a message under one of the keys, which are bytes."""
    good = False
    spelt = given.strip()
    for key in keys:
        mac = hmac.new(key, message, algorithm).digest()
        good |= any_equal(spelt, [base64.b64encode(mac).decode()])
        good |= hexadecimal and any_equal(spelt.lower(), [mac.hex()])
    return good


def lists_mac(given: Sequence[str], keys: Iterable[bytes], message: bytes, algorithm: Algorithm) -> bool:
    """Whether any of several values is the HMAC of a message, in base64, under one of the keys.

    Each HMAC is made once: a header can list thousands of values, and whoever sends it is not known yet.
    """
    accepted = [base64.b64encode(hmac.new(key, message, algorithm).digest()).decode() for key in keys]
    good = False
    for value in given:
        good |= any_equal(value.strip(), accepted)
    return good


def is_recent(seconds: str, received_at: int, tolerance_s: int) -> bool | None:
    """Whether a signature's time, seconds since the epoch, lies near the arrival (ms); None where it is no time."""
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= _SECONDS_DIGITS_MAX):
        return None
    return abs(received_at - int(seconds) * 1000) <= tolerance_s * 1000


def decide(found: Sequence[Authentication | None], credentials: Credentials) -> Authentication:
    """Join the schemes: a signature that is present and wrong refuses; else any credential that is right accepts.

    A signature that is present and wrong is refused even beside a good path secret (DESIGN.md 4.1). Without any
    configured credential only `allow_unauthenticated` lets a request in.
    """
    forged = [one for one in found if isinstance(one, Forged)]
    for one in forged:
        if one.reason in SIGNATURE_REASONS:
            return one
    for other in found:
        if isinstance(other, Authentic):
            return other
    if any(any(values) for name, values in credentials.secrets.items() if name not in PARAMETERS):
        return next((one for one in forged if one.reason != "not_configured"), Forged("missing"))
    return Authentic("nothing") if credentials.allow_unauthenticated else Forged("not_configured")


def _first(credentials: Credentials, name: str, default: str) -> str:
    return next(iter(credentials.values_of(name)), default)
