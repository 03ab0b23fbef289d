"""The simulated world as a run sees it; see ``harness.world.World``."""

from collections.abc import Mapping
from random import Random
from typing import Any

from harness.layout import properties_text
from harness.options import RunOptions
from harness.readiness import ready_topic, until_fed
from harness.sessions import ClusterOperator
from harness.simulated.sessions import SimulatedSessions
from harness.timings import BROKER_TIMINGS, NAMESERVER_TIMINGS
from harness.workloads.queue_workload import QueueWorkload
from nemesis.targets import Clients
from simulation.cluster import ADDRESSES, NODES, SimulatedCluster
from simulation.stores import STORE_ROOT

__all__ = ["SIMULATED_SIZES", "SimulatedWorld", "simulated_properties"]

SIMULATED_SIZES: Mapping[str, int] = {
    "mappedFileSizeCommitLog": 128 * 1024,
    "mappedFileSizeConsumeQueue": 20 * 500,
    "maxHashSlotNum": 200,
    "maxIndexNum": 800,
    "maxMessageSize": 32 * 1024,
}
"""Small files, so that a short story already rolls, deletes and recovers across several."""


class SimulatedWorld:
    """One simulated cluster, from its set-up to its end."""

    def __init__(self, options: RunOptions, rng: Random) -> None:
        self.options = options
        self.lines: list[str] = []  # what the nodes logged
        properties = {name: properties_text(simulated_properties(name, options)) for name in NODES}
        self.cluster = SimulatedCluster(
            rng, properties, volatile=options.volatile, log=self.lines.append
        )
        self.sessions = SimulatedSessions(self.cluster)

    @property
    def targets(self) -> SimulatedCluster:
        """What faults act on."""
        return self.cluster

    @property
    def surroundings(self) -> Mapping[str, Any]:
        """Nothing that the seed does not decide."""
        return {"toxiproxy_kind": "none: links are simulated"}

    async def start(self) -> None:
        """Start every node and wait until the slave is fed."""
        await self.cluster.start()
        await until_fed(self.sessions)

    async def workload(self) -> QueueWorkload:
        """Make the workload's topic, and wait until clients can find it."""
        await ready_topic(self.sessions, self.options.queues)
        return QueueWorkload(self.options, self.sessions)

    def admit(self, clients: Clients) -> None:
        """Let faults reach the clients, too."""
        self.cluster.clients = clients

    async def operator(self) -> ClusterOperator:
        """Open a session of the run's own."""
        return ClusterOperator(self.sessions)

    async def cycle_clients(self) -> None:
        """End every connection of a client."""
        for name, link in self.cluster.links.items():
            if name.startswith("client->"):
                await link.cycle()

    async def stop(self) -> None:
        """End everything."""
        self.cluster.end()


def simulated_properties(node: str, options: RunOptions) -> dict[str, str | int]:
    """Write one node's configuration down, keys and values as RocketMQ spells them."""
    host, port = ADDRESSES[node]
    if node == "nameserver":
        return {"listenPort": port, "bindAddress": host, **NAMESERVER_TIMINGS}
    nameserver_host, nameserver_port = ADDRESSES["nameserver"]
    return {
        "brokerName": "broker-a",
        "brokerId": 0 if node == "master" else 1,
        "brokerRole": options.broker_role if node == "master" else "SLAVE",
        "flushDiskType": options.flush_disk_type,
        "namesrvAddr": f"{nameserver_host}:{nameserver_port}",
        "brokerIP1": host,
        "brokerIP2": host,
        "bindAddress": host,
        "listenPort": port,
        "storePathRootDir": STORE_ROOT,
        "storePathCommitLog": f"{STORE_ROOT}/commitlog",
        **BROKER_TIMINGS,
        **SIMULATED_SIZES,
    }
