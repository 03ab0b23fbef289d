"""Run in the local world: a folder, a log, a block of ports, an event loop, and then the run."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from harness.cluster import LocalWorld
from harness.leases import PortBlock, lease_ports
from harness.options import RunOptions
from harness.run import Run, RunResult
from harness.store.folder import RunFolder, create_run_folder
from harness.store.log import open_log

__all__ = ["event_loop_runner", "run_local"]


def run_local(options: RunOptions, console: Console) -> RunResult:
    """Run once from beginning to end, and return the result with everything torn down."""
    started = datetime.now(UTC)
    folder = create_run_folder(options.out_folder, options.name, started, options.seed)
    with open_log(folder.suite_log) as log, lease_ports(first=options.ports) as block:
        run = Run(options, folder, log, _world_on(block), console, started)
        result: RunResult = event_loop_runner()(run.live())
        return result


def _world_on(block: PortBlock) -> Callable[[RunOptions, RunFolder, Callable[[], int]], LocalWorld]:
    return lambda options, folder, now_ns: LocalWorld(block, options, folder, now_ns)


def event_loop_runner() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Choose uvloop where it is installed: a client's round trip costs half there."""
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415  optional

        return uvloop.run
    return asyncio.run
