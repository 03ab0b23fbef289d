"""Pieces of pure work are done by forked processes, and their results come in order.

Process k of n does pieces k, k + n, k + 2n and so on, and writes each result to its own pipe. The
pipe is the bound: a process that is ahead waits until its result was fetched. A forked process
has all that this one has, so nothing is sent to it; it touches nothing but its pipe, and ends with
its work, with its parent, or as soon as nobody asks for more.
"""

import os
import signal
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from typing import Any, TypeVar

__all__ = ["cores", "in_order"]

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def cores() -> int:
    """Tell how many processes can be at work at once."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_order(
    work: Callable[[Piece], Result], pieces: Sequence[Piece], processes: int
) -> Generator[Result | None, None, None]:
    """Give the result of each piece; None for one whose process raised or died.

    With one process or one piece the work is done here. Close the iterator to end the processes.

    >>> list(in_order(abs, [-1, 2, -3], processes=2))
    [1, 2, 3]
    """
    count = min(processes, len(pieces))
    if count < 2 or not hasattr(os, "fork"):
        yield from map(work, pieces)
        return
    workers: list[_Worker] = []
    try:
        for number in range(count):
            workers.append(_started(work, pieces[number::count], workers))
        for place in range(len(pieces)):
            yield workers[place % count].result()
    finally:
        for worker in workers:
            worker.end()


@dataclass(frozen=True, slots=True)
class _Worker:
    """A process, seen from its parent."""

    pid: int
    results: Connection

    def result(self) -> Any:
        """Wait for the next result."""
        try:
            return self.results.recv()
        except (EOFError, OSError):  # it died, perhaps in the middle of a result
            return None

    def end(self) -> None:
        """End it, whatever it is doing, and leave no zombie."""
        self.results.close()
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _started(
    work: Callable[[Piece], Result], pieces: Sequence[Piece], others: Sequence[_Worker]
) -> "_Worker":
    results, own = Pipe(duplex=False)
    with warnings.catch_warnings():
        # Of other threads: the child needs nothing that one of them could hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        own.close()
        return _Worker(pid, results)
    try:
        # With a reading end open in a sibling, no process would notice that its parent is gone.
        for reading in (results, *(other.results for other in others)):
            reading.close()
        _leave_signals_to_parent()
        for piece in pieces:
            own.send(_attempted(work, piece))
    finally:
        os._exit(0)  # without flushing what the parent's buffers hold


def _attempted(work: Callable[[Piece], Result], piece: Piece) -> Result | None:
    try:
        return work(piece)
    except Exception:  # noqa: BLE001 - its parent does it again, and meets the error itself
        return None


def _leave_signals_to_parent() -> None:
    signal.set_wakeup_fd(-1)  # it is the parent's event loop that would be woken
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
