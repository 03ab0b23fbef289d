"""A disk that keeps what was not synced in the process, so that SIGKILL is a power cut.

Reads see every write. Only ``sync`` carries a file's bytes to the disk beneath, page by page:
a kill before it leaves the file as the last sync left it, a kill within it may tear.

    made, removed, renamed    at once: as a journal would keep it, without the bytes in it
    written, cut, stretched   at the next sync of that file

So a file that was made and never synced is there and empty: as on a real disk after a power cut.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from broker.ports import Disk, File

__all__ = ["VolatileDisk", "VolatileFile"]

PAGE: Final = 4096
_ZEROS: Final = bytes(PAGE)


@dataclass(slots=True)
class Unsynced:
    """What one path holds more, or less, than the disk beneath."""

    size: int  # as readers see it
    kept: int  # bytes of the file beneath that are still valid: it was cut to this
    pages: dict[int, bytearray] = field(default_factory=dict)
    stretched: bool = False  # whether the length itself was changed


@dataclass(slots=True)
class VolatileFile:
    """An open file whose unsynced pages live in the process."""

    path: str
    _beneath: File
    _state: Unsynced

    def size(self) -> int:
        """Its length in bytes."""
        return self._state.size

    def read(self, position: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``position``; fewer only at the end of the file."""
        state = self._state
        size = min(size, state.size - position)
        if size <= 0:
            return b""
        if not state.pages and position + size <= state.kept:
            return self._beneath.read(position, size)
        first, last = position // PAGE, (position + size - 1) // PAGE
        data = b"".join(self._page(number) for number in range(first, last + 1))
        return data[position - first * PAGE :][:size]

    def write(self, position: int, data: bytes | bytearray | memoryview) -> None:
        """Write all of ``data``, into the process."""
        view, state = memoryview(data), self._state
        while view:
            number, within = divmod(position, PAGE)
            page = state.pages.get(number)
            if page is None:
                page = state.pages[number] = bytearray(self._page(number))
            part = view[: PAGE - within]
            page[within : within + len(part)] = part
            position, view = position + len(part), view[len(part) :]
        state.size = max(state.size, position)

    def truncate(self, size: int) -> None:
        """Cut or extend (with zeros) to ``size``."""
        state = self._state
        if size < state.size:
            edge, within = divmod(size, PAGE)
            if within:
                page = bytearray(self._page(edge))
                page[within:] = bytes(PAGE - within)
                state.pages[edge] = page
            for number in [n for n in state.pages if n * PAGE >= size]:
                del state.pages[number]
            state.kept = min(state.kept, size)
        state.size, state.stretched = size, True

    async def sync(self) -> None:
        """Carry every page to the disk beneath, and return once it is durable there."""
        state = self._state
        if state.stretched:
            if state.kept < self._beneath.size():
                self._beneath.truncate(state.kept)
            self._beneath.truncate(state.size)
            state.kept, state.stretched = state.size, False
        while state.pages:
            number, page = next(iter(state.pages.items()))
            room = state.size - number * PAGE
            self._beneath.write(number * PAGE, page if room >= PAGE else page[:room])
            del state.pages[number]
        state.kept = max(state.kept, state.size)
        await self._beneath.sync()

    def close(self) -> None:
        """Give the descriptor back; what is not synced stays with the disk, not with the file."""
        self._beneath.close()

    def _page(self, number: int) -> bytes | bytearray:
        """Give one whole page as readers see it, with zeros behind the end."""
        page = self._state.pages.get(number)
        if page is not None:
            return page
        valid = min(PAGE, self._state.kept - number * PAGE)
        if valid <= 0:
            return _ZEROS
        return self._beneath.read(number * PAGE, valid).ljust(PAGE, b"\0")


@dataclass(slots=True)
class VolatileDisk:
    """A disk before another that forgets, with the process, whatever was not synced."""

    beneath: Disk
    _unsynced: dict[str, Unsynced] = field(default_factory=dict)

    def open(self, path: str, *, create: bool = False) -> VolatileFile:
        """Open for reading and writing; ``create`` makes it (and its parents) if missing."""
        file = self.beneath.open(path, create=create)
        state = self._unsynced.get(path)
        if state is None:
            size = file.size()
            state = self._unsynced[path] = Unsynced(size, size)
        return VolatileFile(path, file, state)

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""
        return self.beneath.exists(path)

    def list(self, path: str) -> list[str]:
        """Names in a folder, sorted; empty if it does not exist."""
        return self.beneath.list(path)

    def remove(self, path: str) -> None:
        """Remove a file; silent if it is not there."""
        self.beneath.remove(path)
        self._unsynced.pop(path, None)

    def rename(self, source: str, target: str) -> None:
        """Replace ``target`` with ``source`` in one step."""
        self.beneath.rename(source, target)
        self._unsynced.pop(target, None)
        state = self._unsynced.pop(source, None)
        if state is not None:
            self._unsynced[target] = state

    async def sync_folder(self, path: str) -> None:
        """Return once every earlier removal and renaming in a folder is durable."""
        await self.beneath.sync_folder(path)

    def modified_ms(self, path: str) -> int:
        """When the file was last written to the disk beneath, by the wall clock."""
        return self.beneath.modified_ms(path)

    def used_ratio(self, path: str) -> float:
        """How full the file system of ``path`` is, from 0.0 to 1.0."""
        return self.beneath.used_ratio(path)

    def lock(self, path: str) -> Callable[[], None]:
        """Take the exclusive lock on a file and return its release; ``OSError`` if it is held."""
        return self.beneath.lock(path)
