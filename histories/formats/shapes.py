"""Lines that differ only in their digits have one shape, and a shape is read once.

A history of five million lines has a dozen shapes: an invoke of an enqueue, its ok, and so on.
So the first line of a shape is read by its format's own parser, slowly and exactly, with every
run of digits replaced by a marker, a number that says which run it was:

    {"index":12,"time":345,"process":7,"type":"ok","f":"dequeue","value":17}
    {"index":900000,"time":900001,"process":900002,"type":"ok","f":"dequeue","value":900003}

Where the markers turn up in the columns is where the digits of all other lines of that shape
belong, and numpy moves them there, a hundred thousand lines at a time. The format does not
matter: JSON, EDN and tab-separated text are all read in this way, at the same speed.

Lists of any length would have any number of shapes: see ``transactions`` for the ones that matter.

Nothing is guessed. A line has a shape only if all its bytes between the digits are compared and
equal. Whatever has none (too rare, numbers like 007, an escape, a nemesis op, digits in a text
that must be interned) is left to the parser, line by line.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from histories.columns import MESSAGE_COLUMNS, NAMED_COLUMNS, Array, Block, Tables
from histories.errors import HistoryError
from histories.formats.cells import (
    MARKER,
    MARKERS_MAX,
    Cell,
    Constant,
    name_cell,
    number_cell,
    value_cell,
)
from histories.formats.scan import Scan
from histories.op import Op
from histories.op_columns import put_ops
from histories.values import NONE

__all__ = ["Meaning", "Parser", "Shape", "Shapes", "learnt", "pieces_of"]

Parser = Callable[[bytes, int], Op | None]
"""Reads one line; the number is the row, for ops without an index. None: there is no op here."""

Ints = NDArray[np.int64]

COMMON = 24
"""Fewer lines of a shape in a chunk than this are read sooner one by one."""

_SHAPES_MAX = 32  # of as many runs and other bytes
_MISSES_MAX = 8
_LITERAL_MAX = 1 << 16
_MESSAGE = [name for name in MESSAGE_COLUMNS if name != "row"]


@dataclass(frozen=True, slots=True)
class Shape:
    """The literal text around the runs of a line, and what the runs mean; None if unknown."""

    pieces: tuple[bytes, ...]
    meaning: "Meaning | None"

    def matching(self, scan: Scan, lines: Ints) -> NDArray[np.bool_]:
        """Tell which of these lines (all have as many runs as this shape) are of this shape."""
        return self._standing(scan, lines, scan.ends[lines])

    def beginning(self, scan: Scan, lines: Ints) -> NDArray[np.bool_]:
        """Tell which of these lines begin with this shape, and go on with one more run."""
        longer = scan.counts[lines] > self.runs
        among = lines[longer]
        longer[longer] = self._standing(scan, among, scan.run_begins[scan.first[among] + self.runs])
        return longer

    def _standing(self, scan: Scan, lines: Ints, last: Ints) -> NDArray[np.bool_]:
        """Tell in which lines the pieces stand around the first runs, up to a last place."""
        first = scan.first[lines]
        places = [scan.begins[lines], *(scan.run_ends[first + run] for run in range(self.runs))]
        ends = [*(scan.run_begins[first + run] for run in range(self.runs)), last]
        same = np.ones(len(lines), np.bool_)
        for place, end, piece in zip(places, ends, self.pieces, strict=True):
            same &= end - place == len(piece)

        # Only where all lengths are right is it safe to look at the bytes.
        alike = np.flatnonzero(same)
        for place, piece in zip(places, self.pieces, strict=True):
            same[alike] &= scan.equal(place[alike], piece)
        return same

    @property
    def runs(self) -> int:
        """How many runs of digits a line of this shape has."""
        return len(self.pieces) - 1


@dataclass(frozen=True, slots=True)
class Meaning:
    """The cells of an op's row and of its messages."""

    columns: Mapping[str, Cell]
    deliveries: tuple[Mapping[str, Cell], ...]
    sends: tuple[Mapping[str, Cell], ...]

    def fill(self, scan: Scan, lines: Ints, block: Block, more: Ints | None = None) -> Ints:
        """Write the lines' ops to their rows of the block; give the lines that did not fit.

        ``more`` is how many more runs each line has than the one that was learnt, all of them
        before those that mean something.
        """
        if not len(lines):
            return lines
        first = scan.first[lines] if more is None else scan.first[lines] + more
        parts = [self.columns, *self.deliveries, *self.sends]
        read: list[dict[str, Array]] = []
        misfit = np.zeros(len(lines), np.bool_)
        for part in parts:
            read.append({})
            for name, cell in part.items():
                read[-1][name], over = cell.read(scan, first)
                if over is not None:
                    misfit |= over
        if misfit.any():
            self.fill(scan, lines[~misfit], block, None if more is None else more[~misfit])
            return lines[misfit]
        for name, numbers in read[0].items():
            block.column(name)[lines] = numbers
        taken = len(self.deliveries)
        for message in read[1 : 1 + taken]:
            block.deliver(lines, **message)
        for message in read[1 + taken :]:
            block.send(lines, **message)
        return lines[:0]


