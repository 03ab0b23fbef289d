"""G0 and G1c: ops that must have come before each other, in a circle, named as Elle names them.

    ww        one op sent a value, another the next value that stands in the key's log
    wr        one op sent a value, another polled it
    realtime  one op was ok before another was invoked; a process's own order is part of that

All edges together tie ops in components, and each counts once by the least that makes a cycle:

    G0             ww                      with PL-1-cycle-exists, and nothing else is looked for
    G1c            ww, wr                  with PL-2-cycle-exists
    G0-realtime    ww, realtime            with strong-PL-1-cycle-exists
    G1c-realtime   ww, wr, realtime        with strong-PL-2-cycle-exists, if none of the others

These are the rules of ``elle.txn`` and ``elle.consistency-model``, where a found anomaly implies
others, a broken level all stronger ones, and jepsen.tests.kafka passes both names on.

An op is the node 2r, r being the row of its completion, and the instant of that row is 2r + 1.
Each instant is before the next, an op before that of its completion, and after that of its
invocation: three edges an op say what would take a million.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checkers.cycles import Edges, cycles, knots, stretches
from checkers.kafka.tables import Tables
from checkers.verdict import Finding
from histories.history import NONE
from histories.op import OpType

__all__ = ["Cyclic", "cyclic", "polled_in_a_circle"]

Ints = NDArray[np.int64]

WW, WR, REALTIME = range(3)
EXAMPLES_MAX = 10


@dataclass(frozen=True, slots=True)
class Cyclic:
    """Components of one kind; the first few told by a shortest cycle."""

    name: str  # G0, G1c and so on
    level: str  # the less precise name that comes with it
    count: int
    findings: tuple[Finding, ...]


def cyclic(tables: Tables) -> Iterator[Cyclic]:
    """Give every kind of cycle that there is."""
    ww, wr = _ww(tables), _wr(tables)
    stretch = stretches(Edges.joined([ww, wr]), 2 * len(tables.type))
    # Edges of real time all go up, so they make no stretch longer.
    ww, wr = _within(stretch, ww), _within(stretch, wr)
    plain = Edges.joined([ww, wr])
    if not len(plain.source):
        return
    rows = np.unique(np.concatenate([plain.source, plain.target])) // 2
    edges = Edges.joined([plain, _realtime(tables, rows)])
    component = np.full(len(edges.source), NONE, np.int64)
    for number, knot in enumerate(knots(edges)):
        component[knot] = number

    g0 = _tied(edges, component, (WW,))
    g1c = np.setdiff1d(_tied(edges, component, (WW, WR)), g0)
    g0_realtime = np.setdiff1d(_tied(edges, component, (WW, REALTIME)), g0)
    others = np.setdiff1d(component[component != NONE], [*g0, *g1c, *g0_realtime])
    for name, level, kinds, through, which in (
        ("G0", "PL-1", (WW,), (WW,), g0),
        ("G1c", "PL-2", (WW, WR), (WR,), g1c),
        ("G0-realtime", "strong-PL-1", (WW, REALTIME), (WW,), g0_realtime),
        ("G1c-realtime", "strong-PL-2", (WW, WR, REALTIME), (WR,), others),
    ):
        if len(which):
            told = np.isin(component, which[:EXAMPLES_MAX]) & np.isin(edges.kind, kinds)
            part = edges.only(told)
            findings = [_told(tables, part, cycle) for cycle in cycles(part, through)]
            yield Cyclic(name, f"{level}-cycle-exists", len(which), tuple(findings[:EXAMPLES_MAX]))


def polled_in_a_circle(tables: Tables) -> tuple[int, tuple[Finding, ...]]:
    """Count the cycles that polls make without any order inferred from offsets, and tell some."""
    wr = _wr(tables)
    told = [_told(tables, wr, cycle) for cycle in cycles(wr, most=EXAMPLES_MAX)]
    return len(knots(wr)), tuple(told)


def _tied(edges: Edges, component: Ints, kinds: tuple[int, ...]) -> Ints:
    """Give the components that edges of some kinds alone make cyclic."""
    places = np.flatnonzero((component != NONE) & np.isin(edges.kind, kinds))
    tied = knots(edges.only(places))
    return np.unique(component[places[np.concatenate(tied)]]) if tied else places[:0]


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


def _realtime(tables: Tables, rows: Ints) -> Edges:
    """Link ops with instants: op -> its completion -> ... -> an invocation -> its op."""
    history = tables.history
    invoked = history.pair[rows].astype(np.int64)
    ended = tables.type[rows] == OpType.OK
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
        elif target % 2 == 0:
            steps.append(f"{later} began when that was over")
    nodes = [int(edges.source[edge]) for edge in cycle]
    ops = [int(history.index[node // 2]) for node in nodes if node % 2 == 0]
    return Finding("; ".join(steps), tuple(sorted(ops)), {"cycle": ops})
