"""A history is written op by op, so converting needs no more memory than reading.

The name of the file says the format: ``.jsonl``, ``.edn``, ``.txt`` (Jepsen's), ``.tsv``
(OpenChaos's), ``.parquet``, ``.columns``; the text formats also with ``.gz`` or ``.zst`` behind.
JSONL, EDN and Parquet hold every field of every op; the others what they have columns for.
"""

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, cast

import zstandard

from histories.errors import HistoryError
from histories.formats import columnar, parquet
from histories.formats.read import LINES, read_history
from histories.history import History
from histories.op import Op

__all__ = ["convert_history", "read_ops", "write_history", "write_ops"]

_SUFFIXES = {".jsonl": "jsonl", ".edn": "edn", ".txt": "jepsen", ".tsv": "openchaos"}


def read_ops(path: str | Path) -> Iterator[Op]:
    """Read the ops of a history one after the other."""
    return read_history(path).ops()


def write_history(history: History, path: str | Path) -> None:
    """Write a history in the format that the file's name says."""
    path = Path(path)
    if path.suffix == ".parquet":
        parquet.write_parquet(history, path)
    elif path.suffix == ".columns":
        columnar.write_columns(history, path)
    else:
        write_ops(history.ops(), path)


def write_ops(ops: Iterable[Op], path: str | Path) -> int:
    """Write ops in a text format, one a line; give their number."""
    path = Path(path)
    encode = LINES[_format(path)].encode_line
    count = 0
    with _created(path) as file:
        for op in ops:
            file.write(encode(op) + b"\n")
            count += 1
    return count


def convert_history(source: str | Path, target: str | Path) -> int:
    """Write what one file holds to another; give the number of ops."""
    history = read_history(source)
    write_history(history, target)
    return len(history)


def _format(path: Path) -> str:
    suffixes = [suffix for suffix in path.suffixes if suffix not in {".gz", ".zst"}]
    format = _SUFFIXES.get(suffixes[-1] if suffixes else "")
    if format is None:
        known = ", ".join([*_SUFFIXES, ".parquet", ".columns"])
        raise HistoryError(f"a name that ends with {known}", found=path.name)
    return format


def _created(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "wb", compresslevel=6))
    if path.suffix == ".zst":
        compressor = zstandard.ZstdCompressor(level=3)
        return cast("IO[bytes]", compressor.stream_writer(path.open("wb"), closefd=True))
    return path.open("wb", buffering=1 << 20)
