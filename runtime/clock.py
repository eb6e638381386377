"""The one module that reads time."""

import time


def now_ms() -> int:
    """Wall time, milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def mono_ms() -> float:
    """Monotonic time in milliseconds; only differences mean anything."""
    return time.monotonic() * 1000.0


def mono_s() -> float:
    """Monotonic time in seconds; only differences mean anything."""
    return time.monotonic()
