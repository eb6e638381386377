"""The local state: one RocksDB directory per partition, with the changelog offset it stands at. Touches disk only.

The store is a cache of the changelog: what is in doubt is deleted and rebuilt. Data and the applied offset are written
in one batch, so they cannot part. The write-ahead log is off: a crash loses the newest writes and their offset alike.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from rocksdict import Options, Rdict, WriteBatch, WriteOptions

_APPLIED: Final = b"\x00applied"
"""Key of the next changelog offset to apply; keys of contacts never begin with a zero byte."""
_MEMTABLE_BYTES: Final = 16 * 1024 * 1024


class StoreReadError(Exception):
    """The directory is damaged; the changelog has the data."""


class PartitionStore:
    """State of one partition."""

    def __init__(self, path: Path) -> None:
        """Open or make the directory; a corrupt one is deleted and begun anew."""
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._open()
        except Exception:  # noqa: BLE001 - rocksdict raises bare Exception; whatever it is, the changelog has the data
            self.rebuild()

    @property
    def applied(self) -> int:
        """Next changelog offset to apply; 0 in an empty store."""
        found = self._db.get(_APPLIED)
        return 0 if found is None else int.from_bytes(found, "big")

    def get(self, key: bytes) -> bytes | None:
        """Value of a key.

        Raises:
            StoreReadError: the directory is damaged.
        """
        try:
            found: bytes | None = self._db.get(key)
        except Exception as error:
            raise StoreReadError(str(error)) from error
        return found

    def write(self, items: Iterable[tuple[bytes, bytes | None]], applied: int) -> None:
        """Put or delete keys and move the applied offset, all or nothing."""
        batch = WriteBatch(raw_mode=True)
        for key, value in items:
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(_APPLIED, applied.to_bytes(8, "big"))
        self._db.write(batch, self._options)

    def rebuild(self) -> None:
        """Throw everything away and begin with an empty store."""
        if getattr(self, "_db", None) is not None:
            self._db.close()
        shutil.rmtree(self._path, ignore_errors=True)
        self._open()

    def close(self) -> None:
        """Flush and let go of the directory."""
        self._db.flush()
        self._db.close()

    def _open(self) -> None:
        options = Options(raw_mode=True)
        options.create_if_missing(True)  # noqa: FBT003 - rocksdict's signature
        options.set_write_buffer_size(_MEMTABLE_BYTES)
        options.set_max_background_jobs(2)
        options.set_keep_log_file_num(2)
        self._db = Rdict(str(self._path), options)
        self._options = WriteOptions()
        setattr(self._options, "disable_wal", True)  # noqa: B010 - a property that the package's stub calls a method
