"""When a contact was last erased: what it said or got before that is not put back (DESIGN.md 4.9)."""

from collections.abc import Callable

from runtime.kafka.scan import scan
from runtime.secrets import SecretBox
from schemas import topics
from schemas.codec import decoder
from schemas.settings import Settings


def erasures(settings: Settings) -> Callable[[str], int]:
    """Make the function from a contact's key to the time of its erasure, milliseconds since the epoch; 0 for never.

    Raises:
        ClusterError: the topic is missing or cannot be read.
        ConfigurationError: there are erasures and no key to know them by.
    """
    read, known = decoder("Erasure"), dict[str, int]()
    for message in scan(settings.kafka, settings.topic_prefix + topics.ERASURES):
        value = message.value()
        if value is not None:
            _, erasure = read(value)
            known[erasure["contact_hash"]] = max(erasure["erased_at"], known.get(erasure["contact_hash"], 0))
    if not known:
        return lambda _key: 0
    box = SecretBox.from_settings(settings.secret_keys)
    return lambda key: max((known.get(one, 0) for one in box.digests(key.encode())), default=0)
