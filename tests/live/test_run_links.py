"""On a real cluster no byte goes past a proxy, and what is asked of it comes true."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from harness.cluster import LocalWorld
from harness.interpreter import Interpreter
from harness.leases import lease_ports
from harness.options import RunOptions
from harness.store.folder import create_run_folder
from histories.recorder import Recorder

pytestmark = pytest.mark.live

Ends = tuple[tuple[str, int], tuple[str, int]]


@pytest.fixture(params=["embedded", "auto"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LocalWorld]:
    options = RunOptions(seed=1, out=str(tmp_path), toxiproxy=request.param)
    folder = create_run_folder(tmp_path, "links", datetime.now(UTC), 1)
    with lease_ports() as block:
        world = LocalWorld(block, options, folder, time.monotonic_ns)
        try:
            await world.start()
            yield world
        finally:
            await world.stop()


async def test_every_connection_of_a_node_comes_through_its_proxy(
    world: LocalWorld, tmp_path: Path
) -> None:
    """A connection that bypasses its proxy would survive every partition, unseen."""
    recorder = Recorder(tmp_path / "history.jsonl", time.monotonic_ns)
    with recorder:
        interpreter = Interpreter(
            await world.workload(), recorder, concurrency=5, rate=100, seed=1, timeout_ms=5000
        )
        clients = asyncio.create_task(interpreter.run(time_limit_s=1.5))
        await asyncio.sleep(1)
        pids = world.surroundings["pids"]
        of_nodes = {name: connections(pid) for name, pid in pids.items()}
        of_proxies = set(connections(world.toxiproxy_pid))
        await clients

    for name, ends in of_nodes.items():
        strangers = [(here, there) for here, there in ends if (there, here) not in of_proxies]
        assert not strangers, f"{name} has connections that no proxy holds: {strangers}"

    layout = world.layout
    seen = {port for ends in of_nodes.values() for _, (_, port) in ends}
    for link in ("slave->master-ha", "master->nameserver", "slave->nameserver"):
        assert layout.links[link].listen in seen, f"{link} carried nothing"
    served = {port for ends in of_nodes.values() for (_, port), _ in ends}
    assert {layout.node_ports["nameserver"], layout.node_ports["master"], layout.ha_port} <= served


async def test_nothing_is_left_when_a_world_is_stopped(world: LocalWorld) -> None:
    pids = [*world.surroundings["pids"].values(), world.toxiproxy_pid]
    ports = [*world.layout.node_ports.values(), world.layout.toxiproxy_port]
    assert all(psutil.pid_exists(pid) for pid in pids)

    await world.stop()

    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    listening = {
        found.laddr.port
        for found in psutil.net_connections("tcp")
        if found.status == psutil.CONN_LISTEN
    }
    assert not listening & set(ports)


def connections(pid: int) -> list[Ends]:
    """Both ends of a process's TCP connections, its own first."""
    found = psutil.Process(pid).net_connections("tcp")
    return [(tuple(one.laddr), tuple(one.raddr)) for one in found if one.raddr]
