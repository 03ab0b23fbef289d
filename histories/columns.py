"""Ops become columns a block at a time, so that no more than a block is ever held as objects.

A ``Block`` is a few ten thousand rows under construction: a reader either puts whole ops in it
(``op_columns``), or fills rows of a column at once. ``ColumnBuilder`` lines the blocks up. A column
that no op of the history uses costs nothing: it is one ``-1`` seen from every row.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from histories.op import NEMESIS
from histories.values import NONE, ValueTable

__all__ = [
    "MESSAGE_COLUMNS",
    "NAMED_COLUMNS",
    "NEMESIS_PROCESS",
    "OP_COLUMNS",
    "Array",
    "Block",
    "ColumnBuilder",
    "Columns",
    "Names",
    "Tables",
]

Array = NDArray[np.signedinteger[Any]]

NEMESIS_PROCESS = -2
"""Stands for the nemesis in the process column; other processes with a name go down from here."""

OP_COLUMNS: Mapping[str, type[np.signedinteger[Any]]] = {
    "index": np.int64,
    "time": np.int64,
    "process": np.int32,
    "type": np.int8,
    "f": np.int16,
    "queue": np.int32,
    "node": np.int16,
    "value": np.int64,
    "offset": np.int64,
    "physical_offset": np.int64,
    "crc": np.int64,
    "status": np.int16,
    "attempts": np.int16,
    "group": np.int16,
    "min_offset": np.int64,
    "max_offset": np.int64,
    "next_offset": np.int64,
}

MESSAGE_COLUMNS: Mapping[str, type[np.signedinteger[Any]]] = {
    "row": np.int64,
    "queue": np.int32,
    "offset": np.int64,
    "value": np.int64,
    "crc": np.int64,
}

NAMED_COLUMNS: Mapping[str, str] = {
    "f": "fs",
    "queue": "queues",
    "node": "nodes",
    "status": "statuses",
    "group": "groups",
}
"""Columns of codes, and the table (of ``Tables``) that says what each means."""

_FIRST_SIZE = 1 << 12
_INT32_MAX = 2**31 - 1


class Names:
    """Text as small numbers, in the order in which it was first seen."""

    __slots__ = ("_codes", "names")

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names: list[str] = []
        self._codes: dict[str | None, int] = {None: NONE}
        for name in names:
            self.code(name)

    def __len__(self) -> int:
        return len(self.names)

    def code(self, name: str | None) -> int:
        """Give the number of a name, a new one if need be; -1 for None."""
        code = self._codes.get(name)
        if code is None:
            assert name is not None, "None has its number from the first"
            code = self._codes[name] = len(self.names)
            self.names.append(name)
        return code

    def codes(self, names: Iterable[str | None]) -> list[int]:
        """Give the numbers of many."""
        return [self.code(name) for name in names]

    def find(self, name: str) -> int:
        """Give the number of a name, or -1, which no name has, if it was never seen."""
        return self._codes.get(name, NONE)


@dataclass(slots=True)
class Tables:
    """What the codes of all columns of one history mean."""

    fs: Names = field(default_factory=Names)
    queues: Names = field(default_factory=Names)
    nodes: Names = field(default_factory=Names)
    statuses: Names = field(default_factory=Names)
    groups: Names = field(default_factory=Names)
    processes: Names = field(default_factory=lambda: Names([NEMESIS]))
    values: ValueTable = field(default_factory=ValueTable)

    def process(self, process: int | str) -> int:
        """Give the number in the process column: its own, or from -2 down for a name."""
        if isinstance(process, int) and 0 <= process <= _INT32_MAX:
            return process
        return NEMESIS_PROCESS - self.processes.code(str(process))


class Block:
    """Consecutive rows of a history under construction, and the messages of their ops."""

    __slots__ = ("_deliveries", "_sends", "columns", "size", "tables")

    def __init__(self, size: int, tables: Tables) -> None:
        self.size = size
        self.tables = tables
        self.columns: dict[str, Array] = {}
        self._deliveries: list[NDArray[np.int64]] = []
        self._sends: list[NDArray[np.int64]] = []

    def column(self, name: str) -> Array:
        """Give a column to write to; it is -1 wherever it is not written."""
        column = self.columns.get(name)
        if column is None:
            column = self.columns[name] = np.full(self.size, NONE, OP_COLUMNS[name])
        return column

    def deliver(
        self, rows: NDArray[np.int64], queue: Array, offset: Array, value: Array, crc: Array
    ) -> None:
        """Add messages delivered, one an element; their order within a row is kept."""
        self._deliveries.append(np.stack([rows, queue, offset, value, crc]).astype(np.int64))

    def send(
        self, rows: NDArray[np.int64], queue: Array, offset: Array, value: Array, crc: Array
    ) -> None:
        """Add messages that transactions sent, likewise."""
        self._sends.append(np.stack([rows, queue, offset, value, crc]).astype(np.int64))

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Drop all rows but these, which have messages only if they are kept."""
        places = np.full(self.size, NONE, np.int64)
        places[rows] = np.arange(len(rows))
        self.columns = {name: column[rows] for name, column in self.columns.items()}
        for messages in (*self._deliveries, *self._sends):
            messages[0] = places[messages[0]]
        self.size = len(rows)

    def deliveries(self) -> NDArray[np.int64] | None:
        """Give the messages delivered as five lines (see MESSAGE_COLUMNS), by row."""
        return _by_row(self._deliveries)

    def sends(self) -> NDArray[np.int64] | None:
        """Give the messages sent by transactions likewise."""
        return _by_row(self._sends)


