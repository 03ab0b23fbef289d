"""An append-only log with offsets is linearizable: decided exactly, in O(n log n).

Offsets say in which order the appends took effect, so no order has to be searched for. Let t(o)
be the instant at which the record at offset o was appended; t(0) < t(1) < ... All that the
operations say is a bound on some t(o), in rows of the history:

    append -> o              begin < t(o) < end
    read o -> x              t(o) < end of the read
    read o -> nil            t(o) > begin of the read, and so is every later one

A solution exists if and only if for every o the greatest lower bound of offsets up to o is below
the least upper bound of o: then the earliest choice, in order of offsets, works. (An instant
between two rows has room for any number of appends.)

Pending appends: one whose value was read at o is bounded like the others but has no end. One that
nobody read may fill a hole, an offset below the highest known one that no known append took; the
holes, in order, take the pending appends by their beginnings, earliest first, and if that greedy
matching fails none succeeds, since the deadlines of holes do not fall with their offsets.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from checkers.linearizable.operations import Operation
from checkers.verdict import Validity

__all__ = ["LogAnswer", "linearizable_log"]

_NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class LogAnswer:
    """Whether it is, and if not the operations that contradict each other."""

    validity: Validity
    why: str = ""
    proof: tuple[Operation, ...] = ()


@dataclass(slots=True)
class _Bounds:
    """What is known of t(o), and which operations say so."""

    after: int = -1
    before: int = _NEVER
    after_by: Operation | None = None
    before_by: Operation | None = None
    values: dict[Any, Operation] = field(default_factory=dict)

    def later_than(self, row: int, by: Operation) -> None:
        if row > self.after:
            self.after, self.after_by = row, by

    def earlier_than(self, row: int | None, by: Operation) -> None:
        if row is not None and row < self.before:
            self.before, self.before_by = row, by


def linearizable_log(operations: Iterable[Operation]) -> LogAnswer:
    """Decide for ``append x -> offset`` and ``read offset -> x | nil`` on one log."""
    ops = list(operations)
    appends = {op.input: op for op in ops if op.f == "append"}
    assert len(appends) == sum(op.f == "append" for op in ops), "appended values are unique"
    bounds: dict[int, _Bounds] = {}
    ends: list[tuple[int, Operation]] = []  # reads beyond the end: (offset, read)

    for op in ops:
        if op.end is None:
            continue  # pending: an append is found again by its value, a read says nothing
        at = op.output if op.f == "append" else op.input
        value = op.input if op.f == "append" else op.output
        if not isinstance(at, int) or at < 0:
            return LogAnswer(Validity.INVALID, f"an append was answered with {at!r}", (op,))
        if value is None:
            ends.append((at, op))
            continue
        append = appends.get(value)
        if append is None:
            return LogAnswer(Validity.INVALID, f"{value} was read but never appended", (op,))
        bound = bounds.setdefault(at, _Bounds())
        bound.values.setdefault(value, op)
        bound.later_than(append.begin, append)
        bound.earlier_than(append.end, append)
        bound.earlier_than(op.end, op)

    return _contradiction(bounds) or _schedule(bounds, ends, appends)


def _contradiction(bounds: dict[int, _Bounds]) -> LogAnswer | None:
    """Find two values at one offset, or one value at two."""
    places: dict[Any, tuple[int, Operation]] = {}
    for at, bound in sorted(bounds.items()):
        if len(bound.values) > 1:
            one, other = list(bound.values.items())[:2]
            why = f"offset {at} holds both {one[0]} and {other[0]}"
            return LogAnswer(Validity.INVALID, why, (one[1], other[1]))
        for value, op in bound.values.items():
            if value in places:
                why = f"{value} is at offset {places[value][0]} and at {at}"
                return LogAnswer(Validity.INVALID, why, (places[value][1], op))
            places[value] = at, op
    return None


def _schedule(
    bounds: dict[int, _Bounds], ends: list[tuple[int, Operation]], appends: dict[Any, Operation]
) -> LogAnswer:
    """Choose every t(o) as early as its lower bounds allow, and see whether that is too late."""
    length = max(bounds, default=-1) + 1
    row = [bounds.get(at, _Bounds()) for at in range(length)]
    for at, read in ends:
        if at < length:
            row[at].later_than(read.begin, read)

    taken = {value for bound in row for value in bound.values}
    spare = sorted(
        (op for value, op in appends.items() if op.end is None and value not in taken),
        key=lambda op: op.begin,
    )
    for at in range(length):
        if row[at].values:
            continue
        if not spare:
            later = next(iter(row[length - 1].values.values()))
            why = f"offset {at} is a hole: no append can be there, but offset {length - 1} is known"
            return LogAnswer(Validity.INVALID, why, (later,))
        filler = spare.pop(0)
        row[at].later_than(filler.begin, filler)

    for at, (bound, lower) in enumerate(zip(row, accumulate(row, _later), strict=True)):
        if lower.after >= bound.before:
            assert lower.after_by is not None, "a bound of -1 is below every row"
            assert bound.before_by is not None, "only a known bound is below _NEVER"
            why = f"offset {at} was there before it, or an earlier one, can have been appended"
            return LogAnswer(Validity.INVALID, why, (bound.before_by, lower.after_by))
    # Appends that were acknowledged are all placed; beyond the last offset nothing is claimed.
    return LogAnswer(Validity.VALID)


def _later(one: _Bounds, other: _Bounds) -> _Bounds:
    return other if other.after > one.after else one
