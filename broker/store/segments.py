"""A long sequence of bytes in files of one fixed length, named by where they begin.

RocketMQ's ``MappedFileQueue`` without the mapping: ``00000000000000000000``,
``00000000000000001024``, ... Every file has its full length from the moment it is used, sparse
behind what was written. A file that is shorter is a crash or a cut between making and stretching
it: it is stretched again, and whoever owns the bytes finds zeros behind them.
"""

from dataclasses import dataclass, field
from typing import Final

from broker.errors import StoreError
from broker.ports import Disk, File
from broker.store.durable import sync_file

__all__ = ["Segment", "Segments", "file_name"]

NAME_DIGITS: Final = 20


def file_name(start: int) -> str:
    """Give the name of the file whose first byte is ``start``."""
    return f"{start:0{NAME_DIGITS}d}"


@dataclass(slots=True)
class Segment:
    """One file of a sequence, opened when it is first needed."""

    start: int
    path: str
    file: File | None = None
    written: bool = False
    """Whether something was written since the last sync began."""


@dataclass(slots=True)
class Segments:
    """The files of one folder, in order, without a gap."""

    disk: Disk
    folder: str
    file_size: int
    files: list[Segment] = field(default_factory=list)

    def load(self) -> list[str]:
        """Find the files on disk and return what was odd about them, in sentences."""
        odd: list[str] = []
        names = [n for n in self.disk.list(self.folder) if len(n) == NAME_DIGITS and n.isdecimal()]
        self.files = [Segment(int(name), f"{self.folder}/{name}") for name in names]
        for segment in self.files:
            size = self._file(segment).size()
            if size > self.file_size or segment.start % self.file_size:
                raise StoreError(
                    f"expected files of {self.file_size} bytes, found {segment.path} of {size}; "
                    "the configured file size must be the one the store was made with"
                )
            if size < self.file_size:
                odd.append(f"{segment.path} had {size} of {self.file_size} bytes and was stretched")
                self._file(segment).truncate(self.file_size)
        for before, after in zip(self.files, self.files[1:], strict=False):
            if after.start != before.start + self.file_size:
                odd.append(f"no file between {before.path} and {after.path}")
                break
        self.close()
        return odd

    @property
    def start(self) -> int:
        """Where the first file begins; 0 if there is none."""
        return self.files[0].start if self.files else 0

    @property
    def stop(self) -> int:
        """Where the last file stops."""
        return self.files[-1].start + self.file_size if self.files else 0

    def at(self, offset: int) -> Segment | None:
        """Give the file that holds an offset, if there is one."""
        if not self.files:
            return None
        number = (offset - self.files[0].start) // self.file_size
        if 0 <= number < len(self.files):
            segment = self.files[number]
            if segment.start <= offset < segment.start + self.file_size:
                return segment
        return next(  # behind a gap, if anywhere
            (s for s in self.files if s.start <= offset < s.start + self.file_size), None
        )

    def make(self, offset: int) -> Segment:
        """Give the file that holds an offset, making it behind the last one if need be."""
        segment = self.at(offset)
        if segment is None:
            start = offset - offset % self.file_size
            assert not self.files or start == self.stop, "files are made one behind the other"
            segment = Segment(start, f"{self.folder}/{file_name(start)}")
            file = self.disk.open(segment.path, create=True)
            try:
                file.truncate(self.file_size)
            except OSError:
                file.close()
                self.disk.remove(segment.path)
                raise
            segment.file = file
            self.files.append(segment)
        return segment

    def read(self, offset: int, size: int) -> bytes:
        """Read across files; fewer bytes only where there is no file."""
        segment = self.at(offset)
        if segment is None or size <= 0:
            return b""
        within = offset - segment.start
        if within + size <= self.file_size:
            return (segment.file or self._file(segment)).read(within, size)
        parts = []
        while segment is not None and size > 0:
            part = self._file(segment).read(within, min(size, self.file_size - within))
            parts.append(part)
            size -= len(part)
            offset += len(part)
            segment, within = self.at(offset), 0
        return b"".join(parts)

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Write across files, making those that are missing; ``OSError`` as the port says."""
        segment = self.make(offset)
        within = offset - segment.start
        if within + len(data) <= self.file_size:
            (segment.file or self._file(segment)).write(within, data)
            segment.written = True
            return
        view = memoryview(data)
        while view:
            room = self.file_size - within
            self._file(segment).write(within, view[:room])
            segment.written = True
            offset, view = offset + min(room, len(view)), view[room:]
            if view:
                segment, within = self.make(offset), 0

    def erase_from(self, offset: int) -> bool:
        """Make everything from ``offset`` on zeros or gone; say whether files were removed.

        Last files first, so that a crash in between never leaves old bytes behind a gap.
        """
        removed = False
        while self.files and self.files[-1].start >= offset:
            self._remove(self.files.pop())
            removed = True
        if self.files and offset < self.stop:
            segment = self.files[-1]
            file = self._file(segment)
            file.truncate(max(0, offset - segment.start))
            file.truncate(self.file_size)
            segment.written = True
        return removed

    def remove_below(self, offset: int) -> bool:
        """Remove the files that lie wholly below an offset; say whether there were any."""
        removed = False
        while self.files and self.files[0].start + self.file_size <= offset:
            self._remove(self.files.pop(0))
            removed = True
        return removed

    def remove_all(self) -> None:
        """Remove every file."""
        while self.files:
            self._remove(self.files.pop())

    async def sync(self, begin: int, end: int) -> None:
        """Return once what was written between two offsets is durable, or ``FlushError``."""
        for segment in list(self.files):
            inside = segment.start < end and begin <= segment.start + self.file_size
            # While another was synced, retention may have removed this one.
            if segment.written and inside and segment in self.files:
                segment.written = False
                try:
                    await sync_file(self._file(segment))
                except BaseException:
                    segment.written = True
                    raise

    async def sync_folder(self) -> None:
        """Return once the removal of files is durable."""
        await self.disk.sync_folder(self.folder)

    def close(self) -> None:
        """Close every file; they open again when needed."""
        for segment in self.files:
            if segment.file is not None:
                segment.file.close()
                segment.file = None

    def _file(self, segment: Segment) -> File:
        if segment.file is None:
            segment.file = self.disk.open(segment.path)
        return segment.file

    def _remove(self, segment: Segment) -> None:
        if segment.file is not None:
            segment.file.close()
        self.disk.remove(segment.path)
