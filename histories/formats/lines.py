"""A text format is a parser of one line; this reads whole files with it.

A big file is read in parts (see ``part``) by as many processes as there are cores, and joined
here in the order of the file. How many processes there are changes nothing but the time.
"""

from contextlib import closing
from functools import partial

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from histories.columns import ColumnBuilder, Columns
from histories.errors import HistoryError
from histories.formats.line_ops import LineOps
from histories.formats.part import Part, read_part
from histories.formats.shapes import Parser
from histories.formats.source import Source, Stretch
from histories.formats.workers import cores, in_order
from histories.history import History, HistoryInfo
from histories.op import Op
from histories.recoding import recoded
from histories.values import NONE

__all__ = ["read_lines"]

STRETCH = 1 << 24
"""Bytes: a file of at least twice as many is read in parts."""


def read_lines(
    source: Source,
    parse: Parser,
    format: str,
    workload: str | None = None,
    *,
    closed: bool = True,
    processes: int | None = None,
) -> History:
    """Read a whole file, by so many processes; by as many as there are cores if none is said."""
    read = partial(read_part, source, parse=parse, closed=closed)
    stretches = source.stretches(STRETCH)
    whole = _Whole()
    with closing(in_order(partial(_or_none, read), stretches, processes or cores())) as parts:
        for stretch, part in zip(stretches, parts, strict=True):
            # What could not be read elsewhere is read here, where its error has its line.
            whole.add(part or read(stretch, line=whole.lines + 1))
    if not whole.size:
        raise _nothing(source, parse, whole, closed=closed)
    info = HistoryInfo(source.path, format, workload, bool(whole.torn.strip()))
    ops = LineOps(
        source, parse, np.concatenate(whole.rows), np.concatenate(whole.places), whole.dense
    )
    return History(whole.columns(), ops, whole.nemesis_ops, info)


def _or_none(read: "partial[Part]", stretch: Stretch) -> Part | None:
    try:
        return read(stretch)
    except HistoryError:
        return None


def _nothing(source: Source, parse: Parser, whole: "_Whole", *, closed: bool) -> HistoryError:
    """Say why a file has no op: the one line that was taken for torn may be something else."""
    try:
        if closed:
            parse(whole.torn, NONE)
    except HistoryError as error:
        return error.at(source.path, whole.lines + 1)
    return HistoryError("at least one op", found="none", path=source.path)


class _Whole:
    """Parts, joined in the order of the file."""

    def __init__(self) -> None:
        self._builder = ColumnBuilder()
        self.size = self.lines = 0
        self.rows: list[NDArray[np.int64]] = []
        self.places: list[NDArray[np.int64]] = []
        self.nemesis_ops: list[Op] = []
        self.dense = True
        self.torn = b""

    def add(self, part: Part) -> None:
        """Take over the next part."""
        self._builder.append(recoded(part.columns, self._builder.tables))
        self.nemesis_ops += [_indexed(op, self.size + row) for row, op in part.nemesis_ops]
        self.rows.append(part.rows + self.size)
        self.places.append(part.places)
        self.size += part.columns.size
        self.lines += part.lines
        self.dense = self.dense and part.dense
        self.torn = part.torn

    def columns(self) -> Columns:
        """Give the columns of all."""
        return self._builder.finish()


def _indexed(op: Op, row: int) -> Op:
    return structs.replace(op, index=row) if op.index == NONE else op
