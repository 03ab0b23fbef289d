"""A cell says where an op's column comes from, for all lines of one shape at once.

    Constant   the same in every line: the type, a node's name
    Number     a run of digits: the time, an offset, the value 17
    Pair       two runs: the value 3-17
    Name       a text with one run in it: the queue Orders/3

A cell is found, not written: a line is read whose every number is a marker (see ``shapes``), and
``cell_of`` looks for the markers in what became of it. ``None`` means that this cannot be done
for this column, and the lines of the shape are then read one by one.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from histories.columns import Array, Names, Tables
from histories.formats.scan import Scan
from histories.values import COUNTER_BITS, INTEGER_TAG, INTERNED_TAG, NONE, ValueTable

__all__ = [
    "MARKER",
    "MARKERS_MAX",
    "Cell",
    "Constant",
    "Name",
    "Number",
    "name_cell",
    "number_cell",
    "value_cell",
]

MARKER = 900_000
"""Run k of a line is learnt as the number MARKER + k: six digits, as a producer has at most."""

MARKERS_MAX = 99_999

Ints = NDArray[np.int64]

_LIMITS = {"process": 2**31 - 1}
_NO_LIMIT = 2**63 - 1
_MS = 1_000_000  # OpenChaos tells milliseconds
_TABLE_MAX = 4096
_COUNT_MAX = 100  # a constant counts something in the line, such as its attempts
_PRODUCER_MAX, _COUNTER_MAX = 999_999, 999_999_999_999


@dataclass(frozen=True, slots=True)
class Constant:
    """The same number in every line."""

    number: int

    def read(self, scan: Scan, first: Ints) -> tuple[Array, None]:  # noqa: ARG002
        """Give the column for lines whose first runs are these."""
        return np.broadcast_to(np.int64(self.number), len(first)), None


@dataclass(frozen=True, slots=True)
class Number:
    """The number that a run spells, with a tag or a factor."""

    run: int
    tag: int = 0
    scale: int = 1
    limit: int = _NO_LIMIT

    def read(self, scan: Scan, first: Ints) -> tuple[Array, NDArray[np.bool_] | None]:
        """Give the column, and which of it is out of range, if that can be."""
        numbers = scan.numbers(first + self.run)
        over = None if self.limit == _NO_LIMIT else numbers > self.limit
        if self.scale != 1:
            numbers *= self.scale
        return numbers | self.tag if self.tag else numbers, over


@dataclass(frozen=True, slots=True)
class Pair:
    """A value of a producer and a counter."""

    producer: int
    counter: int

    def read(self, scan: Scan, first: Ints) -> tuple[Array, NDArray[np.bool_]]:
        """Give the column, and which of it does not pack."""
        producers = scan.numbers(first + self.producer)
        counters = scan.numbers(first + self.counter)
        over = (producers > _PRODUCER_MAX) | (counters > _COUNTER_MAX)
        return producers << COUNTER_BITS | counters, over


@dataclass(frozen=True, slots=True)
class Name:
    """The code of a text that differs only in its runs; ``parts`` are the text around them."""

    parts: tuple[str, ...]
    runs: tuple[int, ...]
    names: Names

    def read(self, scan: Scan, first: Ints) -> tuple[Array, None]:
        """Give the column; there are few different names, so each is spelled once."""
        if len(self.runs) == 1:
            return self.looked_up(scan.numbers(first + self.runs[0])), None
        numbers = np.stack([scan.numbers(first + run) for run in self.runs])
        found, places = np.unique(numbers, axis=1, return_inverse=True)
        codes = [self.names.code(self._spelled(column)) for column in found.T.tolist()]
        return np.array(codes, np.int64)[places.reshape(-1)], None

    def looked_up(self, numbers: Ints) -> Array:
        """Give the codes of the names with these numbers, which are as a rule small: by a table."""
        if numbers.max(initial=0) >= _TABLE_MAX:
            found, places = np.unique(numbers, return_inverse=True)
        else:
            found, places = np.flatnonzero(np.bincount(numbers)), numbers
        codes = [self.names.code(self._spelled([number])) for number in found.tolist()]
        if places is not numbers:
            return np.array(codes, np.int64)[places]
        table = np.zeros(int(found[-1]) + 1, np.int64)
        table[found] = codes
        return table[numbers]

    def _spelled(self, numbers: list[int]) -> str:
        ends = [*map(str, numbers), ""]
        return "".join(part + end for part, end in zip(self.parts, ends, strict=True))


Cell = Constant | Number | Pair | Name


def first_run(cell: Cell) -> int:
    """Tell from which run on a cell reads; from none, -1, if it is constant."""
    if isinstance(cell, Constant):
        return NONE
    return cell.run if isinstance(cell, Number) else min(_runs_of(cell))


def _runs_of(cell: Pair | Name) -> tuple[int, ...]:
    return cell.runs if isinstance(cell, Name) else (cell.producer, cell.counter)


def number_cell(column: str, number: int, runs: int) -> Cell | None:
    """Find where a number that stands in the column for itself comes from."""
    scale = _MS if abs(number) > _MS else 1
    if number % scale == 0 and _is_marker(abs(number) // scale, runs):
        limit = _LIMITS.get(column, _NO_LIMIT) // scale
        return Number(
            abs(number) // scale - MARKER, scale=scale if number > 0 else -scale, limit=limit
        )
    if abs(number) > _COUNT_MAX:
        return None
    if column == "process" and number < NONE:
        return None  # A process with a name is the nemesis, whose ops are kept whole.
    return Constant(number)


def name_cell(text: str, names: Names, runs: int) -> Cell | None:
    """Find where a name comes from; ``names`` is the table of the history being read."""
    parts = re.split("[0-9]+", text)
    numbers = [int(digits) for digits in re.findall("[0-9]+", text)]
    if not numbers:
        return Constant(names.code(text))
    if not all(_is_marker(number, runs) for number in numbers):
        return None
    return Name(tuple(parts), tuple(number - MARKER for number in numbers), names)


def value_cell(id: int, learnt: ValueTable, tables: Tables, runs: int) -> Cell | None:
    """Find where a value comes from, by its class."""
    if id & INTEGER_TAG:
        number = id ^ INTEGER_TAG
        return Number(number - MARKER, tag=INTEGER_TAG) if _is_marker(number, runs) else None
    if id & INTERNED_TAG:
        if re.search("[0-9]", learnt.text(id)):
            return None
        return Constant(tables.values.id(learnt.value(id)))
    producer, counter = learnt.producer(id), learnt.counter(id)
    if not (_is_marker(producer, runs) and _is_marker(counter, runs)):
        return None
    return Pair(producer - MARKER, counter - MARKER)


def _is_marker(number: int, runs: int) -> bool:
    """Tell a run's marker from a number that only became of one, as of the 10 in 0x10."""
    return MARKER <= number < MARKER + runs
