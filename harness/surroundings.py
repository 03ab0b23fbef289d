"""What is true of a run besides its options: when, on what, with which code, how to repeat it."""

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from harness.options import RunOptions
from harness.timings import OP_TIMEOUT_MS, REQUEST_TIMEOUT_MS, timings_of
from nemesis.pid_file import identity

__all__ = ["described", "surroundings_of", "versions", "with_commit"]

ROOT = Path(__file__).parent.parent


def surroundings_of(options: RunOptions, started: datetime) -> dict[str, Any]:
    """Collect what ``test.json`` says besides the options."""
    return {
        "nemesis": options.faults,
        "start_time": started.isoformat(timespec="milliseconds"),
        "reproduce": options.command(),
        "versions": versions(),
        "timings": {
            "cluster": dict(timings_of(options.world)),
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
            "op_timeout_ms": OP_TIMEOUT_MS,
        },
        "command_line": sys.argv,
        "suite": identity(os.getpid()),
    }


def versions() -> dict[str, str]:
    """Say which code it was, on what."""
    return {
        "mqhavoc": metadata.version("mqhavoc"),
        "commit": commit(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def described(options: RunOptions, *surroundings: Mapping[str, Any]) -> dict[str, Any]:
    """Put together what ``test.json`` says; the options in it can be read back as they were."""
    test: dict[str, Any] = options.to_json()
    for more in surroundings:
        taken = sorted(test.keys() & more.keys())
        assert not taken, f"a key of its own for each thing that is told, not {taken} twice"
        test |= more
    return test


def with_commit(text: str) -> str:
    """Say of something which code it ran with, if that is known.

    Kept out of the command that repeats a run, which is there to be pasted into a shell.
    """
    return f"{text}, commit {found}" if (found := commit()) else text


@cache
def commit() -> str:
    """Name the commit of the code, marked if it was changed since; empty outside a checkout."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude=*"],  # noqa: S607  whichever git there is
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()
