"""A cluster of processes: three of them on loopback, each link through a proxy of its own.

    set up     proxies, then all nodes at once; a slave asks for its master until it is there
    ready      asked for, never slept for: the name server knows both brokers, the slave is fed,
               and the topic has a route
    tear down  clients first, then nodes (SIGTERM, SIGKILL for those that do not mind, or that
               would take long), then toxiproxy; whatever fails, the rest is still ended

Whose programs the nodes are is the product's to know: ours, or Apache RocketMQ's.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.layout import HOST, NODES, Layout, LinkPlan, layout_of, properties_text
from harness.leases import PortBlock
from harness.options import RunOptions
from harness.ours import OurNodes
from harness.product import Place, Product
from harness.readiness import ready_topic
from harness.sessions import Sessions
from harness.settings import FileSettings
from harness.store.folder import RunFolder
from harness.workloads.queue_workload import QueueWorkload
from harness.world import Operator
from nemesis.disks import FolderStore
from nemesis.gated import GatedNode
from nemesis.links import ProxiedLink
from nemesis.nodes import ProcessNode, end_all
from nemesis.targets import Clients, Link, Node, NodeControls, Settings, Store
from nemesis.topology import party_of
from nemesis.toxiproxy import ProxySpec, ToxiproxyServer, find_executable

__all__ = ["LocalTargets", "LocalWorld"]

BROKERS = ("master", "slave")


class LocalTargets:
    """What can be broken in a local cluster; see ``targets.Targets``."""

    def __init__(
        self,
        nodes: Mapping[str, Node],
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
        """By node; none where the programs are not ours."""
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
    """One cluster of processes, from its set-up to its end; see ``world.World``."""

    def __init__(
        self,
        block: PortBlock,
        options: RunOptions,
        folder: RunFolder,
        now_ns: Callable[[], int],
        product: Product | None = None,
    ) -> None:
        self.options = options
        self.folder = folder
        self._product: Product = product or OurNodes(options.node_command)
        self.layout: Layout = layout_of(block, self._product.links)
        self.sessions = Sessions(self.layout, options.seed, self._product.ends)
        self._toxiproxy = ToxiproxyServer(
            self.layout.toxiproxy_port,
            log=folder.node("toxiproxy") / "log",
            executable=_toxiproxy_executable(options.toxiproxy),
        )
        self._nodes = {name: self._make_node(name) for name in NODES}
        self._links: dict[str, ProxiedLink] = {}
        self._targets = LocalTargets(
            {name: self._gated(node) for name, node in self._nodes.items()},
            self._links,
            controls=self._controls(),
            stores={name: self._store(name) for name in BROKERS},
            settings={name: self._settings(name) for name in BROKERS},
            now_ns=now_ns,
        )

    @property
    def targets(self) -> LocalTargets:
        """What faults act on."""
        return self._targets

    @property
    def surroundings(self) -> Mapping[str, Any]:
        """Addresses, and which programs run."""
        return {
            **self._product.surroundings,
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
        for names in self._product.starts:
            await asyncio.gather(*(self._nodes[name].start() for name in names))
        await self._product.fed(self.sessions)

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

    async def operator(self) -> Operator:
        """Open a session of the run's own."""
        data = {name: self._place(name).data for name in BROKERS}
        return self._product.operator(self.sessions, self._nodes, data)

    async def cycle_clients(self) -> None:
        """End every connection that came through a client's proxy."""
        for name, link in self._links.items():
            if name.startswith(("client->", "foreign->")):
                await link.cycle()

    async def stop(self) -> None:
        """End everything that was started."""
        try:
            if self._product.asked_to_end:
                nodes = self._targets.nodes.values()
                await asyncio.gather(*(node.stop() for node in nodes), return_exceptions=True)
        finally:
            self.end()
        with contextlib.suppress(Exception):
            await self._toxiproxy.stop()

    def end(self) -> None:
        """Kill everything, without awaiting anything."""
        end_all(self._nodes.values())
        self._toxiproxy.end()

    def _place(self, name: str) -> Place:
        folder = self.folder.node(name).absolute()  # a node works in another folder
        return Place(name, folder, self.layout, self.options)

    def _make_node(self, name: str) -> ProcessNode:
        place = self._place(name)
        place.folder.mkdir(parents=True, exist_ok=True)
        properties = self._product.properties(place)
        place.config.write_text(properties_text(properties), encoding="utf-8")
        ends = (lambda: self.sessions.ends(name)) if name in BROKERS else None
        return self._product.node(place, ends)

    def _gated(self, node: ProcessNode) -> Node:
        gates = self._product.gates.get(node.name, ())
        return GatedNode(node, self._links, gates) if gates else node

    async def _make_link(self, plan: LinkPlan) -> ProxiedLink:
        listen, upstream = f"{HOST}:{plan.listen}", f"{HOST}:{plan.upstream}"
        proxy = await self._toxiproxy.create(ProxySpec(plan.name, listen, upstream))
        probe = self._product.probe(plan.name)
        ends = [party_of(end) for end in plan.name.split("->")]

        def paused_end() -> str | None:
            return next((end for end in ends if end in NODES and self._nodes[end].paused()), None)

        return ProxiedLink(
            plan.name,
            proxy,
            request=probe.request,
            hangs_up=probe.hangs_up,
            paused_end=paused_end,
        )

    def _settings(self, name: str) -> FileSettings:
        place = self._place(name)
        return FileSettings(
            place.config,
            self._product.properties(place),
            ask=lambda: self.sessions.properties(name),
            tell=lambda properties: self.sessions.reload(name, properties),
        )

    def _controls(self) -> dict[str, NodeControls]:
        """Give the nemesis a hand on the machines of both brokers, where the product has one."""
        hands = {
            name: self._product.controls(self._place(name), self._nodes[name]) for name in BROKERS
        }
        return {name: hand for name, hand in hands.items() if hand is not None}

    def _store(self, name: str) -> FolderStore:
        place = self._place(name)
        return FolderStore(place.data, place.folder / "snapshot")


def _toxiproxy_executable(choice: str) -> Path | None:
    """Find the server that the options ask for; None is the embedded one."""
    return None if choice == "embedded" else find_executable()
