"""A history is well-formed if every process did one thing at a time.

    index      ascends from line to line
    process    invokes only when it has no op outstanding
    completion follows an invoke of the same process, with the same f
    retired    a process invokes nothing after its op ended as info: it may still be at it

The nemesis is free of all but the first: its infos need no invoke. A history with problems can
still be judged, but a verdict on it is worth less; so all problems are listed, not only the first.
Completions without an invoke are normal where a broker pushes messages (OpenChaos).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from histories.history import History
from histories.op import OpType
from histories.pairs import by_process
from histories.values import NONE

__all__ = ["Problem", "problems"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One breach of the discipline, and the row where it shows."""

    row: int
    text: str


def problems(history: History) -> list[Problem]:
    """List what is wrong with a history, in the order of its rows.

    >>> from histories.notation import parse_history
    >>> for problem in problems(
    ...     parse_history('''
    ...     0 invoke send a
    ...     0 invoke send b
    ...     1 ok     send a
    ... ''')
    ... ):
    ...     print(problem.row, problem.text)
    1 expected process 0 to complete send first, got an invoke of send
    2 expected an invoke of send by process 1 before its ok, got none
    """
    found = [*_index_problems(history), *_process_problems(history)]
    return sorted(found, key=lambda problem: problem.row)


def _index_problems(history: History) -> list[Problem]:
    rows = np.flatnonzero(history.index[1:] <= history.index[:-1]) + 1
    return [
        Problem(row, f"expected an index above {history.index[row - 1]}, got {history.index[row]}")
        for row in rows.tolist()
    ]


def _process_problems(history: History) -> list[Problem]:
    """Look at each row and the one before it of the same process."""
    order = by_process(history.process)
    order = order[history.process[order] >= 0]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = history.process[order[1:]] != history.process[order[:-1]]
    before = np.where(begins, NONE, np.roll(order, 1))

    invokes = history.type[order] == OpType.INVOKE
    type_before = np.where(before == NONE, NONE, history.type[before])
    busy = invokes & (type_before == OpType.INVOKE)
    retired = invokes & (type_before == OpType.INFO)
    alone = ~invokes & (type_before != OpType.INVOKE)
    crossed = ~invokes & ~alone & (history.f[order] != history.f[before])
    return [
        *_told(history, order, before, busy, "{p} to complete {g} first, got an invoke of {f}"),
        *_told(history, order, before, retired, "{p} to be retired by its info, got {f}"),
        *_told(history, order, before, alone, "an invoke of {f} by {p} before its {t}, got none"),
        *_told(history, order, before, crossed, "{p} to complete {g}, got {t} of {f}"),
    ]


def _told(
    history: History,
    order: NDArray[np.intp],
    before: NDArray[np.intp],
    wrong: NDArray[np.bool_],
    text: str,
) -> list[Problem]:
    return [
        Problem(
            row,
            "expected "
            + text.format(
                p=f"process {history.process[row]}",
                f=history.fs[history.f[row]],
                g=history.fs[history.f[last]],
                t=OpType(history.type[row]).word,
            ),
        )
        for row, last in zip(order[wrong].tolist(), before[wrong].tolist(), strict=True)
    ]
