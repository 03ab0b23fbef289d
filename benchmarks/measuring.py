"""A piece of work in a process of its own, measured as its user meets it.

wall_s     from its start to its end, imports and all
cpu_s      of all its processes, user and system: what a busy machine cannot stretch much
megabytes  of all its processes together at the worst moment; what they share counts once
"""

import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import psutil

__all__ = ["Measured", "measured_of"]

LOOK_S = 0.01
LOOKS_A_SAMPLE = 20
MEGABYTE = 1 << 20


class Measured(NamedTuple):
    """What a process took, and what it printed."""

    wall_s: float
    cpu_s: float
    megabytes: int
    said: str


def measured_of(command: Sequence[str]) -> Measured:
    """Run a command that prints a line or two, and measure it."""
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        looks, peak = 0, 0
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            looks += 1
            if looks % LOOKS_A_SAMPLE == 0:
                peak = max(peak, _megabytes(process.pid))
            time.sleep(LOOK_S)
        took = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.stdout is not None, "it is a pipe"
        said = process.stdout.read().strip()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Measured(took, usage.ru_utime + usage.ru_stime, max(peak, usage.ru_maxrss >> 10), said)


def _megabytes(pid: int) -> int:
    """Add up what a process and its children have in memory now."""
    total = 0
    with suppress(psutil.Error):
        parent = psutil.Process(pid)
        for process in [parent, *parent.children(recursive=True)]:
            with suppress(psutil.Error):
                total += process.memory_full_info().pss
    return total // MEGABYTE
