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

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checkers.linearizable.calls import Calls, Contradiction, calls_of_operations
from checkers.linearizable.operations import Operation
from checkers.messages import NEVER, find
from checkers.verdict import Validity
from histories.history import NONE

__all__ = ["FifoAnswer", "fifo_contradiction", "linearizable_fifo"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FifoAnswer:
    """Whether it is, and if not which pattern the operations of the proof make."""

    validity: Validity
    pattern: str = ""  # fresh, repeat, order or witness
    why: str = ""
    proof: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Queue:
    """Enqueues and their dequeues as columns, one row a value."""

    enqueue: Ints  # places in the calls
    dequeue: Ints  # NONE if it stayed
    enq_begin: Ints
    enq_end: Ints
    deq_begin: Ints
    deq_end: Ints


def linearizable_fifo(operations: Iterable[Operation]) -> FifoAnswer:
    """Decide for ``enqueue x`` and ``dequeue -> x | nil`` on one queue."""
    ops = [op for op in operations if op.f in ("enqueue", "dequeue")]
    calls, values = calls_of_operations(ops, "enqueue")
    found = fifo_contradiction(calls)
    if found is None:
        return FifoAnswer(Validity.VALID)
    why = found.sentence.format(*(values[value] for value in found.values))
    proof = tuple(ops[place] for place in found.places)
    return FifoAnswer(found.validity, found.pattern, why, proof)


def fifo_contradiction(calls: Calls) -> Contradiction | None:
    """Decide for the calls of one queue; None if it is linearizable.

    What cannot be decided here is a contradiction that is unknown.
    """
    puts = np.flatnonzero(calls.put)
    puts = puts[np.argsort(calls.value[puts], kind="stable")]
    names = calls.value[puts]
    assert (names[1:] != names[:-1]).all(), "enqueued values are unique"
    ended = ~calls.put & (calls.end != NEVER)
    taking = np.flatnonzero(ended & (calls.value != NONE))
    home = find(names, calls.value[taking])
    alone = _misplaced(calls, puts, taking, home)
    if alone is not None:
        return alone

    taken = np.full(len(puts), NONE, np.int64)
    taken[home] = taking
    queue = _columns(calls, puts, taken)
    pending = np.sort(calls.begin[~calls.put & (calls.end == NEVER)])
    order = _order(calls, queue, pending)
    if order is not None:
        return order
    witness = _witness(calls, queue, np.flatnonzero(ended & (calls.value == NONE)))
    if witness is None or not len(pending):
        # What pending dequeues took can only have made the queue emptier.
        return witness
    why = f"{len(pending)} pending dequeues may or may not explain an empty answer"
    return Contradiction("witness", why, witness.places, (), Validity.UNKNOWN)


def _misplaced(calls: Calls, puts: Ints, taking: Ints, home: Ints) -> Contradiction | None:
    """Find the patterns that one dequeue makes alone: fresh and repeat."""
    unknown = taking[home == NONE]
    if len(unknown):
        at = int(unknown[0])
        return Contradiction("fresh", "{0} was never enqueued", (at,), (int(calls.value[at]),))
    early = np.flatnonzero(calls.end[taking] < calls.begin[puts[home]])
    if len(early):
        at, put = int(taking[early[0]]), int(puts[home[early[0]]])
        why = "{0} was dequeued before its enqueue began"
        return Contradiction("fresh", why, (at, put), (int(calls.value[at]),))
    order = np.argsort(home, kind="stable")
    again = np.flatnonzero(home[order][1:] == home[order][:-1])
    if len(again):
        one, other = int(taking[order[again[0]]]), int(taking[order[again[0] + 1]])
        value = int(calls.value[one])
        return Contradiction("repeat", "{0} was dequeued twice", (one, other), (value,))
    return None


def _columns(calls: Calls, puts: Ints, taken: Ints) -> _Queue:
    """Put values in columns; an enqueue that is pending and was not dequeued did not happen."""
    real = (calls.end[puts] != NEVER) | (taken != NONE)
    enqueue, dequeue = puts[real], taken[real]
    return _Queue(
        enqueue,
        dequeue,
        calls.begin[enqueue],
        calls.end[enqueue],
        np.where(dequeue == NONE, NEVER, calls.begin[dequeue]),
        np.where(dequeue == NONE, NEVER, calls.end[dequeue]),
    )


def _order(calls: Calls, queue: _Queue, pending: Ints) -> Contradiction | None:
    """Find a and b with enq(a) < enq(b) and deq(b) < deq(a)."""
    if not len(queue.enq_begin):
        return None
    # deadline[a] = the first end of a dequeue among the values enqueued wholly after a.
    by_begin = np.argsort(queue.enq_begin, kind="stable")
    ends = queue.deq_end[by_begin]
    first = np.minimum.accumulate(ends[::-1])[::-1]
    place = np.searchsorted(queue.enq_begin[by_begin], queue.enq_end, side="right")
    deadline = np.append(first, NEVER)[np.minimum(place, len(first))]

    stays = queue.deq_begin == NEVER
    late = np.flatnonzero(~stays & (queue.deq_begin > deadline))
    if not len(late):
        stuck = np.flatnonzero(stays & (deadline < NEVER))
        stuck = stuck[np.argsort(deadline[stuck], kind="stable")]
        excuse = np.append(pending, np.full(len(stuck), NEVER))[: len(stuck)]
        late = stuck[excuse > deadline[stuck]]
        if not len(late):
            return None

    a = int(late[0])
    after = np.flatnonzero(queue.enq_begin > queue.enq_end[a])
    b = int(after[np.argmin(queue.deq_end[after])])
    proof = (queue.enqueue[a], queue.enqueue[b], queue.dequeue[b], queue.dequeue[a])
    rest = "stayed" if queue.dequeue[a] == NONE else "was dequeued after it"
    values = tuple(int(calls.value[queue.enqueue[row]]) for row in (a, b))
    places = tuple(int(one) for one in proof if one != NONE)
    return Contradiction("order", f"{{0}} was enqueued before {{1}}, and {rest}", places, values)


def _witness(calls: Calls, queue: _Queue, empties: Ints) -> Contradiction | None:
    """Find an empty answer during all of which some value was surely in the queue."""
    covering = np.flatnonzero(queue.enq_end < queue.deq_begin)
    if not len(covering) or not len(empties):
        return None
    # An instant lies between two rows; gap k is the one between rows k and k + 1.
    order = covering[np.argsort(queue.enq_end[covering], kind="stable")]
    begins, ends = queue.enq_end[order], queue.deq_begin[order] - 1
    reach = np.maximum.accumulate(ends)
    starts = np.flatnonzero(np.append(True, begins[1:] > reach[:-1] + 1))
    lows, highs = begins[starts], reach[np.append(starts[1:] - 1, len(reach) - 1)]

    at = np.searchsorted(lows, calls.begin[empties], side="right") - 1
    covered = empties[(at >= 0) & (highs[at] >= calls.end[empties] - 1)]
    if not len(covered):
        return None
    empty = int(covered[0])
    inside = (queue.enq_end < calls.end[empty]) & (queue.deq_begin > calls.begin[empty])
    proof = (empty, *queue.enqueue[np.flatnonzero(inside)[:4]].tolist())
    why = "the queue was found empty, but at every instant something was in it"
    return Contradiction("witness", why, proof)
