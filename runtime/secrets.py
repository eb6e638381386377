"""Seals secrets with AES-GCM under named keys; the first seals, every one opens. No value reaches an error text."""

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import secrets as randomness
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from runtime.worker import ConfigurationError
from schemas.config import SealedSecret

NONCE_BYTES: Final = 12
"""What AES-GCM is made for; random, as one key seals far fewer than 2^32 secrets (NIST SP 800-38D, section 8.3)."""
KEY_BYTES: Final = 32
KEY_FILE: Final = "secret-keys"
_HOW: Final = (
    "TRACKLY_SECRET_KEYS is kid:base64[,kid:base64...], each key 32 bytes with a name of its own; "
    "`head -c 32 /dev/urandom | base64` makes one, `trackly up` keeps its own in the state directory"
)


class UnsealError(Exception):
    """A sealed value cannot be opened with the keys of this process."""


class SecretBox:
    """Seals and opens; the context (what the secret belongs to) is bound to it, so it cannot be moved."""

    def __init__(self, text: str) -> None:
        """Read `kid:base64[,...]`.

        Raises:
            ConfigurationError: not of that form.
        """
        keys: dict[str, bytes] = {}
        for part in text.split(","):
            key_id, colon, encoded = part.strip().partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except ValueError:
                key = b""
            if not colon or not key_id or len(key) != KEY_BYTES or key_id in keys:
                raise ConfigurationError(_HOW)
            keys[key_id] = key
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._first = next(iter(keys))
        self._digest_keys = [hmac.digest(key, b"trackly applied_hash", "sha256") for key in keys.values()]

    @classmethod
    def from_settings(cls, secret_keys: SecretStr | None) -> Self:
        """Open with the keys of the settings.

        Raises:
            ConfigurationError: none are set, or not of the form.
        """
        if secret_keys is None:
            raise ConfigurationError(f"no key to seal or open secrets with: {_HOW}")
        return cls(secret_keys.get_secret_value())

    @property
    def first(self) -> str:
        """Name of the key that seals."""
        return self._first

    def seal(self, value: str, context: str) -> SealedSecret:
        """Seal a value for its context, such as `endpoint|acme/main`."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._keys[self._first].encrypt(nonce, value.encode(), context.encode())
        return SealedSecret(key_id=self._first, sealed=base64.b64encode(nonce + sealed).decode())

    def open(self, secret: SealedSecret, context: str) -> str:
        """Open a sealed value.

        Raises:
            UnsealError: unknown key id, wrong key, wrong context, or damaged.
        """
        key = self._keys.get(secret.key_id)
        if key is None:
            raise UnsealError(
                f"no key {secret.key_id!r} in TRACKLY_SECRET_KEYS; add it, or apply the file again with the new keys"
            )
        try:
            raw = base64.b64decode(secret.sealed, validate=True)
            return key.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], context.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError):
            raise UnsealError(
                f"key {secret.key_id!r} does not open the secret of {context}: another key of that name sealed it, "
                "or it was moved or damaged"
            ) from None

    def digest(self, data: bytes) -> str:
        """Hash under the sealing key: equal values are seen as equal, and nobody without the key can try guesses."""
        return hmac.new(self._digest_keys[0], data, hashlib.sha256).hexdigest()

    def digests(self, data: bytes) -> list[str]:
        """The hashes under every key, the first one first: what was hashed before a rotation is found too."""
        return [hmac.new(key, data, hashlib.sha256).hexdigest() for key in self._digest_keys]


def generate_keys(key_id: str = "local") -> str:
    """A fresh key in the form of TRACKLY_SECRET_KEYS."""
    return f"{key_id}:{base64.b64encode(randomness.token_bytes(KEY_BYTES)).decode()}"


def load_or_create(state_dir: Path) -> str:
    """The state directory's own keys, made on first use with mode 0600; whoever comes first makes them."""
    path = state_dir / KEY_FILE
    if not path.exists():
        state_dir.mkdir(parents=True, exist_ok=True)
        mine = path.with_name(f"{KEY_FILE}.{os.getpid()}.{randomness.token_hex(4)}")
        descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(f"{generate_keys()}\n")
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):  # somebody was faster, and theirs counts
                os.link(mine, path)  # appears whole or not at all
        finally:
            mine.unlink()
    return path.read_text().strip()
