"""A proof is the few ops that show an anomaly, short enough to paste into an issue.

``proof_text`` puts a finding's sentence over its ops in the notation of ``histories.notation``,
each with its index and its time. ``space_time`` gives the same ops as data for a diagram: a lane a
process, a span an op, from its invocation to its completion, in the order of the history.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from checkers.verdict import Anomaly, Finding
from histories.history import NONE, History
from histories.notation import format_op

__all__ = ["Span", "explain", "proof_text", "rows_of", "space_time"]

_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Span:
    """One op of a proof; ``end_row`` is NONE if it never completed."""

    process: str
    begin_row: int
    end_row: int
    begin_ns: int
    end_ns: int
    type: str
    text: str


def rows_of(history: History, indices: Sequence[int]) -> list[int]:
    """Give the rows of ops by the indices that they have in their file, ascending."""
    place = np.flatnonzero(np.isin(history.index, np.asarray(indices, np.int64)))
    return [int(row) for row in place]


def proof_text(history: History, finding: Finding) -> str:
    """Write a finding for people.

    >>> from histories.notation import parse_history
    >>> history = parse_history("0 invoke send a @0")
    >>> print(proof_text(history, Finding("a was sent", (0,))))
    a was sent
           0     0.000  0 invoke send a @0
    """
    lines = [finding.text]
    for row in rows_of(history, finding.ops):
        text = format_op(history.op(row))
        shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
        lines.append(f"{int(history.index[row]):8}  {history.time[row] / 1e9:8.3f}  {shown}")
    return "\n".join(lines)


def explain(history: History, anomaly: Anomaly, proofs_max: int | None = None) -> str:
    """Write the proofs that an anomaly carries, all or some, and how many more there are."""
    proofs = [proof_text(history, finding) for finding in anomaly.findings[:proofs_max]]
    left = anomaly.count - len(proofs)
    return "\n\n".join([*proofs, *([f"and {left} more"] if left > 0 else [])])


def space_time(history: History, finding: Finding) -> list[Span]:
    """Give the spans of a finding's ops, by their beginning."""
    begins: dict[int, int] = {}
    for row in rows_of(history, finding.ops):
        other = int(history.pair[row])
        begin = row if other == NONE else min(row, other)
        begins[begin] = NONE if other == NONE else max(row, other)
    spans = []
    for begin, end in sorted(begins.items()):
        op = history.op(begin if end == NONE else end)
        spans.append(
            Span(
                process=str(op.process),
                begin_row=begin,
                end_row=end,
                begin_ns=int(history.time[begin]),
                end_ns=NONE if end == NONE else int(history.time[end]),
                type=op.type,
                text=format_op(op),
            )
        )
    return spans
