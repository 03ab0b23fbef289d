"""Pulls, drains and commits as tables: what a reader asked for, and what the node said it has.

The rows of these functions alone, joined with their invocations.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from histories.history import NONE, History
from histories.op import OpType

__all__ = [
    "UNREADABLE",
    "Commits",
    "Pulls",
    "assignments_before",
    "commits_of",
    "pulls_of",
    "unreadable",
]

Ints = NDArray[np.int64]

UNREADABLE = "expected records, got"
"""So our client says of an answer that no sound broker gives: TCP brings bytes whole or not."""


@dataclass(frozen=True, slots=True, eq=False)
class Pulls:
    """One row an ok pull or drain, in the order of the history."""

    row: Ints
    begin_row: Ints
    queue: Ints
    node: Ints
    process: Ints
    group: Ints  # NONE if it names none
    min_offset: Ints
    max_offset: Ints
    next_offset: Ints

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, slots=True, eq=False)
class Commits:
    """One row a commit, whatever became of it, in the order of invocation."""

    begin_row: Ints
    end_row: Ints  # NONE if it never ended
    type: Ints
    queue: Ints
    node: Ints
    group: Ints
    offset: Ints


def pulls_of(history: History) -> Pulls:
    """Give every ok pull and drain."""
    row = np.sort(np.concatenate([history.rows(f, OpType.OK) for f in ("pull", "drain")]))
    begin = history.pair[row].astype(np.int64)
    return Pulls(
        row=row,
        begin_row=np.where(begin == NONE, row, begin),
        queue=history.queue[row].astype(np.int64),
        node=history.node[row].astype(np.int64),
        process=history.process[row].astype(np.int64),
        group=history.group[row].astype(np.int64),
        min_offset=history.min_offset[row],
        max_offset=history.max_offset[row],
        next_offset=history.next_offset[row],
    )


def commits_of(history: History) -> Commits:
    """Give every commit that was invoked."""
    begin = history.rows("commit", OpType.INVOKE)
    end = history.pair[begin].astype(np.int64)
    last = np.maximum(begin, end)
    return Commits(
        begin_row=begin.astype(np.int64),
        end_row=end,
        type=np.where(end == NONE, OpType.INFO, history.type[last]).astype(np.int64),
        queue=history.queue[begin].astype(np.int64),
        node=history.node[begin].astype(np.int64),
        group=history.group[begin].astype(np.int64),
        offset=history.offset[begin],
    )


def assignments_before(history: History, process: Ints, row: Ints) -> Ints:
    """Give for reads of some processes how often each had been assigned queues before."""
    rows = np.concatenate([history.rows(f, OpType.INVOKE) for f in ("assign", "seek", "subscribe")])
    size = len(history) + 1
    assigned = np.sort(history.process[rows].astype(np.int64) * size + rows)
    return np.searchsorted(assigned, process * size + row)


def unreadable(history: History, *fs: str) -> Ints:
    """Give the rows of some functions whose answer the client could not read."""
    rows = np.sort(np.concatenate([history.rows(f, OpType.FAIL) for f in fs]))
    wrong = [row for row in rows.tolist() if UNREADABLE in str(history.op(row).error)]
    return np.array(wrong, np.int64)
