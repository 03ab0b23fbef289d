"""In one queue, what was acknowledged before another send began comes before it.

    misordered    a was acknowledged, then the send of b began, and offset(a) >= offset(b)

It is found in O(n log n): sort the records of a queue by offset; a record is misordered if some
record behind it was acknowledged before its own send began, that is, if the smallest row of an
ack behind it is smaller than the row of its invoke. One process sees it in its own *session*;
between processes it takes *real time*, here the order of lines. An unacknowledged message that
was read has its place too, though nothing needs to come after it.

Offsets start again where a fault set the master's log back, so records are compared within a
lineage: the stretch between two faults that destroy, and what was in flight during one is left
out. What has no offsets is ordered by ``orders`` alone.
"""

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.findings import anomaly, verdict
from checkers.messages import NEVER
from checkers.verdict import Finding, Verdict
from checkers.windows import Window, epochs
from histories.history import NONE

__all__ = ["ordering"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def ordering(case: Case) -> Verdict:
    """Judge whether offsets follow the order of the sends."""
    rows, offset, lineage = _placed(case)
    everywhere = _inverted(case, rows, offset, [case.messages.queue[rows], lineage])
    sessions = _inverted(
        case, rows, offset, [case.messages.queue[rows], lineage, case.messages.process[rows]]
    )
    places = np.flatnonzero(everywhere)
    places = places[np.argsort(case.messages.begin_row[rows[places]], kind="stable")]

    def tell(place: int) -> Finding:
        return _tell(case, rows, offset, lineage, place, session=bool(sessions[place]))

    found = anomaly("misordered", places, tell)
    counts = {
        "misordered-count": len(places),
        "misordered-in-session-count": int(sessions.sum()),
    }
    return verdict(found, counts)


def _placed(case: Case) -> tuple[Ints, Ints, Ints]:
    """Give the messages whose offset is known, that offset, and their lineage."""
    messages, reads = case.messages, case.reads
    seen = np.full(len(messages) + 1, NEVER)
    # Another try of a send may have chosen another queue, whose offsets are no measure of this one.
    home = np.append(messages.queue, NONE)[reads.message]
    known = (reads.offset != NONE) & (reads.queue == home)
    np.minimum.at(seen, reads.message[known], reads.offset[known])
    offset = np.where(messages.offset != NONE, messages.offset, seen[:-1])

    breaks = [window for window in case.windows if _restarts(case, window)]
    lineage = epochs(breaks, messages.begin_row, messages.settled_row)
    rows = np.flatnonzero((offset != NEVER) & (messages.queue != NONE) & (lineage != NONE))
    return rows, offset[rows], lineage[rows]


def _restarts(case: Case, window: Window) -> bool:
    return window.resync or window.destroys(case.contract.master)


def _inverted(case: Case, rows: Ints, offset: Ints, keys: list[Ints]) -> Bools:
    """Tell which records have one behind them that was acknowledged before they began."""
    messages = case.messages
    # Of two at one offset the one that began earlier must count as behind the other.
    order = np.lexsort((-messages.begin_row[rows], offset, *reversed(keys)))
    group = _group_numbers([key[order] for key in keys])
    size = len(case.history) + 2

    # Later groups are lifted above earlier ones, so that one sweep from the right serves all.
    acked = np.minimum(np.where(messages.ok, messages.end_row, NEVER)[rows[order]], size - 2)
    behind = np.minimum.accumulate((acked + group * size)[::-1])[::-1]
    behind = np.append(behind[1:], NEVER)
    inverted = np.zeros(len(rows), np.bool_)
    inverted[order] = behind < messages.begin_row[rows[order]] + group * size
    return inverted


def _group_numbers(keys: list[Ints]) -> Ints:
    """Give every group of equal keys, which are sorted, a number."""
    changes = np.zeros(len(keys[0]), np.int64)
    for key in keys:
        changes[1:] |= key[1:] != key[:-1]
    return np.cumsum(changes)


def _tell(
    case: Case, rows: Ints, offset: Ints, lineage: Ints, place: int, *, session: bool
) -> Finding:
    """Tell of a record and of the first acknowledged one that should stand before it."""
    messages = case.messages
    late = int(rows[place])
    queue = int(messages.queue[late])
    same = (messages.queue[rows] == queue) & (lineage == lineage[place])
    if session:
        same &= messages.process[rows] == messages.process[late]
    acked = messages.ok[rows] & (messages.end_row[rows] < messages.begin_row[late])
    ahead = np.flatnonzero(same & acked & (offset >= offset[place]))
    early = int(rows[ahead[np.argmin(messages.end_row[rows[ahead]])]])

    names = [case.text(int(messages.value[row])) for row in (early, late)]
    where = case.queue_name(queue)
    kind = "session" if session else "real-time"
    at = [int(messages.offset[early]), int(offset[place])]
    return Finding(
        f"{names[0]} was acknowledged before {names[1]} was sent ({kind}), "
        f"and stands behind it in {where}: {at[0]} and {at[1]}",
        case.indices(
            int(messages.begin_row[early]),
            int(messages.end_row[early]),
            int(messages.begin_row[late]),
            *([int(messages.end_row[late])] if messages.end_row[late] != NEVER else []),
        ),
        {"queue": where, "kind": kind, "values": names, "offsets": at},
    )
