"""The smallest part of a history that still shows an anomaly, and is judged the same.

Ops are dropped in pairs, an invoke with its completion, and faults whole: first large chunks, then
small ones, as long as the anomaly stays with the same validity (delta debugging). So the extract
is a well-formed history by itself. It begins with what one finding is about, with drains cut down
to that (``cutting``), if it still shows this very finding and accuses of nothing else; else with
the ops of the finding and their queue, or with everything. A history that is unknown for this
anomaly alone does not become invalid. ``JUDGEMENTS_MAX`` and ``WORK_MAX``, in ops judged, bound
the work.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from checkers.contract import Contract
from checkers.cutting import cut_around
from checkers.proof import rows_of
from checkers.suite import Judgement, judge
from checkers.verdict import Finding, Validity
from histories.history import NONE, History

__all__ = ["IDENTITY", "JUDGEMENTS_MAX", "WORK_MAX", "extract"]

JUDGEMENTS_MAX = 400
WORK_MAX = 5_000_000
IDENTITY = ("value", "values", "queue", "key", "offset", "offsets", "from", "to", "node", "kind")
"""By these facts a finding is known again in a part of its history."""

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
    search = _Search(name, judging, judging(history), max(WORK_MAX, 2 * len(history)))
    findings = search.whole.anomalies[name].findings
    proof = rows_of(history, findings[0].ops) if findings else []
    cut = cut_around(history, findings[0], proof) if findings else None
    if cut is not None and search.shows(cut, exactly=True):
        return _smallest(cut, _units(cut), partial(search.shows, exactly=True))
    units = _units(history)
    for start in (_around(history, units, proof), units):
        if search.shows(_part(history, start)):
            return _smallest(history, start, search.shows)
    return history


@dataclass(slots=True)
class _Search:
    """What every part must show, and how much may still be judged."""

    name: str
    judging: Callable[[History], Judgement]
    whole: Judgement
    work_left: int
    judgements_left: int = JUDGEMENTS_MAX

    def shows(self, part: History, *, exactly: bool = False) -> bool:
        """Tell whether a part has the anomaly; ``exactly``: this very one, and no new one."""
        self.judgements_left -= 1
        self.work_left -= len(part)
        if self.judgements_left < 0 or self.work_left < 0:
            return False
        judgement, wanted = self.judging(part), self.whole.anomalies[self.name]
        judged = judgement.anomalies.get(self.name)
        if judged is None or judged.validity is not wanted.validity:
            return False
        # A part that is worse than the whole would accuse of what did not happen.
        if judgement.validity > max(self.whole.validity, Validity.UNKNOWN):
            return False
        return not exactly or (
            any(_same(finding, wanted.findings[0]) for finding in judged.findings)
            and judged.count <= wanted.count
            and _broken(judgement) <= _broken(self.whole)
        )


def _same(one: Finding, other: Finding) -> bool:
    """Whether two findings are of the same messages at the same place."""
    return all(one.data.get(name) == other.data.get(name) for name in IDENTITY)


def _broken(judgement: Judgement) -> set[str]:
    invalid = Validity.INVALID
    return {name for name, found in judgement.anomalies.items() if found.validity is invalid}


def _smallest(history: History, units: Sequence[Unit], shows: Callable[[History], bool]) -> History:
    return _part(history, _smaller(list(units), lambda rest: shows(_part(history, rest))))


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
