"""The files of a stopped node: read, flipped, cut, cleared, copied and copied back.

``FolderStore`` is the Store port on a real folder. Commit-log files are sparse and by default a
gigabyte long, so a copy keeps their holes: it writes only what is not zero.

    commitlog/00000000000000000000     named by the physical offset of their first byte
    commitlog/00000000001073741824
    consumequeue/<topic>/<queue>/...
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nemesis.targets import Store

__all__ = ["FolderStore", "log_files", "place_in_log"]

CHUNK = 1 << 20


def log_files(store: Store) -> list[tuple[int, str]]:
    """List the commit log's files, each with the physical offset at which it begins."""
    names = [path for path in store.files() if path.split("/")[-2:-1] == ["commitlog"]]
    return [(int(path.rpartition("/")[2]), path) for path in names if path[-20:].isdigit()]


def place_in_log(store: Store, physical_offset: int) -> tuple[str, int]:
    """Find the file that holds a physical offset, and the position in it.

    ``ValueError`` if no file does.
    """
    holding = [(begin, path) for begin, path in log_files(store) if begin <= physical_offset]
    if holding:
        begin, path = holding[-1]
        if physical_offset - begin < store.size(path):
            return path, physical_offset - begin
    found = ", ".join(str(begin) for begin, _ in log_files(store)) or "none"
    raise ValueError(f"expected a log file with offset {physical_offset}, found files at: {found}")


@dataclass(frozen=True, slots=True)
class FolderStore:
    """A node's store on a real disk; the kept copy lives beside it."""

    root: Path
    copy: Path

    def files(self) -> Sequence[str]:
        """Paths below the root, with ``/``, sorted."""
        found = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file())
        return sorted(path.as_posix() for path in found)

    def size(self, path: str) -> int:
        """Length in bytes."""
        return (self.root / path).stat().st_size

    def read(self, path: str, position: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``position``."""
        with (self.root / path).open("rb") as file:
            file.seek(position)
            return file.read(size)

    def write(self, path: str, position: int, data: bytes) -> None:
        """Overwrite bytes in place."""
        with (self.root / path).open("r+b") as file:
            file.seek(position)
            file.write(data)

    def truncate(self, path: str, size: int) -> None:
        """Cut the file."""
        os.truncate(self.root / path, size)

    def clear(self) -> None:
        """Remove everything but the root itself, which may be a mount."""
        _empty(self.root)

    def snapshot(self) -> None:
        """Keep a copy of everything, in place of any earlier copy."""
        _copy_tree(self.root, self.copy)

    def restore(self) -> None:
        """Put the kept copy back in place of what is there."""
        if not self.copy.is_dir():
            raise FileNotFoundError(f"expected a kept copy at {self.copy}, found none")
        _copy_tree(self.copy, self.root)


def _copy_tree(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    _empty(target)
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir()
        else:
            _copy_sparse(path, place)
            shutil.copystat(path, place)


def _copy_sparse(source: Path, target: Path) -> None:
    """Copy what is data, leave holes where there are holes."""
    with source.open("rb") as read, target.open("wb") as written:
        for begin, end in _extents(read.fileno()):
            read.seek(begin)
            written.seek(begin)
            for place in range(begin, end, CHUNK):
                written.write(read.read(min(CHUNK, end - place)))
        written.truncate(source.stat().st_size)


def _extents(descriptor: int) -> Iterator[tuple[int, int]]:
    """Yield the stretches of a file that hold data; the whole where the system cannot tell."""
    size = os.fstat(descriptor).st_size
    if not hasattr(os, "SEEK_DATA"):
        yield 0, size
        return
    end = 0
    while end < size:
        try:
            begin = os.lseek(descriptor, end, os.SEEK_DATA)
        except OSError:
            return  # No data from here on.
        end = os.lseek(descriptor, begin, os.SEEK_HOLE)
        yield begin, end


def _empty(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
