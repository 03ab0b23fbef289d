"""One message queue as fixed-size entries, each pointing at a record of the commit log.

    at  field         bytes
    0   log offset    8
    8   record size   4
    12  tags code     8      the tag's hash; when it is due, for a delayed message

Entry n is the message with queue offset n. A queue that begins at n > 0 (old files are gone, or
a slave joined late) has *placeholders* of size 0x7fffffff before it in its first file, with log
offset 0. Where damage left a hole in the numbers there are such too, with the offset of its edge.

The newest entries live in memory and are written behind the log's back: whatever a crash takes
of them is rebuilt from the log. Readers see both as one.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from struct import Struct
from typing import Final, NamedTuple

from broker.store.segments import Segments

__all__ = ["ENTRY_SIZE", "PLACEHOLDER_SIZE", "ConsumeQueue", "Entry"]

_ENTRY = Struct(">qiq")
_PACK = _ENTRY.pack
ENTRY_SIZE: Final = _ENTRY.size
PLACEHOLDER_SIZE: Final = 0x7FFFFFFF
_PLACEHOLDER = _PACK(0, PLACEHOLDER_SIZE, 0)

# Written entries that stay in memory for the consumers that follow closely.
RECENT_MAX: Final = 1024


class Entry(NamedTuple):
    """Where a message lies, how long its record is, and the code of its tag."""

    physical_offset: int
    size: int
    tags_code: int

    @property
    def is_message(self) -> bool:
        """False for a placeholder, and for bytes that were never written."""
        return 0 < self.size < PLACEHOLDER_SIZE


@dataclass(slots=True)
class ConsumeQueue:
    """One queue: ``start`` is its first message, ``end`` the number that the next one gets."""

    segments: Segments
    start: int = 0
    end: int = 0
    _recent: bytearray = field(default_factory=bytearray)  # entries [_recent_start, end)
    _recent_start: int = 0
    _written: int = 0  # entries before it are in the files

    @property
    def unwritten(self) -> int:
        """How many bytes of entries are in memory alone."""
        return (self.end - self._written) * ENTRY_SIZE

    @property
    def dirty(self) -> bool:
        """Whether anything is not yet durable."""
        return self._written < self.end or any(s.written for s in self.segments.files)

    def append(self, physical_offset: int, size: int, tags_code: int) -> None:
        """Add the entry of the message that is numbered ``end``."""
        self._recent += _PACK(physical_offset, size, tags_code)
        self.end += 1

    def put(self, queue_offset: int, physical_offset: int, size: int, tags_code: int) -> None:
        """Make a message's entry what the log says it is; saying it twice changes nothing.

        A topic that was deleted and made anew begins at 0 again, in the place of all that was
        there. No other number comes twice: a later record that says so is damaged, and in no queue.
        """
        if queue_offset < self.end:
            known = self.entry(max(queue_offset, self.start))
            if queue_offset > 0 or (known.is_message and known.physical_offset >= physical_offset):
                return
            self.cut(queue_offset)
        if queue_offset > self.end:
            self._skip_to(queue_offset)
        self.append(physical_offset, size, tags_code)

    def entry(self, number: int) -> Entry:
        """Give one entry; zeros where there is none."""
        data = self.raw(number, 1)
        return Entry(*_ENTRY.unpack(data)) if data else Entry(0, 0, 0)

    def entries(self, first: int, count: int) -> list[tuple[int, int, int]]:
        """Give up to ``count`` entries from ``first`` on, as (log offset, size, tags code)."""
        return list(_ENTRY.iter_unpack(self.raw(first, count)))

    def raw(self, first: int, count: int) -> bytes:
        """Give the bytes of up to ``count`` entries from ``first`` on."""
        count = min(count, self.end - first)
        if count <= 0:
            return b""
        if first >= self._recent_start:
            at = (first - self._recent_start) * ENTRY_SIZE
            return bytes(self._recent[at : at + count * ENTRY_SIZE])
        from_files = min(count, self._recent_start - first)
        data = self.segments.read(first * ENTRY_SIZE, from_files * ENTRY_SIZE)
        return data + self.raw(first + from_files, count - from_files)

    def first_at(self, physical_offset: int) -> int:
        """Give the number of the first message at or behind a log offset, or ``end``."""
        numbers = range(self.start, self.end)
        return self.start + bisect_left(numbers, 1, key=lambda n: self._reaches(n, physical_offset))

    def _reaches(self, number: int, physical_offset: int) -> bool:
        return self.entry(number).physical_offset >= physical_offset

    def readable_end(self, physical_end: int) -> int:
        """Give the number behind the last message that ends before a log offset."""
        number = self.end
        while number > self.start:
            entry = self.entry(number - 1)
            if not entry.is_message or entry.physical_offset + entry.size <= physical_end:
                break
            number -= 1
        return number

    def write_out(self) -> None:
        """Write what is in memory alone; ``OSError`` leaves it there for the next time."""
        if self._written == self.end:
            return
        if not self.segments.files:
            self._fill_up_to(self._written)
        data = self.raw(self._written, self.end - self._written)
        self.segments.write(self._written * ENTRY_SIZE, data)
        self._written = self.end
        if len(self._recent) > 2 * RECENT_MAX * ENTRY_SIZE:
            del self._recent[: -RECENT_MAX * ENTRY_SIZE]
            self._recent_start = self.end - RECENT_MAX

    async def sync(self) -> None:
        """Return once every written entry is durable."""
        await self.segments.sync(0, self.segments.stop)

    def cut(self, end: int) -> None:
        """Forget every entry from ``end`` on, in memory and on disk."""
        self.segments.erase_from(end * ENTRY_SIZE)
        if end <= self._recent_start:
            self._recent.clear()
            self._recent_start = end
        else:
            del self._recent[(end - self._recent_start) * ENTRY_SIZE :]
        self.end = end
        self.start = min(self.start, end)
        self._written = min(self._written, end)

    def load(self, durable_below: int, belongs: Callable[[int, Entry], bool]) -> None:
        """Find in the files where the queue starts, and its last entry before a log offset.

        What lies behind was perhaps never made durable, so it may be anything: a search may be
        misled by a torn entry. ``belongs(number, entry)`` looks the last one up in the log;
        if the log disagrees, every entry is read instead.
        """
        first = self.segments.start // ENTRY_SIZE
        last = self.segments.stop // ENTRY_SIZE
        self._recent_start = self._written = self.end = last
        self.start = first
        numbers = range(first, last)

        def gone(number: int) -> bool:
            entry = self.entry(number)
            return entry.size <= 0 or entry.physical_offset >= durable_below

        end = first + bisect_left(numbers, 1, key=gone)
        if end > first and not self._fits(end - 1, belongs):
            end = next((number for number in numbers if gone(number)), last)
            while end > first and not self._fits(end - 1, belongs):
                end -= 1
        placeholders = range(first, end)
        self.start = first + bisect_left(
            placeholders, 1, key=lambda n: self.entry(n)[:2] != (0, PLACEHOLDER_SIZE)
        )
        self.cut(end)

    def _fits(self, number: int, belongs: Callable[[int, Entry], bool]) -> bool:
        entry = self.entry(number)
        return entry.size == PLACEHOLDER_SIZE or belongs(number, entry)

    def remove_below(self, physical_offset: int) -> None:
        """Forget the messages whose records are gone, and the files that held nothing else."""
        self.start = self.first_at(physical_offset)
        self.segments.remove_below(min(self.start, self._written) * ENTRY_SIZE)

    def _skip_to(self, number: int) -> None:
        """Leave a gap that the log has: before the first message, or where it was damaged."""
        if self.end == self.start:
            self.cut(self.end)
            self.segments.remove_all()
            self._recent.clear()
            self.start = self.end = self._recent_start = self._written = number
            return
        before = self.entry(self.end - 1)
        edge = before.physical_offset + (before.size if before.is_message else 0)
        self._recent += _PACK(edge, PLACEHOLDER_SIZE, 0) * (number - self.end)
        self.end = number

    def _fill_up_to(self, number: int) -> None:
        """Begin the first file of a queue whose first message is not its first entry."""
        before = number % (self.segments.file_size // ENTRY_SIZE)
        if before:
            self.segments.write((number - before) * ENTRY_SIZE, _PLACEHOLDER * before)
