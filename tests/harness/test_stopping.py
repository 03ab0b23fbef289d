"""A run that is stopped at once is still torn down to the end, however impatient somebody is."""

import asyncio
import io
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness.options import RunOptions
from harness.run import Run, RunResult
from harness.store.folder import RunFolder
from harness.store.log import open_log


class Cluster:
    """A world that never becomes ready, and takes a moment to end."""

    def __init__(self, signals_at_its_end: int) -> None:
        self.surroundings: Mapping[str, Any] = {}
        self.ended = False
        self._signals_at_its_end = signals_at_its_end

    async def start(self) -> None:
        await interrupt()
        await interrupt()
        await asyncio.Event().wait()

    async def stop(self) -> None:
        for _ in range(self._signals_at_its_end):
            await interrupt()
        self.ended = True


async def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.sleep(0.01)


async def lived(world: Cluster, folder: Path) -> RunResult:
    console = Console(file=io.StringIO())
    with open_log(folder / "suite.log") as log:
        run = Run(RunOptions(seed=1), RunFolder(folder), log, lambda *_: world, console)  # type: ignore[arg-type,return-value]
        return await run.live()


@pytest.mark.parametrize("more", [0, 1, 3])
async def test_whoever_goes_on_pressing_ctrl_c_waits_for_the_end(more: int, tmp_path: Path) -> None:
    """A tear-down that is cut short leaves nodes behind, and a traceback for a verdict."""
    world = Cluster(signals_at_its_end=more)

    result = await lived(world, tmp_path)

    assert world.ended
    assert result.judgement is None
    assert result.cut_short
