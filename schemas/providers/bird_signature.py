"""Bird's signatures: a token over URL and body, and three HMACs of older and newer products. Pure.

Sources: developers.messagebird.com (verifying requests), messagebird python-rest-api, docs.bird.com (webhook
signatures), the Standard Webhooks specification. A token's `jti` may come again: these checks keep no state, and a
legitimate repeat must be accepted (dedupe makes one of the two).
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

import jwt
from jwt.types import Options

from schemas.providers import authentication, forms
from schemas.providers.callback import Authentic, Authentication, CallbackRequest, Credentials, Forged

LEEWAY_S: Final = 5
"""How far our clock and Bird's may be apart."""
REQUEST_AGE_S: Final = 60
"""How old the time of a MessageBird-Signature may be: as long as the token of its successor lives; each try is signed
anew. Its own library takes ten seconds (PROVIDERS.md section 11)."""
TOLERANCE_S: Final = 300
"""How old the time of a Standard Webhook may be, as that specification's libraries have it."""
_ISSUER: Final = "MessageBird"
_ALGORITHMS: Final = ["HS256", "HS384", "HS512"]
_UNJUDGED: Final[Options] = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
_WHSEC: Final = "whsec_"


def of_token(request: CallbackRequest, credentials: Credentials) -> Authentication | None:
    """MessageBird-Signature-JWT, an HMAC; the hash of the URL is looked at before that of the body."""
    keys = _keys(credentials)
    token = request.headers.get("messagebird-signature-jwt")
    if token is None or not keys:
        return None
    read = [_claims(token.strip(), key) for key in keys]
    claims = next((found for found in read if found is not None), None)
    if claims is None or claims.get("iss") != _ISSUER:
        return Forged("wrong_signature")
    url = request.url.partition("#")[0]
    if not _is_hash(claims.get("url_hash"), url.encode("utf-8", "surrogatepass")):
        return Forged("wrong_signature")
    hashed = claims.get("payload_hash")
    if (hashed is None) is bool(request.body) or (hashed is not None and not _is_hash(hashed, request.body)):
        return Forged("wrong_signature")
    return _in_time(claims, request.received_at)


def of_request(request: CallbackRequest, credentials: Credentials) -> Authentication | None:
    """MessageBird-Signature with its time, over sorted query (classic) or URL (platform) and the body's hash."""
    keys = _keys(credentials)
    given = request.headers.get("messagebird-signature")
    at = request.headers.get("messagebird-request-timestamp", "")
    if given is None or not keys:
        return None
    recent = authentication.is_recent(at, request.received_at, REQUEST_AGE_S)
    if recent is None:
        return Forged("malformed")
    digest = hashlib.sha256(request.body).digest()
    own = [(name, value) for name, value in request.query if name not in forms.OURS]
    lines = [urlencode(sorted(pairs), errors="replace") for pairs in (request.query, own)]
    lines.append(request.url.partition("#")[0])
    signed = [f"{at}\n{line}\n".encode("utf-8", "surrogatepass") + digest for line in lines]
    if not authentication.is_mac(given, keys, signed, hashlib.sha256):
        return Forged("wrong_signature")
    return Authentic("signature") if recent else Forged("expired")


def of_standard(request: CallbackRequest, credentials: Credentials) -> Authentication | None:
    """`webhook-signature` of the Standard Webhooks specification, any of those it lists."""
    keys = [one for one in map(_standard_key, _keys(credentials)) if one]
    given = request.headers.get("webhook-signature")
    if given is None or not keys:
        return None
    name, at = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
    recent = authentication.is_recent(at, request.received_at, TOLERANCE_S)
    if recent is None:
        return Forged("malformed")
    signed = f"{name}.{at}.".encode("utf-8", "surrogatepass") + request.body
    listed = [one.partition(",")[2] for one in given.split(" ") if one.startswith("v1,")]
    if not authentication.lists_mac(listed, keys, signed, hashlib.sha256):
        return Forged("wrong_signature")
    return Authentic("signature") if recent else Forged("expired")


def _keys(credentials: Credentials) -> Sequence[str]:
    return [one for one in credentials.values_of("signing_key") if one]


def _standard_key(key: str) -> bytes:
    """The bytes of a key written `whsec_` and base64; a key in another form is no key of this scheme."""
    try:
        return base64.b64decode(key.removeprefix(_WHSEC), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _claims(token: str, key: str) -> dict[str, Any] | None:
    """The claims of a token that this key signed; times are judged by the arrival."""
    try:
        found = jwt.decode(token, key.encode("utf-8", "surrogatepass"), algorithms=_ALGORITHMS, options=_UNJUDGED)
    except (jwt.PyJWTError, ValueError):
        return None
    return dict(found)


def _is_hash(given: Any, content: bytes) -> bool:
    return isinstance(given, str) and authentication.any_equal(given.lower(), [hashlib.sha256(content).hexdigest()])


def _in_time(claims: dict[str, Any], received_at: int) -> Authentication:
    first, last = claims.get("nbf"), claims.get("exp")
    if not isinstance(first, int) or not isinstance(last, int):
        return Forged("malformed")
    if not (first - LEEWAY_S) * 1000 <= received_at <= (last + LEEWAY_S) * 1000:
        return Forged("expired")
    return Authentic("token")
