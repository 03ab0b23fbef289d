"""Who listens where in one local cluster, and what each node's configuration file says.

A pure plan: from a block of ports come the addresses of three nodes and nine proxies, and from
these and the options the ``.properties`` text of each node. The links are ARCHITECTURE.md's:

    client->nameserver   client->master       client->slave
    foreign->master      foreign->slave       (what the brokers advertise, for anybody's client)
    slave->master        slave->master-ha     master->nameserver   slave->nameserver

Each node registers the address of its *foreign* proxy, so nobody learns a node's own address
from the name server; our client and our slave map it to the proxy that is theirs (``addressMap``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import javaproperties

from harness.leases import PortBlock
from harness.options import RunOptions
from harness.timings import BROKER_TIMINGS, NAMESERVER_TIMINGS
from nemesis.topology import LINKS

__all__ = [
    "HOST",
    "NODES",
    "Layout",
    "LinkPlan",
    "layout_of",
    "properties_of",
    "properties_text",
]

HOST = "127.0.0.1"
NODES = ("nameserver", "master", "slave")


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """One proxy: the port it listens on and the port it leads to."""

    name: str
    listen: int
    upstream: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Every address of one cluster."""

    toxiproxy_port: int
    node_ports: Mapping[str, int]  # the remoting port of each node
    ha_port: int  # where the master ships its log
    links: Mapping[str, LinkPlan]

    def proxy(self, link: str) -> str:
        """Return the address at which a link's observer finds its listener."""
        return f"{HOST}:{self.links[link].listen}"

    def own(self, node: str) -> str:
        """Return the address at which a node itself listens."""
        return f"{HOST}:{self.node_ports[node]}"

    def advertised(self, node: str) -> str:
        """Return what a broker says of itself: the proxy for anybody's client, if there is one."""
        foreign = f"foreign->{node}"
        return self.proxy(foreign) if foreign in self.links else self.own(node)

    @property
    def client_address_map(self) -> dict[str, str]:
        """From what the brokers advertise to the proxies that are the clients' own."""
        return {self.advertised(node): self.proxy(f"client->{node}") for node in NODES[1:]}


def layout_of(block: PortBlock, names: Iterable[str] = LINKS) -> Layout:
    """Hand out a block's ports to the nodes of one cluster, and to the proxies of its links."""
    toxiproxy_port = block.take()
    nameserver = block.take()
    master = _broker_port(block)
    slave = _broker_port(block)
    listeners = {
        "nameserver": nameserver,
        "master": master,
        "slave": slave,
        "master-ha": master + 1,
    }
    links = {name: LinkPlan(name, block.take(), listeners[name.split("->")[1]]) for name in names}
    ports = {"nameserver": nameserver, "master": master, "slave": slave}
    return Layout(toxiproxy_port, ports, master + 1, links)


def _broker_port(block: PortBlock) -> int:
    """Take a listenPort with room for RocketMQ's sub-ports, two below and one above it."""
    block.skip(2)
    port = block.take()
    block.skip(1)
    return port


def properties_of(
    node: str, layout: Layout, options: RunOptions, data: Path
) -> dict[str, str | int]:
    """Write one node's configuration down, keys and values as RocketMQ spells them."""
    if node == "nameserver":
        return {"listenPort": layout.node_ports[node], **NAMESERVER_TIMINGS}

    role = options.broker_role if node == "master" else "SLAVE"
    properties: dict[str, str | int] = {
        "brokerClusterName": "DefaultCluster",
        "brokerName": "broker-a",
        "brokerId": 0 if node == "master" else 1,
        "brokerRole": role,
        "flushDiskType": options.flush_disk_type,
        "namesrvAddr": layout.proxy(f"{node}->nameserver"),
        "brokerIP1": layout.advertised(node),
        "listenPort": layout.node_ports[node],
        "haListenPort": layout.node_ports[node] + 1,
        "deleteWhen": "04",
        "fileReservedTime": 48,
        **_store_paths(data),
        "diskMode": "volatile" if options.volatile else "real",
        **BROKER_TIMINGS,
    }
    if node == "master":
        properties["brokerIP2"] = layout.proxy("slave->master-ha")
    else:
        advertised, mine = layout.advertised("master"), layout.proxy("slave->master")
        properties["addressMap"] = f"{advertised}={mine}"
    return properties


def _store_paths(data: Path) -> dict[str, str]:
    return {
        "storePathRootDir": str(data),
        "storePathCommitLog": str(data / "commitlog"),
        "storePathConsumeQueue": str(data / "consumequeue"),
        "storePathIndex": str(data / "index"),
        "storeCheckpoint": str(data / "checkpoint"),
        "abortFile": str(data / "abort"),
    }


def properties_text(properties: Mapping[str, str | int]) -> str:
    """Spell a configuration as the text of a ``.properties`` file."""
    values = {key: str(value) for key, value in properties.items()}
    return str(javaproperties.dumps(values, timestamp=False))
