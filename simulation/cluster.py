"""One name server, one master and one slave on a simulated network: the targets of a nemesis.

Addresses are loopback ones that exist only here: each node is a machine of its own, and a
connection is known by who opens it and where to. So the brokers advertise their real addresses,
and no address map is needed; every link of ``nemesis.topology`` is the path of one observer to
one address, and ``foreign`` clients do not exist.

    nameserver  127.0.0.1:9876
    master      127.0.0.2:10911   HA 10912
    slave       127.0.0.3:10911
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from random import Random

from broker.client.session import Session
from broker.ports import Ports
from nemesis.targets import Clients, Link, Node, NodeControls, Settings, Store
from nemesis.topology import LINKS
from simulation.disk import SimulatedDisk
from simulation.links import SimulatedLink
from simulation.network import Fabric, SimulatedNetwork
from simulation.nodes import SimulatedClock, SimulatedNode
from simulation.stores import SimulatedSettings, SimulatedStore

__all__ = ["ADDRESSES", "NODES", "SimulatedCluster"]

logging.getLogger("broker").addHandler(logging.NullHandler())  # thousands of runs say nothing

NODES = ("nameserver", "master", "slave")
ADDRESSES: Mapping[str, tuple[str, int]] = {
    "nameserver": ("127.0.0.1", 9876),
    "master": ("127.0.0.2", 10911),
    "master-ha": ("127.0.0.2", 10912),
    "slave": ("127.0.0.3", 10911),
}


class SimulatedCluster:
    """All that can be broken in the simulated world; see ``nemesis.targets.Targets``."""

    def __init__(
        self,
        rng: Random,
        properties: Mapping[str, str],
        *,
        volatile: bool = False,
        log: Callable[[str], object] = lambda _line: None,
    ) -> None:
        self._rng = rng
        self.clients: Clients | None = None  # those of whoever uses the cluster
        self.fabric = Fabric(Random(rng.random()))  # noqa: S311 -- all chance is seeded
        for name in LINKS:
            observer, listener = name.split("->")
            self.fabric.add_link(name, observer, *ADDRESSES[listener])
        self._nodes = {
            name: SimulatedNode(
                name, properties[name], self.fabric, rng, volatile=volatile, log=log
            )
            for name in NODES
        }
        self._links = {
            name: SimulatedLink(
                self.fabric, self.fabric.links[name], ADDRESSES[name.split("->")[1]]
            )
            for name in LINKS
        }

    @property
    def nodes(self) -> Mapping[str, Node]:
        """By name."""
        return self._nodes

    @property
    def links(self) -> Mapping[str, Link]:
        """By name."""
        return self._links

    @property
    def controls(self) -> Mapping[str, NodeControls]:
        """By node: the brokers'."""
        return {name: self._nodes[name].controls for name in ("master", "slave")}

    @property
    def stores(self) -> Mapping[str, Store]:
        """By node: the brokers'."""
        return {name: SimulatedStore(self._nodes[name]) for name in ("master", "slave")}

    @property
    def settings(self) -> Mapping[str, Settings]:
        """By node: the brokers'."""
        return {name: SimulatedSettings(self._nodes[name]) for name in ("master", "slave")}

    def now_ns(self) -> int:
        """Return virtual nanoseconds."""
        return round(asyncio.get_running_loop().time() * 1e9)

    def client_ports(self) -> Ports:
        """Make the world of one client: it has no disk and is no node."""
        return Ports(
            SimulatedNetwork(self.fabric, None),
            SimulatedDisk(Random(0)),  # noqa: S311 -- never used
            SimulatedClock(),
            Random(self._rng.random()),  # noqa: S311 -- all chance is seeded
        )

    def session(self, route_refresh_ms: int) -> Session:
        """Open a client's session."""
        host, port = ADDRESSES["nameserver"]
        return Session(self.client_ports(), [f"{host}:{port}"], route_refresh_ms=route_refresh_ms)

    async def start(self) -> None:
        """Start every node, one after another."""
        for node in self._nodes.values():
            await node.start()

    def end(self) -> None:
        """Let every node die, so that nothing more happens."""
        for node in self._nodes.values():
            node.host.die()
