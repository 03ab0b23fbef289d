"""Which committed offsets of a group may stand on a node: what it was told, and what it copied.

A master knows what it was told itself. A slave is told by consumers whose master is out of reach,
and copies its master's table: what was committed to the master ``copy_ms`` ago, with nothing wrong
since, it certainly has. What it was told itself stays until the master's offset has come as far,
or has gone back, which only a commit that the slave may not have copied yet can show it.

    anchor      the last commit that the node certainly knew when it was asked
    standing    the anchor, and whatever may have changed it since: commits that ended after the
                anchor began, those in doubt, and the master's steps back

Nothing is certain of a node around a fault of either: tables are saved every few seconds, and a
slave whose master was set back copies nothing.
"""

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.contract import MS
from checkers.pulls import Commits
from checkers.windows import Window, touches_replication
from histories.history import NONE
from histories.op import OpType

__all__ = ["certain_standing", "of_a_node"]

Ints = NDArray[np.int64]


def certain_standing(case: Case, mine: Ints, node: int, asked_row: int) -> tuple[int, Ints] | None:
    """Give the anchor and all commits that may stand on a node when it is asked; None if unknown.

    ``mine`` are the places in ``case.commits`` of one group and queue.
    """
    table = case.commits
    slave = case.history.node_code(case.contract.slave)
    known = mine[(table.type[mine] == OpType.OK) & (table.end_row[mine] < asked_row)]
    to_slave = (table.node[known] == slave) & (slave != NONE)
    if node != slave or slave == NONE:
        anchor = _last(table, known[~to_slave])
        return None if anchor == NONE else (anchor, _since(table, mine, anchor))

    copied = np.array(
        [at for at in known[~to_slave].tolist() if _copied(case, at, int(case.time[asked_row]))],
        np.int64,
    )
    anchor = _later(table, _last(table, known[to_slave]), _last(table, copied))
    if anchor == NONE or _shaken(case, int(table.begin_row[anchor])):
        return None
    began_ns = int(case.time[table.begin_row[anchor]])
    back = [at for at in _steps_back(table, known[~to_slave]) if not _copied(case, at, began_ns)]
    return anchor, np.union1d(_since(table, mine, anchor), np.array(back, np.int64))


def of_a_node(case: Case, window: Window) -> bool:
    """Whether it is a fault of the master or the slave, and no link's alone."""
    return case.contract.master in window.targets or case.contract.slave in window.targets


def _last(table: Commits, known: Ints) -> int:
    return int(known[np.argmax(table.end_row[known])]) if len(known) else NONE


def _later(table: Commits, one: int, other: int) -> int:
    """Choose the later of two commits; of two that overlap, the one that began first."""
    if NONE in (one, other):
        return max(one, other)
    first, second = sorted((one, other), key=lambda at: int(table.begin_row[at]))
    return second if table.begin_row[second] > table.end_row[first] else first


def _since(table: Commits, mine: Ints, anchor: int) -> Ints:
    """Give what may have come after a commit, or was in doubt before it already."""
    after = (table.end_row[mine] > table.begin_row[anchor]) | (table.type[mine] == OpType.INFO)
    return np.union1d(mine[after & (table.type[mine] != OpType.FAIL)], [anchor])


def _steps_back(table: Commits, known: Ints) -> list[int]:
    """Give the commits below one that ended before them."""
    order = known[np.argsort(table.end_row[known], kind="stable")]
    reached = np.maximum.accumulate(table.offset[order]) if len(order) else order
    back: list[int] = order[table.offset[order] < reached].tolist()
    return back


def _copied(case: Case, commit: int, by_ns: int) -> bool:
    """Whether the slave certainly has an offset that its master was told."""
    told_ns = int(case.time[case.commits.end_row[commit]])
    copied_ns = told_ns + case.contract.copy_ms * MS
    return copied_ns <= by_ns and not any(
        window.inject_ns <= copied_ns and window.cured_ns + case.contract.convergence_ns > told_ns
        for window in case.windows
        if touches_replication(window)
    )


def _shaken(case: Case, row: int) -> bool:
    """Whether a node that was broken may not be itself again yet."""
    at_ns = int(case.time[row])
    return any(
        window.inject_row < row and window.cured_ns + case.contract.convergence_ns > at_ns
        for window in case.windows
        if of_a_node(case, window) or window.resync
    )
