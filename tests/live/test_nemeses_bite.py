"""Faults on real processes, proxies, files and clocks: each bites, is cured, and proves it."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from broker.errors import MqError
from harness.cluster import LocalWorld
from harness.leases import lease_ports
from harness.options import RunOptions
from harness.store.folder import create_run_folder
from harness.workloads.queue import TOPIC
from histories.op import FaultRecord
from nemesis.conditions import await_condition, parse_condition
from nemesis.conductor import Conductor
from nemesis.faults import Fault, Step
from nemesis.healing import heal
from nemesis.journal import Journal
from nemesis.registry import PACKAGES
from nemesis.schedules import Schedule
from nemesis.targets import CutMode
from nemesis.topology import Topology

pytestmark = pytest.mark.live


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[LocalWorld]:
    options = RunOptions(seed=1, out=str(tmp_path))
    folder = create_run_folder(tmp_path, "nemeses", datetime.now(UTC), 1)
    with lease_ports() as block:
        world = LocalWorld(block, options, folder, time.monotonic_ns)
        try:
            await world.start()
            yield world
        finally:
            await world.stop()


def drawn(name: str, seed: int = 1, **options: str | int | bool) -> Fault:
    fault = PACKAGES[name].draw(Random(seed), Topology())
    return replace(fault, options={**fault.options, **options})


def in_turn(faults: Sequence[Fault], hold_ms: int = 150) -> Schedule:
    """Each for a moment, one after another, whatever the machine has to do besides."""
    steps = tuple(Step(0, hold_ms, fault, alone=True) for fault in faults)
    return Schedule(steps, 120_000, 110_000)


async def conducted(
    world: LocalWorld, schedule: Schedule, journal: Journal | None = None
) -> list[FaultRecord]:
    recorded: list[FaultRecord] = []
    conductor = Conductor(
        world.targets, schedule, lambda _f, fault: recorded.append(fault), journal or Journal()
    )
    try:
        await conductor.run()
    finally:
        await conductor.cure_all()
    return recorded


def unproven(recorded: Sequence[FaultRecord]) -> list[str]:
    return [f"{op.name} {op.phase}: {op.proof}" for op in recorded if op.bit is False]


@asynccontextmanager
async def traffic(world: LocalWorld) -> AsyncIterator[None]:
    """Keep sending, so that there is a log to damage and code that is reached."""
    await world.workload()
    operator = await world.operator()

    async def send() -> None:
        while True:
            with suppress(MqError, OSError):
                await operator.send(TOPIC, b"x" * 100)
            await asyncio.sleep(0.01)

    sending = asyncio.create_task(send())
    try:
        yield
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await operator.close()


async def test_links_are_cut_in_every_mode_and_poisoned(world: LocalWorld) -> None:
    modes = [drawn("partition-slave-master", mode=str(mode)) for mode in CutMode]
    names = ("partition-master-to-client", "delay-replication", "tear-client", "reset", "swizzle")
    recorded = await conducted(world, in_turn([*modes, *(drawn(name) for name in names)]))
    assert unproven(recorded) == []
    assert len(recorded) == 4 * (len(modes) + len(names))


async def test_a_cut_of_replication_is_proven_by_a_probe_that_its_port_does_not_answer(
    world: LocalWorld,
) -> None:
    """The port hangs up on a stranger who speaks, and to be hung up on is an answer."""
    ha = world.targets.links["slave->master-ha"]
    assert await ha.probe(5000) == "answers"
    modes = [drawn("partition-replication", mode=str(mode)) for mode in CutMode]

    recorded = await conducted(world, in_turn([*modes, drawn("partition-slave-to-master")]))

    assert unproven(recorded) == []
    proofs = [op.proof for op in recorded if op.phase == "inject" and op.bit]
    assert "slave->master-ha refused" in proofs[0]
    assert all("slave->master-ha silent" in proof for proof in proofs[1:])
    healed = [op.proof for op in recorded if op.phase == "cure" and op.bit]
    assert healed[0] == "1 enabled without toxics, 1 answer a probe"


async def test_a_master_that_is_down_does_not_answer_a_probe_of_replication(
    world: LocalWorld,
) -> None:
    """Its proxy hangs up for it, as the living master does."""
    master, ha = world.targets.nodes["master"], world.targets.links["slave->master-ha"]
    await master.kill()
    assert await ha.probe(5000) != "answers"
    await master.start()
    assert await ha.probe(5000) == "answers"


async def test_a_probe_of_replication_is_nobodys_slave(world: LocalWorld) -> None:
    """Eight bytes of a stranger once counted as a slave's report, on the real RocketMQ."""
    operator = await world.operator()
    try:
        before = await operator.status("master")
        for _ in range(3):
            assert await world.targets.links["slave->master-ha"].probe(5000) == "answers"
        after = await operator.status("master")
    finally:
        await operator.close()
    assert before["haSlaves"] == after["haSlaves"] == "1"


async def test_processes_die_freeze_and_return(world: LocalWorld) -> None:
    names = ("pause-master", "kill-both", "kill-starting-slave", "stop-nameserver")
    recorded = await conducted(world, in_turn([drawn(name) for name in names]))
    assert unproven(recorded) == []
    assert {op.fault_class for op in recorded} == {"process"}


async def test_machines_and_stores_go_wrong(world: LocalWorld) -> None:
    names = (
        "slow-fsync-master",
        "fail-fsync-slave",
        "clock-jump-master",
        "crash-master-after-append-before-flush",
        "crash-slave-in-mid-recovery",
        "bit-flip-slave",
        "disk-lost-slave",
    )
    async with traffic(world):
        recorded = await conducted(world, in_turn([drawn(name, unclean=True) for name in names]))
    assert unproven(recorded) == []
    damaged = [op.options["damaged_from"] for op in recorded if "damaged_from" in op.options]
    assert damaged
    assert damaged[0] > 0


async def test_operators_change_what_a_node_says_of_itself_and_change_it_back(
    world: LocalWorld,
) -> None:
    names = ("wrong-ha-address", "second-master", "take-over", "rolling-restart")
    before = {name: await settings.effective() for name, settings in world.targets.settings.items()}
    recorded = await conducted(world, in_turn([drawn(name) for name in names]))
    assert unproven(recorded) == []
    assert before["slave"]
    assert before["slave"]["brokerRole"] == "SLAVE"
    after = {name: await settings.effective() for name, settings in world.targets.settings.items()}
    assert after == before


async def test_what_a_killed_suite_left_is_healed_from_its_journal(
    world: LocalWorld, tmp_path: Path
) -> None:
    path = tmp_path / "active.json"
    schedule = Schedule(
        (
            Step(0, 60_000, drawn("partition-slave-isolated", mode="stall+")),
            Step(0, 60_000, drawn("kill-master")),
        ),
        90_000,
        80_000,
    )
    conductor = Conductor(world.targets, schedule, lambda _f, _fault: None, Journal(path))
    conducting = asyncio.create_task(conductor.run())
    await await_condition(world.targets, parse_condition("master down"))
    await asyncio.sleep(0.5)  # the slave's links take a little longer
    conducting.cancel()
    await asyncio.gather(conducting, return_exceptions=True)

    proofs = await heal(Journal(path), world.targets)

    assert [proof.bit for proof in proofs] == [True, True]
    assert Journal(path).active() == {}
    assert await heal(Journal(path), world.targets) == []