@dataclass(frozen=True, slots=True)
class Columns:
    """Finished columns by name, each as long as its table."""

    size: int
    ops: Mapping[str, Array]
    deliveries: Mapping[str, Array]
    sends: Mapping[str, Array]
    tables: Tables


class ColumnBuilder:
    """Blocks in the order of the file, copied to columns that grow in place."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.size = 0
        self._ops = {name: _Growing(dtype) for name, dtype in OP_COLUMNS.items()}
        self._deliveries = {name: _Growing(dtype) for name, dtype in MESSAGE_COLUMNS.items()}
        self._sends = {name: _Growing(dtype) for name, dtype in MESSAGE_COLUMNS.items()}

    def block(self, size: int) -> Block:
        """Begin the next block; it counts only once it was added."""
        return Block(size, self.tables)

    def add(self, block: Block) -> None:
        """Take over a block that is complete."""
        messages = (block.deliveries(), block.sends())
        parts = [
            {} if lines is None else dict(zip(MESSAGE_COLUMNS, lines, strict=True))
            for lines in messages
        ]
        self.append(Columns(block.size, block.columns, parts[0], parts[1], self.tables))

    def append(self, columns: Columns) -> None:
        """Take over columns whose codes are those of this builder's tables."""
        for name, growing in self._ops.items():
            growing.append(columns.ops.get(name), columns.size)
        for table, messages in (
            (self._deliveries, columns.deliveries),
            (self._sends, columns.sends),
        ):
            for name, column in messages.items():
                table[name].append(column, len(column), add=self.size if name == "row" else 0)
        self.size += columns.size

    def finish(self, *, indexed: bool = True) -> Columns:
        """Give the columns; the builder is empty then. Ops without an index are given their row."""
        if indexed:
            self._ops["index"].number()
        parts = [
            {name: growing.finish() for name, growing in table.items()}
            for table in (self._ops, self._deliveries, self._sends)
        ]
        return Columns(self.size, parts[0], parts[1], parts[2], self.tables)


class _Growing:
    """A column to append to, in memory that the kernel lengthens, so it is never there twice.

    Twice as much is asked for as is needed; what is never written takes none.
    """

    __slots__ = ("_dtype", "_memory", "_size")

    def __init__(self, dtype: type[np.signedinteger[Any]]) -> None:
        self._dtype = dtype
        self._size = 0
        self._memory: mmap | None = None

    def append(self, block: Array | None, size: int, *, add: int = 0) -> None:
        """Add a block, or as many times -1 if the block has no such column."""
        if block is not None and len(block) and block[0] == NONE and (block == NONE).all():
            block = None
        if size and (block is not None or self._memory is not None):
            added = self._with_room(self._size + size)[self._size :][:size]
            added[:] = NONE if block is None else block
            if add:
                added += add
        self._size += size

    def number(self) -> None:
        """Put its own place wherever there is nothing yet."""
        if self._size:
            column = self._with_room(self._size)[: self._size]
            missing = np.flatnonzero(column == NONE)
            column[missing] = missing

    def finish(self) -> Array:
        """Give the column, which nobody can change any more."""
        if self._memory is None:
            return _absent(self._size, self._dtype)
        column = self._with_room(self._size)[: self._size]
        column.flags.writeable = False
        self._memory = None
        return column

    def _with_room(self, size: int) -> Array:
        """Give the memory as a column of at least this size."""
        needed = size * np.dtype(self._dtype).itemsize
        if self._memory is None:
            flags = MAP_PRIVATE | MAP_ANONYMOUS
            self._memory = mmap(-1, max(2 * needed, _FIRST_SIZE), flags=flags)
            np.frombuffer(self._memory, self._dtype)[: self._size] = NONE
        elif needed > len(self._memory):
            self._memory.resize(2 * needed)  # Nobody else has seen it yet, so it may move.
        return np.frombuffer(self._memory, self._dtype)


def _absent(size: int, dtype: type[np.signedinteger[Any]]) -> Array:
    """Make a column of -1 that takes the memory of one."""
    return np.broadcast_to(np.array(NONE, dtype), size)


def _by_row(messages: list[NDArray[np.int64]]) -> NDArray[np.int64] | None:
    if not messages:
        return None
    joined = np.concatenate(messages, axis=1)
    rows = joined[0]
    if (rows[1:] >= rows[:-1]).all():
        return joined
    return joined[:, np.argsort(rows, kind="stable")]
