"""The local world: three processes on loopback, each link through a proxy of its own.

    set up     proxies, then all nodes at once; a slave asks for its master until it is there
    ready      asked for, never slept for: the name server knows both brokers, the slave is fed,
               and the topic has a route
    tear down  clients first, then nodes (SIGTERM, SIGKILL for those that do not mind), then
               toxiproxy; whatever fails, the rest is still ended

A node's command may be replaced (``node_command``), so that a test can put a broken double in the
place of a broker: the double is started as ``COMMAND... {nameserver|broker} -c FILE``.
"""

import asyncio
import contextlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from broker.remoting.codec import encode
from broker.remoting.codes import RequestCode
from broker.remoting.command import Command
from harness.layout import HOST, NODES, Layout, LinkPlan, layout_of, properties_of, properties_text
from harness.leases import PortBlock
from harness.options import RunOptions
from harness.readiness import ready_topic, until_fed
from harness.sessions import ClusterOperator, Sessions
from harness.settings import FileSettings
from harness.store.folder import RunFolder
from harness.workloads.queue_workload import QueueWorkload
from nemesis.control_file import FileControls
from nemesis.disks import FolderStore
from nemesis.links import ProxiedLink
from nemesis.nodes import ProcessNode, end_all
from nemesis.targets import Clients, Link, Node, NodeControls, Settings, Store
from nemesis.topology import hangs_up, party_of
from nemesis.toxiproxy import ProxySpec, ToxiproxyServer, find_executable

__all__ = ["LocalTargets", "LocalWorld"]

ROOT = Path(__file__).parent.parent

PROBES = {
    "nameserver": encode(Command(RequestCode.GET_BROKER_CLUSTER_INFO)),
    "master": encode(Command(RequestCode.GET_BROKER_RUNTIME_INFO)),
    "slave": encode(Command(RequestCode.GET_BROKER_RUNTIME_INFO)),
    "master-ha": b"\xff" * 8,
}
"""What a listener answers to a stranger; a name server is silent at what it does not know.

To the replication port the eight bytes are a token that nobody has, on which our master hangs up;
a real one takes them for a report of -1, which raises no mark and asks for nothing.
"""


class LocalTargets:
    """What can be broken in a local cluster; see ``targets.Targets``."""

    def __init__(
        self,
        nodes: Mapping[str, ProcessNode],
        links: Mapping[str, ProxiedLink],
        *,
        controls: Mapping[str, NodeControls],
        stores: Mapping[str, Store],
        settings: Mapping[str, Settings],
        now_ns: Callable[[], int],
    ) -> None:
        self._nodes = nodes
        self._links = links
        self._controls = controls
        self._stores = stores
        self._settings = settings
        self._now_ns = now_ns
        self.clients: Clients | None = None  # once there are some

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
        """By node; none where something stands in for our own nodes."""
        return self._controls

    @property
    def stores(self) -> Mapping[str, Store]:
        """By node."""
        return self._stores

    @property
    def settings(self) -> Mapping[str, Settings]:
        """By node."""
        return self._settings

    def now_ns(self) -> int:
        """Return the time by the history's clock."""
        return self._now_ns()


