"""A FIFO queue with unique values is linearizable: four bad patterns decide it, in O(n log n).

A complete history is linearizable if and only if it has none of these (Henzinger, Sezgin and
Vafeiadis, *Aspect-Oriented Linearizability Proofs*, 2013; "<" is: ended before the other began):

    fresh    a value is dequeued that was never enqueued, or before its enqueue began
    repeat   a value is dequeued twice
    order    enq(a) < enq(b), and deq(b) < deq(a); a value that stays counts as dequeued last
    witness  a dequeue found the queue empty, but at every instant of it some value was surely in:
             its enqueue had ended and its dequeue had not begun

Pending operations. An enqueue without an answer that was never dequeued did not happen; one that
was has an open end. A dequeue without an answer may have taken any one value that nobody else
got: that can only excuse a value that stayed too long. Each such value a has a deadline, the
first end of a dequeue of a b with enq(a) < enq(b), before which a pending dequeue must have begun;
deadlines are matched with pending dequeues, earliest with earliest. Only where a pending dequeue
may be what made the queue empty for a witness is which value it took a search, and the answer
``UNKNOWN``: ask the general one.

Newer work (Lee and Mathur 2024; Abdulla et al. 2025) proves such patterns with more care; this
code is held against the exhaustive search on all small histories that Hypothesis can draw.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checkers.linearizable.operations import Operation
from checkers.verdict import Validity

__all__ = ["FifoAnswer", "linearizable_fifo"]

_NEVER = 1 << 62
_Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FifoAnswer:
    """Whether it is, and if not which pattern the operations of the proof make."""

    validity: Validity
    pattern: str = ""  # fresh, repeat, order or witness
    why: str = ""
    proof: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True)
class _Queue:
    """Enqueues and their dequeues as columns, one row a value."""

    enqueues: Sequence[Operation]
    dequeues: Sequence[Operation | None]
    enq_begin: _Rows
    enq_end: _Rows
    deq_begin: _Rows
    deq_end: _Rows


def linearizable_fifo(operations: Iterable[Operation]) -> FifoAnswer:
    """Decide for ``enqueue x`` and ``dequeue -> x | nil`` on one queue."""
    ops = list(operations)
    enqueues = {op.input: op for op in ops if op.f == "enqueue"}
    assert len(enqueues) == sum(op.f == "enqueue" for op in ops), "enqueued values are unique"
    taken: dict[Any, Operation] = {}
    empties, pending = [], []
    for op in ops:
        if op.f != "dequeue":
            continue
        if op.end is None:
            pending.append(op)
        elif op.output is None:
            empties.append(op)
        elif (answer := _misplaced(op, enqueues, taken)) is not None:
            return answer
        else:
            taken[op.output] = op

    queue = _columns(enqueues, taken)
    order = _order(queue, sorted(op.begin for op in pending))
    if order is not None:
        return order
    witness = _witness(queue, empties)
    if witness is None:
        # What pending dequeues took can only have made the queue emptier.
        return FifoAnswer(Validity.VALID)
    if not pending:
        return witness
    why = f"{len(pending)} pending dequeues may or may not explain an empty answer"
    return FifoAnswer(Validity.UNKNOWN, "witness", why, witness.proof)


def _misplaced(
    op: Operation, enqueues: dict[Any, Operation], taken: dict[Any, Operation]
) -> FifoAnswer | None:
    """Find the patterns that one dequeue makes alone: fresh and repeat."""
    enqueue = enqueues.get(op.output)
    if enqueue is None:
        return FifoAnswer(Validity.INVALID, "fresh", f"{op.output} was never enqueued", (op,))
    assert op.end is not None, "only completed dequeues have an output"
    if op.end < enqueue.begin:
        why = f"{op.output} was dequeued before its enqueue began"
        return FifoAnswer(Validity.INVALID, "fresh", why, (op, enqueue))
    if op.output in taken:
        why = f"{op.output} was dequeued twice"
        return FifoAnswer(Validity.INVALID, "repeat", why, (taken[op.output], op))
    return None


def _columns(enqueues: dict[Any, Operation], taken: dict[Any, Operation]) -> _Queue:
    """Put values in columns; an enqueue that is pending and was not dequeued did not happen."""
    real = [op for value, op in enqueues.items() if op.end is not None or value in taken]
    dequeues = [taken.get(op.input) for op in real]

    def column(rows: Iterable[int | None]) -> _Rows:
        return np.array([_NEVER if row is None else row for row in rows], np.int64)

    return _Queue(
        real,
        dequeues,
        column(op.begin for op in real),
        column(op.end for op in real),
        column(op.begin if op else None for op in dequeues),
        column(op.end if op else None for op in dequeues),
    )


def _order(queue: _Queue, pending: list[int]) -> FifoAnswer | None:
    """Find a and b with enq(a) < enq(b) and deq(b) < deq(a)."""
    if not len(queue.enq_begin):
        return None
    # deadline[a] = the first end of a dequeue among the values enqueued wholly after a.
    by_begin = np.argsort(queue.enq_begin, kind="stable")
    ends = queue.deq_end[by_begin]
    first = np.minimum.accumulate(ends[::-1])[::-1]
    place = np.searchsorted(queue.enq_begin[by_begin], queue.enq_end, side="right")
    deadline = np.append(first, _NEVER)[np.minimum(place, len(first))]

    stays = queue.deq_begin == _NEVER
    late = np.flatnonzero(~stays & (queue.deq_begin > deadline))
    stuck = np.flatnonzero(stays & (deadline < _NEVER))
    stuck = stuck[np.argsort(deadline[stuck], kind="stable")]
    if not len(late):
        unexcused = [
            row
            for number, row in enumerate(stuck)
            if number >= len(pending) or pending[number] > deadline[row]
        ]
        if not unexcused:
            return None
        late = np.array(unexcused[:1])

    a = int(late[0])
    after = np.flatnonzero(queue.enq_begin > queue.enq_end[a])
    b = int(after[np.argmin(queue.deq_end[after])])
    proof = [queue.enqueues[a], queue.enqueues[b], queue.dequeues[b], queue.dequeues[a]]
    rest = "stayed" if queue.dequeues[a] is None else "was dequeued after it"
    why = f"{queue.enqueues[a].input} was enqueued before {queue.enqueues[b].input}, and {rest}"
    return FifoAnswer(
        Validity.INVALID, "order", why, tuple(operation for operation in proof if operation)
    )


def _witness(queue: _Queue, empties: Sequence[Operation]) -> FifoAnswer | None:
    """Find an empty answer during all of which some value was surely in the queue."""
    covering = np.flatnonzero(queue.enq_end < queue.deq_begin)
    if not len(covering) or not empties:
        return None
    # An instant lies between two rows; gap k is the one between rows k and k + 1.
    order = covering[np.argsort(queue.enq_end[covering], kind="stable")]
    begins, ends = queue.enq_end[order], queue.deq_begin[order] - 1
    reach = np.maximum.accumulate(ends)
    starts = np.flatnonzero(np.append(True, begins[1:] > reach[:-1] + 1))
    lows, highs = begins[starts], reach[np.append(starts[1:] - 1, len(reach) - 1)]

    for empty in empties:
        assert empty.end is not None, "an empty answer is an answer"
        at = int(np.searchsorted(lows, empty.begin, side="right")) - 1
        if at >= 0 and highs[at] >= empty.end - 1:
            inside = (queue.enq_end < empty.end) & (queue.deq_begin > empty.begin)
            proof = [queue.enqueues[row] for row in np.flatnonzero(inside)[:4]]
            why = "the queue was found empty, but at every instant something was in it"
            return FifoAnswer(Validity.INVALID, "witness", why, (empty, *proof))
    return None
