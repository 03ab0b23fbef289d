"""What a suite that was killed may have left: processes of its cluster, and faults not cured.

On Linux the kernel ends a cluster with its suite; elsewhere, or if a node was made to outlive it,
processes remain. Each wrote its number and its birth beside its log (``nemesis.pid_file``), so what
is ended is the run's own and nobody else's, whatever number it has. With the cluster all faults are
over: a toxic ends with its proxy, a pause with its process; what they did stays to be seen.
"""

import contextlib
from collections.abc import Iterator

import psutil

from harness.store.folder import RunFolder, read_json
from nemesis.journal import Journal
from nemesis.pid_file import living, read_pid_file

__all__ = ["clean_up", "leftovers", "orphans", "suite_of"]

CONFIG = "node.properties"
END_S = 3.0


def leftovers(folder: RunFolder) -> list[psutil.Process]:
    """List the processes of a run's cluster that still live, and what they have started."""
    own = [read_pid_file(file) for file in sorted(folder.path.glob("nodes/*/log.pid"))]
    found: dict[int, psutil.Process] = {}
    for process in own:
        if process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                children = process.children(recursive=True)
                found |= {one.pid: one for one in (process, *children)}
    return list(found.values())


def suite_of(folder: RunFolder) -> int | None:
    """Return the pid of a run's suite if the run is still going on."""
    try:
        test = read_json(folder.test_json)
        over = "tear down" in test["phases"]
        suite = living(test["suite"])
    except (OSError, KeyError, TypeError, ValueError):
        return None
    return suite.pid if suite is not None and not over else None


def orphans() -> list[psutil.Process]:
    """List nodes and proxy servers of any run whose suite is gone."""
    return [
        process for process, words in _processes() if process.info["ppid"] == 1 and _is_ours(words)
    ]


def clean_up(folder: RunFolder) -> list[str]:
    """End what is left of a run's cluster, strike its faults out, and say what was done."""
    left = leftovers(folder)
    done = [f"ended pid {process.pid}: {_words(process)}" for process in left]
    _end(left)
    journal = Journal(folder.journal)
    for number, fault in journal.active().items():
        where = ", ".join(fault.targets)
        done.append(f"fault {fault.name} on {where} is over: its cluster is gone")
        journal.strike(number)
    return done


def _end(processes: list[psutil.Process]) -> None:
    """Ask, then kill; psutil looks at a process's birth before each signal."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
            process.resume()  # a frozen process hears SIGTERM only once it goes on
    _, alive = psutil.wait_procs(processes, timeout=END_S)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=END_S)


def _words(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline()[-4:])
    return "gone already"


def _processes() -> Iterator[tuple[psutil.Process, list[str]]]:
    for process in psutil.process_iter(["pid", "ppid", "cmdline"]):
        yield process, process.info["cmdline"] or []


def _is_ours(words: list[str]) -> bool:
    ours = any(word.endswith(f"/{CONFIG}") and "/nodes/" in word for word in words)
    return ours or "nemesis.toxiproxy_server" in words
