"""Ops a second by outcome, in buckets as wide as the run asks for.

Jepsen's plots use fixed buckets of ten seconds; a run of a minute then has six points. Here a
run has about ``BUCKETS`` of them, however long it was, but none shorter than 200 ms.
"""

from dataclasses import dataclass

import numpy as np

from histories.history import NEMESIS_PROCESS, History
from histories.op import OpType

__all__ = ["BUCKETS", "Rates", "rates"]

BUCKETS = 150
BUCKET_S_MIN = 0.2


@dataclass(frozen=True, slots=True)
class Rates:
    """Completions a second: ``series[outcome word][bucket]``."""

    bucket_s: float
    series: dict[str, list[float]]


def rates(history: History, buckets: int = BUCKETS) -> Rates:
    """Count client completions by outcome over time."""
    completed = (history.type != OpType.INVOKE) & (history.process != NEMESIS_PROCESS)
    seconds = history.time[completed] / 1e9
    types = history.type[completed]
    end_s = float(seconds.max()) if len(seconds) else 1.0
    bucket_s = max(end_s / buckets, BUCKET_S_MIN)
    count = int(end_s / bucket_s) + 1

    series = {
        kind.word: [
            round(float(total) / bucket_s, 2)
            for total in np.bincount(
                (seconds[types == kind] / bucket_s).astype(np.int64), minlength=count
            )
        ]
        for kind in (OpType.OK, OpType.INFO, OpType.FAIL)
    }
    return Rates(bucket_s, series)
