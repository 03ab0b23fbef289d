"""A node answers that a queue ends before what had been acknowledged long ago.

An ack and an answer contradict each other if nothing lay between them that may shorten the node's
queue, and the ack is older than a node that is well needs to show a record.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.windows import Window, epochs
from histories.history import NONE

__all__ = ["shortfalls"]

Ints = NDArray[np.int64]


def shortfalls(
    case: Case, node: int, acks: Ints, breaks: Sequence[Window], slack_ns: int
) -> Iterator[tuple[int, int]]:
    """Give (row in ``messages``, place in ``pulls``) of contradictions, one an answer."""
    messages, pulls = case.messages, case.pulls
    answers = np.flatnonzero((pulls.node == node) & (pulls.max_offset != NONE))
    acks = acks[messages.offset[acks] != NONE]
    acked_in = epochs(breaks, messages.begin_row[acks], messages.end_row[acks])
    asked_in = epochs(breaks, pulls.begin_row[answers], pulls.row[answers])
    queue = pulls.queue[answers]
    for one, epoch in sorted({*zip(queue.tolist(), asked_in.tolist(), strict=True)}):
        if epoch != NONE:
            mine = acks[(messages.queue[acks] == one) & (acked_in == epoch)]
            asked = answers[(queue == one) & (asked_in == epoch)]
            yield from _contradictions(case, mine, asked, slack_ns)


def _contradictions(
    case: Case, acks: Ints, answers: Ints, slack_ns: int
) -> Iterator[tuple[int, int]]:
    """Compare each answer with the highest offset that was acknowledged well before it."""
    if not len(acks):
        return
    messages, pulls = case.messages, case.pulls
    acks = acks[np.argsort(messages.end_ns[acks], kind="stable")]
    highest = np.maximum.accumulate(messages.offset[acks])
    since = case.time[pulls.begin_row[answers]] - slack_ns
    before = np.searchsorted(messages.end_ns[acks], since) - 1
    wrong = (before >= 0) & (highest[np.maximum(before, 0)] >= pulls.max_offset[answers])
    for place in np.flatnonzero(wrong).tolist():
        at = int(np.searchsorted(highest, highest[before[place]]))
        yield int(acks[at]), int(answers[place])
