"""Calls that put values in and took them out, as columns: what the exact checks work on.

A call is one row: an enqueue or append (``put``), or a dequeue or read of one value. The interval
is in rows of the history, as in ``operations``. A drain is as many dequeues as it returned
messages, and so is a pull. Failed calls did not happen, and are left out; one without an ok
completion is pending: its ``end`` is NEVER, and what it returned is not known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checkers.linearizable.operations import Operation
from checkers.messages import NEVER, find
from checkers.verdict import Validity
from histories.history import NEMESIS_PROCESS, NONE, History
from histories.op import OpType

__all__ = ["Calls", "Contradiction", "calls_of_log", "calls_of_operations", "calls_of_queue"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Which calls cannot all have been; ``sentence`` has a place for each of ``values``."""

    pattern: str
    sentence: str
    places: tuple[int, ...]  # in the columns
    values: tuple[int, ...] = ()
    validity: Validity = Validity.INVALID


@dataclass(frozen=True, slots=True, eq=False)
class Calls:
    """One row a call."""

    begin: Ints
    end: Ints
    put: Bools
    value: Ints  # NONE: nil, or not known
    offset: Ints  # of a log; NONE if not known
    key: Ints  # which queue or log; NONE if not known

    def only(self, which: Bools) -> "Calls":
        """Give some of them."""
        return Calls(
            self.begin[which],
            self.end[which],
            self.put[which],
            self.value[which],
            self.offset[which],
            self.key[which],
        )


def calls_of_queue(history: History) -> Calls:
    """Give enqueues and dequeues."""
    begin, end = _calls(history)
    code = history.f[begin]
    put = code == history.f_code("enqueue")
    queue = history.queue[begin].astype(np.int64)
    values = history.value[begin]

    taking = np.isin(code, [history.f_code("dequeue"), history.f_code("drain")])
    # An ok dequeue that gave nothing was answered empty, and so was none of a drain.
    single = ~put & taking & (code == history.f_code("dequeue"))
    gave = np.zeros(len(history), np.bool_)
    gave[history.deliveries.row] = True
    silent = single & ((end == NEVER) | ~gave[np.where(end == NEVER, 0, end)])
    lone = put | silent
    taken = _taken(history, begin[taking & ~silent], end[taking & ~silent])
    nothing = np.full(int(lone.sum()), NONE, np.int64)
    ours = Calls(
        begin[lone], end[lone], put[lone], np.where(put, values, NONE)[lone], nothing, queue[lone]
    )
    return _joined(ours, taken)


def calls_of_log(history: History) -> Calls:
    """Give appends and reads; our own sends and pulls are such, of one log a queue.

    A pull that returned nothing says nothing: it may be of the slave, which may be behind.
    """
    begin, end = _calls(history)
    ended = end != NEVER
    last = np.where(ended, end, begin)
    code = history.f[begin]
    sent, appended = (code == history.f_code(f) for f in ("send", "append"))
    read = code == history.f_code("read")
    # A send of ours whose answer has no offset went somewhere, at some time.
    end = np.where(sent & (history.offset[last] == NONE), NEVER, end)
    ended = end != NEVER
    pulled = np.isin(code, [history.f_code("pull"), history.f_code("drain")]) & ended

    queue = np.where(history.queue[last] != NONE, history.queue[last], history.queue[begin])
    key = np.where(sent, queue, NONE).astype(np.int64)
    key[appended | read] = 0
    # append x -> offset, read offset -> x: whole numbers, in the column of values.
    given, got = history.value[begin], history.value[last]
    offset = np.where(sent, np.where(ended, history.offset[last], NONE), NONE)
    offset = np.where(appended & ended, _whole(got), offset)
    offset = np.where(read, _whole(given), offset)
    value = np.where(read, np.where(ended, got, NONE), given)
    lone = sent | appended | read
    put = sent | appended
    ours = Calls(begin[lone], end[lone], put[lone], value[lone], offset[lone], key[lone])
    taken = _taken(history, begin[pulled], end[pulled])
    return _joined(ours, taken.only(taken.offset != NONE))


def calls_of_operations(
    operations: Sequence[Operation], put: str
) -> tuple[Calls, Mapping[int, Any]]:
    """Make columns of operations, and tell the values behind the numbers."""
    numbers: dict[Any, int] = {}

    def number(value: Any) -> int:
        return NONE if value is None else numbers.setdefault(value, len(numbers))

    puts = np.array([op.f == put for op in operations], np.bool_)
    ins = [op.input if op.f == put else op.output for op in operations]
    places = [op.output if op.f == put else op.input for op in operations]
    known = [place if isinstance(place, int) else NONE for place in places]
    calls = Calls(
        np.array([op.begin for op in operations], np.int64),
        np.array([NEVER if op.end is None else op.end for op in operations], np.int64),
        puts,
        np.array([number(value) for value in ins], np.int64),
        np.array(known, np.int64),
        np.zeros(len(operations), np.int64),
    )
    return calls, {code: value for value, code in numbers.items()}


def _calls(history: History) -> tuple[Ints, Ints]:
    """Give the rows of every client call that happened, or may have: its ends."""
    begin = history.rows(type=OpType.INVOKE)
    begin = begin[history.process[begin] != NEMESIS_PROCESS]
    end = history.pair[begin].astype(np.int64)
    kind = np.where(end == NONE, OpType.INFO, history.type[end])
    end[kind != OpType.OK] = NEVER
    happened = kind != OpType.FAIL
    return begin[happened], end[happened]


def _taken(history: History, begin: Ints, end: Ints) -> Calls:
    """Give a call for each message that these ok ops returned."""
    messages = history.deliveries
    order = np.argsort(end)
    place = find(end[order], messages.row)
    known = place != NONE
    op = order[place[known]]
    return Calls(
        begin[op],
        end[op],
        np.zeros(len(op), np.bool_),
        messages.value[known],
        messages.offset[known],
        messages.queue[known].astype(np.int64),
    )


def _joined(one: Calls, other: Calls) -> Calls:
    names = ("begin", "end", "put", "value", "offset", "key")
    return Calls(*(np.concatenate([getattr(one, n), getattr(other, n)]) for n in names))


def _whole(values: Ints) -> Ints:
    """Give the whole numbers behind values, NONE for any other value."""
    tagged = (values >> 62 == 1) & (values != NONE)
    return np.where(tagged, values & ((1 << 62) - 1), NONE)
