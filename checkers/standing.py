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

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.contract import MS
from checkers.messages import NEVER
from checkers.windows import Window, merged, touches_replication
from histories.history import NONE
from histories.op import OpType

__all__ = ["Ledger", "ledgers_of", "of_a_node"]

Ints = NDArray[np.int64]


def ledgers_of(case: Case) -> Mapping[tuple[int, int], "Ledger"]:
    """Give the commits of each group (the first code) to each queue (the second)."""
    table, copied_ns, shaken = case.commits, _copied_ns(case), _shaken(case)
    keys, inverse = np.unique(np.stack([table.group, table.queue]), axis=1, return_inverse=True)
    inverse = inverse.reshape(-1)
    mine = np.split(np.argsort(inverse, kind="stable"), np.cumsum(np.bincount(inverse))[:-1])
    return {
        (group, queue): Ledger(case, places, copied_ns, shaken)
        for (group, queue), places in zip(keys.T.tolist(), mine, strict=False)
    }


def of_a_node(case: Case, window: Window) -> bool:
    """Whether it is a fault of the master or the slave, and no link's alone."""
    return case.contract.master in window.targets or case.contract.slave in window.targets


@dataclass(frozen=True, eq=False)
class Ledger:
    """The commits of one group to one queue: places in ``case.commits``, as invoked.

    What it is asked for costs a search each, so that a long run can ask often.
    """

    case: Case
    mine: Ints
    copied_ns: Ints  # of all commits: when the slave certainly has what its master was told
    shaken: tuple[Ints, Ints]  # when each fault of a node began, as a row, and is over, in ns

    def last(self, asked_row: int) -> int:
        """Give the last ok commit that ended before a row; NONE if there is none."""
        return self._last_of(self._told.values(), asked_row)

    def standing(self, last: int, asked_row: int, answered_row: int) -> Ints:
        """Give all commits, with the last, whose offset some node may give when it is asked."""
        # What one node was told the other need not know: each holds the last that it was told.
        told = [self._last_of([one], asked_row) for one in self._told.values()]
        known = np.array([at for at in told if at != NONE], np.int64)
        return np.union1d(self._since(last, answered_row), known)

    def certain(self, node: int, asked_row: int, answered_row: int) -> tuple[int, Ints] | None:
        """Give the anchor and all commits that may stand on a node; None if it is unknown."""
        case, table = self.case, self.case.commits
        slave = case.history.node_code(case.contract.slave)
        if node != slave or slave == NONE:
            anchor = self._last_of([self._told_master], asked_row)
            return None if anchor == NONE else (anchor, self._since(anchor, answered_row))

        told = self._last_of([self._told.get(slave, self.mine[:0])], asked_row)
        anchor = self._later(told, self._last_copied(int(case.time[asked_row])))
        if anchor == NONE or self._is_shaken(int(table.begin_row[anchor])):
            return None
        back = self._steps_back[table.end_row[self._steps_back] < asked_row]
        unknown = self.copied_ns[back] > case.time[table.begin_row[anchor]]
        return anchor, np.union1d(self._since(anchor, answered_row), back[unknown])

    def _is_shaken(self, row: int) -> bool:
        """Whether a node that was broken may not be itself again yet."""
        inject_row, well_ns = self.shaken
        return bool(((inject_row < row) & (well_ns > self.case.time[row])).any())

    def _since(self, anchor: int, answered_row: int) -> Ints:
        """Give what may have come after a commit, or was in doubt before it already."""
        table = self.case.commits
        begun_row, doubted_row = (table.begin_row[one] for one in (self.mine, self._doubtful))
        first = np.searchsorted(self._reach, table.begin_row[anchor], side="right")
        near = self.mine[first : np.searchsorted(begun_row, answered_row)]
        after = (table.type[near] == OpType.OK) & (table.end_row[near] > table.begin_row[anchor])
        doubtful = self._doubtful[: np.searchsorted(doubted_row, answered_row)]
        return np.concatenate([near[after], doubtful, [anchor]])

    def _last_of(self, told: Iterable[Ints], asked_row: int) -> int:
        """Give the last to end before a row of some that are in the order of their ends."""
        end_row = self.case.commits.end_row
        found = [one[:place] for one in told if (place := np.searchsorted(end_row[one], asked_row))]
        return max((int(one[-1]) for one in found), key=lambda at: int(end_row[at]), default=NONE)

    def _last_copied(self, by_ns: int) -> int:
        """Give the last commit to the master that the slave has by then."""
        copied = self._told_master[self.copied_ns[self._told_master] != NEVER]
        place = np.searchsorted(self.copied_ns[copied], by_ns, side="right")
        return int(copied[place - 1]) if place else NONE

    def _later(self, one: int, other: int) -> int:
        """Choose the later of two commits; of two that overlap, the one that began first."""
        if NONE in (one, other):
            return max(one, other)
        table = self.case.commits
        first, second = sorted((one, other), key=lambda at: int(table.begin_row[at]))
        return second if table.begin_row[second] > table.end_row[first] else first

    @cached_property
    def _told(self) -> Mapping[int, Ints]:
        """The ok commits to each node, in the order of their ends."""
        table = self.case.commits
        ok = self.mine[table.type[self.mine] == OpType.OK]
        ok = ok[np.argsort(table.end_row[ok], kind="stable")]
        return {node: ok[table.node[ok] == node] for node in np.unique(table.node[ok]).tolist()}

    @cached_property
    def _told_master(self) -> Ints:
        """Those to the master, or to any node in a history that has no slave."""
        slave = self.case.history.node_code(self.case.contract.slave)
        told = [one for node, one in self._told.items() if node != slave or slave == NONE]
        every = np.concatenate([self.mine[:0], *told])
        ordered: Ints = every[np.argsort(self.case.commits.end_row[every], kind="stable")]
        return ordered

    @cached_property
    def _steps_back(self) -> Ints:
        """The commits to the master below one that ended before them."""
        offset = self.case.commits.offset[self._told_master]
        back: Ints = self._told_master[offset < np.maximum.accumulate(offset)]
        return back

    @cached_property
    def _doubtful(self) -> Ints:
        doubtful: Ints = self.mine[self.case.commits.type[self.mine] == OpType.INFO]
        return doubtful

    @cached_property
    def _reach(self) -> Ints:
        """The furthest end of each commit and all before it."""
        reach: Ints = np.maximum.accumulate(self.case.commits.end_row[self.mine])
        return reach


def _copied_ns(case: Case) -> Ints:
    """Tell for every commit when the slave certainly has what the master was told, or NEVER."""
    told_ns = case.time[case.commits.end_row]  # of one that never ended nobody asks
    copied_ns = told_ns + case.contract.copy_ms * MS
    shaken = merged(
        [
            (window.inject_ns, _well_again_ns(case, window))
            for window in case.windows
            if touches_replication(window)
        ]
    )
    begins, ends = np.array([*shaken, (NEVER, NEVER)], np.int64).T
    disturbed = begins[np.searchsorted(ends[:-1], told_ns, side="right")] <= copied_ns
    return np.where(disturbed, NEVER, copied_ns)


def _shaken(case: Case) -> tuple[Ints, Ints]:
    windows = [window for window in case.windows if of_a_node(case, window) or window.resync]
    return (
        np.array([window.inject_row for window in windows], np.int64),
        np.array([_well_again_ns(case, window) for window in windows], np.int64),
    )


def _well_again_ns(case: Case, window: Window) -> int:
    return min(NEVER - case.contract.convergence_ns, window.cured_ns) + case.contract.convergence_ns
