"""How much two logs have in common, found with few questions.

Both sides can say the CRC of a stretch of their log. What is known to be equal only grows, what
is not only shrinks, and each question is about the first half of what is left: so every byte is
read about once on either side, whatever the length.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

__all__ = ["STRETCH_MAX", "Digest", "common_prefix"]

STRETCH_MAX = 64 << 20
"""The longest stretch asked for at once: a CRC takes time, and nothing else happens meanwhile."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A log's limits, and the CRC of any stretch of it."""

    min_offset: int
    end: int
    crc: Callable[[int, int], int]


async def common_prefix(ours: Digest, ask: Callable[[int, int], Awaitable[Digest]]) -> int:
    """Say how far our log equals the other's; 0 if they have nothing in common."""
    theirs = await ask(0, 0)
    begin = max(ours.min_offset, theirs.min_offset)
    equal = begin
    unequal = min(ours.end, theirs.end) + 1  # the first length known to differ
    while equal + 1 < unequal:
        middle = min((equal + unequal) // 2, equal + STRETCH_MAX)
        theirs = await ask(equal, middle)
        if theirs.end >= middle and theirs.crc(equal, middle) == ours.crc(equal, middle):
            equal = middle
        else:
            unequal = middle
    return equal if equal > begin or begin == 0 else 0
