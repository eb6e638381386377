"""Which partition a key belongs to: murmur2 as Java's default and librdkafka's `murmur2_random` compute it. Pure."""

from struct import unpack_from
from typing import Final

_SEED: Final = 0x9747B28C
_MIX: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """MurmurHash2, 32 bits, with Kafka's seed (org.apache.kafka.common.utils.Utils.murmur2)."""
    length = len(data)
    hashed = _SEED ^ length
    for word in unpack_from(f"<{length >> 2}I", data):
        mixed = (word * _MIX) & _MASK
        hashed = ((hashed * _MIX) & _MASK) ^ (((mixed ^ (mixed >> 24)) * _MIX) & _MASK)
    rest = data[length & ~3 :]
    if rest:
        hashed = ((hashed ^ int.from_bytes(rest, "little")) * _MIX) & _MASK
    hashed = ((hashed ^ (hashed >> 13)) * _MIX) & _MASK
    return hashed ^ (hashed >> 15)


def partition_of(key: bytes, partitions: int) -> int:
    """Partition of a key among so many."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
