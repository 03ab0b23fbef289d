"""Who talks to whom: the cluster's links as a graph, and a partition as a cut of it.

    client ----> nameserver, master, slave      ours; `foreign` stands for anybody else's
    slave -----> master, master-ha, nameserver
    master ----> nameserver

An edge is a link, from the observer that opens connections to the listener that accepts them.
``master-ha`` is the master's second ear, for replication; ``foreign`` is cut wherever ``client``
is. What a partition cuts is computed from a sentence about parties, never listed by hand:

    a / b          between a and b, nothing else
    a | b | ...    the world falls into these groups; whoever is not named forms one more
    a > b          one way: what a says no longer reaches b, but b is still heard

A link carries bytes both ways, so a one-way cut is one stream of each link between the two:
``upstream`` where a is the observer, ``downstream`` where a is the listener.

A world may have no proxy for some of the edges. A cut that would leave such an edge whole is none,
and is refused.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING

from nemesis.targets import Stream

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["CUTS", "LINKS", "Topology", "hangs_up", "listener_of", "party_of"]

LINKS = (
    "client->nameserver",
    "client->master",
    "client->slave",
    "foreign->master",
    "foreign->slave",
    "slave->master",
    "slave->master-ha",
    "master->nameserver",
    "slave->nameserver",
)

CUTS: Mapping[str, str] = MappingProxyType(
    {
        "client-master": "client / master",
        "client-slave": "client / slave",
        "client-nameserver": "client / nameserver",
        "replication": "slave / master-ha",
        "slave-master": "slave / master",
        "brokers-nameserver": "master,slave / nameserver",
        "master-isolated": "master | client,slave,nameserver",
        "slave-isolated": "slave | client,master,nameserver",
        "nameserver-isolated": "nameserver | client,master,slave",
        "client-isolated": "client | master,slave,nameserver",
        "split-with-master": "client,master | slave,nameserver",
        "split-with-slave": "client,slave,nameserver | master",
        "client-to-master": "client > master",
        "master-to-client": "master > client",
        "master-to-slave": "master > slave",
        "slave-to-master": "slave > master",
    }
)
"""The cuts that have a name; the keys are the words after ``partition-`` in a package's name."""

_ENDPOINTS = tuple(dict.fromkeys(end for link in LINKS for end in link.split("->")))

_PARTY = {"master-ha": "master", "foreign": "client"}


def party_of(endpoint: str) -> str:
    """Who stands behind an endpoint of the graph.

    >>> party_of("master-ha"), party_of("slave")
    ('master', 'slave')
    """
    return _PARTY.get(endpoint, endpoint)


def listener_of(link: str) -> str:
    """Whose node must run for a link to answer.

    >>> listener_of("slave->master-ha")
    'master'
    """
    return party_of(link.partition("->")[2])


def hangs_up(link: str) -> bool:
    """Whether a link's listener says nothing to a stranger, and hangs up on one that speaks.

    >>> hangs_up("slave->master-ha"), hangs_up("slave->master")
    (True, False)
    """
    return link.endswith("-ha")


@dataclass(frozen=True, slots=True)
class Topology:
    """The links of one cluster."""

    links: tuple[str, ...] = LINKS
    unproxied: tuple[str, ...] = ()  # connections that nobody can cut

    def graph(self) -> "nx.DiGraph[str]":
        """Return the links as edges from observer to listener, each knowing its link's name."""
        import networkx as nx  # noqa: PLC0415 - a second of start-up that few commands need

        graph: nx.DiGraph[str] = nx.DiGraph()
        for link in (*self.links, *self.unproxied):
            observer, listener = link.split("->")
            graph.add_edge(observer, listener, link=link)
        return graph

    def touching(self, party: str) -> tuple[str, ...]:
        """Return the links of which the party is one end.

        >>> Topology().touching("nameserver")
        ('client->nameserver', 'master->nameserver', 'slave->nameserver')
        """
        return tuple(
            link for link in self.links if party in [party_of(end) for end in link.split("->")]
        )

    def cut(self, words: str) -> Mapping[str, Stream]:
        """Compute which streams of which links a partition takes, in the order of the links.

        >>> for link, stream in Topology().cut("slave > master").items():
        ...     print(link, stream)
        slave->master upstream
        slave->master-ha upstream
        >>> sorted(Topology().cut("replication"))
        ['slave->master-ha']
        """
        taken = self._between(words)
        if not taken:
            raise ValueError(f"cut {words!r}: no link of this cluster lies between the two sides")
        if whole := [link for link in self.unproxied if link in taken]:
            raise ValueError(f"cut {words!r}: {', '.join(whole)} would stay whole")
        return {link: taken[link] for link in self.links if link in taken}

    def stays_whole(self, words: str) -> tuple[str, ...]:
        """Return what a partition would have to take and cannot.

        >>> small = Topology(("client->master", "slave->master-ha"), ("slave->master",))
        >>> small.stays_whole("replication"), small.stays_whole("slave-master")
        ((), ('slave->master',))
        """
        if not self.unproxied:
            return ()
        taken = self._between(words)
        return tuple(link for link in self.unproxied if link in taken)

    def _between(self, words: str) -> dict[str, Stream]:
        graph = self.graph()
        taken: dict[str, Stream] = {}
        for speakers, hearers in _silenced(CUTS.get(words, words), graph):
            for link, stream in _streams(graph, speakers, hearers):
                taken[link] = stream if taken.get(link, stream) is stream else Stream.BOTH
        return taken


def _streams(
    graph: "nx.DiGraph[str]", speakers: Sequence[str], hearers: Sequence[str]
) -> Iterator[tuple[str, Stream]]:
    """Yield what carries bytes from the speakers to the hearers, by link."""
    import networkx as nx  # noqa: PLC0415 - as above

    for edge in nx.edge_boundary(graph, speakers, hearers, data="link"):
        yield edge[2], Stream.UPSTREAM
    for edge in nx.edge_boundary(graph, hearers, speakers, data="link"):
        yield edge[2], Stream.DOWNSTREAM


def _silenced(words: str, graph: Iterable[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Parse a sentence into pairs: these are no longer heard by those."""
    endpoints = list(graph)
    if ">" in words:
        speakers, hearers = (_endpoints(side, endpoints) for side in _split(words, ">", 2))
        yield speakers, hearers
    elif "/" in words:
        left, right = (_endpoints(side, endpoints) for side in _split(words, "/", 2))
        yield left, right
        yield right, left
    else:
        groups = [_endpoints(side, endpoints) for side in _split(words, "|", None)]
        named = [endpoint for group in groups for endpoint in group]
        groups.append([endpoint for endpoint in endpoints if endpoint not in named])
        for group in groups:
            yield group, [endpoint for endpoint in endpoints if endpoint not in group]


def _split(words: str, sign: str, count: int | None) -> list[str]:
    sides = words.split(sign)
    if count is not None and len(sides) != count:
        raise ValueError(f"cut {words!r}: expected two sides around {sign!r}, found {len(sides)}")
    return sides


def _endpoints(side: str, known: Sequence[str]) -> list[str]:
    """Return the endpoints that a side names; a party stands for all of its endpoints."""
    found: list[str] = []
    for name in (word.strip() for word in side.split(",")):
        ends = [end for end in known if name in (end, party_of(end))]
        if not ends and name not in _ENDPOINTS:
            near = get_close_matches(name, [*_ENDPOINTS, *CUTS], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"cut: expected a party or a named cut, found {name!r}{hint}")
        found.extend(ends)
    return found
