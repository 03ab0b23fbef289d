"""How fast a history is recorded, against writing lines that are there already.

    python benchmarks/recorder.py [--ops 200000]

The recorder gives an op its index and time, encodes it, and hands it to the kernel with a write
of its own, so that a crash loses at most one. The floor is that write, of the same lines. Both
are CPU seconds, the least of three: on a busy machine no other figure says much.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from histories import Attempt
from histories.recorder import Recorder

TRIES = 3
SEND = {
    "process": 3,
    "f": "send",
    "value": "3-17",
    "topic": "Orders",
    "queue": 3,
    "key": "7F00000100002A9F000000000000002A",
    "crc": 2_882_400_001,
}
DONE = {
    "node": "master",
    "queue_offset": 1234,
    "physical_offset": 260_374,
    "status": "SEND_OK",
    "attempts": [Attempt(node="master", sent=True, outcome="SEND_OK")],
}


def main() -> None:
    """Record a history, write its lines once more, print both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ops", type=int, default=200_000)
    count = parser.parse_args().ops
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        ours = least(lambda: record(path, count), path)
        record(path, count)
        lines = path.read_bytes().splitlines(keepends=True)
        floor = least(lambda: write(path, lines), path)
    for name, seconds in (("floor", floor), ("recorder", ours)):
        print(f"{name:9} {count / seconds:10,.0f} ops/s  {seconds * 1e6 / count:5.2f} us an op")
    print(f"{ours / floor:.2f} times the floor; {len(b''.join(lines)) // count} bytes an op")


def least(work: Callable[[], None], path: Path) -> float:
    """Do it a few times, and give the CPU seconds of the best."""
    took = []
    for _ in range(TRIES):
        path.unlink(missing_ok=True)
        begun = time.process_time()
        work()
        took.append(time.process_time() - begun)
    path.unlink()
    return min(took)


def record(path: Path, count: int) -> None:
    """Record sends, each invoked and acknowledged."""
    with Recorder(path, time.monotonic_ns) as recorder:
        for _ in range(count // 2):
            recorder.record(type="invoke", **SEND)
            recorder.record(type="ok", **SEND, **DONE)


def write(path: Path, lines: list[bytes]) -> None:
    """Write lines, one a call."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for line in lines:
        os.write(file, line)
    os.close(file)


if __name__ == "__main__":
    main()
