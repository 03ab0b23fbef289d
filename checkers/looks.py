"""When somebody last began to look at what is there: what came later need not have been seen."""

import numpy as np

from histories.history import NONE, History
from histories.op import OpType

__all__ = ["last_begin"]


def last_begin(history: History, *fs: str) -> int:
    r"""Give the row in which that ok op of some functions began that began last; NONE if none was.

    Looked for from the end: to pair all of a long history for it would be a waste.

    >>> from histories.notation import parse_history
    >>> last_begin(parse_history("0 invoke drain\n1 invoke drain\n0 ok drain []"), "drain")
    0
    """
    looking = history.calls(*fs)
    begins = np.flatnonzero(looking & (history.type == OpType.INVOKE))
    last = NONE
    for row in np.flatnonzero(looking & (history.type == OpType.OK))[::-1].tolist():
        if row <= last:
            break
        mine = begins[history.process[begins] == history.process[row]]
        place = int(np.searchsorted(mine, row))
        last = max(last, int(mine[place - 1]) if place else row)
    return last
