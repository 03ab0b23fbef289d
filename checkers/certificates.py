"""A drain is certified when it read all that a node has of a queue, and said so.

A message's absence proves its loss only against a certificate of its queue from every node that
might hold it, made after the last cure and after the message was acknowledged. Those are the nodes
that clients talked to, drained or dumped, and the brokers that a fault was aimed at.

    certified=true    two readings of min and max agreed, and nothing between was skipped. A long
                      queue is several drains, of which only the last is certified: those before
                      it are its parts, as far back as their offsets join without a gap
    certified=false   no certificate, unless it came from min to max on a node whose bits were
                      damaged, and passed over nothing but what lies between two messages, or what
                      a part of it, that failed, found unreadable: a bad record is given to nobody,
                      and the drain says so as well as any other
    neither, and no   the short notation and Jepsen's way: an ok drain is complete, and stands for
    bounds            a queue that is consumed, so what earlier pulls took counts as there

Drains before the operator's resynchronisation count like those after it: what was on one node
then was not lost by the broker. A node whose log the command cut must have been drained before it:
what a later drain lacks may have been given up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checkers.contract import Contract
from checkers.messages import NEVER
from checkers.pulls import unreadable
from checkers.windows import Window, damaged_row, last_cure_row
from histories.history import NONE, History
from histories.op import OpType

__all__ = ["Certificate", "Certificates", "certificates"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Certificate:
    """One drain that counts."""

    row: int  # of its completion
    begin_row: int  # of the invocation of its first part
    rows: tuple[int, ...]  # of the completions of all its parts, the last included
    queue: int
    node: int
    min_offset: int  # NONE if it has no bounds
    max_offset: int
    holed: bool  # it passed over bad records


@dataclass(frozen=True, slots=True, eq=False)
class Certificates:
    """All drains that count, and what is missing."""

    drains: tuple[Certificate, ...]
    nodes: tuple[int, ...]  # codes of the nodes that must be drained, as far as ops name them
    since_row: Ints  # by queue code + 1: the earliest drain begins here; NONE if one is missing
    plain: bool  # no drain has bounds
    why: tuple[str, ...]

    def of(self, queue: int) -> list[Certificate]:
        """Give the certificates of one queue."""
        return [drain for drain in self.drains if drain.queue == queue]

    def covers(self, queue: Ints, end_row: Ints) -> NDArray[np.bool_]:
        """Whether a message acknowledged at a row is there, or is proven to be gone."""
        return end_row < self.since_row[queue + 1]


def certificates(history: History, windows: tuple[Window, ...], contract: Contract) -> Certificates:
    """Collect the drains that count, and say which are missing."""
    healed = last_cure_row(windows)
    damaged = [damaged_row(windows, name, contract) for name in history.nodes]
    drains = [drain for drain in _certified(history, damaged) if drain.begin_row > healed]
    nodes, cut = _holders(history), _cut_rows(history, windows)
    absent = _absent(history, windows, (contract.master, contract.slave))
    queues = _queues(history)
    since = np.full(len(history.queues) + 1, NONE, np.int64)
    why: list[str] = []
    for queue in queues:
        by_node: dict[int, int] = {}
        for drain in drains:
            if drain.queue == queue and (drain.row < cut[drain.node] or drain.node in by_node):
                by_node[drain.node] = max(drain.begin_row, by_node.get(drain.node, NONE))
        # A drain that names no node speaks for the queue as such.
        spoken = NONE in by_node
        missing = [history.nodes[node] for node in nodes if node not in by_node and node != NONE]
        missing = [] if spoken else [*missing, *absent]
        if by_node and not missing:
            since[queue + 1] = min(by_node.values())
        else:
            why.append(_complaint(history, queue, missing))
    plain = bool(drains) and all(drain.max_offset == NONE for drain in drains)
    return Certificates(tuple(drains), nodes, since, plain, tuple(why))


def _certified(history: History, damaged: Sequence[int]) -> Iterator[Certificate]:
    """Give every drain that counts with its parts, in the order of the history.

    ``damaged`` holds for each node the row from which its bits may be bad.
    """
    parts: dict[tuple[int, int], list[int]] = {}  # by queue and node; none is certified
    for row in _drains(history):
        key = int(history.queue[row]), int(history.node[row])
        op = history.op(row)
        bounds = op.min_offset is not None or op.max_offset is not None
        holed = not op.certified and bounds and key[1] != NONE and damaged[key[1]] < row
        if not (op.certified or holed or (op.certified is None and op.type == "ok" and not bounds)):
            parts.setdefault(key, []).append(row)
            continue
        rows = (*_joined(history, parts.pop(key, []), row), row)
        if holed and not _spans(history, rows):
            continue
        begin = int(history.pair[rows[0]])
        yield Certificate(
            row=row,
            begin_row=rows[0] if begin == NONE else begin,
            rows=rows,
            queue=key[0],
            node=key[1],
            min_offset=NONE if op.min_offset is None else op.min_offset,
            max_offset=NONE if op.max_offset is None else op.max_offset,
            holed=holed,
        )


def _drains(history: History) -> list[int]:
    """Give the drains that read something, be it a record that nobody can read, in their order."""
    bad = unreadable(history, "drain")
    bad = bad[history.offset[bad] != NONE]
    return sorted([*history.rows("drain", OpType.OK).tolist(), *bad.tolist()])


def _joined(history: History, parts: list[int], row: int) -> list[int]:
    """Give those parts whose offsets lead up to the last drain without a gap."""
    joined: list[int] = []
    begin = _span(history, row)[0]
    for part in reversed(parts):
        first, last = _span(history, part)
        if NONE in (begin, last) or last != begin - 1:
            break
        joined.append(part)
        begin = first
    return joined[::-1]


def _spans(history: History, rows: Sequence[int]) -> bool:
    """Whether a drain in parts came from its min offset to its max offset."""
    low, high = int(history.min_offset[rows[-1]]), int(history.max_offset[rows[-1]])
    first, last = _span(history, rows[0])[0], _span(history, rows[-1])[1]
    return NONE not in (low, high) and (first, last) == (low, high - 1)


def _span(history: History, row: int) -> tuple[int, int]:
    """Give the first and the last offset that a drain came by, NONE if it is not known.

    A failed one came by the bad record alone; one that delivered nothing had come to the end.
    """
    if history.type[row] == OpType.FAIL:
        return int(history.offset[row]), int(history.offset[row])
    taken = history.deliveries
    begin, end = np.searchsorted(taken.row, [row, row + 1])
    if begin < end:
        return int(taken.offset[begin]), int(taken.offset[end - 1])
    high = int(history.max_offset[row])
    return (high, high - 1) if high != NONE else (NONE, NONE)


def _holders(history: History) -> tuple[int, ...]:
    """Give the nodes that may hold messages: all that a client talked to, NONE if none is named."""
    codes = [history.f_code(f) for f in ("send", "pull", "drain", "dump")]
    named = np.unique(history.node[np.isin(history.f, codes)])
    nodes = tuple(int(node) for node in named if node != NONE)
    return nodes or (NONE,)


def _cut_rows(history: History, windows: tuple[Window, ...]) -> list[int]:
    """Give for each node the row of the first command that cut its log, and NEVER for no node."""
    commands = [window for window in windows if window.resync]
    return [
        min((one.inject_row for one in commands if name in one.targets), default=NEVER)
        for name in (*history.nodes, "")
    ]


def _absent(history: History, windows: tuple[Window, ...], brokers: tuple[str, ...]) -> list[str]:
    """Give the brokers that a fault acted on, itself or its links, and that no op names at all."""
    ends = {end for window in windows for target in window.targets for end in target.split("->")}
    named = ends | {end.removesuffix("-ha") for end in ends}
    return [name for name in brokers if name in named and history.node_code(name) == NONE]


def _queues(history: History) -> list[int]:
    """Give the queues that were sent to, or would have been."""
    codes = [history.f_code(f) for f in ("send", "pull", "drain")]
    of_clients = history.queue[np.isin(history.f, codes) & (history.f != NONE)]
    named = [int(queue) for queue in np.unique(of_clients) if queue != NONE]
    return named or ([NONE] if len(of_clients) else [])


def _complaint(history: History, queue: int, nodes: list[str]) -> str:
    name = history.queues[queue] if queue != NONE else "the queue"
    after = "no certified drain after the last cure"
    return f"{name}: {after}" + (f" on {', '.join(nodes)}" if nodes else "")
