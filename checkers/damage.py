"""Which readings may lack messages because bits were damaged: a bad record is given to nobody.

A slave copies its master's bits; which queue a bad record is in, each node may see otherwise.
"""

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.contract import FaultClass
from checkers.messages import NEVER

__all__ = ["damaged_before"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def damaged_before(case: Case, node: Ints, row: Ints) -> Bools:
    """Tell for readings of nodes (codes) at rows whether bits of theirs were damaged before."""
    contract = case.contract
    since = []
    for name in case.history.nodes:
        sources = {name, contract.master} if name == contract.slave else {name}
        rows = [
            window.inject_row
            for window in case.windows
            if window.fault_class is FaultClass.DAMAGE and not sources.isdisjoint(window.targets)
        ]
        since.append(min(rows, default=NEVER))
    damaged: Bools = np.array([*since, NEVER], np.int64)[node] < row
    return damaged
