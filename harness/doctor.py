"""Whether this machine can run the suite, and what it would be missing.

Each examination gives a finding: fine, a remark (something optional is not there), or a trouble
(a run would fail). A trouble says what to do.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from importlib import metadata
from pathlib import Path

from harness.leases import NoFreePortsError, lease_ports
from harness.leftovers import orphans, suite_of
from harness.rocketmq.distribution import distribution_text, java_of_machine, problem_of
from harness.store.catalogue import catalogue
from nemesis.toxiproxy import ToxiproxyError, find_executable

__all__ = ["EXAMINATIONS", "Health", "Remark", "examine"]

PYTHON_LEAST = (3, 11)
DISK_LEAST_BYTES = 1 << 30


class Health(Enum):
    """How a finding is meant."""

    FINE = "ok"
    LACKING = "--"  # optional, and not there
    TROUBLE = "!!"


@dataclass(frozen=True, slots=True)
class Remark:
    """One finding."""

    health: Health
    what: str
    text: str


def examine(out: Path) -> Iterator[Remark]:
    """Look at everything, one remark each."""
    for examination in EXAMINATIONS:
        yield examination(out)


def _python(_out: Path) -> Remark:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON_LEAST:
        return Remark(Health.TROUBLE, "python", f"expected 3.11 or later, found {version}")
    return Remark(Health.FINE, "python", f"{version}, mqhavoc {metadata.version('mqhavoc')}")


def _toxiproxy(_out: Path) -> Remark:
    try:
        real = find_executable()
    except ToxiproxyError as error:
        return Remark(Health.TROUBLE, "toxiproxy", str(error))
    if real is None:
        text = "not found; the embedded one is used (`make toxiproxy` installs it, with Go)"
        return Remark(Health.LACKING, "toxiproxy", text)
    return Remark(Health.FINE, "toxiproxy", str(real))


def _tool(name: str, purpose: str) -> Callable[[Path], Remark]:
    def examination(_out: Path) -> Remark:
        found = shutil.which(name)
        if found is None:
            return Remark(Health.LACKING, name, f"not found; {purpose} is left out")
        return Remark(Health.FINE, name, found)

    return examination


def _rocketmq(_out: Path) -> Remark:
    if problem := problem_of(""):
        text = f"the rocketmq world is left out: {problem}"
        return Remark(Health.LACKING, "rocketmq", text)
    java, where = java_of_machine(), distribution_text()
    return Remark(Health.FINE, "rocketmq", f"{where}, {java}; `mqhavoc run --world rocketmq`")


def _ports(_out: Path) -> Remark:
    try:
        with lease_ports() as block:
            return Remark(Health.FINE, "ports", f"{block.first} to {block.ports.stop - 1} are free")
    except NoFreePortsError as error:
        return Remark(Health.TROUBLE, "ports", str(error))


def _disk(out: Path) -> Remark:
    folder = out.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    text = f"{free >> 30} GB free in {folder}"
    if free < DISK_LEAST_BYTES:
        return Remark(Health.TROUBLE, "disk", f"{text}; expected a GB for a run of an hour")
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Remark(Health.FINE, "disk", text)
    except OSError as error:
        return Remark(Health.TROUBLE, "disk", f"cannot write to {folder}: {error.strerror}")


def _stale(out: Path) -> Remark:
    """Look for what a killed suite left behind: faults not cured, nodes without a parent."""
    faulty = [
        row.folder.path
        for row in catalogue(out)
        if row.folder.active_faults and suite_of(row.folder) is None
    ]
    pids = [process.pid for process in orphans()]
    if not faulty and not pids:
        return Remark(Health.FINE, "stale runs", "none")
    words = [f"{path} has faults that were not cured; `mqhavoc heal {path}`" for path in faulty]
    words += [f"node of a run that is over: pid {pid}; `kill {pid}`" for pid in pids]
    return Remark(Health.TROUBLE, "stale runs", "; ".join(words))


EXAMINATIONS: tuple[Callable[[Path], Remark], ...] = (
    _python,
    _toxiproxy,
    _tool("go", "the Go client's interop test"),
    _rocketmq,
    _ports,
    _disk,
    _stale,
)
