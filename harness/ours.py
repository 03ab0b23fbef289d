"""Our own programs as the nodes of a cluster: ``python -m harness.node``, one process each.

A node's command may be replaced (``node_command``), so that a test can put a broken double in the
place of a broker: the double is started as ``COMMAND... {nameserver|broker} -c FILE``, and has no
controls.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from broker.client.admin import Admin
from broker.remoting.codec import encode
from broker.remoting.codes import RequestCode
from broker.remoting.command import Command
from harness.layout import NODES, properties_of
from harness.product import Ends, Place, Probe
from harness.readiness import until_fed
from harness.sessions import ClusterOperator, Sessions
from nemesis.control_file import FileControls
from nemesis.nodes import ProcessNode
from nemesis.targets import Node, NodeEnds
from nemesis.topology import LINKS, hangs_up

__all__ = ["PROBES", "OurNodes"]

ROOT = Path(__file__).parent.parent

PROBES = {
    "nameserver": encode(Command(RequestCode.GET_BROKER_CLUSTER_INFO)),
    "master": encode(Command(RequestCode.GET_BROKER_RUNTIME_INFO)),
    "slave": encode(Command(RequestCode.GET_BROKER_RUNTIME_INFO)),
    "master-ha": b"\xff" * 8,
}
"""What a listener answers to a stranger; a name server is silent at what it does not know.

To the replication port the eight bytes are a token that nobody has, on which our master hangs up.
"""


@dataclass(frozen=True, slots=True)
class OurNodes:
    """Makes nodes of ours; see ``product.Product``."""

    node_command: tuple[str, ...] = ()
    links: tuple[str, ...] = LINKS
    starts: tuple[tuple[str, ...], ...] = (NODES,)
    asked_to_end: bool = True

    @property
    def gates(self) -> Mapping[str, tuple[str, ...]]:
        """None: our slave waits after every lost connection."""
        return {}

    @property
    def surroundings(self) -> Mapping[str, Any]:
        """Nothing that the suite's own version does not say."""
        return {}

    def properties(self, place: Place) -> Mapping[str, str | int]:
        """Say a node's configuration."""
        return properties_of(place.name, place.layout, place.options, place.data)

    def node(self, place: Place, ends: Ends | None) -> ProcessNode:
        """Make a node, not yet started."""
        command = self.node_command or (sys.executable, "-m", "harness.node")
        return ProcessNode(
            place.name,
            [*command, place.role, "-c", place.config],
            log=place.folder / "log",
            volatile=place.options.volatile and place.role == "broker",
            env={"MQHAVOC_NODE": place.name},
            cwd=ROOT,
            ends=ends,
        )

    def controls(self, place: Place, node: ProcessNode) -> FileControls | None:
        """Give the nemesis a hand on the node's machine; see harness.node."""
        return None if self.node_command else FileControls(place.folder, node.pid)

    def probe(self, link: str) -> Probe:
        """Say how a link is tried."""
        return Probe(PROBES[link.split("->")[1]], hangs_up(link))

    async def ends(self, admin: Admin, address: str) -> NodeEnds:
        """Ask a broker how long its log is, and how much of it is on disk."""
        found = await admin.log_digest(address)
        return NodeEnds(found.end, found.flushed)

    async def fed(self, sessions: Sessions) -> None:
        """Wait until both brokers are known and the slave replicates."""
        await until_fed(sessions)

    def operator(
        self, sessions: Sessions, nodes: Mapping[str, Node], data: Mapping[str, Path]
    ) -> ClusterOperator:
        """Open the run's own session; our brokers tell all that it asks."""
        del nodes, data
        return ClusterOperator(sessions)
