"""Orders that contradict each other make a cycle, and the shortest one explains it best.

Nodes are numbered as they came in the history, so nearly all edges go up. A cycle comes down again
over every gap that it goes up over: it lies where edges down cover all gaps, within one *stretch*,
and what no edge down covers need not be looked at. That is next to all of an honest history.

The rest is cut into strongly connected components by scipy, and in each of them networkx looks for
the shortest cycle. Only one cycle a component is told, as Elle does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["Edges", "cycles", "knots", "stretches"]

Ints = NDArray[np.int64]

STARTS_MAX = 256
"""From so many edges of a component a way back is looked for."""

WORK_MAX = 1 << 20
"""Starts times edges of a component are at most so many, but for the first start."""


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Arrows between numbered nodes; ``kind`` and ``why`` are for whoever drew them."""

    source: Ints
    target: Ints
    kind: Ints
    why: Ints

    def only(self, which: NDArray[np.bool_] | Ints) -> "Edges":
        """Give some of them."""
        return Edges(self.source[which], self.target[which], self.kind[which], self.why[which])

    @classmethod
    def joined(cls, parts: Sequence["Edges"]) -> "Edges":
        """Give all of several."""
        names = ("source", "target", "kind", "why")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def stretches(edges: Edges, nodes: int) -> Ints:
    """Give for each node the number of its stretch; no cycle leaves a stretch."""
    down = edges.target < edges.source
    change = np.bincount(edges.target[down], minlength=nodes)
    change -= np.bincount(edges.source[down], minlength=nodes)
    uncovered = np.cumsum(change) == 0  # the gap from each node to the next
    return np.concatenate([[0], np.cumsum(uncovered[:-1])]).astype(np.int64)


def knots(edges: Edges) -> list[Ints]:
    """Give the edges, by number, of each strongly connected component that has any."""
    cut = stretches(edges, int(max(edges.source.max(initial=0), edges.target.max(initial=0))) + 1)
    near = np.flatnonzero(cut[edges.source] == cut[edges.target])
    if not len(near):
        return []
    from scipy.sparse import coo_array  # noqa: PLC0415 - half of a run's start-up, and few need it
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    ends = np.concatenate([edges.source[near], edges.target[near]])
    nodes, flat = np.unique(ends, return_inverse=True)
    source, target = flat[: len(near)], flat[len(near) :]
    shape = (len(nodes), len(nodes))
    matrix = coo_array((np.ones(len(source), np.bool_), (source, target)), shape=shape)
    _, label = connected_components(matrix, connection="strong")
    inner = np.flatnonzero((label[source] == label[target]) & (source != target))
    component = label[source[inner]]
    order = np.argsort(component, kind="stable")
    starts = np.flatnonzero(np.diff(component[order])) + 1
    return [part for part in np.split(near[inner[order]], starts) if len(part)]


def cycles(edges: Edges, through: Sequence[int] = (), most: int | None = None) -> list[list[int]]:
    """Give a shortest cycle, as numbers of edges, of every component that has one.

    With ``through`` only cycles count that have an edge of one of these kinds. In a large component
    it is the shortest through one of its shortest edges. ``most`` bounds the components looked at.

    >>> nodes = np.array([1, 2, 3]), np.array([2, 1, 4])
    >>> cycles(Edges(*nodes, np.zeros(3, np.int64), np.zeros(3, np.int64)))
    [[0, 1]]
    """
    found = [_shortest(edges, inner, through) for inner in knots(edges)[:most]]
    return sorted((cycle for cycle in found if cycle), key=lambda cycle: (len(cycle), cycle))


def _shortest(edges: Edges, inner: Ints, through: Sequence[int]) -> list[int]:
    """Find the shortest cycle of one component through an edge of the kinds wanted."""
    import networkx as nx  # noqa: PLC0415 - as above

    graph = nx.DiGraph()
    for edge in inner[::-1].tolist():  # the first of parallel edges is the one that is told
        graph.add_edge(int(edges.source[edge]), int(edges.target[edge]), number=edge)
    best: list[int] = []
    for edge in _starts(edges, inner, through):
        first, last = int(edges.source[edge]), int(edges.target[edge])
        way = nx.shortest_path(graph, last, first)
        if not best or len(way) < len(best):
            rest = [graph.edges[step]["number"] for step in pairwise(way)]
            best = [edge, *rest]
        if len(best) == 2:
            break
    begin = min(range(len(best)), key=lambda step: int(edges.source[best[step]]), default=0)
    return best[begin:] + best[:begin]


def _starts(edges: Edges, inner: Ints, through: Sequence[int]) -> list[int]:
    """Give edges to look for a way back from: of the kinds wanted, else those that come down."""
    span = edges.target[inner] - edges.source[inner]
    wanted = np.isin(edges.kind[inner], through) if through else span < 0
    starts = inner[wanted][np.argsort(np.abs(span[wanted]), kind="stable")]
    count = max(1, min(STARTS_MAX, WORK_MAX // len(inner)))
    return [int(edge) for edge in starts[:count]]
