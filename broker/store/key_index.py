"""The index of a store: the keys still in memory, and the files they go to, oldest first."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import msgspec

from broker.ports import Disk
from broker.store.index import TURN, IndexFile, Keyed, key_hash
from broker.store.scan import Dispatch

__all__ = ["KeyIndex"]

PENDING_MAX: Final = 4096
BACKLOG_MAX: Final = 1 << 17
"""How many messages' keys may wait in memory, some 40 MB, before no more are taken in."""

NAME_DIGITS: Final = 17  # yyyyMMddHHmmssSSS
LAST_DATE_MS: Final = 253_402_300_799_999  # the end of the year 9999


class _Pending(msgspec.Struct, frozen=True):
    topic: str
    keys: tuple[str, ...]
    physical_offset: int
    store_timestamp: int


@dataclass(slots=True)
class KeyIndex:
    """Every key of the messages in a log, for as long as their index file lives."""

    disk: Disk
    folder: str
    slots: int
    entries_max: int
    files: list[IndexFile] = field(default_factory=list)
    _pending: list[_Pending] = field(default_factory=list)
    _leaving: list[_Pending] = field(default_factory=list)  # being written out just now

    @property
    def end_offset(self) -> int:
        """The log offset of the newest message in the files; -1 if there is none."""
        used = (f.header.end_offset for f in reversed(self.files) if f.header.next_number > 1)
        return next(used, -1)

    @property
    def end_timestamp(self) -> int:
        """The store time of the newest message in the files."""
        return max((file.header.end_timestamp for file in self.files), default=0)

    @property
    def full(self) -> bool:
        """Whether enough keys wait in memory to write them out."""
        return len(self._pending) >= PENDING_MAX

    @property
    def backlog(self) -> str | None:
        """Why no more can be entered until some are written out; None while there is room."""
        if len(self._pending) < BACKLOG_MAX:
            return None
        return f"the index is {len(self._pending)} messages behind; its disk is too slow"

    def load(self, log_end: int, durable_timestamp: int | None) -> int | None:
        """Open the files; drop what cannot be believed and say from which log offset to redo.

        From the first file on that is no index of ours, or knows of records behind the log's end,
        or (unless all are known to be sound, ``durable_timestamp`` None) is newer than what was
        made durable, all are dropped: what they hold is entered again in the log's order.
        """
        lost = False
        self.files.clear()
        for name in self.disk.list(self.folder):
            if len(name) != NAME_DIGITS or not name.isdecimal():
                continue
            path = f"{self.folder}/{name}"
            file = IndexFile(path, self.disk.open(path), self.slots, self.entries_max)
            known = file.load()
            is_used = file.header.next_number > 1 if known else file.file.size() > 0
            stale = durable_timestamp is not None and file.header.end_timestamp > durable_timestamp
            lost = lost or (is_used and (not known or stale or file.header.end_offset >= log_end))
            if is_used and not lost:
                self.files.append(file)
            else:
                file.file.close()
                self.disk.remove(path)
        return max(0, self.end_offset) if lost else None

    def add(self, topic: str, keys: tuple[str, ...], physical_offset: int, time: int) -> None:
        """Enter a message; ``write_out`` makes it last."""
        self._pending.append(_Pending(topic, keys, physical_offset, time))

    def add_again(self, records: Iterable[Dispatch]) -> None:
        """Enter records of the log at a start, but for those that are in the files already."""
        known = self.end_offset
        for record in records:
            if record.keys and record.physical_offset > known:
                keys = tuple(record.keys)
                self.add(record.topic, keys, record.physical_offset, record.store_timestamp)

    async def write_out(self) -> None:
        """Write what waits in memory now and return once it is durable; one caller at a time."""
        assert not self._leaving, "one batch leaves at a time"
        left = len(self._pending)  # more will come meanwhile, perhaps faster than it can go
        while left > 0:
            count = min(left, PENDING_MAX)
            left -= count
            self._leaving, self._pending = self._pending[:count], self._pending[count:]
            try:
                await self._write(self._leaving)
            except BaseException:
                known = self.end_offset
                kept = [p for p in self._leaving if p.physical_offset > known]
                self._pending = kept + self._pending
                raise
            finally:
                self._leaving = []

    def lookup(self, topic: str, key: str, begin: int, end: int) -> Iterator[int]:
        """Give the log offsets of messages that may have a key, the newest first."""
        for pending in reversed(self._leaving + self._pending):
            fits = pending.topic == topic and begin <= pending.store_timestamp <= end
            if fits and key in pending.keys:
                yield pending.physical_offset
        hash = key_hash(topic, key)
        for file in reversed(self.files):
            yield from file.lookup(hash, begin, end)

    def remove_below(self, physical_offset: int) -> None:
        """Remove the files that know only of records that are gone."""
        while len(self.files) > 1 and self.files[0].header.end_offset < physical_offset:
            file = self.files.pop(0)
            file.file.close()
            self.disk.remove(file.path)

    def close(self) -> None:
        """Close every file."""
        for file in self.files:
            file.file.close()

    async def _write(self, batch: list[_Pending]) -> None:
        keys = []
        for turn, one in enumerate(batch):
            if turn % TURN == 0:
                await asyncio.sleep(0)
            hashes = [key_hash(one.topic, name) for name in one.keys]
            keys += [Keyed(hash, one.physical_offset, one.store_timestamp) for hash in hashes]
        while keys:
            file = self._roomy(keys[0].store_timestamp, self._keys_of_first(keys))
            count = self._whole_records(keys, file.room)
            await file.add(keys[:count])
            keys = keys[count:]

    def _keys_of_first(self, keys: list[Keyed]) -> int:
        return sum(1 for key in keys if key.physical_offset == keys[0].physical_offset)

    def _whole_records(self, keys: list[Keyed], room: int) -> int:
        """Take as many keys as fit, but all of a message's or none: a redo goes by messages."""
        if len(keys) <= room:
            return len(keys)
        count = room
        while count > 0 and keys[count - 1].physical_offset == keys[count].physical_offset:
            count -= 1
        return count or room

    def _roomy(self, time: int, needed: int) -> IndexFile:
        """Give the newest file if it has room, else a new one."""
        if self.files and self.files[-1].room >= min(needed, self.entries_max - 1):
            return self.files[-1]
        name = max(_name(time), self._name_after_last())
        path = f"{self.folder}/{name}"
        file = IndexFile(path, self.disk.open(path, create=True), self.slots, self.entries_max)
        try:
            file.file.truncate(file.size)
        except OSError:
            file.file.close()
            raise
        self.files.append(file)
        return file

    def _name_after_last(self) -> str:
        if not self.files:
            return ""
        return str(int(self.files[-1].path.rpartition("/")[2]) + 1)


def _name(time_ms: int) -> str:
    # No CRC covers a record's store time, so it may be no date at all.
    time_ms = min(max(0, time_ms), LAST_DATE_MS)
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{moment:%Y%m%d%H%M%S}{time_ms % 1000:03d}"
