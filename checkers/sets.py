"""A set must hold what was added: Jepsen's ``set``, and ``set-full`` where there are more reads.

``set`` compares the adds with the last ok read, and its counts are Jepsen's. ``set-full`` follows
each element through all reads. An element is known from the completion of its add, or of the
first read that saw it:

    stable       its last read (by invocation) saw it
    lost         known before its last read was invoked, and that one did not see it
    never-read   neither
    stale        stable, and some read after it was known did not see it

Both kinds of lost are invalid, but for what was added when the last read had begun: that is counted
as Jepsen counts it, and unknown. An element twice in one read is ``duplicated``; Jepsen's own test
for that can never be true. Without an ok read the verdict is unknown.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.findings import anomaly, verdict
from checkers.messages import find
from checkers.multisets import distinct
from checkers.verdict import Finding, Validity, Verdict
from histories.history import NONE
from histories.op import OpType

__all__ = ["sets"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def sets(case: Case) -> Verdict:
    """Judge whether every element that was added is read."""
    history = case.history
    attempts = distinct(history.value[history.rows("add", OpType.INVOKE)])
    adds = distinct(history.value[history.rows("add", OpType.OK)])
    reads = history.rows("read", OpType.OK)
    counts: dict[str, object] = {
        "attempt-count": len(attempts),
        "acknowledged-count": len(adds),
    }
    if not len(reads):
        return verdict([], counts, ["no read completed"])

    final = distinct(history.deliveries.value[history.deliveries.row == reads[-1]])
    ok = np.intersect1d(final, attempts)
    lost, recovered = np.setdiff1d(adds, final), np.setdiff1d(ok, adds)
    unexpected = np.setdiff1d(final, attempts)
    lives = _lives(case, reads)
    counts |= {
        "ok-count": len(ok),
        "lost-count": len(lost),
        "recovered-count": len(recovered),
        "unexpected-count": len(unexpected),
        "set-full": lives.counts(),
    }
    twice = _twice(case)
    # What was acknowledged when the last read had begun need not be in it.
    late = np.setdiff1d(lost, lives.known_before(_begin(case, int(reads[-1]))))
    gone = np.union1d(np.setdiff1d(lost, late), lives.value[lives.lost])
    why = ["what was added after the last read had begun may still be there"] if len(late) else []

    def tell(text: str, value: int) -> Finding:
        rows = np.flatnonzero((history.value == value) & (history.f == history.f_code("add")))
        name = case.text(value)
        return Finding(
            f"{name} {text}", case.indices(*rows[:2].tolist(), int(reads[-1])), {"value": name}
        )

    found = [
        *anomaly("lost", gone, lambda value: tell("was added, and is not there any more", value)),
        *anomaly(
            "unexpected", unexpected, lambda value: tell("is there, and was not added", value)
        ),
        *anomaly(
            "recovered",
            recovered,
            lambda value: tell("is there, though its add was in doubt", value),
            Validity.VALID,
        ),
        *anomaly("duplicated", twice, lambda value: tell("is there twice", value), Validity.VALID),
    ]
    return verdict(found, counts, why)


@dataclass(frozen=True, slots=True, eq=False)
class _Lives:
    """Every element attempted, and what became of it over all reads."""

    value: Ints
    acknowledged: int
    known: Ints  # the row from which it must be there; the length of the history if none
    stable: Bools
    lost: Bools
    stale: Bools

    def known_before(self, row: int) -> Ints:
        """Give the elements that must be there for who begins to read at a row."""
        return self.value[self.known < row]

    def counts(self) -> dict[str, int]:
        return {
            "attempt-count": len(self.value),
            "stable-count": int(self.stable.sum()),
            "lost-count": int(self.lost.sum()),
            "never-read-count": int((~self.stable & ~self.lost).sum()),
            "stale-count": int(self.stale.sum()),
        }


def _lives(case: Case, reads: Ints) -> _Lives:
    history = case.history
    begins = history.rows("add", OpType.INVOKE)
    value, first = np.unique(history.value[begins], return_index=True)
    begun = begins[first]
    known = np.full(len(value), len(history), np.int64)
    ends = history.rows("add", OpType.OK)
    np.minimum.at(known, find(value, history.value[ends]), ends)

    present = np.full(len(value), NONE, np.int64)
    absent = np.full(len(value), NONE, np.int64)
    taken = history.deliveries
    for row in reads.tolist():
        invoked = _begin(case, row)
        place = find(value, taken.value[taken.row == row])
        seen = np.zeros(len(value), np.bool_)
        seen[place[place != NONE]] = True
        known[seen] = np.minimum(known[seen], row)
        present[seen] = np.maximum(present[seen], invoked)
        # An element whose add had not begun when the read ended was not there to be seen.
        unseen = ~seen & (begun < row)
        absent[unseen] = np.maximum(absent[unseen], invoked)

    stable = (present != NONE) & (absent < present)
    lost = (known < len(history)) & (absent != NONE) & (present < absent) & (known < absent)
    return _Lives(value, len(ends), known, stable, lost, stable & (absent > known))


def _begin(case: Case, row: int) -> int:
    begin = int(case.history.pair[row])
    return row if begin == NONE else begin


def _twice(case: Case) -> Ints:
    """Give the elements that one read shows more than once."""
    taken = case.history.deliveries
    of_reads = case.history.f[taken.row] == case.history.f_code("read")
    keys = np.stack([taken.row[of_reads], taken.value[of_reads]])
    entries, count = np.unique(keys, axis=1, return_counts=True)
    return np.unique(entries[1][count > 1])
