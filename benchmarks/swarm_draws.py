"""Which rate finds most bugs: ``python benchmarks/swarm_draws.py [RATE ... [--seeds FROM]]``.

Every planted bug is hunted blindly: its own options are not used, a seed draws mode, faults and
all as ``mqhavoc simulate --short --seeds`` does, and only the rate of operations is set. A hunt
ends with the first invalid run, or after six CPU seconds. Slow clients make a run cheap, fast ones
make it see more; a rate is better that finds more bugs in less time.
"""

import argparse
import time
from dataclasses import replace
from itertools import count

from harness.planting import catalogue
from harness.simulated.power import invalid_anomalies
from harness.simulated.run import simulate
from harness.simulated.swarm import SHORT, options_of_seed

CPU_S_MAX = 6.0


def hunt(mutant: str, rate: float, first: int) -> tuple[bool, float, int]:
    """Hunt one bug: whether it was found, in how many CPU seconds and runs."""
    began = time.process_time()
    for runs in count(1):
        options = options_of_seed(first + runs - 1, **{**SHORT, "rate": rate})
        try:
            found = bool(invalid_anomalies(simulate(replace(options, mutant=mutant))))
        except Exception:  # noqa: BLE001 - a broken broker may break whatever it touches
            found = False
        cpu_s = time.process_time() - began
        if found or cpu_s > CPU_S_MAX:
            return found, cpu_s, runs
    raise AssertionError("a hunt ends by its time")


def main() -> None:
    """Print a line for each rate."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rates", nargs="*", type=float, default=[12.0, 20.0, 30.0])
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    for rate in given.rates:
        hunts = [hunt(name, rate, given.seeds) for name in catalogue()]
        found, cpu_s, runs = (sum(column) for column in zip(*hunts, strict=True))
        print(
            f"{rate:4.0f} ops/s: {found} of {len(hunts)} found in {cpu_s:.0f} CPU s, {runs} runs",
            flush=True,
        )


if __name__ == "__main__":
    main()
