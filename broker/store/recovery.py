"""What a start finds of a log, and from where queues and index must be made again.

    files        |--------------------|-------------------|-----------------
                 verify_from          mark                end
                 read again for       from here on every record is
                 damage               entered anew        then zeros

1. ``believable``: does a record end at the checkpoint's mark? Then the queues hold all that is
   before it. If not (a store of the real RocketMQ, a copy, damage), RocketMQ's own rule:
   begin with the newest file whose first record is older than the checkpoint by three seconds.
2. Read from the beginning of the mark's file, unless that is too much, and from the mark on.
   The log ends behind the last whole record, or behind a blank.
3. Erase everything behind the end. Old bytes left there would come back at some later start,
   as good records in the wrong place in history.
4. Cut the queues to what is durable and enter the rest anew; the same for the index.

Nothing before the end is ever given up: a process crash loses no byte of the page cache, and a
power cut loses nothing before a sync.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple

from broker.store.abort import LastStop
from broker.store.checkpoint import Checkpoint, Mark
from broker.store.message import BLANK_SIZE, HEADERS, MESSAGE_MAGIC
from broker.store.scan import (
    RECORD_SIZE_MIN,
    DispatchReader,
    Reading,
    Walk,
    check_record,
    walk,
)
from broker.store.segments import Segments

__all__ = ["CHUNK", "Recovery", "Scanner", "Start", "choose_start", "newest_older_file"]

CHUNK: Final = 1 << 20
CHECKPOINT_SLACK_MS: Final = 3000
_FIRST = Struct(">iI")


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a start found and did."""

    last_stop: LastStop
    verified_from: int
    entered_from: int  # records from here on were entered into queues and index anew
    end: int
    records: int  # how many were entered
    cut: str | None = None  # why the log ends where it does, if not because nothing follows
    odd: tuple[str, ...] = ()  # what else was found and mended


class Start(NamedTuple):
    """Where to begin: read from ``verify_from``, enter records from ``enter_from`` on."""

    verify_from: int
    enter_from: int


def choose_start(
    mark: int | None, fallback: int, first: int, file_size: int, verify_bytes_max: int
) -> Start:
    """Choose where a start begins to read, given a mark that was found believable, or none.

    >>> choose_start(5000, 0, 0, 4096, 1 << 20)
    Start(verify_from=4096, enter_from=5000)
    >>> choose_start(5000, 0, 0, 4096, 100)
    Start(verify_from=5000, enter_from=5000)
    """
    if mark is None:
        return Start(fallback, fallback)
    file_start = max(first, mark - mark % file_size)
    if mark - file_start > verify_bytes_max:
        return Start(mark, mark)
    return Start(file_start, mark)


def newest_older_file(first_timestamps: list[tuple[int, int | None]], durable: int) -> int | None:
    """Choose a file by RocketMQ's rule: the newest whose first record is surely durable.

    Takes each file's beginning with the store time of its first record (None if there is no
    record), in order, and a time before which everything was durable.

    >>> newest_older_file([(0, 100), (1024, 200), (2048, 9000), (3072, None)], durable=5000)
    1024
    """
    older = [start for start, time in first_timestamps if time is not None and time <= durable]
    return older[-1] if older else None


@dataclass(frozen=True, slots=True)
class Scanner:
    """Reads a log record by record, in chunks, straight from its files."""

    segments: Segments
    reading: DispatchReader

    def start(self, checkpoint: Checkpoint, verify_bytes_max: int) -> Start:
        """Choose where to begin on this log."""
        first = self.segments.start
        mark = checkpoint.mark
        end = mark.end if mark is not None and self._believable(mark) else None
        durable = min(checkpoint.physic_timestamp, checkpoint.logic_timestamp)
        firsts = [(s.start, self._first_timestamp(s.start)) for s in self.segments.files]
        older = newest_older_file(firsts, durable - CHECKPOINT_SLACK_MS)
        fallback = first if older is None else older
        return choose_start(end, fallback, first, self.segments.file_size, verify_bytes_max)

    def verify(self, begin: int, stop: int) -> int:
        """Give the end of the last sound record between two places, the first being one's begin."""
        end = begin
        for found in self._walk(begin, stop, check_record):
            end = found.end
        return end

    def walk(self, begin: int) -> Iterator[Walk]:
        """Walk from a record's beginning to the log's end."""
        return self._walk(begin, None, self.reading)

    def _walk(self, begin: int, stop: int | None, read: Reading) -> Iterator[Walk]:
        size = CHUNK
        while stop is None or begin < stop:
            data = self.segments.read(begin, size if stop is None else min(size, stop - begin))
            found = walk(data, begin, self.segments.file_size, read)
            if found.end == begin and not found.over and found.problem is None:
                if len(data) < size or len(data) < BLANK_SIZE:  # no file holds any more
                    yield Walk([], begin, over=True)
                    return
                size *= 2  # the record is longer than what was read
                continue
            yield found
            if found.over or found.problem is not None:
                return
            begin, size = found.end, CHUNK

    def record_at(self, offset: int) -> int:
        """Say how long the record is that begins at an offset; 0 if none does."""
        header = self.segments.read(offset, BLANK_SIZE)
        if len(header) < BLANK_SIZE:
            return 0
        size, magic = _FIRST.unpack(header)
        if magic != MESSAGE_MAGIC or size < RECORD_SIZE_MIN or size > self.segments.file_size:
            return 0
        data = self.segments.read(offset, size)
        sound = len(data) == size and check_record(data, 0, size, offset) is None
        return size if sound else 0

    def _believable(self, mark: Mark) -> bool:
        at = mark.last_record
        return at >= self.segments.start and at + self.record_at(at) == mark.end

    def _first_timestamp(self, start: int) -> int | None:
        data = self.segments.read(start, HEADERS[0x30].size)
        if len(data) < HEADERS[0x30].size or _FIRST.unpack_from(data)[1] != MESSAGE_MAGIC:
            return None
        sys_flag = int.from_bytes(data[36:40], "big")
        return int(HEADERS[sys_flag & 0x30].unpack_from(data)[11])
