"""What ops sent and polled, and what is known of each key's log, as columns.

A *pair* numbers a value of a key, for values are unique per key only. A *place* is an offset of a
key that holds something; places are numbered key by key in the order of offsets, so that the
difference of two places of one key is their dense distance, however sparse the offsets are.

    seen        some ok op polled it                                        by pair
    writer      row of the op that sent it last, NONE if nobody did         by pair
    first, last place where it stands first and last, NONE if unknown       by pair
    committed   the op is ok, or info and something it sent was seen        by row

The log is made of committed sends with a known offset and of polls of every type.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from histories.history import NONE, Deliveries, History, Sends
from histories.op import OpType

__all__ = ["Entries", "Tables", "Touches", "tables_of"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Touches:
    """Messages that ops sent, or polled, in the order of the history."""

    row: Ints  # of the completion
    key: Ints
    offset: Ints
    pair: Ints

    def only(self, which: Bools) -> "Touches":
        """Give some of them."""
        return Touches(self.row[which], self.key[which], self.offset[which], self.pair[which])


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """The log: one row a place and a pair in it, by place; places of one key are adjacent."""

    place: Ints
    pair: Ints
    key: Ints
    offset: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Everything that the checks of one history share."""

    history: History
    type: Ints  # of the op at a row; an invocation that never completed is info
    sends: Touches
    polls: Touches
    value: Ints  # by pair
    key: Ints  # by pair
    seen: Bools
    writer: Ints
    committed: Bools
    entries: Entries
    first: Ints
    last: Ints

    def distance(self, before: Ints, after: Ints) -> Ints:
        """Give the dense distance from one pair to another of its key, 1 if either is unknown."""
        one, other = self.first[before], self.first[after]
        return np.where((one == NONE) | (other == NONE), 1, other - one)


def tables_of(history: History) -> Tables:
    """Put together what a history's ops say."""
    type = history.type.astype(np.int64)
    cut = (type == OpType.INVOKE) & (history.pair == NONE)
    type[cut] = OpType.INFO

    sent, polled = history.sends, history.deliveries
    kept = type[sent.row] != OpType.INVOKE
    count = int(kept.sum())
    key = np.concatenate([sent.queue[kept], polled.queue]).astype(np.int64) + 1
    value = np.concatenate([sent.value[kept], polled.value])
    pair, values, keys = _pairs(key, value)
    sends = _touches(sent, kept, key[:count], pair[:count])
    polls = _touches(polled, np.ones(len(polled), np.bool_), key[count:], pair[count:])

    seen = np.zeros(len(values), np.bool_)
    seen[polls.pair[type[polls.row] == OpType.OK]] = True
    writer = np.full(len(values), NONE, np.int64)
    writer[sends.pair] = sends.row
    committed = type == OpType.OK
    committed[sends.row[seen[sends.pair] & (type[sends.row] == OpType.INFO)]] = True

    entries = _entries(sends.only(committed[sends.row]), polls, len(values))
    first, last = (np.full(len(values), NONE, np.int64) for _ in range(2))
    first[entries.pair[::-1]] = entries.place[::-1]
    last[entries.pair] = entries.place
    return Tables(
        history, type, sends, polls, values, keys, seen, writer, committed, entries, first, last
    )


def _touches(table: Sends | Deliveries, kept: Bools, key: Ints, pair: Ints) -> Touches:
    return Touches(table.row[kept].astype(np.int64), key, table.offset[kept], pair)


def _pairs(key: Ints, value: Ints) -> tuple[Ints, Ints, Ints]:
    """Give each row the number of its key and value, and each number's value and key."""
    values, code = numbered(value)
    numbers, pair = numbered(code * (int(key.max(initial=0)) + 1) + key)
    width = int(key.max(initial=0)) + 1
    return pair, values[numbers // width], numbers % width


def numbered(array: Ints) -> tuple[Ints, Ints]:
    """Give the distinct numbers, ascending, and the place of each element among them.

    As ``np.unique``, but without sorting where the numbers are dense.
    """
    if not len(array):
        return array, array
    low, high = int(array.min()), int(array.max())
    if high - low > 8 * len(array):
        distinct, place = np.unique(array, return_inverse=True)
        return distinct, place.astype(np.int64)
    there = np.zeros(high - low + 1, np.bool_)
    there[array - low] = True
    return np.flatnonzero(there) + low, (np.cumsum(there) - 1)[array - low]


def _entries(sends: Touches, polls: Touches, pairs: int) -> Entries:
    """Give what the log holds, each pair once a place."""
    key = np.concatenate([sends.key, polls.key])
    offset = np.concatenate([sends.offset, polls.offset])
    pair = np.concatenate([sends.pair, polls.pair])
    known = offset != NONE
    key, offset, pair = key[known], offset[known], pair[known]

    offsets, code = numbered(offset)
    width = len(offsets) + 1
    places, place = numbered(key * width + code)
    slots, _ = numbered(place * (pairs + 1) + pair)
    place, pair = slots // (pairs + 1), slots % (pairs + 1)
    return Entries(place, pair, places[place] // width, offsets[places[place] % width])
