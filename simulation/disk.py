"""A disk that forgets what was not fsynced, and can tear, fail and fill.

Each file has two contents: what every reader sees (the page cache) and what is durable. A write
goes to the first; ``sync`` makes the first the second. A process crash changes nothing. A power
cut keeps what was durable, plus for each file a part of the writes since, drawn by the rng: a
prefix of them in order, the last of which may be torn: only its beginning is there, or only some
of its sectors. Names are durable at once (RocketMQ's stores never rely on more, and a lost rename
is a fault of its own).

    full        writes raise ENOSPC, before a byte of them is written
    failing     syncs raise EIO, and as on Linux what they were to make durable never will be
    slow        syncs take that long in virtual time
"""

import asyncio
import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from simulation.hosts import PROCESS, Process

__all__ = ["SimulatedDisk", "SimulatedFile"]


SECTOR = 512


@dataclass(slots=True)
class _Content:
    """One file: what is seen, what is durable, and the writes in between."""

    seen: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)  # None: truncated to
    synced: int = 0  # writes that became durable, over the file's life
    modified_ms: int = 0


class SimulatedDisk:
    """The disk of one host; it outlives the host's processes."""

    def __init__(self, rng: Random, sync_ms: float = 1.0) -> None:
        self.full = False
        self.failing = False
        self.slow_ms = 0.0
        self._rng = rng
        self._sync_ms = sync_ms
        self._files: dict[str, _Content] = {}
        self._locks: dict[str, Process] = {}
        self._now_ms: Callable[[], int] = lambda: 0

    def use_clock(self, now_ms: Callable[[], int]) -> None:
        """Take modification times from this clock."""
        self._now_ms = now_ms

    def open(self, path: str, *, create: bool = False) -> "SimulatedFile":
        """Open a file; ``FileNotFoundError`` if it is not there and not to be made."""
        if path not in self._files:
            if not create:
                raise FileNotFoundError(errno.ENOENT, "no such file", path)
            self._files[path] = _Content(modified_ms=self._now_ms())
        return SimulatedFile(self, path, self._files[path])

    def exists(self, path: str) -> bool:
        """Whether it is a file, or a folder with something in it."""
        return path in self._files or any(name.startswith(f"{path}/") for name in self._files)

    def list(self, path: str) -> list[str]:
        """Names directly below a folder, sorted."""
        prefix = f"{path}/"
        below = [name[len(prefix) :] for name in self._files if name.startswith(prefix)]
        return sorted(dict.fromkeys(name.split("/")[0] for name in below))

    def paths(self) -> Sequence[str]:
        """Every file, sorted."""
        return sorted(self._files)

    def damage(self, path: str, position: int, data: bytes | None) -> None:
        """Change what is seen and what is durable alike; None cuts the file at ``position``."""
        content = self._files[path]
        for image in (content.seen, content.durable):
            _apply(image, position, data)

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""
        self._files.pop(path, None)

    def rename(self, source: str, target: str) -> None:
        """Replace ``target`` with ``source``."""
        self._files[target] = self._files.pop(source)

    async def sync_folder(self, path: str) -> None:
        """Return at once: names are durable here as soon as they are given."""

    def modified_ms(self, path: str) -> int:
        """When it was last written, by the host's clock."""
        return self._files[path].modified_ms

    def used_ratio(self, path: str) -> float:  # noqa: ARG002 -- one file system a host
        """How full it is: all or nothing, as the nemesis says."""
        return 1.0 if self.full else 0.1

    def lock(self, path: str) -> Callable[[], None]:
        """Take a lock that dies with the process that holds it."""
        holder = self._locks.get(path)
        if holder is not None and holder.alive:
            raise BlockingIOError(errno.EAGAIN, "locked by a running node", path)
        self._locks[path] = PROCESS.get()

        def unlock() -> None:
            self._locks.pop(path, None)

        return unlock

    def cut_power(self) -> dict[str, int]:
        """Forget what was not durable; how many bytes each file's end went back."""
        lost = {}
        for path, content in self._files.items():
            before = len(content.seen)
            _forget(content, self._rng)
            if len(content.seen) != before:
                lost[path] = before - len(content.seen)
        return lost

    def wipe(self) -> None:
        """Lose everything: an empty disk in place of the old one."""
        self._files.clear()

    def snapshot(self) -> dict[str, bytes]:
        """Copy every file as it is seen now."""
        return {path: bytes(content.seen) for path, content in self._files.items()}

    def restore(self, files: dict[str, bytes]) -> None:
        """Put a snapshot in the place of everything."""
        self._files = {
            path: _Content(bytearray(data), bytearray(data), modified_ms=self._now_ms())
            for path, data in files.items()
        }

    def touch(self, content: _Content) -> None:
        """Note that a file is written now."""
        content.modified_ms = self._now_ms()

    async def sync(self, content: _Content) -> None:
        """Make what was written before the call durable, in virtual time."""
        target = content.synced + len(content.pending)
        await asyncio.sleep((self._sync_ms + self.slow_ms) / 1e3)
        done = max(target - content.synced, 0)  # a later sync may have been faster
        if self.failing:
            del content.pending[:done]  # the pages are clean now: no later sync writes them
            content.synced += done
            raise OSError(errno.EIO, "the disk failed to sync")
        for position, data in content.pending[:done]:
            _apply(content.durable, position, data)
        del content.pending[:done]
        content.synced += done


