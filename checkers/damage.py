"""What damaged bits explain: a bad record is given to nobody, or comes out as another.

No checksum covers a record's head. One that says another queue, topic or offset than it was stored
with is a sound record to every node that reads it, and stands where its head says.
"""

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.contract import FaultClass
from checkers.messages import NEVER
from checkers.windows import damaged_row, epochs
from histories.history import NONE

__all__ = ["damaged_before", "struck"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def damaged_before(case: Case, node: Ints, row: Ints) -> Bools:
    """Tell for readings of nodes (codes) at rows whether bits of theirs were damaged before."""
    since = [damaged_row(case.windows, name, case.contract) for name in case.history.nodes]
    damaged: Bools = np.array([*since, NEVER], np.int64)[node] < row
    return damaged


def struck(case: Case) -> Bools:
    """Tell which messages may be the record in which a bit was flipped.

    In each lineage of the log it is the last that begins before the bit, as far as acks say where
    records are; one that was not acknowledged may be anywhere.
    """
    messages = case.messages
    found = np.zeros(len(messages), np.bool_)
    breaks = [window for window in case.windows if window.sets_back(case.contract)]
    lineage = epochs(breaks, messages.begin_row, messages.settled_row)
    for window in case.windows:
        at = window.options.get("damaged_from")
        if window.fault_class is FaultClass.DAMAGE and isinstance(at, int):
            early = messages.begin_ns <= window.inject_ns
            placed = early & (messages.physical_offset != NONE) & (messages.physical_offset <= at)
            found |= early & ~messages.ok
            for epoch in np.unique(lineage[placed]).tolist():
                rows = np.flatnonzero(placed & (lineage == epoch))
                found[rows[np.argmax(messages.physical_offset[rows])]] = True
    return found
