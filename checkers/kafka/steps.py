"""From one message of a key to the next: a distance above one is a skip, below one a regression.

    inside   consecutive messages of a key that one op sent, or polled
    across   the last message of a key in a process's op, and the first in its next op of the key

A position moves with ok polls, and with ok and info sends. An assign or subscribe, unless it
failed, drops the positions of the keys that it does not name. Keys in an op's rebalance log are
exempt inside that op.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checkers.kafka.tables import Tables, Touches, numbered
from histories.history import NONE, History
from histories.op import Op, OpType

__all__ = ["Steps", "across", "inside", "rebalanced"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Steps from one message to the next, as places in the touches; by the row of the later."""

    before: Ints
    after: Ints
    distance: Ints

    def only(self, which: Bools) -> "Steps":
        """Give some of them."""
        return Steps(self.before[which], self.after[which], self.distance[which])


def inside(tables: Tables, touches: Touches) -> Steps:
    """Give the steps inside ops whose distance is not one."""
    order, same = _by_op_and_key(touches)
    steps = _steps(tables, touches, order[:-1][same], order[1:][same])
    return steps.only(steps.distance != 1)


def across(tables: Tables, touches: Touches, moves: tuple[OpType, ...], *, polls: bool) -> Steps:
    """Give the steps from op to op of a process whose distance is not one.

    Only ops of the types ``moves`` set a position; ``polls`` says that assignments count.
    """
    if not len(touches.row):
        return Steps(*(np.zeros(0, np.int64) for _ in range(3)))
    order, same = _by_op_and_key(touches)
    begins, ends = order[np.r_[True, ~same]], order[np.r_[~same, True]]
    row, key = touches.row[begins], touches.key[begins]
    _, process = numbered(tables.history.process[row].astype(np.int64))
    width = int(key.max()) + 1
    lane = process * width + key

    by_lane = np.argsort(lane, kind="stable")
    begins, ends, row, lane = begins[by_lane], ends[by_lane], row[by_lane], lane[by_lane]
    moved = np.isin(tables.type[row], moves)
    latest = np.maximum.accumulate(np.where(moved, np.arange(len(row)), NONE))
    before = np.r_[NONE, latest[:-1]]
    known = (before != NONE) & (lane[before] == lane)
    if polls:
        known &= ~_dropped(tables.history, row[before], row, process[by_lane], key[by_lane], width)

    found = np.flatnonzero(known)
    steps = _steps(tables, touches, ends[before[found]], begins[found])
    steps = steps.only(steps.distance != 1)
    return Steps(*(column[np.argsort(steps.after)] for column in _columns(steps)))


def rebalanced(op: Op) -> tuple[str, ...]:
    """Give the keys in an op's rebalance log."""
    log = op.extra.get("rebalance-log")
    if not isinstance(log, list):
        return ()
    return tuple(
        key for entry in log if isinstance(entry, dict) for key in _keys(entry.get("keys"))
    )


def _columns(steps: Steps) -> tuple[Ints, Ints, Ints]:
    return steps.before, steps.after, steps.distance


def _steps(tables: Tables, touches: Touches, before: Ints, after: Ints) -> Steps:
    return Steps(before, after, tables.distance(touches.pair[before], touches.pair[after]))


def _by_op_and_key(touches: Touches) -> tuple[Ints, Bools]:
    """Order messages by op and key, and tell which are of the same op and key as the next."""
    # Messages come by row, and mostly by key: a sort that knows runs has little to do.
    name = touches.row * (int(touches.key.max(initial=0)) + 1) + touches.key
    order = np.argsort(name, kind="stable")
    return order, name[order][1:] == name[order][:-1]


def _dropped(
    history: History, begin: Ints, end: Ints, process: Ints, key: Ints, width: int
) -> Bools:
    """Tell which positions, held from one row to another, an assignment dropped between them."""
    numbers, _ = numbered(history.process[end].astype(np.int64))
    drops = [
        (number * width + other, row)
        for number, row, keys in _assignments(history, numbers)
        for other in range(width)
        if other not in keys
    ]
    if not drops:
        return np.zeros(len(begin), np.bool_)
    span = len(history) + 1
    events = np.sort(np.array(drops, np.int64) @ np.array([span, 1]))
    lane = (process * width + key) * span
    dropped: Bools = np.searchsorted(events, lane + begin) < np.searchsorted(events, lane + end)
    return dropped


def _assignments(history: History, processes: Ints) -> list[tuple[int, int, frozenset[int]]]:
    """Give each assignment that may have taken effect: number of its process, row, keys."""
    codes = [history.f_code(f) for f in ("assign", "subscribe")]
    took = np.isin(history.f, codes) & np.isin(history.type, (OpType.OK, OpType.INFO))
    found = []
    for row in np.flatnonzero(took).tolist():
        number = int(np.searchsorted(processes, history.process[row]))
        if number < len(processes) and processes[number] == history.process[row]:
            keys = frozenset(history.queue_code(key) + 1 for key in _keys(history.op(row).value))
            found.append((number, row, keys))
    return found


def _keys(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(str(key).removeprefix("'").removeprefix(":") for key in value)
