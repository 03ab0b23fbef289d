"""The smallest part of a history that still shows an anomaly, and is judged the same.

Ops are dropped in pairs, an invoke with its completion, and faults whole: first large chunks, then
small ones, as long as the anomaly stays with the same validity (delta debugging). So the extract
is a well-formed history by itself. It begins with the ops of one finding and their queue if that
is enough, else with everything. A history that is unknown for this anomaly alone does not become
invalid. ``JUDGEMENTS_MAX`` and ``WORK_MAX``, in ops judged, bound the work.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np

from checkers.contract import Contract
from checkers.proof import rows_of
from checkers.suite import Judgement, judge
from checkers.verdict import Validity
from histories.history import NONE, History

__all__ = ["JUDGEMENTS_MAX", "WORK_MAX", "extract"]

JUDGEMENTS_MAX = 400
WORK_MAX = 5_000_000

Unit: TypeAlias = tuple[int, ...]
"""Rows that stay or go together."""


def extract(
    history: History,
    name: str,
    contract: Contract | None = None,
    workload: str | None = None,
    *,
    judging: Callable[[History], Judgement] | None = None,
) -> History:
    """Give the smallest sub-history found that still has the anomaly; KeyError if it has none.

    ``judging`` stands in for ``judge`` with the contract and workload.
    """
    judging = judging or partial(judge, contract=contract, workload=workload)
    whole = judging(history)
    wanted = whole.anomalies[name]
    judgements, work = 0, 0

    def shows(units: Sequence[Unit]) -> bool:
        nonlocal judgements, work
        part = _part(history, units)
        judgements, work = judgements + 1, work + len(part)
        if judgements > JUDGEMENTS_MAX or work > max(WORK_MAX, 2 * len(history)):
            return False
        judgement = judging(part)
        judged = judgement.anomalies.get(name)
        same = judged is not None and judged.validity is wanted.validity
        # A part that is worse than the whole would accuse of what did not happen.
        return same and judgement.validity <= max(whole.validity, Validity.UNKNOWN)

    units = _units(history)
    proof = rows_of(history, wanted.findings[0].ops) if wanted.findings else []
    for start in (_around(history, units, proof), units):
        if shows(start):
            return _part(history, _smaller(start, shows))
    return history


def _units(history: History) -> list[Unit]:
    """Group rows: the two ends of an op, and all ops of a fault."""
    faults: dict[int, list[int]] = {}
    units: list[Unit] = []
    for row in range(len(history)):
        if history.process[row] < NONE:
            fault = history.op(row).fault
            faults.setdefault(-1 - row if fault is None else fault.id, []).append(row)
            continue
        other = int(history.pair[row])
        if other == NONE or row < other:
            units.append((row,) if other == NONE else (row, other))
    return sorted([*units, *(tuple(rows) for rows in faults.values())])


def _around(history: History, units: Sequence[Unit], proof: Sequence[int]) -> list[Unit]:
    """Keep what proves the finding, and the drains, dumps and faults."""
    needed = np.zeros(len(history), np.bool_)
    needed[list(proof)] = True
    needed |= history.process < NONE
    needed |= np.isin(history.f, [history.f_code(f) for f in ("drain", "dump")])
    return [unit for unit in units if needed[list(unit)].any()]


def _smaller(units: list[Unit], shows: Callable[[Sequence[Unit]], bool]) -> list[Unit]:
    """Drop chunks, half of what is left at first, one unit at last, while the anomaly stays."""
    size = max(1, len(units) // 2)
    while True:
        at = 0
        while at < len(units):
            rest = [*units[:at], *units[at + size :]]
            if rest and shows(rest):
                units = rest
            else:
                at += size
        if size == 1:
            return units
        size //= 2


def _part(history: History, units: Sequence[Unit]) -> History:
    rows = sorted(row for unit in units for row in unit)
    return History.from_ops(history.op(row) for row in rows)
