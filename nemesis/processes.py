"""A child process that cannot outlive the suite.

Each child leads a session of its own, so a Ctrl-C at the terminal reaches only the suite; its
output goes to a file, so nobody must read it for it to go on. It dies with the suite, however the
suite dies: on Linux the kernel kills it (PR_SET_PDEATHSIG, set by ``setpriv`` or, where that is
missing, by a few lines of Python that then become the child). Elsewhere only an orderly end of
the suite ends it, or ``mqhavoc heal``, by the pid file beside its log.

The kernel watches the *thread* that spawned the child: spawn from the event loop's own, which also
looks at the log now and then: one that has grown too long becomes ``NAME.1``, in place of the one
before, so that a night of chaos cannot fill the disk.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import psutil

from nemesis.pid_file import pid_file_of, write_pid_file

__all__ = ["Figures", "Process", "turn_over"]

POLL_SECONDS = 0.002
LOG_TAIL_BYTES = 600
LOG_BYTES_MAX = 16 << 20
LOG_LOOK_SECONDS = 5.0

_DIE_WITH_PARENT = (
    "import ctypes, os, sys; "
    "ctypes.CDLL(None).prctl(1, 9); "  # PR_SET_PDEATHSIG, SIGKILL
    "os.execvp(sys.argv[1], sys.argv[1:])"
)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a process costs."""

    rss_bytes: int
    cpu_seconds: float
    threads: int
    open_files: int


def turn_over(log: Path, bytes_max: int) -> bool:
    """Move what is in a long log to ``NAME.1``; say whether it was long.

    Whoever writes to the log holds it open, so the file stays and its content goes. A line that is
    written between the copy and the cut is lost; the writer must append, or it would leave a hole.
    """
    if log.stat().st_size <= bytes_max:
        return False
    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)
    return True


class Process:
    """A spawned child, alive or dead; reaped by whoever asks."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        log_bytes_max: int = LOG_BYTES_MAX,
    ) -> None:
        program = str(command[0])
        if shutil.which(program) is None:
            raise FileNotFoundError(f"expected a program to start, found no executable {program!r}")
        log.parent.mkdir(parents=True, exist_ok=True)
        self.command = tuple(str(part) for part in command)
        self.log = log
        self._log_bytes_max = log_bytes_max
        with log.open("ab") as output:
            self.log_start = output.tell()
            self._popen = subprocess.Popen(  # noqa: S603 - the suite's own command
                _bound_to_us(self.command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else {**os.environ, **env},
                cwd=cwd,
                start_new_session=True,
            )
        write_pid_file(pid_file_of(log), self.pid)
        asyncio.get_running_loop().call_later(LOG_LOOK_SECONDS, self._look_at_log)

    @property
    def pid(self) -> int:
        """Its process id, which may be somebody else's once it is dead."""
        return self._popen.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended; paused is alive."""
        return self._popen.poll() is None

    @property
    def paused(self) -> bool:
        """Whether it is stopped by SIGSTOP."""
        return self._status() == str(psutil.STATUS_STOPPED)

    @property
    def exit_code(self) -> int | None:
        """How it ended, negative by a signal; None while it lives."""
        return self._popen.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it lives."""
        self._popen.send_signal(number)

    async def wait(self, timeout_ms: int) -> bool:
        """Wait for its end; False if it still lives after so long."""
        return await _until(lambda: not self.alive, timeout_ms)

    async def wait_paused(self, timeout_ms: int, *, paused: bool) -> bool:
        """Wait until a SIGSTOP or SIGCONT has taken effect."""
        return await _until(lambda: self.paused == paused or not self.alive, timeout_ms)

    def end(self) -> None:
        """Kill it and what it started, and reap it; blocks for a moment."""
        if self.alive:
            os.killpg(self.pid, signal.SIGKILL)  # It leads its group, and is not yet reaped.
        self._popen.wait()

    def output(self) -> str:
        """Return what it has written since it was started."""
        with self.log.open("rb") as written:
            written.seek(self.log_start)
            return written.read().decode("utf-8", "replace")

    def tail(self) -> str:
        """Return the end of its output, for an error message."""
        return self.output()[-LOG_TAIL_BYTES:].strip() or "nothing"

    def figures(self) -> Figures | None:
        """Measure it; None if it is dead."""
        try:
            process = psutil.Process(self.pid)
            with process.oneshot():
                times = process.cpu_times()
                return Figures(
                    process.memory_info().rss,
                    times.user + times.system,
                    process.num_threads(),
                    process.num_fds(),
                )
        except psutil.Error:
            return None

    def _look_at_log(self) -> None:
        if not self.alive:
            return
        if turn_over(self.log, self._log_bytes_max):
            self.log_start = 0
        asyncio.get_running_loop().call_later(LOG_LOOK_SECONDS, self._look_at_log)

    def _status(self) -> str:
        if not self.alive:
            return ""
        try:
            return str(psutil.Process(self.pid).status())
        except psutil.Error:
            return ""


def _bound_to_us(command: Sequence[str]) -> list[str]:
    if sys.platform != "linux":
        return list(command)
    setpriv = shutil.which("setpriv")
    if setpriv is not None:
        return [setpriv, "--pdeathsig", "KILL", "--", *command]
    return [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, *command]


async def _until(holds: Callable[[], bool], timeout_ms: int) -> bool:
    deadline = monotonic() + timeout_ms / 1000
    while not holds():
        if monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True
