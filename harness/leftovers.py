"""What a suite that was killed may have left: processes of its cluster, and faults not cured.

On Linux the kernel ends a cluster with its suite; elsewhere, or if a node was made to outlive it,
processes remain. They are told by their command line: a node's names its configuration file, which
lies in the run's folder, and a proxy server's names the run's port. A process that nobody else
could have started is ended; nothing is ever ended by its name.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil

from harness.store.folder import RunFolder, read_json
from nemesis.journal import Journal

__all__ = ["clean_up", "has_ended", "leftovers", "orphans", "suite_of"]

CONFIG = "node.properties"
END_S = 3.0


def leftovers(folder: RunFolder) -> list[psutil.Process]:
    """List the processes of a run's cluster that still live."""
    run = folder.path.resolve()
    port = _toxiproxy_port(folder)
    return [
        process
        for process, words in _processes()
        if any(word.endswith(CONFIG) and run in Path(word).resolve().parents for word in words)
        or (port and _is_toxiproxy(words) and words[-1] == str(port))
    ]


def has_ended(folder: RunFolder) -> bool:
    """Whether a run has torn its cluster down itself."""
    try:
        return "tear down" in read_json(folder.test_json)["phases"]
    except (OSError, KeyError, ValueError):
        return False


def suite_of(folder: RunFolder) -> int | None:
    """Return the pid of a run's suite if it still lives: its nodes' parent, or theirs."""
    try:
        pid = int(read_json(folder.test_json)["suite_pid"])
        started = psutil.Process(pid).create_time()
    except (OSError, KeyError, ValueError, psutil.Error):
        return None
    # The number may be somebody else's by now; the suite is older than the file it wrote.
    return pid if started <= folder.test_json.stat().st_mtime else None


def orphans() -> list[psutil.Process]:
    """List nodes and proxy servers of any run whose suite is gone."""
    return [
        process for process, words in _processes() if process.info["ppid"] == 1 and _is_ours(words)
    ]


def clean_up(folder: RunFolder) -> list[str]:
    """End what is left of a run's cluster, strike its faults out, and say what was done."""
    done = []
    left = leftovers(folder)
    for process in left:
        done.append(f"ended pid {process.pid}: {' '.join(process.info['cmdline'][-4:])}")
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
            process.resume()  # a frozen process hears SIGTERM only once it goes on
    _, alive = psutil.wait_procs(left, timeout=END_S)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=END_S)

    journal = Journal(folder.journal)
    for number, fault in journal.active().items():
        where = ", ".join(fault.targets)
        done.append(f"fault {fault.name} on {where} is over: its cluster is gone")
        journal.strike(number)
    return done


def _processes() -> Iterator[tuple[psutil.Process, list[str]]]:
    for process in psutil.process_iter(["pid", "ppid", "cmdline"]):
        yield process, process.info["cmdline"] or []


def _is_ours(words: list[str]) -> bool:
    ours = any(word.endswith(f"/{CONFIG}") and "/nodes/" in word for word in words)
    return ours or "nemesis.toxiproxy_server" in words


def _is_toxiproxy(words: list[str]) -> bool:
    return any("toxiproxy" in word for word in words[:3])


def _toxiproxy_port(folder: RunFolder) -> int:
    try:
        return int(read_json(folder.test_json)["ports"]["toxiproxy"])
    except (OSError, KeyError, ValueError):
        return 0
