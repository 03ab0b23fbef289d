"""Finding messages by key: RocketMQ's hash file, written so that no crash can break a chain.

    header    40 bytes    begin and end of store times, begin and end of log offsets,
                          slots in use, entries + 1
    slots     4 each      number of the newest entry whose key falls here
    entries   20 each     key hash 4, log offset 8, seconds since the begin 4, older entry 4

A key's text is ``topic#key``, its hash Java's, without the sign. Entry 0 is never used. A lookup
finds candidates; only the record itself says whether the key is really there.

Keys gather in memory and go out in batches: entries first, and only when they are durable the
slots and the header. So a slot never leads to an entry that is not there. A slot may lead to one
that the header does not count yet: then the same keys come again from the log after a restart,
and the chain behind it is followed down to the last entry that counts.

Unique keys are counted up, so their slots are neighbours: a *window* of them is read and written
at once.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from struct import Struct
from typing import Final, NamedTuple

from broker.ports import File
from broker.store.durable import sync_file
from broker.store.properties import java_hash

__all__ = ["TURN", "IndexEntry", "IndexFile", "IndexHeader", "Keyed", "key_hash"]

_HEADER = Struct(">qqqqii")
_SLOT = Struct(">i")
_ENTRY = Struct(">iqii")
HEADER_SIZE: Final = _HEADER.size
INT_MAX: Final = 0x7FFFFFFF

# After so many keys others get a turn: a batch takes tens of milliseconds.
TURN: Final = 64

WINDOW_MAX: Final = 1024  # slots: a page


class IndexEntry(NamedTuple):
    """One key of one message."""

    hash: int
    physical_offset: int
    seconds: int
    older: int


class IndexHeader(NamedTuple):
    """What a file holds, from when to when and from where to where."""

    begin_timestamp: int = 0
    end_timestamp: int = 0
    begin_offset: int = 0
    end_offset: int = 0
    slots_used: int = 0
    next_number: int = 1  # the number that the next entry gets


class Keyed(NamedTuple):
    """One key to be entered."""

    hash: int
    physical_offset: int
    store_timestamp: int


def key_hash(topic: str, key: str) -> int:
    """Give the hash of a topic's key.

    >>> key_hash("TopicMasterSlave", "key0")
    1358424078
    """
    value = abs(java_hash(f"{topic}#{key}"))
    return value if value <= INT_MAX else 0


@dataclass(slots=True)
class _Window:
    """Neighbouring slots that are read and written together."""

    first: int
    wanted: list[int]
    data: bytearray = field(default_factory=bytearray)

    def get(self, slot: int) -> int:
        return int(_SLOT.unpack_from(self.data, (slot - self.first) * 4)[0])

    def set(self, slot: int, number: int) -> None:
        _SLOT.pack_into(self.data, (slot - self.first) * 4, number)


def _windows(slots: Iterable[int]) -> list[_Window]:
    """Cover slots, in order and each once, with as few windows as their neighbourhood allows."""
    windows: list[_Window] = []
    for slot in sorted(slots):
        if windows and slot - windows[-1].first < WINDOW_MAX:
            windows[-1].wanted.append(slot)
        else:
            windows.append(_Window(slot, [slot]))
    return windows


@dataclass(slots=True)
class IndexFile:
    """One index file; ``header`` is what counts, on disk or about to be."""

    path: str
    file: File
    slots: int
    entries_max: int
    header: IndexHeader = IndexHeader()  # noqa: RUF009 - an immutable tuple

    @property
    def size(self) -> int:
        """The file's whole length."""
        return self._entry_at(self.entries_max)

    @property
    def room(self) -> int:
        """How many more keys it takes."""
        return self.entries_max - self.header.next_number

    def load(self) -> bool:
        """Read the header; False if the file is no index of the configured size."""
        if self.file.size() != self.size:
            return False
        header = IndexHeader(*_HEADER.unpack(self.file.read(0, HEADER_SIZE)))
        self.header = header._replace(next_number=max(1, header.next_number))
        return self.header.next_number <= self.entries_max

    async def add(self, keys: list[Keyed]) -> None:
        """Enter keys in log order and make them durable; the file has room for them."""
        assert 0 < len(keys) <= self.room, "a batch fits into its file"
        first = self.header.next_number
        begin = self.header.begin_timestamp if first > 1 else keys[0].store_timestamp
        windows = _windows({key.hash % self.slots: None for key in keys})
        newest = await self._read_windows(windows, first)
        data = bytearray()
        slots_used = self.header.slots_used
        for number, key in enumerate(keys, first):
            if number % TURN == 0:
                await asyncio.sleep(0)
            slot = key.hash % self.slots
            older = newest[slot]
            slots_used += older == 0
            seconds = min(max(0, (key.store_timestamp - begin) // 1000), INT_MAX)
            data += _ENTRY.pack(key.hash, key.physical_offset, seconds, older)
            newest[slot] = number
        self.file.write(self._entry_at(first), data)
        await sync_file(self.file)

        for turn, window in enumerate(windows):
            if turn % TURN == 0:
                await asyncio.sleep(0)
            for slot in window.wanted:
                window.set(slot, newest[slot])
            self.file.write(HEADER_SIZE + window.first * 4, window.data)
        header = IndexHeader(
            begin,
            keys[-1].store_timestamp,
            self.header.begin_offset if first > 1 else keys[0].physical_offset,
            keys[-1].physical_offset,
            slots_used,
            first + len(keys),
        )
        self.file.write(0, _HEADER.pack(*header))
        self.header = header
        await sync_file(self.file)

    def lookup(self, hash: int, begin: int, end: int) -> Iterator[int]:
        """Give the log offsets of a hash within a span of store times, the newest first."""
        if self.header.next_number <= 1 or begin > self.header.end_timestamp + 1000:
            return
        slot = self.file.read(HEADER_SIZE + hash % self.slots * 4, 4)
        number = self._counted(int(_SLOT.unpack(slot)[0]), self.header.next_number)
        while number > 0:
            entry = self._entry(number)
            time = self.header.begin_timestamp + entry.seconds * 1000
            # Entries know whole seconds only; the record itself is asked for the exact time.
            if entry.hash == hash and begin - 1000 < time <= end:
                yield entry.physical_offset
            number = entry.older if entry.older < number else 0

    async def _read_windows(self, windows: list[_Window], below: int) -> dict[int, int]:
        """Give the newest entry that counts, or 0, of every slot wanted."""
        newest = {}
        for turn, window in enumerate(windows):
            if turn % TURN == 0:
                await asyncio.sleep(0)
            size = (window.wanted[-1] - window.first + 1) * 4
            window.data[:] = self.file.read(HEADER_SIZE + window.first * 4, size)
            for slot in window.wanted:
                newest[slot] = self._counted(window.get(slot), below)
        return newest

    def _counted(self, number: int, below: int) -> int:
        """Follow a chain from an entry on to the first that counts, or 0."""
        while number >= below:
            if number >= self.entries_max:
                return 0
            older = self._entry(number).older
            number = older if older < number else 0
        return max(0, number)

    def _entry(self, number: int) -> IndexEntry:
        return IndexEntry(*_ENTRY.unpack(self.file.read(self._entry_at(number), _ENTRY.size)))

    def _entry_at(self, number: int) -> int:
        return HEADER_SIZE + self.slots * 4 + number * _ENTRY.size
