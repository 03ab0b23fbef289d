"""How fast virtual time is: ``python benchmarks/simulation_speed.py [RUNS]``.

Three figures, on one core, in CPU seconds, so that a busy machine changes them little:

    default   seeds of the swarm as ``mqhavoc simulate --seeds`` draws them
    short     the same with ``--short``
    quiet     a minute with one operation a second: what time itself costs
"""

import sys
import time
from collections.abc import Callable
from itertools import count

from harness.options import RunOptions
from harness.simulated.run import SimulatedRun, simulate
from harness.simulated.swarm import SHORT, options_of_seed

LOADS: dict[str, Callable[[int], RunOptions]] = {
    "default": options_of_seed,
    "short": lambda seed: options_of_seed(seed, **SHORT),
    "quiet": lambda seed: RunOptions(
        seed=seed, world="simulated", nemeses=(), time_limit_s=60.0, rate=1.0
    ),
}


def measure(options_of: Callable[[int], RunOptions], runs: int) -> str:
    """Run some seeds and say what they cost."""
    done: list[SimulatedRun] = []
    began = time.process_time()
    for seed in count(1):
        if len(done) == runs:
            break
        done.append(simulate(options_of(seed)))
    cpu_s = time.process_time() - began
    virtual_s = sum(run.virtual_s for run in done)
    ops = sum(len(run.ops) // 2 for run in done)
    return (
        f"{virtual_s / cpu_s:6.0f}x real time, {ops / cpu_s:6.0f} checked operations and "
        f"{60 * runs / cpu_s:5.0f} runs a minute, of {ops / runs:.0f} operations each"
    )


def main() -> None:
    """Print a line for each load."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    simulate(options_of_seed(0))  # imports and caches
    for name, options_of in LOADS.items():
        print(f"{name:<8} {measure(options_of, runs)}")


if __name__ == "__main__":
    main()
