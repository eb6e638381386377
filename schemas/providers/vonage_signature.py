"""Vonage's two signatures: `sig` over the fields of the SMS API, a token over the body of the Messages API. Pure.

Sources: developer.vonage.com (signing messages, signed webhooks), vonage-python-sdk http_client and jwt.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

import jwt
import msgspec
from jwt.types import Options

from schemas.providers import authentication, forms
from schemas.providers.callback import Authentic, Authentication, CallbackRequest, Credentials, Forged
from schemas.providers.envelopes import Refused, decode_body
from schemas.providers.fields import is_json

TOLERANCE_S: Final = 300
"""How old `timestamp` or `iat` may be; Vonage signs each try anew."""
_HMACS: Final = {"md5": hashlib.md5, "sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha512": hashlib.sha512}
_PLAIN_MD5: Final = "md5hash"
"""The older method: MD5 of the text with the secret behind it."""
_METHODS: Final = (*_HMACS, _PLAIN_MD5)
_BEARER: Final = "bearer"
_UNJUDGED: Final[Options] = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
_read_object: Final = msgspec.json.Decoder(dict[str, Any]).decode


def of_fields(request: CallbackRequest, credentials: Credentials) -> Authentication | None:
    """`sig`: over the sorted fields, with `&` and `=` inside values written `_`; None where there is none."""
    secrets = [one for one in credentials.values_of("signature_secret") if one]
    fields = _fields(request)
    if not secrets or fields is None or "sig" not in fields:
        return None
    wanted = [method.lower() for method in credentials.values_of("signature_method")] or _METHODS
    accepted = [one for text in _texts(request, fields) for one in _signatures(text, secrets, wanted)]
    if not authentication.any_equal(fields["sig"].strip().lower(), accepted):
        return Forged("wrong_signature")
    recent = authentication.is_recent(fields.get("timestamp", ""), request.received_at, TOLERANCE_S)
    if recent is None:
        return Forged("malformed")
    return Authentic("signature") if recent else Forged("expired")


def of_token(request: CallbackRequest, credentials: Credentials) -> Authentication | None:
    """A bearer token signed with HS256 that carries the hash of the body; None where there is none."""
    secrets = [one for one in credentials.values_of("signature_secret") if one]
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != _BEARER or not secrets:
        return None
    claims = next(
        (found for found in (_claims(token.strip(), secret) for secret in secrets) if found is not None), None
    )
    if claims is None:
        return Forged("wrong_signature")
    hashed = claims.get("payload_hash")
    if hashed is None or not authentication.any_equal(str(hashed).lower(), [hashlib.sha256(request.body).hexdigest()]):
        return Forged("wrong_signature")
    recent = authentication.is_recent(str(claims.get("iat", "")), request.received_at, TOLERANCE_S)
    if recent is None:
        return Forged("malformed")
    return Authentic("token") if recent else Forged("expired")


def _claims(token: str, secret: str) -> dict[str, Any] | None:
    """The claims of a token that this secret signed; times are judged by the caller, who knows the arrival."""
    try:
        found = jwt.decode(token, secret.encode("utf-8", "surrogatepass"), algorithms=["HS256"], options=_UNJUDGED)
    except (jwt.PyJWTError, ValueError):
        return None
    return dict(found)


def _fields(request: CallbackRequest) -> dict[str, str] | None:
    if is_json(request):
        found, _ = decode_body(_read_object, request)
        return None if isinstance(found, Refused) else {name: _spelt(value) for name, value in found.items()}
    pairs = forms.of(request)
    return None if pairs is None else forms.last_of(pairs)


def _texts(request: CallbackRequest, fields: Mapping[str, str]) -> list[str]:
    """What may be signed: Vonage's fields; by GET also with ours of the query, about which the manual is silent."""
    each = [fields, forms.last_of(request.query)] if request.method == "GET" else [fields]
    return [signed_text({name: value for name, value in one.items() if name != "sig"}) for one in each]


def _spelt(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _bare(value: str) -> str:
    return value.replace("&", "_").replace("=", "_")


def _signatures(text: str, secrets: Sequence[str], methods: Sequence[str]) -> list[str]:
    found = []
    plain = text.encode("utf-8", "surrogatepass")
    for secret in secrets:
        key = secret.encode("utf-8", "surrogatepass")
        for method in methods:
            if method == _PLAIN_MD5:
                found.append(hashlib.md5(plain + key).hexdigest())  # noqa: S324 - the provider's method
            elif method in _HMACS:
                found.append(hmac.new(key, plain, _HMACS[method]).hexdigest())
    return found


def signed_text(fields: Mapping[str, str]) -> str:
    """The text that `sig` is made of, for whoever writes a callback."""
    return "".join(f"&{name}={_bare(value)}" for name, value in sorted(fields.items()))
