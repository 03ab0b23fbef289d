"""Acknowledged messages that are there no more, and what took them.

A message is gone if its queue has a certificate from every node that might hold it, made after
the ack, and none of them shows it. It is one of

    expired   below the min offset of the queue on every node, and retention may have deleted it:
              it was old enough, or a fault made the disk look full
    allowed   the folding rule excuses it (``durability``), and what was lost is a suffix
    lost      anything else: a promise is broken

Without a certificate a message that nobody read is *unseen*: late or lost, nobody knows.
What a fault takes of a node is a suffix of its log. So a loss is not excused if something behind
it, acknowledged before the fault and in the same lineage of the log, is still there; but for a bad
record among good ones, which the drain of a damaged node passed over, or whose bit was flipped.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.certificates import Certificate
from checkers.contract import MS
from checkers.durability import fold, records_of
from checkers.messages import NEVER
from checkers.windows import ages, epochs
from histories.history import NONE

__all__ = ["Losses", "losses_of"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """What is gone; each column is parallel to ``gone``, rows of ``case.messages``."""

    gone: Ints
    below: Bools  # the min offset of its queue on every node
    expired: Bools  # below it, and rightly so
    allowed: Bools
    gap: Bools  # excusable, were it not that something behind it survived
    fault: Ints  # place in ``case.windows`` of the fault that took it, NONE if none is to blame
    unseen: Ints  # rows of ``case.messages`` of which nothing is known
    there: Bools  # for every message, whether it is there at the end


def losses_of(case: Case) -> Losses:
    """Find what is gone, and sort it."""
    messages, certificates = case.messages, case.certificates
    there, read = _there(case), _ever_read(case)
    covered = certificates.covers(messages.queue, messages.end_row)
    gone = np.flatnonzero(messages.ok & covered & ~there)
    unseen = np.flatnonzero(messages.ok & ~covered & ~read)

    fates = fold(case, records_of(case, gone))
    below = _below(case, gone, [drain.min_offset for drain in certificates.drains])
    expired = below & _may_expire(case, gone)
    excused = (fates.gone_at != NONE) & ~expired
    lineage_end = np.minimum(_injected(case, fates.gone_at), _injected(case, fates.master_at))
    gap = excused & _survived_by(case, gone, lineage_end, there) & ~_passed_over(case, gone)
    return Losses(
        gone=gone,
        below=below,
        expired=expired,
        allowed=excused & ~gap,
        gap=gap,
        fault=np.where(fates.gone_at != NONE, fates.gone_at, _blamed(case, gone)),
        unseen=unseen,
        there=there,
    )


def _there(case: Case) -> Bools:
    """Tell which messages the certified drains show, in their own queue."""
    reads, certificates = case.reads, case.certificates
    if certificates.plain:
        return _ever_read(case)
    rows = [row for drain in certificates.drains for row in drain.rows]
    shown = np.isin(reads.row, np.array(rows, np.int64))
    return _marked(case, shown)


def _ever_read(case: Case) -> Bools:
    return _marked(case, np.ones(len(case.reads), np.bool_))


def _marked(case: Case, shown: Bools) -> Bools:
    messages, reads = case.messages, case.reads
    home = np.append(messages.queue, NONE)[reads.message]
    at_home = (reads.queue == home) | (reads.queue == NONE) | (home == NONE)
    marked = np.zeros(len(messages), np.bool_)
    marked[reads.message[shown & at_home & (reads.message != NONE)]] = True
    return marked


def _below(case: Case, gone: Ints, min_offsets: Sequence[int]) -> Bools:
    """Tell what is below the least of some min offsets, one a certificate, of its queue."""
    floor = np.full(len(case.history.queues) + 1, NEVER)
    for drain, min_offset in zip(case.certificates.drains, min_offsets, strict=True):
        floor[drain.queue + 1] = min(floor[drain.queue + 1], max(min_offset, 0))
    offset = case.messages.offset[gone]
    floors = floor[case.messages.queue[gone] + 1]
    below: Bools = (offset < floors) & (floors != NEVER) & ((offset != NONE) | (floors > 0))
    return below


def _may_expire(case: Case, gone: Ints) -> Bools:
    """Tell what nodes may have deleted, as old or because a fault made a disk look full.

    The min offset is a node's own word: one that forgot the head of its queues would say the same.
    """
    drains = case.certificates.drains
    last_ns = max((int(case.time[drain.row]) for drain in drains), default=0)
    old: Bools = last_ns - case.messages.begin_ns[gone] >= case.contract.retention_ms * MS
    deleted = [drain.min_offset if _may_delete(case, drain) else 0 for drain in drains]
    return old | (not case.timed) | _below(case, gone, deleted)


def _may_delete(case: Case, drain: Certificate) -> bool:
    """Whether a fault may have made its node, or the master that it copies, delete files."""
    contract, nodes = case.contract, case.history.nodes
    name = nodes[drain.node] if drain.node != NONE else contract.master
    sources = (name, contract.master) if name == contract.slave else (name,)
    return any(ages(window, source) for window in case.windows for source in sources)


def _passed_over(case: Case, gone: Ints) -> Bools:
    """Tell what is a bad record in the midst of good ones, to all that drains and faults say."""
    queue, offset = case.messages.queue[gone], case.messages.offset[gone]
    passed = case.struck[gone]
    for drain in case.certificates.drains:
        if drain.holed:
            inside = (drain.min_offset <= offset) & (offset < drain.max_offset)
            passed |= (queue == drain.queue) & inside
    return passed


def _injected(case: Case, place: Ints) -> Ints:
    return np.array([*(window.inject_ns for window in case.windows), NEVER], np.int64)[place]


def _survived_by(case: Case, gone: Ints, lineage_end: Ints, there: Bools) -> Bools:
    """Tell which losses have a survivor behind them in the same lineage of the log."""
    messages = case.messages
    breaks = [w for w in case.windows if w.resync or w.destroys(case.contract.master)]
    lineage = epochs(breaks, messages.begin_row, messages.settled_row)
    # A message sent twice may have been written again after the loss.
    sure = there & messages.ok & (messages.attempts == 1) & (lineage != NONE)
    gap = np.zeros(len(gone), np.bool_)
    pairs = np.stack([lineage_end, lineage[gone]])[:, lineage[gone] != NONE]
    for end, epoch in np.unique(pairs, axis=1).T.tolist():
        rows = np.flatnonzero(sure & (lineage == epoch) & (messages.end_ns < end))
        highest = np.full(len(case.history.queues) + 1, NONE, np.int64)
        np.maximum.at(highest, messages.queue[rows] + 1, messages.offset[rows])
        physical = messages.physical_offset[rows].max(initial=NONE)
        known = messages.offset[gone] != NONE
        behind = known & (messages.offset[gone] < highest[messages.queue[gone] + 1])
        known = messages.physical_offset[gone] != NONE
        behind |= known & (messages.physical_offset[gone] < physical)
        gap |= behind & (lineage_end == end) & (lineage[gone] == epoch)
    return gap


def _blamed(case: Case, gone: Ints) -> Ints:
    """Give the first fault that was on when a message was acknowledged, or came after."""
    blamed = np.full(len(gone), NONE, np.int64)
    for place, window in enumerate(case.windows):
        after = window.cured_ns >= case.messages.end_ns[gone]
        blamed[after & (blamed == NONE)] = place
    return blamed
