"""A claim says that a value stands at an offset of a queue; two that differ are a conflict.

Claims come from acks and from reads; the same claim made often is one. Of the claims at an
offset each is compared with the next, in the order in which their sends began.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.durability import Records, fold
from checkers.messages import NEVER
from histories.history import NONE

__all__ = ["Claims", "claims_of", "excused"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Claims:
    """Distinct (queue, offset, value), sorted so, with when each was first known."""

    queue: Ints
    offset: Ints
    value: Ints
    message: Ints  # row in ``case.messages``, NONE if nobody sent it
    acked: Bools
    read: Bools
    known_row: Ints  # the first row that says so
    known_ns: Ints

    def acknowledged(self) -> "Claims":
        """Give the claims that acks made."""
        return replace(self, **{name: getattr(self, name)[self.acked] for name in self.__slots__})

    def conflicts(self) -> tuple[Ints, Ints]:
        """Give places of claims that differ on an offset, each with the next one there."""
        same = (self.queue[1:] == self.queue[:-1]) & (self.offset[1:] == self.offset[:-1])
        second = np.flatnonzero(same) + 1
        return second - 1, second

    def rows(self, case: Case, place: int) -> Iterator[int]:
        """Give the rows that prove a claim: the send, and the first read of it there."""
        message = int(self.message[place])
        if message != NONE:
            end = int(case.messages.end_row[message])
            yield int(case.messages.begin_row[message])
            yield NONE if end == NEVER else end
        if self.read[place]:
            reads = case.reads
            here = (reads.value == self.value[place]) & (reads.offset == self.offset[place])
            first = int(np.flatnonzero(here & (reads.queue == self.queue[place]))[0])
            yield int(reads.row[first])


def claims_of(case: Case) -> Claims:
    """Collect the claims of a history, distinct, by queue, offset and begin of the send."""
    messages, reads = case.messages, case.reads
    acks = np.flatnonzero(messages.ok & (messages.offset != NONE) & (messages.queue != NONE))
    seen = np.flatnonzero((reads.offset != NONE) & (reads.queue != NONE) & (reads.value != NONE))
    queue = np.concatenate([messages.queue[acks], reads.queue[seen]])
    offset = np.concatenate([messages.offset[acks], reads.offset[seen]])
    value = np.concatenate([messages.value[acks], reads.value[seen]])
    message = np.concatenate([acks, reads.message[seen]])
    row = np.concatenate([messages.end_row[acks], reads.row[seen]])
    acked = np.arange(len(row)) < len(acks)
    began = np.append(messages.begin_row, NEVER)[message]  # strangers come last

    order = np.lexsort((row, value, began, offset, queue))
    keys = np.stack([queue[order], offset[order], value[order]])
    new = np.r_[True, (keys[:, 1:] != keys[:, :-1]).any(axis=0)] if len(order) else order > 0
    first = np.flatnonzero(new)
    known = row[order][first]
    return Claims(
        queue=keys[0][first],
        offset=keys[1][first],
        value=keys[2][first],
        message=message[order][first],
        acked=np.logical_or.reduceat(acked[order], first) if len(first) else new,
        read=np.logical_or.reduceat(~acked[order], first) if len(first) else new,
        known_row=known,
        known_ns=case.time[known] if len(known) else known,
    )


def excused(case: Case, claims: Claims, first: Ints, second: Ints) -> Bools:
    """Tell which conflicts a fault between the two explains, in either order."""
    if not len(first):
        return np.zeros(0, np.bool_)
    lost_at = _lost_at(case, claims)
    return _explained(case, claims, lost_at, first, second) | _explained(
        case, claims, lost_at, second, first
    )


def _explained(case: Case, claims: Claims, lost_at: Ints, freed: Ints, reuser: Ints) -> Bools:
    """Tell where ``freed`` may have left the master's log before ``reuser`` came."""
    message = claims.message[reuser]
    last_ns = np.where(message == NONE, NONE, np.append(case.messages.settled_ns, 0)[message])
    # A send in doubt may land ever after, hence the second condition is not in the first.
    explained: Bools = (lost_at[freed] <= last_ns) & (lost_at[freed] != NEVER)
    explained &= claims.message[freed] != NONE
    begun = np.append(case.messages.begin_ns, 0)[claims.message[freed]]
    for window in case.windows:
        if window.resync:
            explained |= (begun <= window.cured_ns) & (last_ns >= window.inject_ns)
    return explained


def _lost_at(case: Case, claims: Claims) -> Ints:
    """Give when each claimed record may first have left the master's log, else NEVER."""
    messages, contract = case.messages, case.contract
    sent = claims.message != NONE
    message = np.where(sent, claims.message, 0)
    begin = messages.begin_ns[message] if len(messages) else claims.known_ns
    nothing = np.zeros(len(sent), np.bool_)
    acked = claims.acked & sent
    status = messages.status[message] if len(messages) else message
    weak = np.isin(
        status,
        [
            case.history.status_code(name)
            for name in ("FLUSH_DISK_TIMEOUT", "FLUSH_SLAVE_TIMEOUT", "SLAVE_NOT_AVAILABLE")
        ],
    )
    records = Records(
        begin_ns=np.where(sent, begin, claims.known_ns),
        sure_ns=claims.known_ns,
        physical_offset=np.full(len(sent), NONE),
        next_physical=np.full(len(sent), NEVER),
        master_disk=(claims.read | (acked & ~weak)) & contract.sync_flush,
        slave_cache=nothing,
    )
    place = fold(case, records).master_at
    return np.array([*(window.inject_ns for window in case.windows), NEVER], np.int64)[place]
