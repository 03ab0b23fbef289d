"""A proof as a space-time diagram: one lane a process, one bar an op, time to the right.

Only the ops that prove an anomaly are drawn, so time is not to scale: each distinct instant gets
a column of its own, in order, which keeps "before", "after" and "meanwhile" readable when one op
took a millisecond and the next came a minute later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

import numpy as np

from harness.wording import counted
from histories.history import NONE, History
from histories.op import Op, OpType

__all__ = ["Bar", "Diagram", "diagram", "label"]

WIDTH_PX = 640  # of a diagram whose words are short
LETTER_PX = 6.7
GAP_PX = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """One op from its invocation to its completion, in columns of the diagram."""

    lane: int
    begin: int
    end: int
    outcome: str  # ok, fail or info
    open: bool  # it never completed
    text: str
    start_s: float


@dataclass(frozen=True, slots=True)
class Diagram:
    """Lanes by process, bars in order of their beginning."""

    lanes: tuple[str, ...]
    bars: tuple[Bar, ...]
    columns: int

    @property
    def step(self) -> int:
        """How wide a column is, in pixels: no word of a lane runs into the next one's."""
        words = sorted((bar.lane, bar.begin, len(bar.text)) for bar in self.bars)
        needed = [
            (length * LETTER_PX + GAP_PX) / (after - begin)
            for (lane, begin, length), (next_lane, after, _) in pairwise(words)
            if lane == next_lane and after > begin
        ]
        return ceil(max([min(max(WIDTH_PX / self.columns, 24), 150), *needed]))

    @property
    def width(self) -> int:
        """How far the last bar or word reaches, in pixels from the first column."""
        ends = (max(self.step * bar.end, self._words_end(bar)) for bar in self.bars)
        return ceil(max(ends, default=0))

    def _words_end(self, bar: Bar) -> float:
        return self.step * bar.begin + LETTER_PX * len(bar.text)


def diagram(history: History, indices: Sequence[int]) -> Diagram:
    """Lay out the ops of the given history indices, each with its other end."""
    spans = sorted({_span(history, row) for row in _rows(history, indices)})
    instants = sorted({row for span in spans for row in span if row != NONE})
    column = {row: number for number, row in enumerate(instants)}
    processes = {history.op(begin).process for begin, _ in spans}
    lanes = [_lane(one) for one in sorted(processes, key=_by_number)]

    bars = []
    for begin, end in spans:
        op = history.op(begin if end == NONE else end)
        bars.append(
            Bar(
                lane=lanes.index(_lane(op.process)),
                begin=column[begin],
                end=column.get(end, len(instants)),
                outcome=op.type if op.type != OpType.INVOKE.word else OpType.INFO.word,
                open=end == NONE,
                text=label(op),
                start_s=round(history.op(begin).time / 1e9, 3),
            )
        )
    return Diagram(tuple(lanes), tuple(bars), len(instants) + 1)


def label(op: Op) -> str:
    """Say an op in a few words: ``send 3-17 @2/41 SEND_OK``."""
    words = [op.f]
    if isinstance(op.value, list):
        words.append(counted(len(op.value), "message"))
    elif isinstance(op.value, dict):
        words.append(f"up to {op.value.get('end')}")
    elif op.value is not None:
        words.append(str(op.value)[:24])
    if op.queue is not None:
        words.append(
            f"@{op.queue}" + (f"/{op.queue_offset}" if op.queue_offset is not None else "")
        )
    words += [str(word) for word in (op.node, op.status) if word]
    return " ".join(words)


def _rows(history: History, indices: Sequence[int]) -> list[int]:
    wanted = np.searchsorted(history.index, np.asarray(indices, np.int64))
    return [int(row) for row in wanted if row < len(history)]


def _span(history: History, row: int) -> tuple[int, int]:
    """Give an op's row and its other end's, the invocation first; NONE if it has none."""
    other = int(history.pair[row])
    return (row, NONE) if other == NONE else (min(row, other), max(row, other))


def _lane(process: int | str) -> str:
    return process if isinstance(process, str) else f"process {process}"


def _by_number(process: int | str) -> tuple[int, str]:
    """Sort processes by their numbers, and those that have names before them."""
    return (-1, process) if isinstance(process, str) else (process, "")
