"""``mqhavoc run --world rocketmq``: real nodes, real proxies, the same phases, the same judges."""

import asyncio
import io
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from checkers.verdict import Validity
from harness.cluster import LocalWorld
from harness.interpreter import Interpreter
from harness.leases import lease_ports
from harness.local import product_of, run_local
from harness.options import RunOptions
from harness.run import RunResult
from harness.store.folder import create_run_folder, read_json
from histories.recorder import Recorder
from nemesis.faults import Fault, Step
from nemesis.schedules import Schedule
from tests.interop.conftest import distribution

pytestmark = [pytest.mark.live, pytest.mark.interop]


@pytest.fixture(autouse=True)
def _there() -> None:
    """Skip with the reason where there is no RocketMQ."""
    distribution()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[LocalWorld]:
    options = RunOptions(seed=1, world="rocketmq", nemeses=(), out=str(tmp_path))
    folder = create_run_folder(tmp_path, "world", datetime.now(UTC), 1)
    with lease_ports() as block:
        world = LocalWorld(block, options, folder, time.monotonic_ns, product_of(options))
        try:
            await world.start()
            yield world
        finally:
            await world.stop()


async def test_real_nodes_listen_where_they_should_and_meet_at_proxies(
    world: LocalWorld, tmp_path: Path
) -> None:
    """But for one connection, of which ``harness/rocketmq/limits.py`` tells."""
    with Recorder(tmp_path / "history.jsonl", time.monotonic_ns) as recorder:
        interpreter = Interpreter(
            await world.workload(), recorder, concurrency=5, rate=60, seed=1, timeout_ms=5000
        )
        clients = asyncio.create_task(interpreter.run(time_limit_s=1.5))
        await asyncio.sleep(1)
        nodes = {name: psutil.Process(pid) for name, pid in world.surroundings["pids"].items()}
        listens = {name: _listens(node) for name, node in nodes.items()}
        calls = {name: _calls(node, listens[name]) for name, node in nodes.items()}
        await clients

    ports = world.layout.node_ports
    master, slave = ports["master"], ports["slave"]
    assert listens["nameserver"] == {ports["nameserver"]}
    assert listens["master"] == {master - 2, master, master + 1}
    assert listens["slave"] == {slave - 2, slave, slave + 1}

    of = {name: plan.listen for name, plan in world.layout.links.items()}
    assert calls["nameserver"] == set()
    assert calls["master"] == {of["master->nameserver"]}
    past_all_proxies = {master - 2, master}
    assert calls["slave"] - past_all_proxies == {of["slave->nameserver"], of["slave->master-ha"]}

    await world.stop()
    assert [name for name, node in nodes.items() if node.is_running()] == []


def test_a_killed_master_loses_nothing(tmp_path: Path) -> None:
    """A SIGKILL leaves the page cache, and a slave has what was acknowledged anyway."""
    result = played(tmp_path, "kill-master")

    assert result.judgement is not None
    assert result.validity is Validity.VALID, result.judgement.to_json()
    assert [fault["bit"] for fault in result.judgement.faults]
    told = read_json(result.folder.test_json)
    assert told["rocketmq_distribution"]["version"].startswith("4.9")
    assert "--world rocketmq" in told["reproduce"]


def test_a_master_that_lost_its_disk_misleads_whoever_was_ahead_of_it(tmp_path: Path) -> None:
    """Defects 1 and 9 of guarantees.md: a slave is taken for a copy, and readers are sent to 0."""
    lost = Fault("disk-lost-master", "disk-lost", ("master",), {"unclean": True}, stops_writes=True)
    soon = Schedule((Step(1_000, 1_100, lost),), 12_000, 9_000)
    result = played(tmp_path, lost.name, seconds=12.0, schedule=soon)

    assert result.judgement is not None
    assert result.validity is Validity.INVALID, result.judgement.to_json()
    found = result.judgement.anomalies
    broken = [name for name, one in found.items() if one.validity is Validity.INVALID]
    assert {"dishonest-status", "nonmonotonic-pull"} >= set(broken), broken
    assert result.judgement.verdicts["convergence"].validity is Validity.VALID


def played(
    out: Path, nemesis: str, seconds: float = 6.0, schedule: Schedule | None = None
) -> RunResult:
    options = RunOptions(
        seed=5,
        world="rocketmq",
        nemeses=(nemesis,),
        time_limit_s=seconds,
        rate=60,
        concurrency=6,
        out=str(out),
    )
    return run_local(options, Console(file=io.StringIO()), schedule)


def _listens(node: psutil.Process) -> set[int]:
    found = node.net_connections("tcp")
    return {one.laddr.port for one in found if one.status == psutil.CONN_LISTEN}


def _calls(node: psutil.Process, listens: set[int]) -> set[int]:
    """Ports to which a node itself has opened connections."""
    found = node.net_connections("tcp")
    established = [one for one in found if one.status == psutil.CONN_ESTABLISHED]
    return {one.raddr.port for one in established if one.laddr.port not in listens}
