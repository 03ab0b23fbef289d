"""A stretch of lines becomes a part of a history: columns, with codes of its own.

Chunk by chunk, common shapes go to the columns at once (see ``shapes``) and the other lines
through the format's parser. Memory is that of the columns and of one chunk. What comes of a
stretch depends on its lines alone, so it does not matter in which process it is read.

A last line without its newline that is no op is taken for torn, and read over. Any other line
that is no op is a ``HistoryError`` with its number.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from histories.columns import ColumnBuilder, Columns
from histories.errors import HistoryError
from histories.formats.line_ops import STRIDE
from histories.formats.scan import PADDING, Scan, scanned
from histories.formats.shapes import Parser, Shapes
from histories.formats.source import Source, Stretch
from histories.formats.transactions import Transactions
from histories.op import NEMESIS, Op
from histories.op_columns import put_ops
from histories.values import NONE

__all__ = ["Part", "read_part"]

_KEPT = 24 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """What stands in a stretch; rows count from its own first op."""

    columns: Columns
    nemesis_ops: Sequence[tuple[int, Op]]  # by row
    rows: NDArray[np.int64]  # of every 16th op
    places: NDArray[np.int64]  # where it stands in the text
    lines: int
    dense: bool  # every line is an op
    torn: bytes  # a last line that is none


def read_part(
    source: Source, stretch: Stretch, parse: Parser, *, closed: bool, line: int = 1
) -> Part:
    """Read a stretch; ``line`` is the number of its first line, for errors.

    ``closed`` tells that an op cut short cannot be mistaken for one (JSON: the last brace).
    """
    _keep_freed_memory()
    return _PartReader(source, stretch, parse, line).read(closed=closed)


def _keep_freed_memory() -> None:
    """Let one chunk's memory serve the next: a big block, once freed, teaches glibc to keep more.

    Without it every chunk's arrays are given back to the kernel, and faulted in anew.
    """
    np.empty(_KEPT, np.uint8)


class _PartReader:
    def __init__(self, source: Source, stretch: Stretch, parse: Parser, line: int) -> None:
        self._source = source
        self._stretch = stretch
        self._parse = parse
        self._builder = ColumnBuilder()
        self._transactions = Transactions(parse, self._builder.tables)
        self._shapes = Shapes(parse, self._builder.tables)
        self._nemesis_ops: list[tuple[int, Op]] = []
        self._rows: list[NDArray[np.int64]] = []
        self._places: list[NDArray[np.int64]] = []
        self._first_line = self._line = line  # number of the chunk's first line
        self._offset = stretch.begin  # in the text, of the chunk
        self._dense = True

    def read(self, *, closed: bool) -> Part:
        torn = b""
        for text in self._source.chunks(self._stretch):
            if text.endswith(b"\n"):
                self._add(scanned(PADDING + text + PADDING))
            elif closed and self._is_op(text):
                self._add(scanned(PADDING + text + b"\n" + PADDING))
            else:
                torn = text
            self._offset += len(text)
        none = np.zeros(0, np.int64)
        return Part(
            self._builder.finish(indexed=False),
            self._nemesis_ops,
            np.concatenate([none, *self._rows]),
            np.concatenate([none, *self._places]),
            self._line - self._first_line,
            self._dense,
            torn,
        )

    def _add(self, scan: Scan) -> None:
        block = self._builder.block(len(scan))
        skipped: list[int] = []
        left = self._shapes.fill(scan, self._transactions.fill(scan, block), block)
        ops: dict[int, Op] = {}
        for line in left.tolist():
            try:
                op = self._parse(scan.line(line), NONE)
            except HistoryError as error:
                raise error.at(self._source.path, self._line + line) from error
            if op is None:
                skipped.append(line)
                continue
            ops[line] = op
            if op.process == NEMESIS:
                self._nemesis_ops.append((self._builder.size + line - len(skipped), op))
        try:
            put_ops(block, np.array(list(ops), np.int64), list(ops.values()), self._line)
        except HistoryError as error:
            raise error.at(self._source.path) from error
        begins = scan.begins
        if skipped:
            kept = np.delete(np.arange(len(scan)), skipped)
            block.keep(kept)
            begins = begins[kept]
            self._dense = False
        self._mark(begins - len(PADDING) + self._offset)
        self._builder.add(block)
        self._line += len(scan)

    def _is_op(self, text: bytes) -> bool:
        try:
            return self._parse(text, NONE) is not None
        except HistoryError:
            return False

    def _mark(self, begins: NDArray[np.int64]) -> None:
        """Remember where every 16th op stands."""
        marked = np.arange(-self._builder.size % STRIDE, len(begins), STRIDE)
        self._rows.append(marked + self._builder.size)
        self._places.append(begins[marked])
