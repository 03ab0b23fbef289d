"""A claim says that a value stands at an offset of a queue, and who says so, and since when.

Claims come from acks and from reads; the same claim made often is one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from checkers.messages import NEVER, Messages, Reads
from histories.history import NONE

__all__ = ["Claims", "claims_of"]

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

    def rows(self, messages: Messages, reads: Reads, place: int) -> Iterator[int]:
        """Give the rows that prove a claim: the send, and the first read of it there."""
        message = int(self.message[place])
        if message != NONE:
            end = int(messages.end_row[message])
            yield int(messages.begin_row[message])
            yield NONE if end == NEVER else end
        if self.read[place]:
            here = (reads.value == self.value[place]) & (reads.offset == self.offset[place])
            first = int(np.flatnonzero(here & (reads.queue == self.queue[place]))[0])
            yield int(reads.row[first])


def claims_of(messages: Messages, reads: Reads, time: Ints) -> Claims:
    """Collect the claims of a history, distinct, by queue, offset and begin of the send."""
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
        known_ns=time[known] if len(known) else known,
    )
