"""Programs of others, run to their end: what they print, line by line."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

SECONDS_MAX = 60


async def run(
    command: Sequence[str | Path], *, env: Mapping[str, str] = {}, cwd: Path | None = None
) -> list[str]:
    """Run a program that must end well; the lines of its standard output."""
    async with started(command, env=env, cwd=cwd) as process:
        output, errors = await asyncio.wait_for(process.communicate(), SECONDS_MAX)
    said = output.decode(errors="replace")
    assert process.returncode == 0, (
        f"{command[0]} ended with {process.returncode}: {said}{errors!r}"
    )
    return said.splitlines()


@asynccontextmanager
async def started(
    command: Sequence[str | Path], *, env: Mapping[str, str] = {}, cwd: Path | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program; it is killed by its pid if it is still there at the end of the context."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **env},
        cwd=cwd,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
