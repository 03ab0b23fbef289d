"""What one pull gets: where a reader stands in a queue, and how much is enough for it.

Statuses and limits are RocketMQ's (``DefaultMessageStore.getMessage``), but a reader beyond the
end is always sent to the end: never to 0, which would deliver the whole queue again (P11).
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias

import msgspec

from broker.store.consume_queue import PLACEHOLDER_SIZE

__all__ = ["Choice", "GetStatus", "Got", "PullLimits", "Query", "Span", "choose", "standing"]


class GetStatus(StrEnum):
    """What became of a pull; RocketMQ's names, which travel in the answer's remark."""

    FOUND = "FOUND"
    NO_MATCHED_MESSAGE = "NO_MATCHED_MESSAGE"
    MESSAGE_WAS_REMOVING = "MESSAGE_WAS_REMOVING"
    OFFSET_FOUND_NULL = "OFFSET_FOUND_NULL"
    OFFSET_OVERFLOW_BADLY = "OFFSET_OVERFLOW_BADLY"
    OFFSET_OVERFLOW_ONE = "OFFSET_OVERFLOW_ONE"
    OFFSET_TOO_SMALL = "OFFSET_TOO_SMALL"
    NO_MATCHED_LOGIC_QUEUE = "NO_MATCHED_LOGIC_QUEUE"
    NO_MESSAGE_IN_QUEUE = "NO_MESSAGE_IN_QUEUE"


class Got(msgspec.Struct, frozen=True):
    """The answer to a pull: whole records, and where to pull next."""

    status: GetStatus
    records: list[bytes]
    next_offset: int
    min_offset: int
    max_offset: int


class Query(NamedTuple):
    """The answer to a query by key: the newest records first, and how far the index is."""

    records: list[bytes]
    index_timestamp: int
    index_physical_offset: int


@dataclass(frozen=True, slots=True)
class PullLimits:
    """How much one pull may carry."""

    bytes_in_memory: int = 256 << 10
    count_in_memory: int = 32
    bytes_in_disk: int = 64 << 10
    count_in_disk: int = 8


Span: TypeAlias = tuple[int, int, int]
"""A record by its number in the queue, its offset in the log and its size."""


class Choice(NamedTuple):
    """Which records a pull takes, and the first entry that it did not look at."""

    spans: list[Span]
    next_offset: int


def standing(offset: int, start: int, end: int) -> tuple[GetStatus, int]:
    """Say how an offset stands to a queue's range, and where such a reader goes on.

    >>> standing(7, 0, 5)
    (<GetStatus.OFFSET_OVERFLOW_BADLY: 'OFFSET_OVERFLOW_BADLY'>, 5)
    """
    if end == 0:
        return GetStatus.NO_MESSAGE_IN_QUEUE, 0
    if offset < start:
        return GetStatus.OFFSET_TOO_SMALL, start
    if offset == end:
        return GetStatus.OFFSET_OVERFLOW_ONE, offset
    if offset > end:
        return GetStatus.OFFSET_OVERFLOW_BADLY, end
    return GetStatus.FOUND, offset


def choose(
    entries: list[tuple[int, int, int]],
    first: int,
    max_count: int,
    *,
    tag_codes: Collection[int] | None,
    memory_from: int,
    limits: PullLimits,
) -> Choice:
    """Take entries in order until the pull is full; a first match is always taken.

    ``memory_from`` is the log offset from which on records count as being in memory.
    """
    spans: list[Span] = []
    total = 0
    number = first
    for physical_offset, size, code in entries:
        if spans:
            if physical_offset >= memory_from:
                bytes_max, count_max = limits.bytes_in_memory, limits.count_in_memory
            else:
                bytes_max, count_max = limits.bytes_in_disk, limits.count_in_disk
            taken = len(spans)
            if taken >= max_count or taken >= count_max or total + size > bytes_max:
                break
        if size != PLACEHOLDER_SIZE and (tag_codes is None or code in tag_codes):
            spans.append((number, physical_offset, size))
            total += size
        number += 1
    return Choice(spans, number)
