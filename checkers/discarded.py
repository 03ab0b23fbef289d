"""What an operator gave up to make two diverged logs one again.

    discarded   only the resynchronised node had it, as its last certified drain before the command
                shows, and nothing shows it afterwards

The command cuts that node's log back to what it has in common with the other's. So a message that
was on it alone is there no more, by choice: it is named, and it is not lost. The nodes that the
command's fault record names as targets are the ones that were cut.
"""

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.findings import anomaly
from checkers.tellers import tell_message
from checkers.verdict import Anomaly, Finding, Validity
from checkers.windows import Window
from histories.history import NONE
from histories.op import OpType

__all__ = ["discarded"]

Ints = NDArray[np.int64]


def discarded(case: Case) -> list[Anomaly]:
    """Name the messages that a resynchronisation took from the only node that had them."""
    rows: dict[int, None] = {}
    for window in case.windows:
        if window.resync:
            rows |= dict.fromkeys(_given_up(case, window).tolist())

    def tell(row: int) -> Finding:
        told = tell_message(case, "discarded", row)
        commands = [window.inject_row for window in case.windows if window.resync]
        return Finding(told.text, tuple(sorted({*told.ops, *case.indices(*commands)})), told.data)

    return anomaly("discarded", np.array(list(rows), np.int64), tell, Validity.VALID)


def _given_up(case: Case, command: Window) -> Ints:
    """Give the messages that only the targets of one command had, and that nobody has now."""
    history = case.history
    targets = [history.node_code(name) for name in command.targets]
    drains = history.rows("drain", OpType.OK)
    of_target = np.isin(history.node[drains], targets)
    before, after = drains < command.inject_row, drains > command.inject_row
    cut = _shown(case, drains[of_target & before])
    elsewhere = _shown(case, drains[(~of_target & before) | after])
    given_up = cut[~np.isin(cut, elsewhere)]
    return given_up[np.argsort(case.messages.begin_row[given_up], kind="stable")]


def _shown(case: Case, drains: Ints) -> Ints:
    """Give the messages, rows of ``case.messages``, that some drains returned."""
    reads = case.reads
    found = reads.message[np.isin(reads.row, drains)]
    return np.unique(found[found != NONE])
