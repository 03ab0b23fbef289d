"""Messages sent and messages read, one row each, joined by value.

A value names its message: it is unique in a run. If a history sends one twice all the same, its
row in ``Messages`` is the first ok send, else the first info, else the first fail; it failed only
if every send failed, and its attempts are those of all.

    attempts    wire requests that left; 0 if none did, and MANY where nobody knows, because the
                send never ended. A send without a record of its attempts made one.
    end_row     where the send ended, NEVER if it did not
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from histories.history import NONE, History
from histories.op import OpType

__all__ = ["MANY", "NEVER", "Messages", "Reads", "find", "messages_of", "reads_of"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MANY = 1 << 15
NEVER = np.iinfo(np.int64).max
"""The row, or the time, of what did not happen."""


@dataclass(frozen=True, slots=True, eq=False)
class Messages:
    """Every value sent, ascending by value."""

    value: Ints
    begin_row: Ints
    end_row: Ints
    begin_ns: Ints
    end_ns: Ints
    outcome: Ints  # OpType OK, FAIL or INFO; INFO for a send that never ended
    queue: Ints  # where it was to go, else where it went
    aimed: Bools  # the invoke already named the queue
    offset: Ints
    physical_offset: Ints
    status: Ints
    node: Ints
    process: Ints
    crc: Ints
    attempts: Ints

    def __len__(self) -> int:
        return len(self.value)

    @property
    def ok(self) -> Bools:
        """Which were acknowledged."""
        acknowledged: Bools = self.outcome == OpType.OK
        return acknowledged

    @property
    def settled_row(self) -> Ints:
        """Where it was certain what became of it: a send in doubt may take effect ever after."""
        return np.where(self.outcome == OpType.INFO, NEVER, self.end_row)

    @property
    def settled_ns(self) -> Ints:
        """When it was certain what became of it."""
        return np.where(self.outcome == OpType.INFO, NEVER, self.end_ns)


@dataclass(frozen=True, slots=True, eq=False)
class Reads:
    """Every message that an ok pull or drain returned, in the order of the history."""

    row: Ints  # of the completion
    begin_row: Ints  # of the invocation, else of the completion
    queue: Ints
    offset: Ints
    value: Ints
    crc: Ints
    node: Ints
    process: Ints
    drain: Bools
    message: Ints  # its row in Messages, NONE if nobody sent the value

    def __len__(self) -> int:
        return len(self.row)


def find(sorted_values: Ints, wanted: Ints) -> Ints:
    """Give the place of each wanted value in a sorted array, NONE where it is not there.

    >>> find(np.array([2, 5, 9]), np.array([9, 3, 2])).tolist()
    [2, -1, 0]
    """
    if not len(sorted_values):
        return np.full(len(wanted), NONE, np.int64)
    place = np.searchsorted(sorted_values, wanted)
    place[place == len(sorted_values)] = 0
    return np.where(sorted_values[place] == wanted, place, NONE)


def messages_of(history: History, time: Ints) -> Messages:
    """Give the table of messages that ``send`` ops put in, or perhaps put in."""
    begins, ends = _send_rows(history)
    last = np.maximum(ends, begins)  # where the send says most
    ended = ends != NONE
    outcome = np.where(ended, history.type[last], OpType.INFO).astype(np.int64)
    aimed = history.queue[begins] != NONE

    attempts = np.where(ended, history.attempts[last].astype(np.int64), MANY)
    attempts[attempts == NONE] = 1
    table = {
        "value": history.value[begins],
        "begin_row": begins,
        "end_row": np.where(ended, ends, NEVER),
        "begin_ns": time[begins],
        "end_ns": np.where(ended, time[last], NEVER),
        "outcome": outcome,
        "queue": np.where(aimed, history.queue[begins], history.queue[last]).astype(np.int64),
        "offset": np.where(outcome == OpType.OK, history.offset[last], NONE),
        "physical_offset": np.where(outcome == OpType.OK, history.physical_offset[last], NONE),
        "status": history.status[last].astype(np.int64),
        "node": history.node[last].astype(np.int64),
        "process": history.process[begins].astype(np.int64),
        "crc": np.maximum(history.crc[begins], history.crc[last]),
        "attempts": attempts,
    }
    order = np.lexsort((begins, _rank(outcome), table["value"]))
    table = {name: column[order] for name, column in table.items()}
    return _one_a_value(table, aimed[order])


def reads_of(history: History, messages: Messages) -> Reads:
    """Give the table of messages that ok pulls and drains returned."""
    taken = history.deliveries
    f = history.f[taken.row]
    drain = f == history.f_code("drain")
    counts = (drain | (f == history.f_code("pull"))) & (history.type[taken.row] == OpType.OK)
    row = taken.row[counts]
    begin = history.pair[row].astype(np.int64)
    value = taken.value[counts]
    return Reads(
        row=row,
        begin_row=np.where(begin == NONE, row, begin),
        queue=taken.queue[counts].astype(np.int64),
        offset=taken.offset[counts],
        value=value,
        crc=taken.crc[counts],
        node=history.node[row].astype(np.int64),
        process=history.process[row].astype(np.int64),
        drain=drain[counts],
        message=find(messages.value, value),
    )


def _send_rows(history: History) -> tuple[Ints, Ints]:
    """Give the first and the last row of every send; they are one for a send without invoke."""
    pair = history.pair.astype(np.int64)
    invoked = history.rows("send", OpType.INVOKE)
    rows = history.rows("send")
    alone = rows[(history.type[rows] != OpType.INVOKE) & (pair[rows] == NONE)]
    begins = np.concatenate([invoked, alone]).astype(np.int64)
    ends = np.concatenate([pair[invoked], alone]).astype(np.int64)
    known = history.value[begins] != NONE
    return begins[known], ends[known]


def _rank(outcome: Ints) -> Ints:
    """Order outcomes by how much they say: ok, then info, then fail."""
    return np.select([outcome == OpType.OK, outcome == OpType.INFO], [0, 1], 2)


def _one_a_value(table: dict[str, Ints], aimed: Bools) -> Messages:
    value = table["value"]
    first = np.flatnonzero(np.r_[True, value[1:] != value[:-1]]) if len(value) else value
    if len(first) == len(value):
        return Messages(**table, aimed=aimed)
    sums = np.add.reduceat(table["attempts"], first)
    kept = {name: column[first] for name, column in table.items()} | {"attempts": sums}
    return Messages(**kept, aimed=aimed[first])
