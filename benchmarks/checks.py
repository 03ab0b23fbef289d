"""How fast ``mqhavoc check`` is, whole process, against a floor and against its peers.

    python benchmarks/checks.py [--lines 5000000]

Each row is a process that reads a history and judges it. A *floor* reads the same file with
nothing but msgspec, numpy or pyarrow, and counts what was lost: what total-queue counts, without
the rest. A *peer* is what was published for it, measured elsewhere on two quiet cores; for other
numbers of lines it is scaled. Every reading of one history must find the same number lost.

    queue    Jepsen's total-queue on enqueues and dequeues     JSONL, EDN, mapped columns, Parquet
    kafka    jepsen.tests.kafka on sends and polls             EDN, a fifth of the lines
    fifo     linearizability of a FIFO queue, 10 processes     JSONL, a fifth of the lines
    growth   the queue check on a fifth of the lines, and on twice as many

Files are made in a temporary folder and removed; 5 M lines need 3 GB.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import linearizable
from benchmarks.history_read import write
from benchmarks.measuring import Measured, measured_of

BLOCK = 8 << 20
LINES = 5_000_000
OK = 1

JEPSEN_QUEUE_S, JEPSEN_QUEUE_MB = 98, 11_000
JEPSEN_KAFKA_S, JEPSEN_KAFKA_MB = 58, 6_900


class Counted(msgspec.Struct):
    """What the floor decodes."""

    type: str
    f: str
    value: int | list[int] | None = None


def main() -> None:
    """Make the files, check each in its own process, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        work, path = options.run
        print(WORKS[work](Path(path)))
        return
    print("work                    lines   wall s    CPU s     MB   against")
    with tempfile.TemporaryDirectory() as folder:
        compare(options.lines, Path(folder))


