"""Inputs that are nearly right: a seed after a few edits."""

import random

PIECES = [
    b"", b"\x00", b"\xff", b"\n", b"\r\n", b"%", b"&", b"=", b"+", b'"', b"'", b"\\", b"\\ud800", b"null", b"{}", b"[]",
    b"{", b"[", b"-1", b"1e999", b"9" * 400, b"*a", b"&a ", b"!!int ", b"<<: ", b"\xf0\x9f\x9b\x91", b"\xed\xa0\x80",
]  # fmt: skip


def spoilt(seed: bytes, number: int) -> bytes:
    """A seed after a few edits."""
    rng = random.Random(number)
    data = bytearray(seed)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(data) + 1)
        if rng.random() < 0.3 and data:
            data[at - 1] ^= 1 << rng.randrange(8)
        else:
            data[at : at + rng.randrange(16)] = rng.choice([*PIECES, data[at : at + 24] * 2])
    return bytes(data)
