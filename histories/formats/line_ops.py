"""Ops of a file of lines are not kept: each is read again from the place where it stands.

The place of every 16th op is known, and the others are found from it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from histories.errors import HistoryError
from histories.formats.shapes import Parser
from histories.formats.source import Source
from histories.op import Op

__all__ = ["STRIDE", "LineOps"]

STRIDE = 16
"""Every so manieth op's place is known."""


@dataclass(frozen=True, slots=True)
class LineOps:
    """The ops of a file of lines, read again one by one."""

    source: Source
    parse: Parser
    rows: NDArray[np.int64]  # of the ops whose places are known, ascending from 0
    places: NDArray[np.int64]  # where they stand in the text
    dense: bool  # every line is an op

    def op(self, row: int) -> Op:
        """Read one op again."""
        before = int(np.searchsorted(self.rows, row, side="right")) - 1
        ahead = row - int(self.rows[before])
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

    def lines(self) -> Iterator[bytes]:
        """Give all lines but blank ones and a torn one: in JSONL, each is an op as it stands."""
        for text in self.source.chunks():
            *lines, last = text.split(b"\n")
            yield from filter(bytes.strip, lines)
            if self._op_or_none(last, 0, torn=True) is not None:
                yield last

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
