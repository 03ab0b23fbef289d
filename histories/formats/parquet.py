"""Parquet, for DuckDB, pandas and whoever else: a row an op, columns with the names of ours.

Functions, queues, nodes, statuses and types are text; ``value`` is the number that ``values``
defines; messages are lists, one element a message. ``op`` holds each op whole, as JSON, so that
nothing is lost and a Parquet file converts back to any other format. What the codes of values
mean is in the file's metadata.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from histories.columns import (
    MESSAGE_COLUMNS,
    NAMED_COLUMNS,
    OP_COLUMNS,
    Array,
    ColumnBuilder,
    Columns,
    Tables,
)
from histories.errors import HistoryError
from histories.formats import jsonl
from histories.formats.line_ops import LineOps
from histories.formats.tables import names_of, restored, saved
from histories.history import History, HistoryInfo
from histories.op import Op, OpType
from histories.values import NONE

__all__ = ["read_parquet", "write_parquet"]

_GROUP = 1 << 16
_TABLES = b"mqhavoc"
_TYPES = [kind.word for kind in OpType]
_MESSAGES = ("deliveries", "sends")
_LISTED = [name for name in MESSAGE_COLUMNS if name != "row"]
_ASCENDING = ("index", "time", "value", "offset", "physical_offset")
_WRITING = {
    "compression": "zstd",
    "use_dictionary": ["type", *NAMED_COLUMNS],
    "column_encoding": dict.fromkeys(_ASCENDING, "DELTA_BINARY_PACKED"),
}
"""Numbers that ascend are written as steps: half the size, and read in two thirds of the time."""


def write_parquet(history: History, path: Path) -> None:
    """Write a history, a row group at a time."""
    pa, pq = _pyarrow()
    ops = _encoded(history)
    writer = None
    for begin in range(0, len(history), _GROUP):
        end = min(begin + _GROUP, len(history))
        arrays = _op_arrays(pa, history, begin, end)
        for name in _MESSAGES:
            arrays |= _message_arrays(pa, name, history, begin, end)
        lines = pa.array(list(islice(ops, end - begin)), pa.binary())
        arrays["op"] = lines.cast(pa.string())
        table = pa.table(arrays).replace_schema_metadata({_TABLES: saved(history)})
        writer = writer or pq.ParquetWriter(path, table.schema, **_WRITING)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def read_parquet(path: Path, workload: str | None = None) -> History:
    """Read a history that ``write_parquet`` wrote, a row group at a time."""
    pa, pq = _pyarrow()
    builder = ColumnBuilder()
    try:
        file = pq.ParquetFile(path)
        metadata = (file.schema_arrow.metadata or {}).get(_TABLES)
        if metadata is None:
            raise HistoryError("a Parquet file that mqhavoc wrote", path=path)
        tables_file = restored(metadata, path)
        names = _used(file.metadata)
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=names)
            builder.append(_columns(table, tables_file.names, builder.tables))
    except pa.ArrowException as error:
        raise HistoryError(f"a readable Parquet file: {error}", path=path) from error
    tables, nemesis_ops = names_of(tables_file)
    columns = replace(builder.finish(), tables=tables)
    info = HistoryInfo(path, "parquet", workload or tables_file.workload, tables_file.torn)
    return History(columns, _ParquetOps(file), nemesis_ops, info)


def _used(metadata: Any) -> list[str]:
    """Name the columns that hold something; most histories leave half of them empty."""
    names = []
    for column in range(metadata.num_columns):
        name = metadata.schema.column(column).path.split(".")[0]
        groups = (metadata.row_group(n).column(column) for n in range(metadata.num_row_groups))
        if name != "op" and any(_has_something(name, group.statistics) for group in groups):
            names.append(name)
    return names


def _has_something(name: str, statistics: Any) -> bool:
    if statistics is None or not statistics.has_min_max:
        return statistics is None or statistics.null_count < statistics.num_values
    # The values of messages say how many there are.
    return name.endswith("_value") or (statistics.min, statistics.max) != (NONE, NONE)


@dataclass(slots=True)
class _ParquetOps:
    """The ops of a Parquet file; one row group is kept, as ops are mostly asked for in order."""

    file: Any
    group: int = -1
    lines: Sequence[str] = field(default_factory=list)

    def op(self, row: int) -> Op:
        """Read one op again."""
        self._load(row // _GROUP)
        return self._parsed(self.lines[row % _GROUP], row)

    def __iter__(self) -> Iterator[Op]:
        row = 0
        for group in range(self.file.num_row_groups):
            self._load(group)
            for line in list(self.lines):
                yield self._parsed(line, row)
                row += 1

    def _load(self, group: int) -> None:
        if group != self.group:
            table = self.file.read_row_group(group, columns=["op"])
            self.group, self.lines = group, table.column("op").to_pylist()

    @staticmethod
    def _parsed(line: str, row: int) -> Op:
        op = jsonl.parse_line(line.encode(), row)
        assert op is not None, "every row has an op"
        return op


def _encoded(history: History) -> Iterator[bytes]:
    """Give every op as JSON: lines that are JSON already are not read and written again."""
    whole = history.whole
    if isinstance(whole, LineOps) and whole.parse is jsonl.parse_line:
        return whole.lines()
    return map(jsonl.encode_line, whole)


def _pyarrow() -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow as pa  # noqa: PLC0415 - it is optional
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise HistoryError(
            "pyarrow, to read and write Parquet",
            hint="install it with: pip install mqhavoc[parquet]",
        ) from error
    return pa, pq


def _op_arrays(pa: ModuleType, history: History, begin: int, end: int) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for name in OP_COLUMNS:
        column = getattr(history, name)[begin:end]
        if name == "type":
            arrays[name] = _named(pa, column, _TYPES)
        elif name in NAMED_COLUMNS:
            arrays[name] = _named(pa, column, getattr(history, NAMED_COLUMNS[name]))
        else:
            missing = column == NONE
            arrays[name] = pa.array(np.array(column), mask=missing if missing.any() else None)
    return arrays


def _named(pa: ModuleType, codes: Array, names: Sequence[str]) -> Any:
    indices = pa.array(codes.astype(np.int32), mask=codes == NONE)
    return pa.DictionaryArray.from_arrays(indices, pa.array(names, pa.string()))


def _message_arrays(
    pa: ModuleType, part: str, history: History, begin: int, end: int
) -> dict[str, Any]:
    """Give a table of messages as list columns: for each op, the messages that are its own."""
    columns = getattr(history.columns, part)
    bounds = np.searchsorted(columns["row"], np.arange(begin, end + 1))
    offsets = pa.array((bounds - bounds[0]).astype(np.int32))
    return {
        f"{part}_{name}": pa.ListArray.from_arrays(
            offsets, pa.array(np.array(columns[name][bounds[0] : bounds[-1]]))
        )
        for name in _LISTED
    }


def _columns(table: Any, names: Mapping[str, Sequence[str]], tables: Tables) -> Columns:
    """Give the columns of a row group; those that are not there are absent."""
    ops = {
        name: _op_column(table.column(name), name, names)
        for name in OP_COLUMNS
        if name in table.column_names
    }
    deliveries, sends = (_messages(table, part) for part in _MESSAGES)
    return Columns(len(table), ops, deliveries, sends, tables)


def _op_column(column: Any, name: str, names: Mapping[str, Sequence[str]]) -> Array:
    if name != "type" and name not in NAMED_COLUMNS:
        return _numbers(column, OP_COLUMNS[name])
    known = _TYPES if name == "type" else names[NAMED_COLUMNS[name]]
    codes = {text: code for code, text in enumerate(known)}
    parts = []
    for chunk in column.chunks:
        own = [codes[text] for text in chunk.dictionary.to_pylist()]
        parts.append(np.array([*own, NONE])[_numbers(chunk.indices, np.int64)])
    return np.concatenate(parts).astype(OP_COLUMNS[name])


def _messages(table: Any, part: str) -> dict[str, Array]:
    """Give the columns of a table of messages, from lists of which one says how long they are."""
    lists = {
        name: table.column(f"{part}_{name}").combine_chunks()
        for name in _LISTED
        if f"{part}_{name}" in table.column_names
    }
    if not lists:
        return {}
    counts = np.diff(np.asarray(lists["value"].offsets))
    rows = np.repeat(np.arange(len(counts)), counts)
    absent = np.broadcast_to(np.int64(NONE), len(rows))
    columns = {"row": rows} | dict.fromkeys(_LISTED, absent)
    return columns | {name: _numbers(list.flatten(), np.int64) for name, list in lists.items()}


def _numbers(column: Any, dtype: type[np.signedinteger[Any]]) -> Array:
    """Give a numeric column with -1 for null."""
    filled = column.fill_null(NONE) if column.null_count else column
    return np.asarray(filled).astype(dtype, copy=False)
