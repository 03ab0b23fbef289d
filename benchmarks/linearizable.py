"""How fast queue linearizability is decided, exactly, with ten processes.

    python benchmarks/linearizable.py [--lines 1000000]

``check --model fifo-queue`` on JSONL, whole process: CPU seconds and megabytes at a hundredth, a
tenth, and all of the lines, with the growth from one to the next. The histories are linearizable,
so all of them is looked at; an op in a hundred is in doubt. The same is asked of the search, which
answers for any model, about a few hundred operations and more, and is compared with its peers.

Measured elsewhere on two quiet cores: porcupine takes 4 ms for 182 operations and does not decide
472 in 15 s; Knossos takes 0.17 s for 182 and does not decide 472 in 40 s. Their histories were not
these, but of the same kind: ten processes, busy all the time.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.measuring import measured_of

PROCESSES = 10
SEARCHED = {
    364: {"porcupine": 0.004, "Knossos": 0.17},
    944: {"porcupine": 15.0, "Knossos": 40.0},
    20_000: {},
}
"""Lines of a history, and for how many seconds the others were at work on one of that size."""


def main() -> None:
    """Make histories, check each in its own process, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run(Path(options.run))
        return
    before = 0.0
    print(f"{'lines':>12} {'CPU s':>8} {'MB':>6}  growth for ten times the lines")
    for lines in (options.lines // 100, options.lines // 10, options.lines):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "history.jsonl"
            write(path, lines)
            command = [sys.executable, __file__, "--run", str(path)]
            took = measured_of(command)
        seconds, memory = took.cpu_s, took.megabytes
        grown = f"{seconds / before:6.2f}" if before else ""
        print(f"{lines:12,} {seconds:8.2f} {memory:6}  {grown}", flush=True)
        before = seconds
    search()


def run(path: Path) -> None:
    """Check one file in this process."""
    from checkers.linearizable import linearizability  # noqa: PLC0415 - its cost is measured
    from histories.formats import read_history  # noqa: PLC0415

    verdict = linearizability(read_history(path), "fifo-queue")
    assert verdict.validity.word == "valid", verdict
    print(verdict.validity.word)


def search() -> None:
    """Print what the search takes for histories of some sizes, and how that compares."""
    from checkers.linearizable import MODELS, linearizable, operations  # noqa: PLC0415
    from histories.formats import read_history  # noqa: PLC0415

    print(f"{'operations':>12} {'CPU s':>8}  by search, {PROCESSES} processes; times as fast as")
    for lines, others in SEARCHED.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "history.jsonl"
            write(path, lines, doubt=0.0)
            calls = operations(read_history(path))
        took = min(searched(linearizable, calls, MODELS["fifo-queue"]) for _ in range(3))
        ratios = [f"{name} {seconds / took:,.1f}" for name, seconds in others.items()]
        print(f"{len(calls):12,} {took:8.4f}  {', '.join(ratios)}", flush=True)


def searched(linearizable: Any, calls: Any, model: Any) -> float:
    """Search once, and give the CPU seconds it took."""
    begun = time.process_time()
    found = linearizable(calls, model)
    assert found.validity.word == "valid", found
    return time.process_time() - begun


def write(path: Path, lines: int, doubt: float = 0.01) -> None:
    """Write a linearizable history in which all processes are busy all the time.

    A call takes effect at once when it begins and is answered when it is its turn again, or takes
    effect when it is answered: the one or the other, by lot.
    """
    rng = random.Random(1)
    queue: deque[int] = deque()
    names = list(range(PROCESSES))
    calls: list[tuple[str, int | None] | None] = [None] * PROCESSES
    effects: list[bool] = [False] * PROCESSES
    value = 0
    with path.open("w") as file:
        for index in range(lines):
            place = rng.randrange(PROCESSES)
            call = calls[place]
            if call is None:
                f = "enqueue" if rng.random() < 0.5 else "dequeue"
                given = value if f == "enqueue" else None
                value += f == "enqueue"
                effects[place] = rng.random() < 0.5
                answer = effect(queue, f, given) if effects[place] else given
                calls[place] = f, answer
                told = "invoke"
            else:
                f, given = call
                in_doubt = f == "enqueue" and rng.random() < doubt
                told = "info" if in_doubt else "ok"
                if not effects[place]:
                    given = effect(queue, f, given)
                calls[place] = None
            spelled = "null" if given is None else given
            file.write(
                f'{{"index":{index},"time":{index * 41_123},"process":{names[place]}'
                f',"type":"{told}","f":"{f}","value":{spelled}}}\n'
            )
            if told == "info":
                names[place] += PROCESSES


def effect(queue: deque[int], f: str, given: int | None) -> int | None:
    """Let a call take effect, and give its answer."""
    if f == "enqueue":
        assert given is not None, "an enqueue has a value"
        queue.append(given)
        return given
    return queue.popleft() if queue else None


if __name__ == "__main__":
    main()
