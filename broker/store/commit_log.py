"""One append-only sequence of records: bytes in, and the offset they got.

    min_offset    where the oldest file begins
    flushed       everything before it is durable
    end           where the next byte will go: everything before it is whole and readable

An append happens in full or not at all. ``end`` moves last; if a write fails, what it may have
left behind is erased, and if even that fails the log is ``broken``: it says why and takes no more.

A record never crosses a file's end. Where it does not fit with eight bytes to spare, a *blank*
fills the rest of the file and the record opens the next one. The record is written first and the
blank last: a crash between them leaves a log that simply ends before the blank.
"""

from dataclasses import dataclass
from errno import EDQUOT, ENOSPC

from broker.errors import (
    AppendError,
    DiskFullError,
    MessageIllegalError,
    OutOfPlaceError,
    StoreBlockedError,
)
from broker.store.message import BLANK, BLANK_MAGIC, BLANK_SIZE
from broker.store.segments import Segments

__all__ = ["CommitLog"]


@dataclass(slots=True)
class CommitLog:
    """The commit log of one node; ``load`` of the store sets where it ends."""

    segments: Segments
    end: int = 0
    flushed: int = 0
    broken: str | None = None

    @property
    def min_offset(self) -> int:
        """The first byte that is still there."""
        return self.segments.start if self.segments.files else self.end

    def place(self, size: int) -> int:
        """Say where a record of this size would go: at the end, or in the next file."""
        file_size = self.segments.file_size
        room = file_size - self.end % file_size
        if size + BLANK_SIZE <= room:
            return self.end
        if size + BLANK_SIZE > file_size:
            raise MessageIllegalError(
                f"expected at most {file_size - BLANK_SIZE} bytes for a record, found {size}; "
                "raise mappedFileSizeCommitLog"
            )
        return self.end + room

    def append(self, offset: int, data: bytes) -> int:
        """Write records at the place that ``place`` gave them; return the new end."""
        if self.broken is not None:
            raise StoreBlockedError(self.broken)
        try:
            self.segments.write(offset, data)
            if offset != self.end:
                room = offset - self.end
                self.segments.write(self.end, BLANK.pack(room, BLANK_MAGIC))
        except OSError as error:
            raise self._undo(error) from error
        self.end = offset + len(data)
        return self.end

    def append_raw(self, offset: int, data: bytes | bytearray | memoryview) -> int:
        """Write a master's bytes at our end, whatever they cut through; return the new end."""
        if self.broken is not None:
            raise StoreBlockedError(self.broken)
        self.check_place(offset)
        try:
            self.segments.write(offset, data)
        except OSError as error:
            raise self._undo(error) from error
        if offset != self.end:
            self.flushed = offset
        self.end = offset + len(data)
        return self.end

    def check_place(self, offset: int) -> None:
        """Raise ``OutOfPlaceError`` unless a master's bytes for an offset may come next.

        They continue the log, or begin an empty one with any of the master's files.
        """
        empty = self.end == 0 and not self.segments.files
        if offset != self.end and not (empty and offset % self.segments.file_size == 0):
            raise OutOfPlaceError(f"expected bytes for offset {self.end}, found {offset}")

    def read(self, offset: int, size: int) -> bytes:
        """Read what lies between ``min_offset`` and ``end``; fewer bytes, or none, elsewhere."""
        size = min(size, self.end - offset)
        if size <= 0 or offset < self.segments.start:
            return b""
        return self.segments.read(offset, size)

    async def sync(self, target: int) -> None:
        """Return once everything before ``target`` is durable, or ``FlushError``.

        The caller moves ``flushed``.
        """
        await self.segments.sync(self.flushed, target)

    def _undo(self, error: OSError) -> AppendError | DiskFullError:
        """Erase what a failed append may have left, and say what to tell the sender."""
        what = f"write to the commit log failed at offset {self.end}: {error}"
        try:
            self.segments.erase_from(self.end)
        except OSError as worse:
            self.broken = f"{what}; erasing it failed too: {worse}; mend the disk, then restart"
            return AppendError(self.broken, definite=False)
        if error.errno in (ENOSPC, EDQUOT):
            return DiskFullError(f"{what}; free some space, or lower fileReservedTime")
        return AppendError(what)
