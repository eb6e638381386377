"""Starts the processor: configuration to its end, layout verified, twin refused, then the loop."""

import fcntl
from pathlib import Path

from processors.loop import Processor
from runtime.config_follower import ConfigFollower
from runtime.provisioning import await_topics, verify_layout
from runtime.secrets import SecretBox
from runtime.worker import ConfigurationError, Life


def main(life: Life) -> int:
    """Run one processor until it is asked to drain."""
    state_dir = Path(life.settings.state_dir) / "processor"
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / f"{life.settings.ordinal}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(
                f"another processor runs with TRACKLY_ORDINAL={life.settings.ordinal} on this state directory"
            ) from None
        if not await_topics(life.settings, keep_waiting=lambda: _alive(life)):
            return 0
        follower = ConfigFollower(life.settings, "processor")
        follower.start()
        try:
            if not follower.wait_ready(keep_waiting=lambda: _alive(life)):
                return 0
            counts = verify_layout(life.settings, follower)
            keys = life.settings.secret_keys
            hash_of = None if keys is None else SecretBox.from_settings(keys).digest
            return Processor(life, follower, counts, hash_of=hash_of).run()
        except InterruptedError:
            return 0
        finally:
            follower.close()


def _alive(life: Life) -> bool:
    life.beat()
    return not life.stopping.is_set()
