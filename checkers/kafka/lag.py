"""How far behind the log a poll was, at worst: Jepsen's worst-realtime-lag.

An offset of a key expires when some op that has completed knows a higher one. A poll that was
invoked later, by a process that had seen nothing higher, lags by the time between: a lower bound,
for the log may have moved on earlier. Only keys of which a poll returned something are counted.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from checkers.kafka.tables import Tables, numbered
from histories.history import NONE
from histories.op import OpType

__all__ = ["worst_realtime_lag"]

Ints = NDArray[np.int64]


def worst_realtime_lag(tables: Tables) -> dict[str, Any] | None:
    """Give the worst lag in nanoseconds with its op, process and key; None without times."""
    history, polls = tables.history, tables.polls
    seen = np.flatnonzero((history.pair[polls.row] != NONE) & (polls.offset != NONE))
    if not len(seen) or history.time.max(initial=-1) < 0:
        return None
    sends = tables.sends.only(tables.type[tables.sends.row] == OpType.OK)
    known = [sends, polls]
    key, offset, row = (
        np.concatenate([getattr(touches, name) for touches in known])
        for name in ("key", "offset", "row")
    )
    highest = _running(tables, seen)
    invoked = history.time[history.pair[polls.row[seen]]]
    worst: dict[str, Any] | None = None
    for one in np.unique(polls.key).tolist():
        mine = np.flatnonzero((key == one) & (offset != NONE))
        mine = mine[np.argsort(row[mine], kind="stable")]
        top = np.maximum.accumulate(offset[mine])
        times = np.append(history.time[row[mine]], np.iinfo(np.int64).max)
        of_key = np.flatnonzero(polls.key[seen] == one)
        expired = times[np.searchsorted(top, highest[of_key], side="right")]
        lag = invoked[of_key] - np.minimum(expired, invoked[of_key])
        if len(lag) and (worst is None or int(lag.max()) > worst["lag"]):
            at = int(polls.row[seen[of_key[int(np.argmax(lag))]]])
            worst = {
                "lag": int(lag.max()),
                "time": int(history.time[at]),
                "process": history.op(at).process,
                "key": history.queues[one - 1] if one else "",
            }
    return worst


def _running(tables: Tables, seen: Ints) -> Ints:
    """Give for each message the highest offset that its process had of the key by then."""
    polls = tables.polls
    _, process = numbered(tables.history.process[polls.row[seen]].astype(np.int64))
    lane = process * (int(polls.key.max()) + 1) + polls.key[seen]
    order = np.argsort(lane, kind="stable")
    span = int(polls.offset.max()) + 2
    if int(lane.max()) >= (1 << 62) // span:
        return polls.offset[seen]
    lifted = np.maximum.accumulate(lane[order] * span + polls.offset[seen][order])
    highest = np.empty(len(seen), np.int64)
    highest[order] = lifted - lane[order] * span
    return highest