def compare(lines: int, folder: Path) -> None:
    """Print the table, row by row."""
    long, jsonl, edn = (folder / name for name in ("long.jsonl", "history.jsonl", "history.edn"))
    write("queue", 2 * lines, long, edn, edn_lines=lines)
    head(long, jsonl, lines)
    scale = lines / LINES

    floor = row("floor JSONL", lines, "floor", jsonl)
    checked = row("queue JSONL", lines, "check", jsonl, floor, "floor, aim 1.5 and 400 MB")
    from_edn = row("queue EDN", lines, "check", edn)
    peer(from_edn, JEPSEN_QUEUE_S * scale, JEPSEN_QUEUE_MB * scale, "aim 12")

    measured("cache", jsonl)
    mapped = row("floor columns", lines, "floor-columns", jsonl)
    from_columns = row("queue columns", lines, "check", jsonl, mapped, "floor, aim 2")
    parquet = jsonl.with_suffix(".parquet")
    measured("parquet", jsonl)
    packed = row("floor Parquet", lines, "floor-parquet", parquet)
    from_parquet = row("queue Parquet", lines, "check", parquet, packed, "floor, aim 2")
    lost = {result.said for result in (floor, mapped, packed, checked, from_edn)}
    lost |= {result.said for result in (from_columns, from_parquet)}
    assert len(lost) == 1, f"expected all to find the same number lost, got {lost}"

    write("kafka", lines // 5, folder / "kafka.jsonl", edn)
    kafka = row("kafka EDN", lines // 5, "check", edn)
    peer(kafka, JEPSEN_KAFKA_S * scale, JEPSEN_KAFKA_MB * scale, "aim 25, and a tenth of the MB")

    fifo = folder / "fifo.jsonl"
    linearizable.write(fifo, lines // 5)
    row("fifo linearizable", lines // 5, "fifo", fifo)
    print("                        aim: 10 s for 1 M lines")

    head(long, jsonl, lines // 5)
    short = row("growth", lines // 5, "check", jsonl)
    row("growth", lines * 2, "check", long, short, "a tenth, aim 11 and 1,000 MB")


def head(source: Path, target: Path, lines: int) -> None:
    """Copy the first lines of a file."""
    with source.open("rb") as file, target.open("wb") as copy:
        copy.writelines(islice(file, lines))


def measured(work: str, path: Path) -> Measured:
    """Do one piece of work in a process of its own."""
    return measured_of([sys.executable, __file__, "--run", work, str(path)])


def row(
    name: str,
    lines: int,
    work: str,
    path: Path,
    against: Measured | None = None,
    what: str = "",
) -> Measured:
    """Measure, and print a row of the table with the ratios of seconds and of CPU seconds."""
    took = measured(work, path)
    figures = f"{took.wall_s:8.2f} {took.cpu_s:8.2f} {took.megabytes:6,}"
    ratio = ""
    if against is not None:
        wall, cpu = took.wall_s / against.wall_s, took.cpu_s / against.cpu_s
        ratio = f"{wall:5.2f} times (CPU {cpu:5.2f}) the {what}"
    print(f"{name:17} {lines:11,} {figures}   {ratio}".rstrip(), flush=True)
    return took


def peer(ours: Measured, seconds: float, megabytes: float, aim: str) -> None:
    """Print how much faster and smaller we are than what was published."""
    faster, smaller = seconds / ours.wall_s, megabytes / ours.megabytes
    text = f"Jepsen {seconds:.1f} s, {megabytes:,.0f} MB: {faster:.1f} times faster"
    print(f"{'':24}{text} (CPU {seconds / ours.cpu_s:.1f}), {smaller:.0f} times smaller; {aim}")


def floor(path: Path) -> int:
    """Count what was enqueued and did not come out, as little as that takes."""
    decode = msgspec.json.Decoder(Counted).decode_lines
    put: list[np.ndarray] = []
    out: list[np.ndarray] = []
    with path.open("rb") as file:
        while lines := file.readlines(BLOCK):
            ok = [op for op in decode(b"".join(lines)) if op.type == "ok"]
            put.append(np.array([op.value for op in ok if op.f == "enqueue"], np.int64))
            out.append(np.array([op.value for op in ok if op.f == "dequeue"], np.int64))
    return lost(np.concatenate(put), np.concatenate(out))


def floor_columns(path: Path) -> int:
    """Count the same from three mapped columns."""
    folder = path.with_name(f"{path.name}.columns")
    fs = msgspec.json.decode((folder / "tables.json").read_bytes())["names"]["fs"]
    f, type, value = (
        np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("f", "type", "value")
    )
    ok = type == OK
    put, out = (value[ok & (f == fs.index(name))] for name in ("enqueue", "dequeue"))
    return lost(put, out)


def floor_parquet(path: Path) -> int:
    """Count the same from three columns of a Parquet file."""
    import pyarrow.compute as pc  # noqa: PLC0415 - its cost is measured
    import pyarrow.parquet as pq  # noqa: PLC0415

    table = pq.read_table(path, columns=["f", "type", "value"])
    ok = table.filter(pc.equal(table["type"], "ok"))
    put, out = (
        np.asarray(ok.filter(pc.equal(ok["f"], name))["value"]) for name in ("enqueue", "dequeue")
    )
    return lost(put, out)


def lost(put: np.ndarray, out: np.ndarray) -> int:
    """Count what was put in and did not come out."""
    return len(np.setdiff1d(put, out))


def check(path: Path) -> Any:
    """Read and judge, as the command does; give the number lost, or Jepsen's names and counts."""
    from checkers.suite import judge  # noqa: PLC0415 - its cost is measured
    from histories.formats import read_history  # noqa: PLC0415

    counts = judge(read_history(path)).counts
    return counts.get("lost-count", counts.get("jepsen"))


def cache(path: Path) -> int:
    """Write the columns beside the history."""
    from histories.formats import columnar, read_history  # noqa: PLC0415

    history = read_history(path)
    columnar.write_cache(history)
    return len(history)


def parquet(path: Path) -> int:
    """Write the history as Parquet."""
    from histories.formats import read_history, write_history  # noqa: PLC0415

    history = read_history(path)
    write_history(history, path.with_suffix(".parquet"))
    return len(history)


def fifo(path: Path) -> str:
    """Judge linearizability."""
    from checkers.linearizable import linearizability  # noqa: PLC0415 - its cost is measured
    from histories.formats import read_history  # noqa: PLC0415

    verdict = linearizability(read_history(path), "fifo-queue")
    assert verdict.validity.word == "valid", verdict
    return verdict.validity.word


WORKS: Mapping[str, Callable[[Path], Any]] = {
    "floor": floor,
    "floor-columns": floor_columns,
    "floor-parquet": floor_parquet,
    "check": check,
    "cache": cache,
    "parquet": parquet,
    "fifo": fifo,
}


if __name__ == "__main__":
    main()
