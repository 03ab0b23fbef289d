"""Every completed op is a dot, until there are so many that a page could not carry them.

A dot is (when it was invoked, how long it took, how it ended). Up to ``DOTS_MAX`` dots travel as
they are. Beyond that the ok ones are thinned: one dot for each cell of a fine grid of time by
logarithm of latency, with the number of ops it stands for, so that the picture keeps its shape
and its density. Fail and info dots are what people look for: all are kept, but after a night in
which they alone are too many; then they are thinned in the same way, each outcome by itself.
"""

import base64
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from histories.history import NEMESIS_PROCESS, NONE, History
from histories.op import OpType

__all__ = ["DOTS_MAX", "Dots", "dots", "pack"]

DOTS_MAX = 200_000
TIME_CELLS = 2_000
LATENCY_CELLS = 64  # over six decades: a tenth of a decade each


@dataclass(frozen=True, slots=True)
class Dots:
    """Parallel columns, one entry a dot."""

    start_s: NDArray[np.float32]
    latency_ms: NDArray[np.float32]
    outcome: NDArray[np.uint8]  # OpType of the completion
    weight: NDArray[np.uint16]  # how many ops it stands for, at most 65535


def dots(history: History, dots_max: int = DOTS_MAX) -> Dots:
    """Turn the completed client ops of a history into dots, thinned to about ``dots_max``."""
    completed = np.flatnonzero(
        (history.type != OpType.INVOKE)
        & (history.process != NEMESIS_PROCESS)
        & (history.pair != NONE)
    )
    invoked = history.time[history.pair[completed]]
    start_s = (invoked / 1e9).astype(np.float32)
    latency_ms = ((history.time[completed] - invoked) / 1e6).astype(np.float32)
    outcome = history.type[completed].astype(np.uint8)
    whole = Dots(start_s, latency_ms, outcome, np.ones(len(completed), np.uint16))
    if len(completed) <= dots_max:
        return whole
    ok = outcome == OpType.OK
    return _thinned(whole, ok if (~ok).sum() <= dots_max else np.ones(len(ok), np.bool_))


def _thinned(whole: Dots, many: NDArray[np.bool_]) -> Dots:
    """Let one dot stand for all of its outcome in a cell, among those that are too many."""
    rest = ~many
    start, latency, outcome = whole.start_s[many], whole.latency_ms[many], whole.outcome[many]

    time_step = max(float(start.max()) / TIME_CELLS, 1e-9)
    time_cell = (start / time_step).astype(np.int64)
    decades = np.log10(np.maximum(latency, 1e-3)) + 3
    latency_cell = np.clip(decades * LATENCY_CELLS / 9, 0, LATENCY_CELLS).astype(np.int64)
    cell = (outcome.astype(np.int64) * (TIME_CELLS + 1) + time_cell) * (LATENCY_CELLS + 1)
    cell += latency_cell
    _, first, count = np.unique(cell, return_index=True, return_counts=True)

    return Dots(
        np.concatenate([start[first], whole.start_s[rest]]),
        np.concatenate([latency[first], whole.latency_ms[rest]]),
        np.concatenate([outcome[first], whole.outcome[rest]]),
        np.concatenate([np.minimum(count, 65_535), whole.weight[rest]]).astype(np.uint16),
    )


def pack(columns: Dots) -> str:
    """Give the dots as base64 of deflated planes: all starts, all latencies, weights, outcomes."""
    planes = (
        columns.start_s.astype("<f4").tobytes(),
        columns.latency_ms.astype("<f4").tobytes(),
        columns.weight.astype("<u2").tobytes(),
        columns.outcome.tobytes(),
    )
    return base64.b64encode(zlib.compress(b"".join(planes), 6)).decode("ascii")
