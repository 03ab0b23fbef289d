"""While its master is down the slave is there to be read from, and gives what it has (P10).

    denied    it answered a pull with an error, though it had records of the queue; or with nothing,
              though it had what was asked for
    silent    it was asked several times, and no answer was ok

Only what one fault did alone counts: the master is proven down, and nothing has reached the slave,
its readers or the routes since the convergence time before. What the slave has its own figures say
that were read as the fault began; a node that is well shows it within a replication lag. That a
node is busy is no refusal.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.damage import damaged_before
from checkers.messages import NEVER
from checkers.windows import Window, holds_down, merged
from histories.history import NONE
from histories.op import Op, OpType

__all__ = ["denied", "silent"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

OF_THE_MASTER = (
    "master",
    "client->master",
    "foreign->master",
    "master->nameserver",
    "slave->master",
    "slave->master-ha",
)
"""Targets with which a reader of the slave has nothing to do."""

BUSY = "code 2:"
"""So begins what a broker says that has no time now (SYSTEM_BUSY)."""

ASKED_MIN = 3


def denied(case: Case) -> Ints:
    """Give the ends of pulls that the slave should have answered with what it had."""
    history, log = case.history, _log_of(case)
    rows: list[int] = []
    for window, ends in _asked(case):
        reached = _reached(case, window)
        refused = [
            row
            for row in ends[history.type[ends] != OpType.OK].tolist()
            if log.highest(int(history.queue[row]), reached) != NONE
            and _is_refusal(history.op(row))
        ]
        empty = ends[_is_empty(case, ends, window.inject_ns + case.contract.lag_ns)]
        asked = history.offset[history.pair[empty]].tolist()
        rows += refused
        rows += [
            row
            for row, offset in zip(empty.tolist(), asked, strict=True)
            if offset <= log.highest(int(history.queue[row]), reached)
        ]
    return np.unique(np.array(rows, np.int64))


def silent(case: Case) -> Iterator[str]:
    """Say of which faults it is not known that the slave serves meanwhile, though it was asked."""
    by_name: dict[str, list[int]] = {}
    for window, ends in _asked(case):
        by_name.setdefault(window.name, []).extend(ends.tolist())
    for name, rows in by_name.items():
        if len(rows) >= ASKED_MIN and not (case.history.type[rows] == OpType.OK).any():
            yield f"{name}: {len(rows)} pulls of the slave while it was on, and none was ok"


def _asked(case: Case) -> Iterator[tuple[Window, Ints]]:
    """Give each fault that alone held the master down, with the ends of the slave's pulls in it."""
    history = case.history
    begins = history.rows("pull", OpType.INVOKE)
    begins = begins[history.node[begins] == history.node_code(case.contract.slave)]
    for window in _lonely(case):
        first, last = np.searchsorted(begins, [window.bitten_row, window.cure_row])
        ends = history.pair[begins[first:last]].astype(np.int64)
        yield window, ends[(ends != NONE) & (ends < window.cure_row)]


def _lonely(case: Case) -> Iterator[Window]:
    """Give the faults that held the master down while nothing else was wrong with the slave."""
    shadow_ns = case.contract.convergence_ns
    shadows = merged(
        [
            (window.inject_ns, min(window.cured_ns, NEVER - shadow_ns) + shadow_ns)
            for window in case.windows
            if _reaches_slave(window)
        ]
    )
    begins, ends = np.array([*shadows, (NEVER, NEVER)], np.int64).T
    for window in case.windows:
        next_ns = begins[np.searchsorted(ends[:-1], window.bitten_ns)]
        if (
            next_ns > window.cure_ns
            and holds_down(window, case.contract.master)
            and not _reaches_slave(window)
        ):
            yield window


def _reaches_slave(window: Window) -> bool:
    return not window.targets or any(target not in OF_THE_MASTER for target in window.targets)


def _reached(case: Case, window: Window) -> int:
    """Give how far the slave's readable log had got as a fault began, NONE if it is not known."""
    if window.inject_row > _set_back_row(case):
        return NONE  # offsets of another log say nothing
    ends = window.ends.get(case.contract.slave) or {}
    reached = ends.get("flushed" if case.contract.sync_flush else "end")
    return reached if isinstance(reached, int) else NONE


def _set_back_row(case: Case) -> int:
    """Give the row from which on the log may be another one."""
    rows = (window.inject_row for window in case.windows if window.sets_back(case.contract))
    return min(rows, default=NEVER)


@dataclass(frozen=True, slots=True, eq=False)
class _Log:
    """Where acknowledged records stand, in the order of the log, until it was set back."""

    place: Ints
    by_queue: Mapping[int, tuple[Ints, Ints]]  # places, and the highest offset up to each

    def highest(self, queue: int, reached: int) -> int:
        """Give a queue's highest offset in a log that has got so far, NONE if it holds none."""
        known = int(np.searchsorted(self.place, reached, side="right"))
        if queue not in self.by_queue or not known:
            return NONE
        places, offsets = self.by_queue[queue]
        # The last record that begins there may not be there whole.
        whole = int(np.searchsorted(places, self.place[known - 1]))
        return int(offsets[whole - 1]) if whole else NONE


def _log_of(case: Case) -> _Log:
    messages = case.messages
    known = messages.ok & (messages.physical_offset != NONE)
    rows = np.flatnonzero(known & (messages.end_row < _set_back_row(case)))
    rows = rows[np.argsort(messages.physical_offset[rows], kind="stable")]
    place, queue, offset = (
        column[rows] for column in (messages.physical_offset, messages.queue, messages.offset)
    )
    by_queue = {
        one: (place[queue == one], np.maximum.accumulate(offset[queue == one]))
        for one in np.unique(queue).tolist()
    }
    return _Log(place, by_queue)


def _is_refusal(op: Op) -> bool:
    error = op.error if isinstance(op.error, list) else []
    name, text = [*map(str, error), "", ""][:2]
    return name == "BrokerError" and not text.startswith(BUSY)


def _is_empty(case: Case, ends: Ints, since_ns: int) -> Bools:
    """Tell which pulls that began since an instant were answered with nothing, for no reason."""
    history = case.history
    begins = history.pair[ends]
    asked = history.offset[begins]
    given = np.diff(np.searchsorted(history.deliveries.row, [ends, ends + 1]), axis=0)[0]
    empty: Bools = (history.type[ends] == OpType.OK) & (given == 0) & (asked != NONE)
    empty &= (asked >= history.min_offset[ends]) & (case.time[begins] >= since_ns)
    return empty & ~damaged_before(case, history.node[ends].astype(np.int64), ends)
