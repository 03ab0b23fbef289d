"""Sessions with a simulated cluster: each client is a machine of its own on the same network."""

from collections.abc import Mapping

from broker.client.session import Session
from harness.timings import ROUTE_REFRESH_MS
from harness.workloads.queue_client import BROKER_IDS
from nemesis.targets import NodeEnds
from simulation.cluster import ADDRESSES, SimulatedCluster

__all__ = ["SimulatedSessions"]


class SimulatedSessions:
    """Opens sessions; see ``harness.sessions.Sessions``, whose place it takes."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster

    @property
    def node_names(self) -> Mapping[str, str]:
        """Whose address an advertised one is."""
        return {self.address(node): node for node in BROKER_IDS}

    def address(self, node: str) -> str:
        """Return what a broker advertises of itself."""
        host, port = ADDRESSES[node]
        return f"{host}:{port}"

    def client(self, *_purpose: str | int) -> Session:
        """Open a session; its draws follow from the order in which sessions are opened."""
        return self._cluster.session(ROUTE_REFRESH_MS)

    async def ends(self, node: str) -> NodeEnds:
        """Ask a broker how long its log is."""
        return await self._cluster.nodes[node].ends()
