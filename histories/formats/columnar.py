"""Columns on disk are the columns in memory: one ``.npy`` each, mapped and not read.

    history.jsonl.columns/   tables.json  index.npy time.npy ... deliveries_row.npy ... places.npy

Beside a history the folder is a cache: it is used as long as the history's size and time are
those that ``tables.json`` names, so a check does not parse text twice. Whole ops are still read
from the history itself; a folder that stands alone has them in its own ``ops.jsonl``. A column
that no op uses has no file.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from histories.columns import MESSAGE_COLUMNS, OP_COLUMNS, Array, Columns
from histories.errors import HistoryError
from histories.formats import jsonl
from histories.formats.line_ops import LineOps
from histories.formats.lines import read_lines
from histories.formats.source import Source
from histories.formats.tables import names_of, restored, saved
from histories.history import History, HistoryInfo
from histories.values import NONE

__all__ = ["cache_of", "fresh_cache", "is_folder", "read_columns", "write_cache", "write_columns"]

_TABLES = "tables.json"
_PLACES = "places.npy"
_OPS = "ops.jsonl"


def cache_of(path: Path) -> Path:
    """Name the folder of a history's columns."""
    return path.with_name(f"{path.name}.columns")


def is_folder(path: Path) -> bool:
    """Tell whether this is a folder of columns."""
    return (path / _TABLES).is_file()


def fresh_cache(path: Path) -> Path | None:
    """Give the folder of a history's columns, if it is there and the history unchanged."""
    folder = cache_of(path)
    if not is_folder(folder) or not path.is_file():
        return None
    try:
        file = restored((folder / _TABLES).read_bytes(), folder)
    except HistoryError:
        return None
    stat = path.stat()
    stamp = (file.source_size, file.source_time_ns)
    return folder if stamp == (stat.st_size, stat.st_mtime_ns) else None


def write_cache(history: History) -> Path | None:
    """Write the columns beside the JSONL they were read from; None if they were not."""
    path = history.info.path
    if history.info.format != "jsonl" or path is None or not isinstance(history.whole, LineOps):
        return None
    stat = path.stat()
    tables = saved(
        history,
        source=path.name,
        source_size=stat.st_size,
        source_time_ns=stat.st_mtime_ns,
        dense=history.whole.dense,
    )
    with _replaced(cache_of(path)) as building:
        _write(building, history, tables, history.whole)
    return cache_of(path)


def write_columns(history: History, folder: Path) -> None:
    """Write a folder that needs nothing beside it."""
    with _replaced(folder) as building:
        ops = building / _OPS
        with ops.open("wb") as file:
            file.writelines(jsonl.encode_line(op) + b"\n" for op in history.ops())
        whole = read_lines(Source(ops), jsonl.parse_line, "jsonl").whole
        assert isinstance(whole, LineOps), "a file of lines has its ops in its lines"
        _write(building, history, saved(history, source=_OPS), whole)


def read_columns(folder: Path, workload: str | None = None) -> History:
    """Map a folder of columns; nothing is read before it is used."""
    file = restored((folder / _TABLES).read_bytes(), folder)
    tables, nemesis_ops = names_of(file)
    ops = _mapped(folder, "", OP_COLUMNS, file.size)
    deliveries = _mapped(folder, "deliveries_", MESSAGE_COLUMNS, None)
    sends = _mapped(folder, "sends_", MESSAGE_COLUMNS, None)
    columns = Columns(file.size, ops, deliveries, sends, tables)
    source = folder / _OPS if file.source == _OPS else folder.parent / file.source
    rows, places = np.load(folder / _PLACES, mmap_mode="r")
    whole = LineOps(Source(source), jsonl.parse_line, rows, places, file.dense)
    info = HistoryInfo(source, "columns", workload or file.workload, file.torn)
    return History(columns, whole, nemesis_ops, info)


@contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    """Give a new folder that takes the old one's place when it is full, never as a half."""
    building = folder.with_name(f"{folder.name}.{os.getpid()}")
    building.mkdir()
    try:
        yield building
        shutil.rmtree(folder, ignore_errors=True)
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _write(folder: Path, history: History, tables: bytes, whole: LineOps) -> None:
    columns = history.columns
    parts = {"": columns.ops, "deliveries_": columns.deliveries, "sends_": columns.sends}
    for prefix, part in parts.items():
        for name, column in part.items():
            if column.strides != (0,):
                np.save(folder / f"{prefix}{name}.npy", column)
    np.save(folder / _PLACES, np.stack([whole.rows, whole.places]))
    (folder / _TABLES).write_bytes(tables)


def _mapped(
    folder: Path, prefix: str, dtypes: Mapping[str, type[np.signedinteger]], size: int | None
) -> dict[str, Array]:
    """Map the files of one table; the first column says how long it is, if nobody does."""
    mapped: dict[str, Array] = {}
    for name, dtype in dtypes.items():
        path = folder / f"{prefix}{name}.npy"
        if path.exists():
            mapped[name] = np.asarray(np.load(path, mmap_mode="r"))
            size = len(mapped[name])
        else:
            mapped[name] = np.broadcast_to(np.array(NONE, dtype), size or 0)
    return mapped
