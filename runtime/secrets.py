"""Seals secrets with AES-GCM under named keys; the first seals, every one opens. No value reaches an error text."""

import base64
import os
import secrets as randomness
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from runtime.worker import ConfigurationError
from schemas.config import SealedSecret

NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32
KEY_FILE: Final = "secret-keys"
_HOW: Final = (
    "TRACKLY_SECRET_KEYS is kid:base64[,kid:base64...] of 32-byte keys; `trackly up` makes one in the state directory"
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
        self._keys: dict[str, AESGCM] = {}
        for part in text.split(","):
            key_id, colon, encoded = part.strip().partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except ValueError:
                key = b""
            if not colon or not key_id or len(key) != KEY_BYTES:
                raise ConfigurationError(_HOW)
            self._keys[key_id] = AESGCM(key)
        self._first = next(iter(self._keys))

    def seal(self, value: str, context: str) -> SealedSecret:
        """Seal a value for its context."""
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
            raise UnsealError(f"no key {secret.key_id!r} in TRACKLY_SECRET_KEYS")
        raw = base64.b64decode(secret.sealed)
        try:
            return key.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], context.encode()).decode()
        except InvalidTag:
            raise UnsealError(f"key {secret.key_id!r} does not open the secret of {context}") from None


def load_or_create(state_dir: Path) -> str:
    """The state directory's own keys, made on first use with mode 0600."""
    path = state_dir / KEY_FILE
    if not path.exists():
        state_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"local:{base64.b64encode(randomness.token_bytes(KEY_BYTES)).decode()}\n")
    return path.read_text().strip()
