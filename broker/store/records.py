"""Reading records out of a commit log, as few reads as make sense for what is asked."""

from collections.abc import Callable
from struct import Struct
from typing import Final

from broker.store.commit_log import CommitLog
from broker.store.message import BLANK_SIZE, BORN_HOST_V6, HEADERS, MESSAGE_MAGIC
from broker.store.reading import Span

__all__ = ["nearest_in_time", "read_record", "read_spans", "store_timestamp_at"]

# Reading what lies between records costs less than another read, up to a point.
SPARE_BYTES: Final = 64 << 10
SPARE_FACTOR: Final = 8

_START = Struct(">iI")
_PLACE = Struct(">iI12xqq")  # how long it is, what it is, and where it lies in queue and log
_SYS_FLAG_AT: Final = 36
_STORE_TIMESTAMP_AT: Final = 56


def read_spans(log: CommitLog, spans: list[Span]) -> list[bytes]:
    """Read whole records at ascending offsets.

    Those that are gone are left out, and so is one that does not say itself that it is this message
    of its queue: no CRC covers a record's header, and a flipped bit there would make one message
    another.
    """
    if not spans:
        return []
    first = spans[0][1]
    length = spans[-1][1] + spans[-1][2] - first
    wanted = sum([size for _, _, size in spans])
    if 0 < length <= SPARE_FACTOR * wanted + SPARE_BYTES:
        data = log.read(first, length)
        records = [data[at - first : at - first + size] for _, at, size in spans]
    else:
        records = [log.read(at, size) for _, at, size in spans]
    return [
        record
        for record, (number, at, size) in zip(records, spans, strict=True)
        if len(record) == size >= _PLACE.size
        and _PLACE.unpack_from(record) == (size, MESSAGE_MAGIC, number, at)
    ]


def read_record(log: CommitLog, offset: int) -> bytes | None:
    """Read the record that begins at an offset, or None if none does."""
    start = log.read(offset, BLANK_SIZE)
    if len(start) < BLANK_SIZE:
        return None
    size, magic = _START.unpack(start)
    if magic != MESSAGE_MAGIC or not HEADERS[0].size < size <= log.segments.file_size:
        return None
    record = log.read(offset, size)
    # Inside a record anything may look like one; its own offset settles it.
    says = int.from_bytes(record[28:36], "big")
    return record if len(record) == size and says == offset else None


def store_timestamp_at(log: CommitLog, offset: int) -> int:
    """Give the store time of the record at an offset; -1 if it is gone."""
    head = log.read(offset, HEADERS[BORN_HOST_V6].size)
    if len(head) < HEADERS[0].size:
        return -1
    at = _STORE_TIMESTAMP_AT + (12 if head[_SYS_FLAG_AT + 3] & BORN_HOST_V6 else 0)
    return int.from_bytes(head[at : at + 8], "big", signed=True)


def nearest_in_time(start: int, end: int, timestamp: int, time_of: Callable[[int], int]) -> int:
    """Find a message by store time, as RocketMQ does: the exact one, else the nearer neighbour.

    >>> times = [100, 200, 300]
    >>> [nearest_in_time(0, 3, t, times.__getitem__) for t in (50, 200, 240, 260, 999)]
    [0, 1, 1, 2, 2]
    """
    low, high = start, end - 1
    before = after = None
    while low <= high:
        middle = (low + high) // 2
        time = time_of(middle)
        if time == timestamp:
            return middle
        if time < timestamp:
            before, low = (middle, time), middle + 1
        else:
            after, high = (middle, time), middle - 1
    if before is None:
        return start if after is None else after[0]
    if after is None:
        return before[0]
    return after[0] if timestamp - before[1] > after[1] - timestamp else before[0]
