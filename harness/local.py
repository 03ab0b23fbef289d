"""Run on real processes: a folder, a log, a block of ports, an event loop, and then the run."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from checkers.suite import Judgement
from harness.cluster import LocalWorld
from harness.leases import PortBlock, lease_ports
from harness.options import RunOptions
from harness.ours import OurNodes
from harness.product import Product
from harness.rocketmq.distribution import obtain
from harness.run import MakeWorld, Run, RunResult
from harness.seed_demo import SeedDemo
from harness.store.folder import RunFolder, create_run_folder, write_json
from harness.store.log import open_log
from harness.surroundings import described, surroundings_of
from harness.workloads.queue_client import QueueClient
from histories.recorder import Recorder
from nemesis.schedules import Schedule

__all__ = ["play_seed_demo", "product_of", "run_local"]


def run_local(options: RunOptions, console: Console, schedule: Schedule | None = None) -> RunResult:
    """Run once from beginning to end, and return the result with everything torn down.

    With a schedule, this one is carried out instead of the seed's own.
    """
    assert not options.mutant, "a bug is planted in virtual time; a real node has its own"
    product = product_of(options)
    started = datetime.now(UTC)
    folder = create_run_folder(options.out_folder, options.name, started, options.seed)
    with open_log(folder.suite_log) as log, lease_ports(first=options.ports) as block:
        make_world = _world_on(block, product)
        run = Run(options, folder, log, make_world, console, started, schedule=schedule)
        result: RunResult = _event_loop_runner()(run.live())
        return result


def play_seed_demo(options: RunOptions, say: Callable[[str], None]) -> Judgement:
    """Play the seed's experiment in one mode, on a cluster of its own."""
    started = datetime.now(UTC)
    folder = create_run_folder(options.out_folder, "seed-demo", started, options.seed)
    with open_log(folder.suite_log), lease_ports(first=options.ports) as block:
        judgement: Judgement = _event_loop_runner()(_play(options, folder, block, started, say))
        write_json(folder.results, judgement.to_json())
        return judgement


async def _play(
    options: RunOptions,
    folder: RunFolder,
    block: PortBlock,
    started: datetime,
    say: Callable[[str], None],
) -> Judgement:
    with Recorder(folder.history, time.monotonic_ns) as recorder:
        world = LocalWorld(block, options, folder, recorder.now_ns)
        try:
            await world.start()
            await world.workload()
            surroundings = surroundings_of(options, started)
            write_json(folder.test_json, described(options, surroundings))
            client = QueueClient.over(world.sessions.client("demo"), world.sessions.node_names)
            return await SeedDemo(options, folder, world, recorder, client, say).play()
        finally:
            await world.stop()


def product_of(options: RunOptions) -> Product:
    """Return whose programs a run's nodes are; ``DistributionError`` if they cannot be had."""
    if options.world != "rocketmq":
        return OurNodes(options.node_command)
    from harness.rocketmq.nodes import ApacheNodes  # noqa: PLC0415  nobody else needs them

    return ApacheNodes(obtain(options.rocketmq))


def _world_on(block: PortBlock, product: Product) -> MakeWorld:
    return lambda options, folder, now_ns: LocalWorld(block, options, folder, now_ns, product)


def _event_loop_runner() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Choose uvloop where it is installed: a client's round trip costs half there."""
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415  optional

        return uvloop.run
    return asyncio.run