class SimulatedFile:
    """An open file, cut off from the disk when its process dies."""

    def __init__(self, disk: SimulatedDisk, path: str, content: _Content) -> None:
        self._disk = disk
        self._path = path
        self._content = content
        self._process = PROCESS.get()

    @property
    def path(self) -> str:
        """The path it was opened by."""
        return self._path

    def size(self) -> int:
        """Its length as every reader sees it."""
        return len(self._content.seen)

    def read(self, position: int, size: int) -> bytes:
        """Bytes as every reader sees them."""
        return bytes(self._content.seen[position : position + size])

    def write(self, position: int, data: bytes | bytearray | memoryview) -> None:
        """Write to the page cache; ENOSPC on a full disk."""
        self._fence()
        if self._disk.full:
            raise OSError(errno.ENOSPC, "no space left on device", self._path)
        chunk = bytes(data)
        _apply(self._content.seen, position, chunk)
        self._content.pending.append((position, chunk))
        self._disk.touch(self._content)

    def truncate(self, size: int) -> None:
        """Cut or extend with zeros."""
        self._fence()
        _apply(self._content.seen, size, None)
        self._content.pending.append((size, None))
        self._disk.touch(self._content)

    async def sync(self) -> None:
        """Make everything written so far durable."""
        self._fence()
        await self._disk.sync(self._content)

    def close(self) -> None:
        """Nothing is held."""

    def _fence(self) -> None:
        if not self._process.alive:
            raise OSError(errno.EBADF, "the process that opened it is dead", self._path)


def _apply(content: bytearray, position: int, data: bytes | None) -> None:
    """Do a write, or with None a truncation, on an image of a file."""
    if data is None:
        del content[position:]
        content.extend(bytes(position - len(content)))
        return
    if position > len(content):
        content.extend(bytes(position - len(content)))
    content[position : position + len(data)] = data


def _forget(content: _Content, rng: Random) -> None:
    """Go back to the durable image plus a drawn prefix of the writes since."""
    kept = rng.randint(0, len(content.pending))
    image = content.durable
    for position, data in content.pending[:kept]:
        _apply(image, position, data)
    if kept < len(content.pending) and rng.random() < 0.5:
        position, data = content.pending[kept]
        if data:
            _tear(image, position, data, rng)
    content.seen = image
    content.durable = bytearray(image)
    content.pending.clear()


def _tear(image: bytearray, position: int, data: bytes, rng: Random) -> None:
    """Do a part of a write: its beginning, or some of the sectors that it touches."""
    if rng.random() < 0.5:
        _apply(image, position, data[: rng.randint(1, len(data))])
        return
    end = position + len(data)
    for sector in range(position - position % SECTOR, end, SECTOR):
        if rng.random() < 0.5:
            first, last = max(position, sector), min(end, sector + SECTOR)
            _apply(image, first, data[first - position : last - position])
