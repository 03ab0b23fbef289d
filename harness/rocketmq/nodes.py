"""The programs of Apache RocketMQ as the nodes of a cluster: one JVM each.

A node serves once it has printed "boot success". What it logs goes to its output, so that it is
turned over like any node's. It listens on every interface, for 4.9.3 has no key for that; the ports
are those of the cluster's block: listenPort, two below it, and one above for replication.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from broker.client.admin import Admin
from broker.errors import BrokerError
from broker.remoting.codec import encode
from broker.remoting.codes import RequestCode
from broker.remoting.command import Command
from harness.product import Ends, Place, Probe
from harness.readiness import until_copied
from harness.rocketmq.distribution import Distribution
from harness.rocketmq.limits import ROCKETMQ_TOPOLOGY
from harness.rocketmq.operator import RocketmqOperator
from harness.rocketmq.properties import properties_of_apache, write_topics
from harness.sessions import Sessions
from nemesis.nodes import ProcessNode
from nemesis.targets import Node, NodeControls, NodeEnds

__all__ = ["MAINS", "READY_MS_MAX", "ApacheNodes", "boots", "write_logback"]

MAINS = {
    "nameserver": "org.apache.rocketmq.namesrv.NamesrvStartup",
    "broker": "org.apache.rocketmq.broker.BrokerStartup",
}
READY_MS_MAX = 60_000
FIGURES_S_MAX, FIGURES_AGAIN_S = 3.0, 0.1
STOP_MS_MAX = 30_000  # a broker waits for its threads, and for the name server to hear of its end

PROBES = {
    "nameserver": encode(Command(RequestCode.GET_BROKER_CLUSTER_INFO)),
    "master": encode(Command(RequestCode.GET_BROKER_RUNTIME_INFO)),
    "slave": encode(Command(RequestCode.GET_BROKER_RUNTIME_INFO)),
    "master-ha": bytes(8),
}
"""What a listener answers to a stranger.

To the replication port the eight bytes are the report of a slave that has nothing: it raises no
mark, and is answered with the log's last file, or with a heartbeat.
"""

LOGBACK = """<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{HH:mm:ss.SSS} %level %logger{20} %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="out"/></root>
</configuration>
"""


@dataclass(frozen=True, slots=True)
class ApacheNodes:
    """Makes nodes of one distribution; see ``product.Product``."""

    distribution: Distribution
    links: tuple[str, ...] = ROCKETMQ_TOPOLOGY.links
    starts: tuple[tuple[str, ...], ...] = (("nameserver",), ("master", "slave"))
    """A broker that finds no name server tries again after ten seconds."""

    asked_to_end: bool = False  # it takes five seconds over it

    @property
    def gates(self) -> Mapping[str, tuple[str, ...]]:
        """The slave would storm the replication proxy of a dead master."""
        return {"master": ("slave->master-ha",)}

    @property
    def surroundings(self) -> Mapping[str, Any]:
        """Which RocketMQ, on which Java."""
        found = self.distribution
        told = {"version": found.version, "jars": str(found.jars), "java": found.java}
        return {"rocketmq_distribution": told}

    def properties(self, place: Place) -> Mapping[str, str | int]:
        """Say a node's configuration."""
        return properties_of_apache(place)

    def node(self, place: Place, ends: Ends | None) -> ProcessNode:
        """Make a node, not yet started."""
        write_logback(place.folder)
        if place.role == "broker":
            write_topics(place.data, place.options.queues)
        main = MAINS[place.role]
        return ProcessNode(
            place.name,
            self.distribution.command(main, place.folder, ["-c", place.config]),
            log=place.folder / "log",
            env=self.distribution.environment(place.folder),
            cwd=place.folder,
            ready=boots,
            ready_ms_max=READY_MS_MAX,
            stop_ms_max=STOP_MS_MAX,
            ends=ends,
        )

    def controls(self, place: Place, node: ProcessNode) -> NodeControls | None:
        """Nobody has a hand on its machine."""
        del place, node
        return None

    def probe(self, link: str) -> Probe:
        """Say how a link is tried."""
        return Probe(PROBES[link.split("->")[1]])

    async def ends(self, admin: Admin, address: str) -> NodeEnds:
        """Ask a broker how long its log is; how much of it is on disk it tells nobody exactly."""
        figures = await _figures(admin, address)
        return NodeEnds(int(figures["commitLogMaxOffset"]), None)

    async def fed(self, sessions: Sessions) -> None:
        """Wait until both brokers are known and the slave replicates."""
        await until_copied(sessions)

    def operator(
        self, sessions: Sessions, nodes: Mapping[str, Node], data: Mapping[str, Path]
    ) -> RocketmqOperator:
        """Open the run's own session, which reads what 4.9.3 does not tell from the files."""
        return RocketmqOperator(sessions, nodes, data)


async def _figures(admin: Admin, address: str) -> Mapping[str, str]:
    """Ask until there are any: in its first second a broker answers with an error of its own.

    Its rates are worked out from samples, of which it then has none (StoreStatsService).
    """
    deadline = monotonic() + FIGURES_S_MAX
    while True:
        try:
            return await admin.broker_status(address)
        except BrokerError:
            if monotonic() > deadline:
                raise
        await asyncio.sleep(FIGURES_AGAIN_S)


def boots(line: str) -> bool:
    """Whether a line of output says that a node serves.

    >>> boots("The Name Server boot success. serializeType=JSON")
    True
    """
    return "boot success" in line


def write_logback(home: Path) -> None:
    """Let the programs log to their output; they look for their logging's set-up in a home."""
    conf = home / "conf"
    conf.mkdir(parents=True, exist_ok=True)
    for name in ("logback_namesrv.xml", "logback_broker.xml"):
        (conf / name).write_text(LOGBACK, encoding="utf-8")
