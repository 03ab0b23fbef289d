"""How fast ``mqhavoc check`` is, whole process, against the floor: msgspec and numpy that count.

    python benchmarks/checks.py [--lines 5000000] [--growth]

A process reads a history and judges it; its CPU seconds (all is one thread), its peak of memory
and the ratio to the floor are printed. The floor decodes every line of the JSONL to a struct of
three fields, and keeps and counts the values in numpy: what total-queue counts, without the rest.

    queue    Jepsen's total-queue on enqueues and dequeues     jsonl, edn, mapped columns, parquet
    kafka    jepsen.tests.kafka on sends and polls             edn, a fifth of the lines
    growth   the queue check on a fifth of the lines, and on twice as many
"""

import argparse
import resource
import sys
import tempfile
from pathlib import Path

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.history_read import measured_of, write

BLOCK = 8 << 20


class Counted(msgspec.Struct):
    """What the floor decodes."""

    type: str
    f: str
    value: int | list[int] | None = None


def main() -> None:
    """Make the files, check each in its own process, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=5_000_000)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run(*options.run)
        return
    print("CPU seconds of the process, MB at peak, ratio of seconds to the floor")
    with tempfile.TemporaryDirectory() as folder:
        compare(options.lines, Path(folder))
    if options.growth:
        for lines in (options.lines // 5, options.lines * 2):
            with tempfile.TemporaryDirectory() as folder:
                grow(lines, Path(folder))


def compare(lines: int, folder: Path) -> None:
    """Print one row a format."""
    jsonl, edn = folder / "history.jsonl", folder / "history.edn"
    write("queue", lines, jsonl, edn)
    floor, memory = measured("floor", jsonl)
    row("floor", lines, floor, memory, floor)
    row("queue jsonl", lines, *measured("check", jsonl), floor)
    row("queue edn", lines, *measured("check", edn), floor)
    measured("cache", jsonl)
    row("queue columns", lines, *measured("check", jsonl), floor)
    parquet = folder / "history.parquet"
    measured("parquet", jsonl)
    row("queue parquet", lines, *measured("check", parquet), floor)
    write("kafka", lines // 5, jsonl, edn)
    row("kafka edn", lines // 5, *measured("check", edn), floor)


def grow(lines: int, folder: Path) -> None:
    """Print a row for the queue check at another size."""
    jsonl = folder / "history.jsonl"
    write("queue", lines, jsonl, folder / "history.edn")
    floor, _ = measured("floor", jsonl)
    row("queue jsonl", lines, *measured("check", jsonl), floor)


def measured(work: str, path: Path) -> tuple[float, int]:
    """Do one piece of work in a process of its own."""
    return measured_of([sys.executable, __file__, "--run", work, str(path)])


def row(name: str, lines: int, seconds: float, memory: int, floor: float) -> None:
    """Print a row of the table."""
    print(f"{name:14} {lines:12,} {seconds:8.2f} {memory:6} {seconds / floor:7.2f}", flush=True)


def run(work: str, name: str) -> None:
    """Do it in this process, and print its memory."""
    path = Path(name)
    if work == "floor":
        count = floor(path)
    elif work == "check":
        count = check(path)
    else:
        count = rewrite(path, work)
    print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)


def floor(path: Path) -> int:
    """Count what was enqueued and what came out, as little as that takes."""
    decode = msgspec.json.Decoder(Counted).decode_lines
    put: list[np.ndarray] = []
    out: list[np.ndarray] = []
    with path.open("rb") as file:
        while lines := file.readlines(BLOCK):
            ok = [op for op in decode(b"".join(lines)) if op.type == "ok"]
            put.append(np.array([op.value for op in ok if op.f == "enqueue"], np.int64))
            out.append(np.array([op.value for op in ok if op.f == "dequeue"], np.int64))
    lost = np.setdiff1d(np.concatenate(put), np.concatenate(out))
    return len(lost)


def check(path: Path) -> int:
    """Read and judge, as the command does."""
    from checkers.suite import judge  # noqa: PLC0415 - its cost is measured
    from histories.formats import read_history  # noqa: PLC0415

    return len(judge(read_history(path)).anomalies)


def rewrite(path: Path, work: str) -> int:
    """Write the history once more, to be read faster."""
    from histories.formats import columnar, read_history, write_history  # noqa: PLC0415

    history = read_history(path)
    if work == "cache":
        columnar.write_cache(history)
    else:
        write_history(history, path.with_suffix(".parquet"))
    return len(history)


if __name__ == "__main__":
    main()
