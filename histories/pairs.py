"""An op's two ends find each other by process: a completion belongs to the invoke before it.

A process does one thing at a time, so among the rows of one process an invoke is followed by its
completion. The nemesis writes ``info`` twice, before and after: its rows pair by alternation,
fault by fault. A completion of another f is not the other end (see ``wellformed``).
"""

import numpy as np
from numpy.typing import NDArray

from histories.op import OpType
from histories.values import NONE

__all__ = ["by_process", "paired"]

_DIGIT = 1 << 16


def by_process(process: NDArray[np.int32]) -> NDArray[np.intp]:
    """Give the rows sorted by process, in file order within each.

    Two stable passes over 16 bits each: numpy sorts those by radix, several times faster than
    it merges 32 bits.
    """
    keys = process.astype(np.int64) - int(process.min(initial=0))
    order = np.argsort((keys % _DIGIT).astype(np.uint16), kind="stable")
    high = (keys // _DIGIT).astype(np.uint16)
    return order if not high.any() else order[np.argsort(high[order], kind="stable")]


def paired(
    process: NDArray[np.int32], type: NDArray[np.int8], f: NDArray[np.int16]
) -> NDArray[np.int32]:
    """Give for each row the row of its other end, or -1.

    >>> process, f = np.zeros(3, np.int32), np.zeros(3, np.int16)
    >>> paired(process, np.array([0, 1, 0], np.int8), f).tolist()
    [1, 0, -1]
    """
    order = by_process(process)
    before, after = order[:-1], order[1:]
    follows = (
        (type[before] == OpType.INVOKE)
        & (type[after] != OpType.INVOKE)
        & (process[before] == process[after])
        & (f[before] == f[after])
    )

    pair = np.full(len(process), NONE, np.int32)
    pair[before[follows]] = after[follows]
    pair[after[follows]] = before[follows]
    _pair_nemesis(pair, np.flatnonzero(process < NONE), type, process, f)
    return pair


def _pair_nemesis(
    pair: NDArray[np.int32],
    rows: NDArray[np.intp],
    type: NDArray[np.int8],
    process: NDArray[np.int32],
    f: NDArray[np.int16],
) -> None:
    """Pair the infos of processes with names; two faults may overlap, so it goes by f."""
    begun: dict[tuple[int, int], int] = {}
    for row in rows.tolist():
        if type[row] != OpType.INFO or pair[row] != NONE:
            continue
        key = (int(process[row]), int(f[row]))
        other = begun.pop(key, None)
        if other is None:
            begun[key] = row
        else:
            pair[row], pair[other] = other, row
