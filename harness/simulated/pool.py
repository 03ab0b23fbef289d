"""Many seeds on several processes, with results in the order of the seeds.

Workers are given batches of seeds, and no more of them than keeps them busy, so that a million
seeds take no more memory than ten. After some thousand seeds the workers are replaced by new ones:
whatever a library keeps of each run is gone with them. Ctrl-C belongs to the caller alone: when it
stops asking for results, the workers are ended in the midst of their runs.
"""

import gc
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from harness.simulated.swarm import SeedResult, run_seed

__all__ = ["run_seeds", "workers"]

BATCH = 4
AHEAD = 3  # batches given to each worker, the one at work included
GENERATION = 2_000  # seeds of each worker's life


def run_seeds(seeds: Sequence[int], jobs: int, **given: Any) -> Iterator[SeedResult]:
    """Run seeds on so many processes; one job is this process."""
    if jobs == 1:
        yield from (run_seed(seed, **given) for seed in seeds)
        return
    for begin in range(0, len(seeds), GENERATION * jobs):
        yield from _generation(seeds[begin : begin + GENERATION * jobs], jobs, given)


@contextmanager
def workers(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Open a pool of processes; whoever leaves it early does not wait for what they do."""
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_begin)
    try:
        yield pool
    except BaseException:  # Ctrl-C, or nobody asks for the rest
        _end(pool)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _generation(seeds: Sequence[int], jobs: int, given: dict[str, Any]) -> Iterator[SeedResult]:
    under_way: deque[Future[list[SeedResult]]] = deque()
    with workers(jobs) as pool:
        for begin in range(0, len(seeds), BATCH):
            if len(under_way) == AHEAD * jobs:
                yield from under_way.popleft().result()
            under_way.append(pool.submit(_run_batch, seeds[begin : begin + BATCH], given))
        while under_way:
            yield from under_way.popleft().result()


def _begin() -> None:
    """Make a worker ready: Ctrl-C is not for it, and what is imported is no garbage to look at."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()


def _run_batch(seeds: Sequence[int], given: dict[str, Any]) -> list[SeedResult]:
    return [run_seed(seed, **given) for seed in seeds]


def _end(pool: ProcessPoolExecutor) -> None:
    """End the workers in the midst of what they do; the pool itself can only wait for them."""
    workers = pool._processes or {}  # noqa: SLF001 -- until Python 3.14 there is no other way
    for worker in list(workers.values()):
        worker.terminate()