class LocalWorld:
    """One local cluster, from its set-up to its end; see ``world.World``."""

    def __init__(
        self, block: PortBlock, options: RunOptions, folder: RunFolder, now_ns: Callable[[], int]
    ) -> None:
        self.options = options
        self.folder = folder
        self.layout: Layout = layout_of(block)
        self.sessions = Sessions(self.layout, options.seed)
        self._toxiproxy = ToxiproxyServer(
            self.layout.toxiproxy_port,
            log=folder.node("toxiproxy") / "log",
            executable=_toxiproxy_executable(options.toxiproxy),
        )
        self._nodes = {name: self._make_node(name) for name in NODES}
        self._links: dict[str, ProxiedLink] = {}
        stores = {name: self._store(name) for name in ("master", "slave")}
        controls = {} if options.node_command else self._controls()
        settings = {name: self._settings(name) for name in ("master", "slave")}
        self._targets = LocalTargets(
            self._nodes,
            self._links,
            controls=controls,
            stores=stores,
            settings=settings,
            now_ns=now_ns,
        )

    @property
    def targets(self) -> LocalTargets:
        """What faults act on."""
        return self._targets

    @property
    def surroundings(self) -> Mapping[str, Any]:
        """Addresses, and which toxiproxy runs."""
        return {
            "toxiproxy_kind": str(self._toxiproxy.kind),
            "toxiproxy_version": self._toxiproxy.version,
            "toxiproxy_restarts": list(self._toxiproxy.restarts),
            "listeners": {
                **self.layout.node_ports,
                "master-ha": self.layout.ha_port,
                "toxiproxy": self.layout.toxiproxy_port,
                **{name: plan.listen for name, plan in self.layout.links.items()},
            },
            "pids": {name: node.pid() for name, node in self._nodes.items()},
        }

    @property
    def toxiproxy_pid(self) -> int | None:
        """The process that holds every proxy."""
        return self._toxiproxy.pid

    async def start(self) -> None:
        """Start everything, and wait until the slave is fed."""
        await self._start_proxies()
        await asyncio.gather(*(node.start() for node in self._nodes.values()))
        await until_fed(self.sessions)

    async def _start_proxies(self) -> None:
        await self._toxiproxy.start()
        for plan in self.layout.links.values():
            self._links[plan.name] = await self._make_link(plan)

    async def workload(self) -> QueueWorkload:
        """Make the workload's topic, and wait until clients can find it."""
        await ready_topic(self.sessions, self.options.queues)
        return QueueWorkload(self.options, self.sessions)

    def admit(self, clients: Clients) -> None:
        """Let faults reach the clients, too."""
        self._targets.clients = clients

    async def operator(self) -> ClusterOperator:
        """Open a session of the run's own."""
        return ClusterOperator(self.sessions)

    async def cycle_clients(self) -> None:
        """End every connection that came through a client's proxy."""
        for name, link in self._links.items():
            if name.startswith(("client->", "foreign->")):
                await link.cycle()

    async def stop(self) -> None:
        """End everything that was started."""
        await asyncio.gather(
            *(node.stop() for node in self._nodes.values()), return_exceptions=True
        )
        self.end()
        with contextlib.suppress(Exception):
            await self._toxiproxy.stop()

    def end(self) -> None:
        """Kill everything, without awaiting anything."""
        end_all(self._nodes.values())
        self._toxiproxy.end()

    def _make_node(self, name: str) -> ProcessNode:
        folder = self.folder.node(name)
        folder.mkdir(parents=True, exist_ok=True)
        config = (folder / "node.properties").absolute()  # a node works in another folder
        config.write_text(properties_text(self._properties(name)), encoding="utf-8")
        role = "nameserver" if name == "nameserver" else "broker"
        command = self.options.node_command or (sys.executable, "-m", "harness.node")
        return ProcessNode(
            name,
            [*command, role, "-c", config],
            log=folder / "log",
            volatile=self.options.volatile and role == "broker",
            env={"MQHAVOC_NODE": name},
            cwd=ROOT,
            ends=None if name == "nameserver" else lambda: self.sessions.ends(name),
        )

    async def _make_link(self, plan: LinkPlan) -> ProxiedLink:
        listen, upstream = f"{HOST}:{plan.listen}", f"{HOST}:{plan.upstream}"
        proxy = await self._toxiproxy.create(ProxySpec(plan.name, listen, upstream))
        listener = plan.name.split("->")[1]
        ends = [party_of(end) for end in plan.name.split("->")]

        def paused_end() -> str | None:
            return next((end for end in ends if end in NODES and self._nodes[end].paused()), None)

        return ProxiedLink(
            plan.name,
            proxy,
            request=PROBES[listener],
            hangs_up=hangs_up(plan.name),
            paused_end=paused_end,
        )

    def _data(self, name: str) -> Path:
        return (self.folder.node(name) / "data").absolute()

    def _properties(self, name: str) -> dict[str, str | int]:
        return properties_of(name, self.layout, self.options, self._data(name))

    def _settings(self, name: str) -> FileSettings:
        file = self.folder.node(name) / "node.properties"
        return FileSettings(
            file,
            self._properties(name),
            ask=lambda: self.sessions.properties(name),
            tell=lambda properties: self.sessions.reload(name, properties),
        )

    def _controls(self) -> dict[str, NodeControls]:
        """Give the nemesis a hand on the machines of both brokers; see harness.node."""
        return {
            name: FileControls(self.folder.node(name).absolute(), self._nodes[name].pid)
            for name in ("master", "slave")
        }

    def _store(self, name: str) -> FolderStore:
        return FolderStore(self._data(name), self.folder.node(name) / "snapshot")


def _toxiproxy_executable(choice: str) -> Path | None:
    """Find the server that the options ask for; None is the embedded one."""
    return None if choice == "embedded" else find_executable()
