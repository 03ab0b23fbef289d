"""A node that is an OS process: started, frozen, ended by signals, watched by psutil.

It serves once it has said so, in one JSON line on its output: ``{"event": "ready", ...}``.
Nothing of it is left behind: it leads its own session, it is reaped here, and it dies with the
suite (see ``processes``).
"""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from time import monotonic

from nemesis.processes import Figures, Process
from nemesis.targets import NodeEnds, TargetError

__all__ = ["ProcessNode", "end_all", "says_ready"]

READY_MS_MAX = 30_000
STOP_MS_MAX = 10_000
SIGNAL_MS_MAX = 2_000
POLL_SECONDS = 0.005

NO_ENDS = NodeEnds(None, None)


def says_ready(line: str) -> bool:
    """Whether a line of output is the ready event.

    >>> says_ready('{"event": "ready", "port": 20001}'), says_ready("ready")
    (True, False)
    """
    if '"ready"' not in line:
        return False
    try:
        event = json.loads(line)
    except ValueError:
        return False
    return isinstance(event, dict) and event.get("event") == "ready"


class ProcessNode:
    """One node of the local world; implements ``targets.Node``."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        volatile: bool = False,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        ready: Callable[[str], bool] = says_ready,
        ready_ms_max: int = READY_MS_MAX,
        stop_ms_max: int = STOP_MS_MAX,
        ends: Callable[[], Awaitable[NodeEnds]] | None = None,
    ) -> None:
        self.name = name
        self.command = command  # may be changed while it is down: a role change
        self.volatile = volatile
        self.log = log
        self.starts = 0
        self._env = env
        self._cwd = cwd
        self._says_ready = ready
        self._ready_ms_max = ready_ms_max
        self._stop_ms_max = stop_ms_max
        self._ends = ends
        self._process: Process | None = None
        self._ready = False

    def pid(self) -> int | None:
        """Return the running process, or None."""
        process = self._running()
        return None if process is None else process.pid

    def paused(self) -> bool:
        """Whether it is stopped by SIGSTOP."""
        process = self._running()
        return process is not None and process.paused

    @property
    def exit_code(self) -> int | None:
        """How its last process ended; None while it runs, and before the first."""
        return None if self._process is None else self._process.exit_code

    def figures(self) -> Figures | None:
        """Measure memory, processor time, threads and files; None if it is down."""
        process = self._running()
        return None if process is None else process.figures()

    async def start(self) -> None:
        """Start it and wait until it serves; does nothing if it serves already."""
        if self._running() is None:
            self._ready = False
            try:
                self._process = Process(self.command, log=self.log, env=self._env, cwd=self._cwd)
            except OSError as error:
                raise TargetError(
                    f"{self.name}: cannot start {self.command[0]}: {error}"
                ) from error
            self.starts += 1
        if not self._ready:
            await self._until_ready()

    async def stop(self) -> None:
        """Ask it to stop (SIGTERM) and wait; one that does not is killed, and that is an error."""
        process = self._running()
        if process is None:
            return
        process.signal(signal.SIGTERM)
        process.signal(signal.SIGCONT)  # A frozen process would not hear the first.
        if not await process.wait(self._stop_ms_max):
            process.end()
            raise TargetError(
                f"{self.name}: expected to end within {self._stop_ms_max} ms of SIGTERM, had to be "
                f"killed; its log says: {process.tail()}"
            )

    async def kill(self) -> None:
        """End it at once (SIGKILL) and wait for its end."""
        process = self._running()
        if process is None:
            return
        process.signal(signal.SIGKILL)
        if not await process.wait(SIGNAL_MS_MAX):
            raise TargetError(f"{self.name}: still there {SIGNAL_MS_MAX} ms after SIGKILL")

    async def pause(self) -> None:
        """Freeze it (SIGSTOP)."""
        await self._signal_and_see(signal.SIGSTOP, paused=True)

    async def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        await self._signal_and_see(signal.SIGCONT, paused=False)

    async def ends(self) -> NodeEnds:
        """Its commit log's end and flushed end, asked past every proxy; never raises."""
        if self._ends is None or self._running() is None or self.paused():
            return NO_ENDS
        try:
            return await self._ends()
        except Exception:  # noqa: BLE001 - the answer of a node that cannot be asked
            return NO_ENDS

    def end(self) -> None:
        """Kill it and what it started, and reap it, without awaiting anything."""
        if self._process is not None:
            self._process.end()

    def _running(self) -> Process | None:
        if self._process is not None and self._process.alive:
            return self._process
        return None

    async def _signal_and_see(self, number: signal.Signals, *, paused: bool) -> None:
        process = self._running()
        if process is None:
            raise TargetError(
                f"{self.name}: expected a running process to {number.name}, none runs"
            )
        process.signal(number)
        if not await process.wait_paused(SIGNAL_MS_MAX, paused=paused):
            raise TargetError(f"{self.name}: {number.name} had no effect in {SIGNAL_MS_MAX} ms")

    async def _until_ready(self) -> None:
        process = self._process
        assert process is not None, "only what was started gets ready"
        deadline = monotonic() + self._ready_ms_max / 1000
        while not self._ready:
            alive = process.alive  # Asked first: its last words may come just before its end.
            self._ready = any(map(self._says_ready, process.output().splitlines()))
            if self._ready:
                return
            if not alive:
                raise TargetError(
                    f"{self.name}: ended with {process.exit_code} before it was ready; "
                    f"{self.log.name} says: {process.tail()}"
                )
            if monotonic() > deadline:
                raise TargetError(
                    f"{self.name}: not ready within {self._ready_ms_max} ms; "
                    f"{self.log.name} says: {process.tail()}"
                )
            await asyncio.sleep(POLL_SECONDS)


def end_all(nodes: Iterable[ProcessNode]) -> None:
    """Kill and reap every node, each by its own pid; for tear-down and for signal handlers."""
    for node in nodes:
        node.end()
