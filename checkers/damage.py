"""What damaged bits explain: a bad record is given to nobody, or comes out as another.

Which record that may be says ``case.struck``.
"""

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.messages import NEVER
from checkers.windows import damaged_row

__all__ = ["damaged_before"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def damaged_before(case: Case, node: Ints, row: Ints) -> Bools:
    """Tell for readings of nodes (codes) at rows whether bits of theirs were damaged before."""
    since = [damaged_row(case.windows, name, case.contract) for name in case.history.nodes]
    damaged: Bools = np.array([*since, NEVER], np.int64)[node] < row
    return damaged
