"""Files of the machine: reads and writes go to the page cache at once, slow syncs to a thread.

To hand a sync to a worker thread and back takes longer than a good disk takes for a little data.
So a file whose last sync was quick does the next one at once; one that turns out slow holds up the
event loop a single time, and sends those after it to the thread until they are quick again.

A file's name is durable with its first sync after it was made: the folder is synced then, too, and
so are those above it, up to the first that was there before.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Final

__all__ = ["LiveDisk", "LiveFile"]

# Where there is no fdatasync (macOS), fsync is the same and more.
_DATA_SYNC: Final[Callable[[int], None]] = getattr(os, "fdatasync", os.fsync)

QUICK_S: Final = 0.001


def _sync_folder(path: str) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return  # then nothing in it can be less than durable
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class LiveFile:
    """An open file of the machine."""

    path: str
    _descriptor: int
    _new_folders: dict[str, None] = field(default_factory=dict)
    _unnamed: bool = False  # made, and its name not yet durable
    _syncs: int = 0  # under way in a worker thread
    _last_sync_s: float = QUICK_S  # how long it took
    _closed: bool = False

    def size(self) -> int:
        """Its length in bytes."""
        return os.fstat(self._descriptor).st_size

    def read(self, position: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``position``; fewer only at the end of the file."""
        data = os.pread(self._descriptor, size, position)
        if len(data) == size or not data:
            return data
        # One call may give less than there is, above 2 GiB or when a signal comes.
        return data + self.read(position + len(data), size - len(data))

    def write(self, position: int, data: bytes | bytearray | memoryview) -> None:
        """Write all of ``data``, or raise ``OSError`` with an unknown part written."""
        written = os.pwrite(self._descriptor, data, position)
        if written != len(data):
            view = memoryview(data)
            while written < len(view):
                more = os.pwrite(self._descriptor, view[written:], position + written)
                if more == 0:
                    raise OSError(f"wrote {written} of {len(view)} bytes to {self.path}")
                written += more

    def truncate(self, size: int) -> None:
        """Cut or extend (with zeros, sparsely) to ``size``."""
        os.ftruncate(self._descriptor, size)

    async def sync(self) -> None:
        """Return once every earlier write, and the file's name, is durable."""
        if self._last_sync_s < QUICK_S:
            self._sync()
            return
        self._syncs += 1
        try:
            await asyncio.get_running_loop().run_in_executor(None, self._sync)
        finally:
            self._syncs -= 1
            if self._closed and self._syncs == 0:
                os.close(self._descriptor)

    def close(self) -> None:
        """Give the descriptor back, after a sync under way; makes nothing durable."""
        if not self._closed:
            self._closed = True
            if self._syncs == 0:
                os.close(self._descriptor)

    def _sync(self) -> None:
        begun_s = time.monotonic()
        if self._unnamed:
            os.fsync(self._descriptor)
            self._sync_names()
            self._unnamed = False
        else:
            _DATA_SYNC(self._descriptor)
        self._last_sync_s = time.monotonic() - begun_s

    def _sync_names(self) -> None:
        """Make the file's name durable, and those of the folders that were made for it."""
        folder = Path(self.path).parent
        _sync_folder(str(folder))
        while str(folder) in self._new_folders:
            _sync_folder(str(folder.parent))
            self._new_folders.pop(str(folder), None)
            folder = folder.parent


@dataclass(slots=True)
class LiveDisk:
    """The machine's tree of files."""

    _locks: dict[str, int] = field(default_factory=dict)
    _new_folders: dict[str, None] = field(default_factory=dict)
    """Those that were made, and whose names are not yet durable."""

    def open(self, path: str, *, create: bool = False) -> LiveFile:
        """Open for reading and writing; ``create`` makes it (and its parents) if missing."""
        flags = os.O_RDWR | os.O_CLOEXEC
        try:
            return LiveFile(path, os.open(path, flags))
        except FileNotFoundError:
            if not create:
                raise
        self._make_folder(Path(path).parent)
        descriptor = os.open(path, flags | os.O_CREAT, 0o644)
        return LiveFile(path, descriptor, self._new_folders, _unnamed=True)

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""
        return Path(path).exists()

    def list(self, path: str) -> list[str]:
        """Names in a folder, sorted; empty if it does not exist."""
        try:
            return sorted(os.listdir(path))  # noqa: PTH208 - names are wanted, not paths
        except (FileNotFoundError, NotADirectoryError):
            return []

    def remove(self, path: str) -> None:
        """Remove a file; silent if it is not there."""
        Path(path).unlink(missing_ok=True)

    def rename(self, source: str, target: str) -> None:
        """Replace ``target`` with ``source`` in one step."""
        Path(source).replace(target)

    async def sync_folder(self, path: str) -> None:
        """Return once every earlier removal and renaming in a folder is durable."""
        await asyncio.get_running_loop().run_in_executor(None, _sync_folder, path)

    def modified_ms(self, path: str) -> int:
        """When the file was last written, by the wall clock."""
        return Path(path).stat().st_mtime_ns // 1_000_000

    def used_ratio(self, path: str) -> float:
        """How full the file system of ``path`` is, in whole percents as ``df`` rounds them."""
        place = Path(path)
        while not place.exists():
            place = place.parent
        found = os.statvfs(place)
        used = found.f_blocks - found.f_bfree
        usable = used + found.f_bavail
        return ceil(100 * used / usable) / 100 if usable else 1.0

    def lock(self, path: str) -> Callable[[], None]:
        """Take the exclusive lock on a file and return its release; ``OSError`` if it is held."""
        self._make_folder(Path(path).parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.pwrite(descriptor, b"lock", 0)
        except OSError:
            os.close(descriptor)
            raise
        self._locks[path] = descriptor

        def release() -> None:
            if self._locks.pop(path, None) is not None:
                os.close(descriptor)

        return release

    def _make_folder(self, folder: Path) -> None:
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        self._new_folders |= {str(one): None for one in missing}
