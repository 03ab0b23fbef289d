"""How fast virtual time is: ``python benchmarks/simulation_speed.py [RUNS [ROUNDS]]``.

Three figures, on one core, in CPU seconds, each seed's best of some rounds: a busy machine makes
the others longer, and says nothing of the code.

    default   seeds of the swarm as ``mqhavoc simulate --seeds`` draws them
    short     the same with ``--short``
    quiet     a minute with one operation a second: what time itself costs
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

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


@dataclass(slots=True)
class Cost:
    """One run, and the least that it took."""

    run: SimulatedRun
    cpu_s: float

    @property
    def ops(self) -> int:
        """How many operations were checked."""
        return sum(op.type == "invoke" for op in self.run.ops)


def cost(options: RunOptions, rounds: int) -> Cost:
    """Run a seed again and again."""
    times = []
    for _ in range(rounds):
        began = time.process_time()
        run = simulate(options)
        times.append(time.process_time() - began)
    return Cost(run, min(times))


def described(costs: list[Cost]) -> str:
    """Say what some seeds cost together."""
    cpu_s = sum(one.cpu_s for one in costs)
    virtual_s = sum(one.run.virtual_s for one in costs)
    ops = sum(one.ops for one in costs)
    return (
        f"{virtual_s / cpu_s:6.0f}x real time, {ops / cpu_s:6,.0f} checked operations and "
        f"{60 * len(costs) / cpu_s:5.0f} runs a minute, of {ops / len(costs):.0f} operations each"
    )


def main() -> None:
    """Print a line for each load."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    simulate(options_of_seed(0))  # imports and caches
    for name, options_of in LOADS.items():
        costs = [cost(options_of(seed), rounds) for seed in range(1, runs + 1)]
        print(f"{name:<8} {described(costs)}", flush=True)


if __name__ == "__main__":
    main()
