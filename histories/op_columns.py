"""Whole ops are written to the columns of a block field by field, not op by op.

A column depends on the order of the ops only by its own table of names, so each can be made at
once. Two tables are shared, by the ops and by the messages in them: that of the queues and that of
the values. These are asked op after op, so that codes go up in the order of the file, however it
is read.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from histories.columns import OP_COLUMNS, Array, Block
from histories.errors import HistoryError
from histories.messages import Message, deliveries, has_messages, queue_of, sends, value_of
from histories.op import Op, OpType
from histories.values import NONE

__all__ = ["put_ops"]

Ints = NDArray[np.int64]

_PLAIN: Mapping[str, Callable[[Op], int | None]] = {
    "index": attrgetter("index"),
    "time": attrgetter("time"),
    "offset": attrgetter("queue_offset"),
    "physical_offset": attrgetter("physical_offset"),
    "crc": attrgetter("crc"),
    "min_offset": attrgetter("min_offset"),
    "max_offset": attrgetter("max_offset"),
    "next_offset": attrgetter("next_offset"),
}
"""Columns of what an op says itself."""

_TYPES = {kind.word: int(kind) for kind in OpType}


def put_ops(block: Block, rows: Ints, ops: Sequence[Op], line: int) -> None:
    """Write each op in its row; ``line`` is that of the block's first row, for errors."""
    tables = block.tables

    def put(name: str, values: Iterable[int | None]) -> None:
        numbers = [NONE if value is None else value for value in values]
        if numbers.count(NONE) < len(numbers):
            block.column(name)[rows] = _column(name, rows, numbers, line)

    for name, field in _PLAIN.items():
        put(name, map(field, ops))
    put("process", [tables.process(op.process) for op in ops])
    put("type", _types(rows, ops, line))
    put("f", tables.fs.codes(op.f for op in ops))
    put("node", tables.nodes.codes(op.node for op in ops))
    put("status", tables.statuses.codes(op.status for op in ops))
    put("group", tables.groups.codes(op.group for op in ops))
    put("attempts", map(_attempts_of, ops))
    for name, numbers in _messages(block, rows, ops).items():
        put(name, numbers)


def _messages(block: Block, rows: Ints, ops: Sequence[Op]) -> dict[str, list[int]]:
    """Write the messages in the ops; give the columns that share their tables."""
    code, id = block.tables.queues.code, block.tables.values.id
    found: dict[str, list[int]] = {"queue": [], "value": []}
    put_queue, put_value = found["queue"].append, found["value"].append

    def lines(row: int, messages: Iterable[Message]) -> list[tuple[int, ...]]:
        return [
            (row, code(queue), _number(offset), id(value), _number(crc))
            for queue, offset, value, crc in messages
        ]

    taken: list[tuple[int, ...]] = []
    sent: list[tuple[int, ...]] = []
    for row, op in zip(rows.tolist(), ops, strict=True):
        put_queue(code(queue_of(op)))
        put_value(id(value_of(op)))
        if has_messages(op):
            taken += lines(row, deliveries(op))
            sent += lines(row, sends(op))
    if taken:
        block.deliver(*np.array(taken, np.int64).T)
    if sent:
        block.send(*np.array(sent, np.int64).T)
    return found


def _types(rows: Ints, ops: Sequence[Op], line: int) -> list[int]:
    codes = [_TYPES.get(op.type, NONE) for op in ops]
    if NONE in codes:
        place = codes.index(NONE)
        raise HistoryError(
            "type to be invoke, ok, fail or info",
            found=ops[place].type,
            line=line + int(rows[place]),
        )
    return codes


def _column(name: str, rows: Ints, numbers: Sequence[int], line: int) -> Array:
    """Make a column of numbers, if it can hold them."""
    info = np.iinfo(OP_COLUMNS[name])
    with suppress(OverflowError):
        column = np.array(numbers, info.dtype)
        if column.min() >= -info.max:
            return column
    place = next(i for i, number in enumerate(numbers) if not -info.max <= number <= info.max)
    raise HistoryError(
        f"{name} to fit in {info.bits} bits", found=numbers[place], line=line + int(rows[place])
    )


def _attempts_of(op: Op) -> int | None:
    return None if op.attempts is None else sum(attempt.sent for attempt in op.attempts)


def _number(value: object) -> int:
    return value if type(value) is int else NONE
