"""Which partition a user's events are in: the rule that every sender keeps."""

from __future__ import annotations

from zlib import crc32


def partition_of(user: str, partitions: int) -> int:
    """CRC-32 of the user id's UTF-8 bytes, modulo the number of partitions: any language can compute it."""
    return crc32(user.encode()) % partitions
