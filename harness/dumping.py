"""A node's commit log as checksums of its blocks, asked for one block at a time.

Two logs of a gigabyte are compared by a few thousand numbers (``histories.op.LogDump``), and the
nodes never hand out a byte. ``at`` is the offset where the other node's log ends: the checksum
from the begin of that block up to there lets a shorter log's tail be compared with a longer log.
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from broker.client.admin import LogDigest
from histories.op import LogDump

__all__ = ["BLOCK_BYTES", "Digest", "dump_log"]

BLOCK_BYTES = 1 << 20


Digest: TypeAlias = Callable[[int, int], Awaitable[LogDigest]]
"""Asks for the CRC of the bytes from one physical offset to another."""


async def dump_log(digest: Digest, at: int | None = None, block: int = BLOCK_BYTES) -> LogDump:
    """Dump a log that stands still."""
    bounds = await digest(0, 0)
    crcs, position = list[int](), bounds.min
    while position + block <= bounds.end:
        crcs.append((await digest(position, position + block)).crc)
        position += block

    tail_crc = 0
    if position < bounds.end:
        tail_crc = (await digest(position, bounds.end)).crc
    checks = {}
    if at is not None and bounds.min <= at <= bounds.end:
        begin_of_block = at - (at - bounds.min) % block
        checks[str(at)] = (await digest(begin_of_block, at)).crc
    return LogDump(
        begin=bounds.min, end=bounds.end, block=block, crcs=crcs, tail_crc=tail_crc, at=checks
    )
