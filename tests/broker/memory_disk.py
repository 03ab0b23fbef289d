"""A disk in memory that can lose power, run full and fail at the Nth effect.

Reads see every write. A power cut keeps, of each sector written since its file's last sync, the
old or the new bytes as the rng draws; and of the names made, removed or changed in a folder since
that folder was synced, the first few. A failed sync leaves its sectors clean and not durable, as
Linux does: only what is written again reaches the disk later.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from errno import EIO, ENOENT, ENOSPC
from random import Random

from broker.ports import Ports

SECTOR = 512


@dataclass(slots=True)
class Inode:
    data: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    dirty: dict[int, None] = field(default_factory=dict)  # sectors
    modified_ms: int = 0

    def keep(self, sector: int) -> None:
        """Make one sector durable, as long as the file now is."""
        at = sector * SECTOR
        if len(self.durable) < at:
            self.durable.extend(bytes(at - len(self.durable)))
        self.durable[at : at + SECTOR] = self.data[at : at + SECTOR]


@dataclass(slots=True)
class MemoryFile:
    path: str
    disk: "MemoryDisk"
    inode: Inode
    closed: bool = False

    def size(self) -> int:
        return len(self.inode.data)

    def read(self, position: int, size: int) -> bytes:
        assert not self.closed, "no one reads a closed file"
        assert position >= 0, "no one reads before the beginning"
        return bytes(self.inode.data[position : position + size])

    def write(self, position: int, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed, "no one writes a closed file"
        try:
            self.disk.effect("write", self.path)
        except OSError:
            self._write(position, bytes(data)[: len(data) // 2])
            raise
        self._write(position, bytes(data))

    def truncate(self, size: int) -> None:
        self.disk.effect("truncate", self.path)
        old = len(self.inode.data)
        if size < old:
            del self.inode.data[size:]
        else:
            self.inode.data.extend(bytes(size - old))
        for sector in range(min(size, old) // SECTOR, max(size, old) // SECTOR + 1):
            self.inode.dirty[sector] = None

    async def sync(self) -> None:
        inode = self.inode
        sectors = list(inode.dirty)
        inode.dirty.clear()
        self.disk.effect("sync", self.path)
        snapshot = bytes(inode.data)
        await asyncio.sleep(0)
        for sector in sectors:
            at = sector * SECTOR
            if len(inode.durable) < at:
                inode.durable.extend(bytes(at - len(inode.durable)))
            inode.durable[at : at + SECTOR] = snapshot[at : at + SECTOR]
        del inode.durable[len(snapshot) :]
        if len(inode.durable) < len(snapshot):
            inode.durable.extend(bytes(len(snapshot) - len(inode.durable)))
        self.disk.keep_names(self.disk.folder_of(self.path))

    def close(self) -> None:
        self.closed = True

    def _write(self, position: int, data: bytes) -> None:
        inode = self.inode
        end = position + len(data)
        if len(inode.data) < end:
            inode.data.extend(bytes(end - len(inode.data)))
        inode.data[position:end] = data
        for sector in range(position // SECTOR, (max(end, position + 1) - 1) // SECTOR + 1):
            inode.dirty[sector] = None
        inode.modified_ms = self.disk.now_ms


@dataclass(slots=True)
class MemoryDisk:
    names: dict[str, Inode] = field(default_factory=dict)
    durable_names: dict[str, Inode] = field(default_factory=dict)
    journal: list[dict[str, Inode | None]] = field(default_factory=list)
    now_ms: int = 0
    used: float = 0.1
    full: bool = False
    effects: int = 0
    fail_at: int | None = None
    fail_for_good: bool = False
    failed: int = 0
    locked: dict[str, None] = field(default_factory=dict)

    def effect(self, kind: str, path: str) -> None:
        """Count an effect, and fail it if it is its turn."""
        self.effects += 1
        hit = self.fail_at is not None and (
            self.effects == self.fail_at or (self.fail_for_good and self.effects > self.fail_at)
        )
        if hit:
            self.failed += 1
            raise OSError(EIO, f"{kind} number {self.effects} failed", path)
        if self.full and kind == "write":
            raise OSError(ENOSPC, "no space left", path)

    def open(self, path: str, *, create: bool = False) -> MemoryFile:
        inode = self.names.get(path)
        if inode is None:
            if not create:
                raise FileNotFoundError(ENOENT, "no such file", path)
            inode = self.names[path] = Inode(modified_ms=self.now_ms)
            self.journal.append({path: inode})
        return MemoryFile(path, self, inode)

    def exists(self, path: str) -> bool:
        return path in self.names or any(name.startswith(f"{path}/") for name in self.names)

    def list(self, path: str) -> list[str]:
        begin = f"{path}/"
        found = {
            name[len(begin) :].split("/")[0]: None for name in self.names if name.startswith(begin)
        }
        return sorted(found)

    def remove(self, path: str) -> None:
        if self.names.pop(path, None) is not None:
            self.journal.append({path: None})

    def rename(self, source: str, target: str) -> None:
        inode = self.names.pop(source)
        self.names[target] = inode
        self.journal.append({source: None, target: inode})

    async def sync_folder(self, path: str) -> None:
        self.effect("sync", path)
        self.keep_names(path)

    def modified_ms(self, path: str) -> int:
        return self.names[path].modified_ms

    def used_ratio(self, path: str) -> float:
        return self.used

    def lock(self, path: str) -> Callable[[], None]:
        if path in self.locked:
            raise BlockingIOError(f"{path} is locked")
        self.locked[path] = None
        return lambda: self.locked.pop(path, None)

    @staticmethod
    def folder_of(path: str) -> str:
        return path.rpartition("/")[0]

    def keep_names(self, folder: str) -> None:
        """Make a folder's names durable, as a sync of it does."""
        left = []
        for change in self.journal:
            if self.folder_of(next(iter(change))) == folder:
                self._keep(change)
            else:
                left.append(change)
        self.journal = left

    def _keep(self, change: dict[str, Inode | None]) -> None:
        for name, inode in change.items():
            if inode is None:
                self.durable_names.pop(name, None)
            else:
                self.durable_names[name] = inode

    def process_crash(self) -> None:
        """The process dies: the page cache survives, locks do not."""
        self.locked.clear()

    def power_cut(self, rng: Random) -> None:
        """The machine dies: what was not synced is there or not, sector by sector."""
        self.locked.clear()
        for change in self.journal[: rng.randrange(len(self.journal) + 1)]:
            self._keep(change)
        self.journal.clear()
        self.names = dict(self.durable_names)
        for inode in self.names.values():
            if len(inode.data) != len(inode.durable) and rng.random() < 0.5:
                size = len(inode.data)
                del inode.durable[size:]
                inode.durable.extend(bytes(size - len(inode.durable)))
            for sector in inode.dirty:
                if sector * SECTOR < len(inode.durable) and rng.random() < 0.5:
                    length = len(inode.durable)
                    inode.keep(sector)
                    del inode.durable[length:]
            inode.dirty.clear()
            inode.data = bytearray(inode.durable)


@dataclass(slots=True)
class MemoryClock:
    time_ms: int = 1_700_000_000_000

    def now_ms(self) -> int:
        self.time_ms += 1
        return self.time_ms


def memory_ports(disk: MemoryDisk, crash_point: Callable[[str], None] | None = None) -> Ports:
    return Ports(
        None,  # type: ignore[arg-type] - a store has no network
        disk,
        MemoryClock(),
        Random(0),
        crash_point or (lambda _name: None),
    )
