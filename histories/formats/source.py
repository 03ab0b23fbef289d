"""A file of lines, plain or compressed, in chunks of whole lines.

``chunks`` gives megabytes of text that end with a newline, and at last what follows the last
newline, which may be a torn line. A file that is not compressed can be cut into ``stretches`` of
whole lines, each to be read for itself. ``lines_from`` reads single lines again later, from the
place where they stand; for a compressed file that place is in an unnamed temporary copy, made
when it is first needed.
"""

import gzip
import sys
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, BinaryIO, cast

import zstandard

from histories.errors import HistoryError

__all__ = ["Source", "Stretch"]

CHUNK = 1 << 20

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_COPY = 1 << 20


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole lines of a text, from one place to another; the last one may be torn."""

    begin: int = 0
    end: int = sys.maxsize


class Source:
    """One text file of a history, opened as often as needed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seekable: IO[bytes] | None = None
        self._magic = self._head()
        self._stamp = _stamp(path)

    def head(self, size: int) -> bytes:
        """Give the first bytes of the text."""
        with self._open() as file:
            return self._read(file, size)

    def stretches(self, size: int) -> Sequence[Stretch]:
        """Cut the text at line ends into an even number of stretches of about this size.

        A text of less than two of them, or a compressed one, is one stretch.
        """
        whole = self._stamp[0]
        if whole < 2 * size or self._is_compressed:
            return [Stretch()]
        count = -(-whole // (2 * size)) * 2
        with self.path.open("rb") as file:
            ends = [_line_end(file, whole * place // count) for place in range(1, count)]
        cuts = [0, *(end for end in dict.fromkeys(ends) if end < whole), sys.maxsize]
        return [Stretch(begin, end) for begin, end in pairwise(cuts)]

    def chunks(self, stretch: Stretch | None = None, size: int = CHUNK) -> Iterator[bytes]:
        """Give the text in pieces that end with a newline; the last piece may have none."""
        stretch = stretch or Stretch()
        rest: list[bytes] = []
        with self._open() as file:
            left = stretch.end - file.seek(stretch.begin)
            while data := self._read(file, min(size, left)):
                left -= len(data)
                end = data.rfind(b"\n") + 1
                if end:
                    yield b"".join([*rest, memoryview(data)[:end]])
                    rest = [data[end:]]
                else:
                    rest.append(data)
        if last := b"".join(rest):
            yield last

    def lines_from(self, offset: int) -> IO[bytes]:
        """Give the text from an offset on, as a file to read lines from."""
        if _stamp(self.path) != self._stamp:
            raise HistoryError("the file as it was when it was read", path=self.path)
        if self._seekable is None:
            self._seekable = self._made_seekable()
        self._seekable.seek(offset)
        return self._seekable

    def close(self) -> None:
        """Let go of the file, if it was read again."""
        if self._seekable is not None:
            self._seekable.close()
            self._seekable = None

    def __del__(self) -> None:
        self.close()

    @property
    def _is_compressed(self) -> bool:
        return self._magic.startswith(_GZIP) or self._magic == _ZSTD

    def _head(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                return file.read(4)
        except OSError as error:
            raise HistoryError(f"a file to read: {error.strerror}", path=self.path) from error

    def _open(self) -> BinaryIO:
        if self._magic.startswith(_GZIP):
            return cast("BinaryIO", gzip.open(self.path, "rb"))
        if self._magic == _ZSTD:
            reader = zstandard.ZstdDecompressor().stream_reader(
                self.path.open("rb"), read_across_frames=True, closefd=True
            )
            return cast("BinaryIO", reader)
        return self.path.open("rb")

    def _read(self, file: BinaryIO, size: int) -> bytes:
        """Read, and take a compressed file that was cut off for one that ends there."""
        parts: list[bytes] = []
        try:
            while size > 0 and (part := file.read1(size)):  # type: ignore[attr-defined]
                parts.append(part)
                size -= len(part)
        except EOFError:
            pass
        except (OSError, zlib.error, zstandard.ZstdError) as error:
            raise HistoryError(f"a readable file: {error}", path=self.path) from error
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _made_seekable(self) -> IO[bytes]:
        if not self._is_compressed:
            return self.path.open("rb")
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the source
        with self._open() as file:
            while data := self._read(file, _COPY):
                copy.write(data)
        return copy


def _line_end(file: BinaryIO, place: int) -> int:
    """Give where the line that stands there ends, behind its newline."""
    file.seek(place)
    file.readline()
    return file.tell()


def _stamp(path: Path) -> tuple[int, int]:
    """Tell two states of a file apart."""
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns
