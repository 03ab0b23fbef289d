"""A text format is a parser of one line; this reads whole files with it.

Chunk by chunk, common shapes go to the columns at once (see ``shapes``) and the other lines
through the parser. Memory is that of the columns and of one chunk. Ops are not kept: ``op(row)``
reads its line again, found by the place of every 16th.

A last line without its newline that is no op is taken for torn, and read over. Any other line
that is no op is a ``HistoryError`` with its number.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from histories.columns import ColumnBuilder
from histories.errors import HistoryError
from histories.formats.scan import PADDING, Scan, scanned
from histories.formats.shapes import Parser, Shapes
from histories.formats.source import Source
from histories.history import History, HistoryInfo
from histories.op import NEMESIS, Op
from histories.values import NONE

__all__ = ["STRIDE", "LineOps", "LineReader"]

STRIDE = 16
"""Every so manieth op's place in the file is kept, to find the others from."""


class LineReader:
    """The reading of one file; ``read`` does it."""

    def __init__(self, source: Source, parse: Parser, format: str, *, closed: bool = True) -> None:
        self._source = source
        self._parse = parse
        self._format = format
        self._closed = closed  # An op cut short cannot be mistaken for one (JSON: the last brace).
        self._builder = ColumnBuilder()
        self._shapes = Shapes(parse, self._builder.tables)
        self._nemesis_ops: list[Op] = []
        self._places: list[NDArray[np.int64]] = []
        self._offset = 0  # in the text, of the chunk
        self._line = 1  # number of the chunk's first line
        self._torn = False
        self._dense = True
        self._refused: HistoryError | None = None  # what was wrong with the torn line

    def read(self, workload: str | None = None) -> History:
        """Read the whole file."""
        for text in self._source.chunks():
            if text.endswith(b"\n"):
                self._add(scanned(PADDING + text + PADDING))
            else:
                self._add_last(text)
            self._offset += len(text)
        if not self._builder.size:
            raise self._refused or HistoryError(
                "at least one op", found="none", path=self._source.path
            )
        info = HistoryInfo(self._source.path, self._format, workload, self._torn)
        places = np.concatenate(self._places)
        whole = LineOps(self._source, self._parse, places, self._dense)
        return History(self._builder.finish(), whole, self._nemesis_ops, info)

    def _add(self, scan: Scan) -> None:
        block = self._builder.block(len(scan))
        skipped: list[int] = []
        for line in self._shapes.fill(scan, block).tolist():
            op = self._parsed(scan.line(line), line)
            if op is None:
                skipped.append(line)
                continue
            try:
                block.put(line, op)
            except HistoryError as error:
                raise error.at(self._source.path, self._line + line) from error
            if op.process == NEMESIS:
                self._keep(op, line - len(skipped))
        begins = scan.begins
        if skipped:
            kept = np.delete(np.arange(len(scan)), skipped)
            block.keep(kept)
            begins = begins[kept]
            self._dense = False
        self._mark(begins - len(PADDING) + self._offset)
        self._builder.add(block)
        self._line += len(scan)

    def _add_last(self, text: bytes) -> None:
        """Add what follows the last newline, if it is an op."""
        if self._is_op(text):
            self._add(scanned(PADDING + text + b"\n" + PADDING))
        else:
            self._torn = bool(text.strip())

    def _is_op(self, text: bytes) -> bool:
        if not self._closed:
            return False
        try:
            return self._parse(text, NONE) is not None
        except HistoryError as error:
            self._refused = error.at(self._source.path, self._line)
            return False

    def _parsed(self, text: bytes, line: int) -> Op | None:
        try:
            return self._parse(text, NONE)
        except HistoryError as error:
            raise error.at(self._source.path, self._line + line) from error

    def _keep(self, op: Op, place: int) -> None:
        row = self._builder.size + place
        self._nemesis_ops.append(op if op.index != NONE else _indexed(op, row))

    def _mark(self, begins: NDArray[np.int64]) -> None:
        """Remember where every 16th op stands."""
        self._places.append(begins[-self._builder.size % STRIDE :: STRIDE])


@dataclass(frozen=True, slots=True)
class LineOps:
    """The ops of a file of lines, read again one by one."""

    source: Source
    parse: Parser
    places: NDArray[np.int64]  # where every 16th op stands
    dense: bool  # every line is an op

    def op(self, row: int) -> Op:
        """Read one op again."""
        before, ahead = divmod(row, STRIDE)
        lines = iter(self.source.lines_from(int(self.places[before])))
        if self.dense:
            return self._nth(islice(lines, ahead, None), 0, row)
        return self._nth(lines, ahead, row)

    def __iter__(self) -> Iterator[Op]:
        row = 0
        for text in self.source.chunks():
            for line in text.split(b"\n"):
                op = self._op_or_none(line, row, torn=not text.endswith(b"\n"))
                if op is not None:
                    yield op
                    row += 1

    def _nth(self, lines: Iterator[bytes], ahead: int, row: int) -> Op:
        ops = (self.parse(line.rstrip(b"\n"), row) for line in lines)
        return next(islice((op for op in ops if op is not None), ahead, None))

    def _op_or_none(self, line: bytes, row: int, *, torn: bool) -> Op | None:
        try:
            return self.parse(line, row)
        except HistoryError:
            if torn:
                return None
            raise


def _indexed(op: Op, row: int) -> Op:
    fields = {name: getattr(op, name) for name in op.__struct_fields__}
    return Op(**fields | {"index": row})
