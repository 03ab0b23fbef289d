"""How often each function ended how: numbers, no judgement.

Jepsen calls a run invalid in which some function was never ok; here that is a question of
vacuity, which knows what the workload needed (``vacuity``).
"""

import numpy as np

from checkers.case import Case
from checkers.findings import verdict
from checkers.verdict import Verdict
from histories.history import NONE
from histories.op import OpType

__all__ = ["stats"]


def stats(case: Case) -> Verdict:
    """Count ops by function and type, and acks by status."""
    history = case.history
    clients = history.process >= 0
    kinds = len(OpType)
    codes = history.f * np.int32(kinds) + history.type
    table = np.bincount(codes[clients], minlength=len(history.fs) * kinds).reshape(-1, kinds)
    by_f = {
        name: {kind.word: int(table[code, kind]) for kind in OpType}
        for code, name in enumerate(history.fs)
        if table[code].any()
    }
    acked = history.status[clients & (history.type == OpType.OK) & (history.status != NONE)]
    statuses = np.bincount(acked, minlength=len(history.statuses))
    counts = {
        "ops": int(clients.sum()),
        "by-f": by_f,
        "by-status": {
            name: int(statuses[code])
            for code, name in enumerate(history.statuses)
            if statuses[code]
        },
    }
    return verdict([], counts)
