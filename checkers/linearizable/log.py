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
The first offset of a log is 0; of a queue of ours it is the smallest one that is known.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checkers.linearizable.calls import Calls, Contradiction, calls_of_operations
from checkers.linearizable.operations import Operation
from checkers.messages import NEVER, find
from checkers.verdict import Validity
from histories.history import NONE

__all__ = ["LogAnswer", "linearizable_log", "log_contradiction"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LogAnswer:
    """Whether it is, and if not the operations that contradict each other."""

    validity: Validity
    why: str = ""
    proof: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Records:
    """Records of one log by offset, which is known of each: their bounds, and who says so."""

    offset: Ints
    after: Ints
    before: Ints
    after_by: Ints
    before_by: Ints


def linearizable_log(operations: Iterable[Operation]) -> LogAnswer:
    """Decide for ``append x -> offset`` and ``read offset -> x | nil`` on one log."""
    ops = [op for op in operations if op.f in ("append", "read")]
    calls, values = calls_of_operations(ops, "append")
    found = log_contradiction(calls, first=0)
    if found is None:
        return LogAnswer(Validity.VALID)
    why = found.sentence.format(*(values[value] for value in found.values))
    return LogAnswer(found.validity, why, tuple(ops[place] for place in found.places))


def log_contradiction(calls: Calls, first: int | None) -> Contradiction | None:
    """Decide for the calls of one log, which begins at ``first``, or where it is known to.

    Appends whose log is not known may be in it; None if it is linearizable.
    """
    puts = np.flatnonzero(calls.put)
    puts = puts[np.argsort(calls.value[puts], kind="stable")]
    names = calls.value[puts]
    assert (names[1:] != names[:-1]).all(), "appended values are unique"
    ended = calls.end != NEVER
    nowhere = np.flatnonzero(ended & (calls.offset < 0))
    if len(nowhere):
        why = "an append was answered without an offset"
        return Contradiction("offset", why, (int(nowhere[0]),))
    claims = np.flatnonzero(ended & (calls.value != NONE))
    home = find(names, calls.value[claims])
    unknown = claims[home == NONE]
    if len(unknown):
        at = int(unknown[0])
        why = "{0} was read but never appended"
        return Contradiction("fresh", why, (at,), (int(calls.value[at]),))
    order = np.lexsort((calls.value[claims], calls.offset[claims]))
    claims, source = claims[order], puts[home[order]]
    return _twice(calls, claims) or _schedule(calls, claims, source, puts, first)


def _twice(calls: Calls, claims: Ints) -> Contradiction | None:
    """Find two values at one offset, or one value at two; claims are by offset and value."""
    offset, value = calls.offset[claims], calls.value[claims]
    both = np.flatnonzero((offset[1:] == offset[:-1]) & (value[1:] != value[:-1]))
    if len(both):
        one, other = int(claims[both[0]]), int(claims[both[0] + 1])
        why = f"offset {int(calls.offset[one])} holds both {{0}} and {{1}}"
        values = int(calls.value[one]), int(calls.value[other])
        return Contradiction("conflict", why, (one, other), values)
    by_value = claims[np.argsort(value, kind="stable")]
    offset, value = calls.offset[by_value], calls.value[by_value]
    both = np.flatnonzero((value[1:] == value[:-1]) & (offset[1:] != offset[:-1]))
    if len(both):
        one, other = int(by_value[both[0]]), int(by_value[both[0] + 1])
        why = f"{{0}} is at offset {int(calls.offset[one])} and at {int(calls.offset[other])}"
        return Contradiction("duplicate", why, (one, other), (int(calls.value[one]),))
    return None


def _schedule(
    calls: Calls, claims: Ints, source: Ints, puts: Ints, first: int | None
) -> Contradiction | None:
    """Choose every t(o) as early as its lower bounds allow, and see whether that is too late."""
    if not len(claims):
        return None
    records = _records(calls, claims, source)
    begin = int(records.offset[0]) if first is None else first
    spare = np.setdiff1d(puts[calls.end[puts] == NEVER], source, assume_unique=True)
    spare = spare[np.argsort(calls.begin[spare], kind="stable")]
    gaps = np.diff(records.offset, prepend=begin - 1) - 1
    count = int(gaps.sum())
    if count > len(spare):
        at = int(np.searchsorted(np.cumsum(gaps), len(spare) + 1))
        hole = int(records.offset[at]) - int(np.cumsum(gaps)[at]) + len(spare)
        top = int(records.offset[-1])
        why = f"offset {hole} is a hole: no append can be there, but offset {top} is known"
        return Contradiction("hole", why, (int(records.before_by[-1]),))
    if (calls.key[spare[:count]] == NONE).any():
        why = f"{count} holes, and it is not known of which logs the pending appends are"
        return Contradiction("hole", why, tuple(spare[:1].tolist()), (), Validity.UNKNOWN)
    records = _filled(calls, records, gaps, spare[:count])
    records = _after_reads_of_nothing(calls, records, begin)

    lower = np.maximum.accumulate(records.after)
    late = np.flatnonzero(lower >= records.before)
    if not len(late):
        # Appends that were acknowledged are all placed; beyond the last offset nothing is claimed.
        return None
    at = int(late[0])
    by = int(records.after_by[int(np.argmax(records.after[: at + 1]))])
    why = f"offset {int(records.offset[at])} was there before it, or an earlier one, can have been"
    return Contradiction("order", f"{why} appended", (int(records.before_by[at]), by))


def _records(calls: Calls, claims: Ints, source: Ints) -> _Records:
    """Give the bounds that appends and reads of a value set."""
    offset = calls.offset[claims]
    heads = np.flatnonzero(np.r_[True, offset[1:] != offset[:-1]])
    # Of the claims of one offset the one that ended first bounds it.
    by_end = np.lexsort((calls.end[claims], offset))
    first = claims[by_end[heads]]
    return _Records(
        offset[heads],
        calls.begin[source[heads]],
        calls.end[first],
        source[heads],
        first,
    )


def _filled(calls: Calls, records: _Records, gaps: Ints, spare: Ints) -> _Records:
    """Put the pending appends in the holes, in order."""
    if not len(spare):
        return records
    behind = np.repeat(records.offset, gaps)
    number = np.arange(len(spare)) - np.repeat(np.cumsum(gaps) - gaps, gaps)
    holes = behind - np.repeat(gaps, gaps) + number
    offset = np.concatenate([records.offset, holes])
    order = np.argsort(offset)
    never = np.full(len(spare), NEVER, np.int64)
    return _Records(
        offset[order],
        np.concatenate([records.after, calls.begin[spare]])[order],
        np.concatenate([records.before, never])[order],
        np.concatenate([records.after_by, spare])[order],
        np.concatenate([records.before_by, spare])[order],
    )


def _after_reads_of_nothing(calls: Calls, records: _Records, begin: int) -> _Records:
    """Bound the records that a read did not find yet."""
    ended = calls.end != NEVER
    nothing = np.flatnonzero(ended & ~calls.put & (calls.value == NONE))
    place = calls.offset[nothing] - begin
    inside = (place >= 0) & (place < len(records.offset))
    nothing, place = nothing[inside], place[inside]
    if not len(nothing):
        return records
    order = np.lexsort((calls.begin[nothing], place))
    nothing, place = nothing[order], place[order]
    last = np.flatnonzero(np.r_[place[1:] != place[:-1], True])
    latest, place = nothing[last], place[last]
    later = calls.begin[latest] > records.after[place]
    after, by = records.after.copy(), records.after_by.copy()
    after[place[later]] = calls.begin[latest[later]]
    by[place[later]] = latest[later]
    return _Records(records.offset, after, records.before, by, records.before_by)
