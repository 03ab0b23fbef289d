"""G0 and G1c: ops that must have come before each other, in a circle.

    ww        one op sent a value, another the next value that stands in the key's log
    wr        one op sent a value, another polled it
    process   one op, and the next one of the same process
    realtime  one op completed before another was invoked

G0 is a cycle of ww edges, G1c one of ww and wr with a wr in it; with a process or a real-time edge
besides, it is called so. An op is the node 2r, r being the row of its completion, and the instant
of that row is 2r + 1. Each instant is before the next, an op before that of its completion, and
after that of its invocation: three edges an op say what would take a million.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from checkers.cycles import Edges, cycles, stretches
from checkers.kafka.tables import Tables
from checkers.verdict import Finding
from histories.history import NONE
from histories.op import OpType

__all__ = ["cyclic", "polls_alone_contradict"]

Ints = NDArray[np.int64]

WW, WR, PROCESS, REALTIME = range(4)
EXAMPLES_MAX = 10


def cyclic(tables: Tables) -> Iterator[tuple[str, list[list[int]], list[Finding]]]:
    """Give every kind of cycle: its name, one cycle a component as rows, the first few told."""
    ww, wr = _ww(tables), _wr(tables)
    stretch = stretches(Edges.joined([ww, wr]), 2 * len(tables.type))
    # Edges of process and real time all go up, so they make no stretch longer.
    ww, wr = _within(stretch, ww), _within(stretch, wr)
    plain = Edges.joined([ww, wr])
    if not len(plain.source):
        return
    rows = np.unique(np.concatenate([plain.source, plain.target])) // 2
    process, realtime = _within(stretch, _process(tables, rows)), _realtime(tables, rows)
    wanted = (
        ("G0", ww, (WW,)),
        ("G1c", plain, (WR,)),
        ("G0-process", Edges.joined([ww, process]), (PROCESS,)),
        ("G1c-process", Edges.joined([plain, process]), (PROCESS,)),
        ("G0-realtime", Edges.joined([ww, realtime]), (REALTIME,)),
        ("G1c-realtime", Edges.joined([plain, realtime]), (REALTIME,)),
    )
    for name, edges, through in wanted:
        found = [cycle for cycle in cycles(edges, through) if _is_of(name, edges, cycle)]
        if found:
            ops = [[int(edges.source[edge]) // 2 for edge in cycle] for cycle in found]
            told = [_told(tables, edges, cycle) for cycle in found[:EXAMPLES_MAX]]
            yield name, ops, told


def polls_alone_contradict(tables: Tables) -> bool:
    """Tell whether polls make a cycle without any order inferred from offsets."""
    return bool(cycles(_wr(tables)))


def _is_of(name: str, edges: Edges, cycle: list[int]) -> bool:
    """Tell whether a cycle with other edges in it is still of messages, and a G1c has a poll."""
    kinds = {int(edges.kind[edge]) for edge in cycle}
    return bool(kinds & {WW, WR}) and (name.startswith("G0") or WR in kinds)


def _within(stretch: Ints, edges: Edges) -> Edges:
    return edges.only(stretch[edges.source] == stretch[edges.target])


def _ww(tables: Tables) -> Edges:
    """Link the senders of values that follow each other in a log."""
    entries = tables.entries
    sent = np.flatnonzero(tables.writer[entries.pair] != NONE)
    place = entries.place[sent]
    one = sent[np.r_[True, place[1:] != place[:-1]]] if len(sent) else sent
    pair, key = entries.pair[one], entries.key[one]
    follows = key[1:] == key[:-1]
    before, after = pair[:-1][follows], pair[1:][follows]
    return _edges(2 * tables.writer[before], 2 * tables.writer[after], WW, before)


def _wr(tables: Tables) -> Edges:
    """Link the sender of a value with all ops that polled it."""
    writer = tables.writer[tables.polls.pair]
    known = writer != NONE
    return _edges(2 * writer[known], 2 * tables.polls.row[known], WR, tables.polls.pair[known])


def _process(tables: Tables, rows: Ints) -> Edges:
    process = tables.history.process[rows]
    order = np.argsort(process, kind="stable")
    same = process[order][1:] == process[order][:-1]
    before, after = rows[order[:-1][same]], rows[order[1:][same]]
    return _edges(2 * before, 2 * after, PROCESS, before)


def _realtime(tables: Tables, rows: Ints) -> Edges:
    """Link ops with instants: op -> its completion -> ... -> an invocation -> its op."""
    history = tables.history
    invoked = history.pair[rows].astype(np.int64)
    ended = tables.type[rows] != OpType.INFO  # one in doubt may take effect later
    timed = invoked != NONE
    over, begun = 2 * rows[ended], 2 * invoked[timed] + 1
    instants = np.unique(np.concatenate([over + 1, begun]))
    return Edges.joined(
        [
            _edges(over, over + 1, REALTIME, over),
            _edges(instants[:-1], instants[1:], REALTIME, instants[:-1]),
            _edges(begun, 2 * rows[timed], REALTIME, begun),
        ]
    )


def _edges(source: Ints, target: Ints, kind: int, why: Ints) -> Edges:
    other = source != target
    kinds = np.full(int(other.sum()), kind, np.int64)
    return Edges(source[other], target[other], kinds, why[other])


def _told(tables: Tables, edges: Edges, cycle: list[int]) -> Finding:
    """Say of every edge why the one op came before the other."""
    history = tables.history
    steps = []
    for edge in cycle:
        source, target, kind = (
            int(column[edge]) for column in (edges.source, edges.target, edges.kind)
        )
        later = f"op {int(history.index[target // 2])}"
        if kind in (WW, WR):
            pair = int(edges.why[edge])
            key = history.queues[int(tables.key[pair]) - 1]
            value = history.values.text(int(tables.value[pair]))
            sent = f"op {int(history.index[source // 2])} sent {value} to key {key}"
            verb = "sent the next one" if kind == WW else "polled it"
            steps.append(f"{sent}, and {later} {verb}")
        elif kind == PROCESS:
            steps.append(f"{later} is the next of its process")
        elif target % 2 == 0:
            steps.append(f"{later} began when that was over")
    nodes = [int(edges.source[edge]) for edge in cycle]
    ops = [int(history.index[node // 2]) for node in nodes if node % 2 == 0]
    return Finding("; ".join(steps), tuple(sorted(ops)), {"cycle": ops})
