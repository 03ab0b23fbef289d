"""No node is told another node's own address: everybody meets at proxies."""

from pathlib import Path

import pytest

from broker.config import BrokerConfig, NameServerConfig
from harness.layout import layout_of, properties_of, properties_text
from harness.leases import BLOCK_SIZE, PortBlock
from harness.options import MODES, RunOptions
from nemesis.topology import LINKS


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("volatile", [True, False])
def test_the_broker_understands_every_configuration(
    mode: str, volatile: bool, tmp_path: Path
) -> None:
    options = RunOptions(seed=1, mode=mode, volatile=volatile)
    layout = layout_of(PortBlock(20_000, BLOCK_SIZE))

    master, slave = (
        BrokerConfig.parse(properties_text(properties_of(node, layout, options, tmp_path)))
        for node in ("master", "slave")
    )
    NameServerConfig.parse(properties_text(properties_of("nameserver", layout, options, tmp_path)))

    assert f"{master.broker_role}+{master.flush_disk_type}" == mode
    assert (slave.broker_role, slave.broker_id) == ("SLAVE", 1)
    assert master.disk_mode == slave.disk_mode == ("volatile" if volatile else "real")


def test_every_link_has_a_proxy_of_its_own() -> None:
    layout = layout_of(PortBlock(20_000, BLOCK_SIZE))

    listens = [plan.listen for plan in layout.links.values()]
    assert tuple(layout.links) == LINKS
    assert len(set(listens)) == len(LINKS)
    assert not set(listens) & {layout.toxiproxy_port, *layout.node_ports.values(), layout.ha_port}
    assert layout.links["slave->master-ha"].upstream == layout.node_ports["master"] + 1
    assert layout.links["client->slave"].upstream == layout.node_ports["slave"]


def test_brokers_keep_their_sub_ports_free() -> None:
    """RocketMQ opens listenPort - 2 and listenPort + 1 as well."""
    layout = layout_of(PortBlock(20_000, BLOCK_SIZE))
    used = [layout.toxiproxy_port, layout.node_ports["nameserver"]]
    used += [plan.listen for plan in layout.links.values()]

    for node in ("master", "slave"):
        port = layout.node_ports[node]
        assert not {port - 2, port - 1, port + 1} & set(used)


@pytest.mark.parametrize("node", ["nameserver", "master", "slave"])
def test_a_configuration_names_no_other_nodes_port(node: str, tmp_path: Path) -> None:
    layout = layout_of(PortBlock(20_000, BLOCK_SIZE))
    properties = properties_of(node, layout, RunOptions(seed=1), tmp_path)

    text = properties_text(properties)
    others = [port for name, port in layout.node_ports.items() if name != node]
    assert not [port for port in others if f"{port}" in text]


def test_clients_and_the_slave_map_advertised_addresses_to_their_own_proxies(
    tmp_path: Path,
) -> None:
    layout = layout_of(PortBlock(20_000, BLOCK_SIZE))
    slave = properties_of("slave", layout, RunOptions(seed=1), tmp_path)
    master = properties_of("master", layout, RunOptions(seed=1), tmp_path)

    advertised = master["brokerIP1"]
    assert layout.client_address_map[str(advertised)] == layout.proxy("client->master")
    assert slave["addressMap"] == f"{advertised}={layout.proxy('slave->master')}"
    assert master["brokerIP2"] == layout.proxy("slave->master-ha")
