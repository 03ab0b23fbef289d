"""A history is columns: one row an op in file order, and one row a message delivered.

A million ops as Python objects are half a gigabyte; as columns they are 50 MB, and a checker is
a few numpy calls. Text is interned: ``f``, ``queue`` and ``node`` are codes into the tables
``fs``, ``queues`` and ``nodes``; a value is a number of its own (see ``values``).

    ops         index time process type f queue node value offset physical_offset
                crc status attempts group min_offset max_offset next_offset pair
    deliveries  one row for each message that a pull, drain, dequeue, read or poll returned:
                row (of the op that delivered it) queue offset value crc
    sends       the same for each message that an op tried to put in, invoke and completion alike

``-1`` (``NONE``) means absent in every column. ``pair`` is the row of the op's other end, -1 if
it has none. A log is named by topic and queue, ``TopicMasterSlave/0``; a Jepsen key likewise.
``attempts`` counts the wire requests of which a byte left. What only a few ops carry (errors,
attempts in full, certificates, faults) stays with the op: ``op(row)`` gives it back whole, and
``nemesis_ops`` are at hand as objects. Columns are read-only.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from histories.columns import MESSAGE_COLUMNS, NEMESIS_PROCESS, Array, ColumnBuilder, Columns
from histories.messages import SENDING
from histories.op import NEMESIS, Op, OpType
from histories.op_columns import put_ops
from histories.pairs import paired
from histories.values import NONE, ValueTable

__all__ = [
    "NEMESIS_PROCESS",
    "NONE",
    "Deliveries",
    "History",
    "HistoryInfo",
    "KeptOps",
    "Sends",
    "WholeOps",
]

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Shorts = NDArray[np.int16]
Bytes = NDArray[np.int8]

_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Deliveries:
    """Messages taken out: one row each, in the order of the ops and of the messages in an op."""

    row: Ints  # of the op in the history
    queue: Codes
    offset: Ints
    value: Ints
    crc: Ints

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, slots=True, eq=False)
class Sends:
    """Messages put in, or perhaps put in: one row for each, of an invoke or of a completion."""

    row: Ints  # of the op in the history; its type says how sure it is
    queue: Codes
    offset: Ints
    value: Ints
    crc: Ints

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, slots=True)
class HistoryInfo:
    """Where a history came from, and what its reader had to say."""

    path: Path | None = None
    format: str = "ops"
    workload: str | None = None
    torn: bool = False  # its last line was cut short, and was read over


class WholeOps(Protocol):
    """Where a history's ops are to be had whole: in memory, or in their file."""

    def op(self, row: int) -> Op:
        """Give one."""

    def __iter__(self) -> Iterator[Op]:
        """Give all, in order."""


@dataclass(frozen=True, slots=True)
class KeptOps:
    """Ops that are in memory."""

    kept: Sequence[Op]

    def op(self, row: int) -> Op:
        """Give one."""
        return self.kept[row]

    def __iter__(self) -> Iterator[Op]:
        return iter(self.kept)


