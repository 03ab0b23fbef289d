"""Which message may be the record in which a bit was flipped.

No checksum covers a record's head. One that says another queue, topic or offset than it was stored
with is a sound record to every node that reads it, and stands where its head says.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from checkers.contract import Contract, FaultClass
from checkers.messages import Messages
from checkers.windows import Window, epochs
from histories.history import NONE

__all__ = ["struck"]

Bools = NDArray[np.bool_]


def struck(messages: Messages, windows: Sequence[Window], contract: Contract) -> Bools:
    """Tell which messages may be such a record.

    In each lineage of the log it is the last that begins before the bit, as far as acks say where
    records are; one that was not acknowledged may be anywhere.
    """
    found = np.zeros(len(messages), np.bool_)
    damages = [window for window in windows if window.fault_class is FaultClass.DAMAGE]
    if not damages:
        return found
    breaks = [window for window in windows if window.sets_back(contract)]
    lineage = epochs(breaks, messages.begin_row, messages.settled_row)
    for window in damages:
        at = window.options.get("damaged_from")
        if isinstance(at, int):
            early = messages.begin_ns <= window.inject_ns
            placed = early & (messages.physical_offset != NONE) & (messages.physical_offset <= at)
            found |= early & ~messages.ok
            for epoch in np.unique(lineage[placed]).tolist():
                rows = np.flatnonzero(placed & (lineage == epoch))
                found[rows[np.argmax(messages.physical_offset[rows])]] = True
    return found
