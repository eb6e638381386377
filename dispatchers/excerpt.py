"""The beginning of a response's body, readable, and how far a body is read at all. Pure."""

import zlib
from typing import Any, Final

BODY_BYTES_READ_MAX: Final = 64 * 1024
"""Read of a response so that its connection can be used again; a longer body closes the connection."""
EXCERPT_BYTES_MAX: Final = 1024
"""Kept of a body, after decompression: enough for an error message."""
_ZLIB_CODINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})
_ANY_ZLIB: Final = 47
"""zlib's window bits: the largest window, gzip or zlib told by the header."""


class Excerpt:
    """Takes a body chunk by chunk; a bomb is inflated no further than what is kept."""

    __slots__ = ("_inflater", "_size", "kept")

    def __init__(self, content_encoding: str) -> None:
        """Begin empty; a body in an encoding that zlib does not know is shown as it comes."""
        self.kept = b""
        """What there is to show, EXCERPT_BYTES_MAX at most."""
        self._size = 0
        known = content_encoding.lower() in _ZLIB_CODINGS
        self._inflater: Any = zlib.decompressobj(_ANY_ZLIB) if known else None

    def take(self, chunk: bytes) -> bool:
        """Keep what has room of a chunk; answers whether to read on."""
        self._size += len(chunk)
        room = EXCERPT_BYTES_MAX - len(self.kept)
        if room > 0:
            try:
                self.kept += chunk[:room] if self._inflater is None else self._inflater.decompress(chunk, room)
            except zlib.error:  # not what it says: shown as it came
                self._inflater = None
                self.kept += chunk[:room]
        return self._size <= BODY_BYTES_READ_MAX
