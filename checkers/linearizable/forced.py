"""Orders that every linearization of a queue keeps, though the intervals alone do not say so.

With unique values the dequeues tell in which order values went in, so that a search need not
guess. Each value left the queue within a *span*, and of two operations that overlap

    enqueue a  before  enqueue b          if a's span ends before b's begins
    dequeue -> nil  before  enqueue b     if it ended before b's span begins: else it had found b

A value that was dequeued has the span of its dequeue. One that was not has stayed, unless a
dequeue without an answer took it; that must have been before the *deadline* of a value that stood
in another's way (see ``fifo``), and else need not be supposed, unless an empty answer may ask for
it. It is enough to find some of these orders: the search is right without any.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeAlias

from checkers.linearizable.operations import Operation

__all__ = ["forced_in_fifo"]

FOREVER = 1 << 62
NEAR = 64
"""So many open operations are compared with a new one; a pending one stays open for ever."""

Span: TypeAlias = tuple[int, int]
STAYED: Span = (FOREVER, FOREVER)


@dataclass(frozen=True, slots=True)
class _Queue:
    """What went in, what came out, and what is not known to have."""

    puts: Mapping[Any, Operation]
    taken: Mapping[Any, Operation]
    pending_from: int  # where the first dequeue without an answer begins
    empty_until: int  # where the last empty answer ends


def forced_in_fifo(operations: Sequence[Operation]) -> list[list[int]]:
    """Give for each operation, by beginning, the places of those that come before it."""
    before: list[list[int]] = [[] for _ in operations]
    queue = _queue(operations)
    if queue is None:
        return before
    spans = _spans(operations, queue)
    near: list[int] = []
    for place, operation in enumerate(operations):
        near = [other for other in near if _end(operations[other]) > operation.begin][-NEAR:]
        for other in near:
            if operation.f == "enqueue" and spans[other][1] < spans[place][0]:
                before[place].append(other)
            elif operations[other].f == "enqueue" and spans[place][1] < spans[other][0]:
                before[other].append(place)
        near.append(place)
    return before


def _queue(operations: Sequence[Operation]) -> _Queue | None:
    """Sort operations; None if a value went in, or came out, twice."""
    puts = [op for op in operations if op.f == "enqueue"]
    takes = [op for op in operations if op.f == "dequeue"]
    gave = [op for op in takes if op.end is not None and op.output is not None]
    empty = [op.end for op in takes if op.end is not None and op.output is None]
    by_value = {op.input: op for op in puts}, {op.output: op for op in gave}
    if [len(values) for values in by_value] != [len(puts), len(gave)]:
        return None
    pending = min((op.begin for op in takes if op.end is None), default=FOREVER)
    return _Queue(*by_value, pending, max(empty, default=0))


def _spans(operations: Sequence[Operation], queue: _Queue) -> list[Span]:
    """Give the span of each enqueue's value; an empty answer is over when it ends."""
    claimed = sorted(
        (put.begin, _end(queue.taken[value]))
        for value, put in queue.puts.items()
        if value in queue.taken
    )
    begins = [begin for begin, _ in claimed]
    first_end = [*accumulate((end for _, end in reversed(claimed)), min)][::-1]

    def span(operation: Operation) -> Span:
        if operation.f == "dequeue":
            over = operation.end if operation.output is None else None
            return (FOREVER, FOREVER if over is None else over)
        if operation.input in queue.taken:
            taker = queue.taken[operation.input]
            return (taker.begin, _end(taker))
        after = bisect_right(begins, _end(operation))
        deadline = first_end[after] if after < len(first_end) else FOREVER
        if deadline < FOREVER or queue.empty_until > queue.pending_from:
            return (queue.pending_from, deadline)
        return STAYED

    return [span(operation) for operation in operations]


def _end(operation: Operation) -> int:
    return FOREVER if operation.end is None else operation.end
