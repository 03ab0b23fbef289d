"""A process is its number and its birth: the number alone is soon somebody else's.

Whoever starts a process writes both down, and whoever wants to end it later, when its parent is
gone, gets it only if both still agree.
"""

import json
from pathlib import Path

import psutil

__all__ = ["identity", "living", "pid_file_of", "read_pid_file", "write_pid_file"]

BIRTH_S_MAX = 0.05
"""How far two readings of one birth may be apart: the kernel counts in hundredths of a second."""


def identity(pid: int) -> dict[str, float]:
    """Describe a process so that it can be told from a later one of the same number."""
    return {"pid": pid, "born": psutil.Process(pid).create_time()}


def living(described: object) -> psutil.Process | None:
    """Return the process that was described, if it is still that one and lives."""
    try:
        assert isinstance(described, dict)
        process = psutil.Process(int(described["pid"]))
        same = abs(process.create_time() - float(described["born"])) < BIRTH_S_MAX
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (AssertionError, KeyError, TypeError, ValueError, psutil.Error):
        return None


def pid_file_of(log: Path) -> Path:
    """Say where a process with this log is written down."""
    return log.with_name(f"{log.name}.pid")


def write_pid_file(path: Path, pid: int) -> None:
    """Write a child down that was just started; one that is over already leaves no word."""
    path.write_text(json.dumps(identity(pid)) + "\n", encoding="ascii")


def read_pid_file(path: Path) -> psutil.Process | None:
    """Return the process of a file, if it lives."""
    try:
        return living(json.loads(path.read_text(encoding="ascii")))
    except (OSError, ValueError):
        return None
