"""A node's commit log as checksums of its blocks, asked for one block at a time.

Two logs of a gigabyte are compared by a few thousand numbers (``histories.op.LogDump``), and the
nodes never hand out a byte. ``at`` is the offset where the other node's log ends: the checksum
from the begin of that block up to there lets a shorter log's tail be compared with a longer log.
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from broker.client.admin import LogDigest
from histories.op import LogDump

__all__ = ["BLOCK_BYTES", "Digest", "LogMovedError", "dump_log"]

BLOCK_BYTES = 1 << 20


Digest: TypeAlias = Callable[[int, int], Awaitable[LogDigest]]
"""Asks for the CRC of the bytes from one physical offset to another."""


class LogMovedError(Exception):
    """The log was cut or its oldest files went while it was dumped; a dump of it means nothing."""


async def dump_log(digest: Digest, at: int | None = None, block: int = BLOCK_BYTES) -> LogDump:
    """Dump a log that stands still; ``LogMovedError`` if it did not."""
    bounds = await digest(0, 0)
    whole = (bounds.end - bounds.min) // block
    starts = [bounds.min + place * block for place in range(whole)]
    crcs = [await _crc(digest, start, start + block) for start in starts]

    tail = bounds.min + whole * block
    checks = {}
    if at is not None and bounds.min <= at <= bounds.end:
        begin_of_block = at - (at - bounds.min) % block
        checks[str(at)] = await _crc(digest, begin_of_block, at)
    return LogDump(
        begin=bounds.min,
        end=bounds.end,
        block=block,
        crcs=crcs,
        tail_crc=await _crc(digest, tail, bounds.end),
        at=checks,
    )


async def _crc(digest: Digest, begin: int, end: int) -> int:
    """Ask for one stretch; of none the CRC is 0."""
    if begin == end:
        return 0
    found = await digest(begin, end)
    if (found.begin, found.crc_end) != (begin, end):
        raise LogMovedError(
            f"expected a checksum of the log from {begin} to {end}, "
            f"got one from {found.begin} to {found.crc_end}"
        )
    return found.crc
