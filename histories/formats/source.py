"""A file of lines, plain or compressed, in chunks of whole lines.

``chunks`` gives megabytes of text that end with a newline, and at last what follows the last
newline, which may be a torn line. ``line_at`` reads single lines again later, from the place
where they stand; for a compressed file that place is in an unnamed temporary copy, made when it
is first needed.
"""

import gzip
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO, cast

import zstandard

from histories.errors import HistoryError

__all__ = ["Source"]

CHUNK = 1 << 20

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_COPY = 1 << 20


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

    def chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """Give the text in pieces that end with a newline; the last piece may have none."""
        rest: list[bytes] = []
        with self._open() as file:
            while data := self._read(file, size):
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
        if not self._magic.startswith(_GZIP) and self._magic != _ZSTD:
            return self.path.open("rb")
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the source
        with self._open() as file:
            while data := self._read(file, _COPY):
                copy.write(data)
        return copy


def _stamp(path: Path) -> tuple[int, int]:
    """Tell two states of a file apart."""
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns
