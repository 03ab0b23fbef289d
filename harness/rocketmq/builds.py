"""What is fetched or built once a machine, and found again ever after.

Each thing has a folder of its own in the user's cache, named by what it was made from: a changed
recipe is another folder. Who comes second waits for who came first, in whatever process.
"""

import fcntl
import hashlib
import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["TARGET", "BuildError", "build_once", "is_built"]

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mqhavoc" / "interop"
BUILD_S_MAX = 600
COMPLETE = ".complete"

TARGET = "{target}"
"""Stands in a command for the folder that it is to fill."""


class BuildError(Exception):
    """It could not be fetched or built here."""


def is_built(name: str, sources: Iterable[Path | str]) -> bool:
    """Whether it is there already."""
    return (_place(name, sources) / COMPLETE).exists()


def build_once(name: str, sources: Iterable[Path | str], command: Sequence[Path | str]) -> Path:
    """Run a command once for each state of its sources; return the folder that it filled."""
    target = _place(name, sources)
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / COMPLETE).exists():
            target.mkdir(exist_ok=True)
            _run([str(part).replace(TARGET, str(target)) for part in command], name)
            (target / COMPLETE).touch()
    return target


def _place(name: str, sources: Iterable[Path | str]) -> Path:
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes() if isinstance(source, Path) else source.encode())
    return CACHE / f"{name}-{digest.hexdigest()[:12]}"


def _run(command: list[str], name: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command, capture_output=True, text=True, timeout=BUILD_S_MAX, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{name}: could not be built here: {error}") from error
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise BuildError(f"{name}: could not be built here: {' '.join(last)[:300]}")