class History:
    """What the clients of one run saw, as columns.

    >>> from histories.notation import parse_history
    >>> history = parse_history('''
    ...     0 invoke send a
    ...     0 ok     send a @0/3
    ... ''')
    >>> len(history), history.rows("send", OpType.OK).tolist(), history.offset.tolist()
    (2, [1], [-1, 3])
    >>> history.pair.tolist(), history.op(1).value
    ([1, 0], 'a')
    """

    def __init__(
        self,
        columns: Columns,
        whole: "WholeOps",
        nemesis_ops: Sequence[Op] = (),
        info: HistoryInfo | None = None,
    ) -> None:
        ops, tables = columns.ops, columns.tables
        self.columns = columns
        self.info = info or HistoryInfo()
        self.nemesis_ops = tuple(nemesis_ops)
        self.whole = whole
        self.index: Ints = _as(ops["index"], np.int64)
        self.time: Ints = _as(ops["time"], np.int64)
        self.process: Codes = _as(ops["process"], np.int32)
        self.type: Bytes = _as(ops["type"], np.int8)
        self.f: Shorts = _as(ops["f"], np.int16)
        self.queue: Codes = _as(ops["queue"], np.int32)
        self.node: Shorts = _as(ops["node"], np.int16)
        self.value: Ints = _as(ops["value"], np.int64)
        self.offset: Ints = _as(ops["offset"], np.int64)
        self.physical_offset: Ints = _as(ops["physical_offset"], np.int64)
        self.crc: Ints = _as(ops["crc"], np.int64)
        self.status: Shorts = _as(ops["status"], np.int16)
        self.attempts: Shorts = _as(ops["attempts"], np.int16)
        self.group: Shorts = _as(ops["group"], np.int16)
        self.min_offset: Ints = _as(ops["min_offset"], np.int64)
        self.max_offset: Ints = _as(ops["max_offset"], np.int64)
        self.next_offset: Ints = _as(ops["next_offset"], np.int64)
        self.fs: Sequence[str] = tables.fs.names
        self.queues: Sequence[str] = tables.queues.names
        self.nodes: Sequence[str] = tables.nodes.names
        self.statuses: Sequence[str] = tables.statuses.names
        self.groups: Sequence[str] = tables.groups.names
        self.processes: Sequence[str] = tables.processes.names
        self.values: ValueTable = tables.values
        self.deliveries = Deliveries(**_message_arrays(columns.deliveries))

    @classmethod
    def from_ops(cls, ops: Iterable[Op], info: HistoryInfo | None = None) -> "History":
        """Make a history of ops that are in memory, and stay there."""
        kept: list[Op] = []
        builder = ColumnBuilder()
        stream = iter(ops)
        while chunk := list(islice(stream, _BLOCK)):
            block = builder.block(len(chunk))
            put_ops(block, np.arange(len(chunk)), chunk, len(kept) + 1)
            builder.add(block)
            kept += chunk
        nemesis_ops = [op for op in kept if op.process == NEMESIS]
        return cls(builder.finish(), KeptOps(kept), nemesis_ops, info)

    def __len__(self) -> int:
        return self.columns.size

    def op(self, row: int) -> Op:
        """Give back an op whole, as it was recorded."""
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} of a history of {len(self)} ops")
        return self.whole.op(int(row))

    def ops(self) -> Iterator[Op]:
        """Give back every op, in file order."""
        return iter(self.whole)

    def rows(self, f: str | None = None, type: OpType | None = None) -> Ints:
        """Give the rows of the ops with this function and this type, ascending."""
        wanted = np.ones(len(self), np.bool_) if f is None else self.f == self.f_code(f)
        if type is not None:
            wanted &= self.type == type
        return np.flatnonzero(wanted)

    def calls(self, *fs: str) -> NDArray[np.bool_]:
        """Tell which rows are of one of these functions."""
        wanted = np.zeros(len(self.fs) + 1, np.bool_)  # the last is for -1, that no row has
        wanted[[self.f_code(f) for f in fs]] = True
        wanted[-1] = False
        called: NDArray[np.bool_] = wanted[self.f]
        return called

    def f_code(self, name: str) -> int:
        """Give the code of a function, -1 (which no row has) if no op has it."""
        return self.columns.tables.fs.find(name)

    def queue_code(self, name: str) -> int:
        """Give the code of a queue such as ``TopicMasterSlave/0``, -1 if no op names it."""
        return self.columns.tables.queues.find(name)

    def node_code(self, name: str) -> int:
        """Give the code of a node, -1 if no op names it."""
        return self.columns.tables.nodes.find(name)

    def status_code(self, name: str) -> int:
        """Give the code of a send status, -2 if no op has it (-1 is that of ops without one)."""
        code = self.columns.tables.statuses.find(name)
        return code if code != NONE else NONE - 1

    @cached_property
    def pair(self) -> Codes:
        """The row of each op's other end, -1 if it has none."""
        return paired(self.process, self.type, self.f)

    @cached_property
    def sends(self) -> Sends:
        """Every message put in, whether it is an op of its own or part of a transaction."""
        transacted = _message_arrays(self.columns.sends)
        rows = np.flatnonzero(self.calls(*SENDING) & (self.value != NONE))
        if not len(rows):
            return Sends(**transacted)
        plain = {"row": rows} | {
            name: getattr(self, name)[rows] for name in MESSAGE_COLUMNS if name != "row"
        }
        if not len(transacted["row"]):
            return Sends(**plain)
        order = np.argsort(np.concatenate([plain["row"], transacted["row"]]), kind="stable")
        return Sends(
            **{name: np.concatenate([plain[name], transacted[name]])[order] for name in plain}
        )


def _as(column: Array, dtype: type[np.signedinteger[Any]]) -> NDArray[np.signedinteger[Any]]:
    assert column.dtype == dtype, f"a column of {dtype} has {column.dtype}"
    return column


def _message_arrays(columns: Mapping[str, Array]) -> dict[str, NDArray[np.signedinteger[Any]]]:
    return {name: _as(columns[name], dtype) for name, dtype in MESSAGE_COLUMNS.items()}