class Shapes:
    """The shapes that were seen in a file so far; it grows with the file."""

    def __init__(self, parse: Parser, tables: Tables) -> None:
        self._parse = parse
        self._tables = tables
        self._known: dict[int, list[Shape]] = {}
        self._misses: Counter[int] = Counter()

    def fill(self, scan: Scan, lines: Ints, block: Block) -> Ints:
        """Write those of some lines that have common shapes to the block; give the others."""
        keys = scan.counts * _LITERAL_MAX + np.minimum(scan.literals, _LITERAL_MAX - 1)
        keys[scan.irregular] = NONE
        keys = keys[lines]
        found, places, counts = np.unique(keys, return_inverse=True, return_counts=True)
        common = (counts >= COMMON) & (found != NONE)
        left = [lines[~common[places]]]
        left += [
            self._fill_alike(int(found[group]), scan, lines[places == group], block)
            for group in np.flatnonzero(common)
        ]
        return np.sort(np.concatenate(left))

    def _fill_alike(self, key: int, scan: Scan, lines: Ints, block: Block) -> Ints:
        """Do the lines with the same number of runs and of other bytes."""
        left: list[Ints] = []
        for known in self._known.get(key, ()):
            lines = self._fill_shape(known, scan, lines, block, left)
        while len(lines) >= COMMON and (shape := self._learnt(key, scan, lines)) is not None:
            lines = self._fill_shape(shape, scan, lines, block, left)
        return np.concatenate([*left, lines])

    def _fill_shape(
        self, shape: Shape, scan: Scan, lines: Ints, block: Block, left: list[Ints]
    ) -> Ints:
        """Write the lines of one shape; give those of others, and leave what did not fit."""
        same = shape.matching(scan, lines)
        matching = lines[same]
        left.append(shape.meaning.fill(scan, matching, block) if shape.meaning else matching)
        return lines[~same]

    def _learnt(self, key: int, scan: Scan, lines: Ints) -> Shape | None:
        """Learn the shape of one of these lines, if enough of them have it."""
        shapes = self._known.setdefault(key, [])
        if self._misses[key] >= _MISSES_MAX or len(shapes) >= _SHAPES_MAX:
            return None
        line = int(lines[self._misses[key] * len(lines) // _MISSES_MAX])
        pieces = pieces_of(scan, line)
        if np.count_nonzero(Shape(pieces, None).matching(scan, lines)) < COMMON:
            self._misses[key] += 1
            return None
        shape = Shape(pieces, learnt(pieces, self._parse, self._tables))
        shapes.append(shape)
        return shape


def pieces_of(scan: Scan, line: int) -> tuple[bytes, ...]:
    """Give the text around the runs of a line."""
    first, last = scan.first[line], scan.first[line + 1]
    bounds = np.stack([scan.run_begins[first:last], scan.run_ends[first:last]], axis=1).ravel()
    cuts = [int(scan.begins[line]), *bounds.tolist(), int(scan.ends[line])]
    return tuple(scan.alike[a:b] for a, b in zip(cuts[::2], cuts[1::2], strict=True))


def learnt(pieces: tuple[bytes, ...], parse: Parser, tables: Tables) -> Meaning | None:
    """Find what the runs between these pieces mean, by reading a line of markers."""
    runs = len(pieces) - 1
    if runs > MARKERS_MAX or any(b"\\" in piece for piece in pieces):
        return None  # Digits after a backslash are no number of their own.
    markers = [b"%d" % (MARKER + run) for run in range(runs)]
    marked = b"".join(a + b for a, b in zip(pieces, [*markers, b""], strict=True))
    scratch = Block(1, Tables())
    try:
        op = parse(marked, NONE)
        if op is None:
            return None
        put_ops(scratch, np.zeros(1, np.int64), [op], 0)
    except HistoryError:
        return None  # The line itself will say what is wrong with it.
    return _meaning(scratch, runs, tables)


def _meaning(scratch: Block, runs: int, tables: Tables) -> Meaning | None:
    """Find the cells of an op that was read with markers; None if there is one it cannot."""

    def cells(numbers: Iterable[tuple[str, int]]) -> dict[str, Cell]:
        found = {name: _cell(name, number, scratch, runs, tables) for name, number in numbers}
        unclear.extend(name for name, cell in found.items() if cell is None)
        return {name: cell for name, cell in found.items() if cell is not None}

    unclear: list[str] = []
    columns = cells((name, int(column[0])) for name, column in scratch.columns.items())
    deliveries, sends = (
        tuple(
            cells(zip(_MESSAGE, line[1:], strict=True))
            for line in ([] if found is None else found.T.tolist())
        )
        for found in (scratch.deliveries(), scratch.sends())
    )
    return None if unclear else Meaning(columns, deliveries, sends)


def _cell(name: str, number: int, scratch: Block, runs: int, tables: Tables) -> Cell | None:
    if number == NONE:
        return Constant(NONE)
    if name == "value":
        return value_cell(number, scratch.tables.values, tables, runs)
    if name in NAMED_COLUMNS:
        text = getattr(scratch.tables, NAMED_COLUMNS[name]).names[number]
        return name_cell(text, getattr(tables, NAMED_COLUMNS[name]), runs)
    return number_cell(name, number, runs)
