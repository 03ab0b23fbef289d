"""Readers that were given the same messages in two orders cannot both be right.

This is for histories whose deliveries carry no offsets (with offsets, order is a matter of numbers:
``ordering``, ``consumption``). Arrows from message to message, and a cycle is a contradiction:

    read       one reader was given a, and next b
    realtime   a was acknowledged before the send of b began (logs only)

Order is promised inside one queue and one session of a reader: an answer by itself, and answers of
one process as long as nothing moves it. A log's session ends with an assignment, a change of node,
and the crash of a node; a drain is one by itself. A message that is given again says that the
reader was moved back, so no arrow leads to it; one that was sent by more than one request may stand
in the log twice, and says nothing. Where many compete for the messages of a queue, a message that
comes again may come out of order, and no broker promises more: contradictions are counted there.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checkers.case import Case
from checkers.cycles import Edges, cycles, knots, stretches
from checkers.findings import EXAMPLES_MAX, anomaly, verdict
from checkers.kafka.tables import numbered
from checkers.messages import NEVER
from checkers.multisets import Bag
from checkers.pulls import assignments_before
from checkers.verdict import Finding, Validity, Verdict
from checkers.windows import CRASHES, epochs
from histories.history import NONE
from histories.op import OpType

__all__ = ["orders_of_competitors", "orders_of_logs"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

READ, REALTIME = range(2)
TAKING = ("dequeue", "drain", "fetch", "next-message")


@dataclass(frozen=True, slots=True, eq=False)
class _Sights:
    """Messages as readers were given them: by session, and in its order."""

    session: Ints
    node: Ints  # of the message in the graph
    row: Ints
    value: Ints

    def arrows(self) -> Edges:
        """Link what a session gave first to what it gave next; ``why`` is the place of the next."""
        same = self.session[1:] == self.session[:-1]
        key = self.session * (int(self.node.max(initial=0)) + 1) + self.node
        _, first = np.unique(key, return_index=True)
        new = np.zeros(len(key), np.bool_)
        new[first] = True
        later = np.flatnonzero(same & new[1:]) + 1
        kind = np.full(len(later), READ, np.int64)
        return Edges(self.node[later - 1], self.node[later], kind, later)


def orders_of_logs(case: Case) -> Verdict:
    """Judge the orders in which pulls and drains without offsets gave messages of a log."""
    reads, messages = case.reads, case.messages
    once = np.append(messages.attempts == 1, False)[reads.message]
    places = np.flatnonzero(once & (reads.offset == NONE) & (reads.value != NONE))
    if not len(places):
        return verdict([], {"contradictory-orders": 0})
    ended = np.where(messages.end_row == NEVER, NONE, messages.end_row)
    late = len(case.history) + np.cumsum(ended == NONE)
    node = 2 * np.where(ended == NONE, late, ended)
    sights = _sorted(
        _sessions_of_logs(case, places),
        node[reads.message[places]],
        reads.row[places],
        reads.value[places],
    )
    arrows = sights.arrows()
    stretch = stretches(arrows, int(node.max()) + 1)
    # Arrows of real time all go up, so they make no stretch longer.
    arrows = arrows.only(stretch[arrows.source] == stretch[arrows.target])
    met = np.isin(node, arrows.source) | np.isin(node, arrows.target)
    edges = Edges.joined([arrows, _realtime(case, np.flatnonzero(met), node)])
    return _judged(case, sights, edges, Validity.INVALID)


def orders_of_competitors(case: Case) -> Verdict:
    """Count the contradictory orders in which the takers of a queue were given its messages."""
    taken, history = case.history.deliveries, case.history
    counts = (history.calls(*TAKING) & (history.type == OpType.OK))[taken.row]
    bag = Bag.of(taken.value[counts])
    # A message that was given once only contradicts nobody.
    again = bag.value[bag.count > 1]
    places = np.flatnonzero(counts)
    places = places[np.isin(taken.value[places], again)]
    if not len(places):
        return verdict([], {"contradictory-orders": 0})
    node = _numbered(taken.queue[places], taken.value[places])
    row = taken.row[places].astype(np.int64)
    sessions = _numbered(taken.queue[places], history.process[row])
    sights = _sorted(sessions, node, row, taken.value[places])
    return _judged(case, sights, sights.arrows(), Validity.VALID)


def _sessions_of_logs(case: Case, places: Ints) -> Ints:
    """Give numbers to sessions of readers: nothing moves a reader within one."""
    reads = case.reads
    row, begin, process = reads.row[places], reads.begin_row[places], reads.process[places]
    crashes = [window for window in case.windows if window.fault_class in CRASHES]
    epoch = epochs(crashes, begin, row)
    alone = reads.drain[places] | (epoch == NONE)
    return _numbered(
        np.where(alone, row, NONE),
        reads.queue[places],
        process,
        reads.node[places],
        assignments_before(case.history, process, row),
        np.where(alone, NONE, epoch),
    )


def _numbered(*keys: NDArray[np.signedinteger[Any]]) -> Ints:
    """Give numbers to the distinct tuples of some columns."""
    number = np.zeros(len(keys[0]), np.int64)
    for key in keys:
        codes, code = numbered(key.astype(np.int64))
        _, number = numbered(number * len(codes) + code)
    return number


def _sorted(session: Ints, node: Ints, row: Ints, value: Ints) -> _Sights:
    order = np.argsort(session, kind="stable")
    return _Sights(session[order], node[order].astype(np.int64), row[order], value[order])


def _realtime(case: Case, rows: Ints, node: Ints) -> Edges:
    """Link messages with instants: message -> its ack -> ... -> an invocation -> its message."""
    messages = case.messages
    acked = rows[messages.ok[rows]]
    over, begun = node[acked], 2 * messages.begin_row[rows] + 1
    instants = np.unique(np.concatenate([over + 1, begun]))
    source = np.concatenate([over, instants[:-1], begun])
    target = np.concatenate([over + 1, instants[1:], node[rows]])
    return Edges(source, target, np.full(len(source), REALTIME, np.int64), source)


def _judged(case: Case, sights: _Sights, edges: Edges, validity: Validity) -> Verdict:
    tied = knots(edges)
    told = edges.only(np.concatenate(tied[:EXAMPLES_MAX])) if tied else edges
    found = [_told(case, sights, told, cycle) for cycle in (cycles(told) if tied else [])]
    instances = np.arange(len(tied))
    anomalies = anomaly("misordered", instances, found.__getitem__, validity)
    return verdict(anomalies, {"contradictory-orders": len(tied)})


def _told(case: Case, sights: _Sights, edges: Edges, cycle: list[int]) -> Finding:
    """Say of every arrow of a cycle who saw it."""
    history = case.history
    node_of = {int(node): at for at, node in enumerate(sights.node)}
    steps: list[str] = []
    rows: list[int] = []
    values: dict[str, None] = {}
    for edge in cycle:
        later = int(edges.why[edge])
        if edges.kind[edge] == READ:
            pair = [case.text(int(sights.value[at])) for at in (later - 1, later)]
            ends = [int(sights.row[at]) for at in (later - 1, later)]
            process = history.op(ends[1]).process
            steps.append(f"process {process} was given {pair[0]} before {pair[1]}")
            rows += [at for end in ends for at in (int(history.pair[end]), end)]
            values |= dict.fromkeys(pair)
        elif int(edges.target[edge]) in node_of:
            value = int(sights.value[node_of[int(edges.target[edge])]])
            steps.append(f"{case.text(value)} was sent when that was acknowledged")
            rows += _sends(case, value)
        elif int(edges.source[edge]) in node_of:
            rows += _sends(case, int(sights.value[node_of[int(edges.source[edge])]]))
    data = {"kind": "contradiction", "values": list(values)}
    return Finding("; ".join(steps), case.indices(*rows), data)


def _sends(case: Case, value: int) -> list[int]:
    at = int(np.searchsorted(case.messages.value, value))
    end = int(case.messages.end_row[at])
    return [int(case.messages.begin_row[at]), NONE if end == NEVER else end]
