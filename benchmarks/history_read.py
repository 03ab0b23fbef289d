"""How fast a history is read, against the floor: msgspec and numpy that only count.

    python benchmarks/history_read.py [--lines 1000000] [--kinds queue kafka own]

Each reading is a process of its own, so that time and memory are those a user meets (see
``measuring``). The floor decodes every line to a struct of five fields and counts; it keeps
nothing. Files are made in a temporary folder, which needs about 100 bytes a line.

    queue  Jepsen's enqueue and dequeue, an op in a hundred in doubt
    own    our send and pull, with keys, offsets, checksums and attempts
    kafka  sends and polls of several messages, as jepsen.tests.kafka writes them
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.measuring import Measured, measured_of

PROCESSES = 10


class Counted(msgspec.Struct):
    """What the floor decodes."""

    process: int | str
    type: str
    f: str
    value: Any = None
    time: int = -1


def main() -> None:
    """Make the files, read each in its own process, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--kinds", nargs="*", default=["queue", "own", "kafka"], choices=MAKERS)
    parser.add_argument("--read", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        read(*options.read)
        return
    print(f"{options.lines:,} lines; seconds, CPU seconds, MB, ratio of CPU seconds to the floor")
    for kind in options.kinds:
        with tempfile.TemporaryDirectory() as folder:
            compare(kind, options.lines, Path(folder))


def compare(kind: str, lines: int, folder: Path) -> None:
    """Print the lines of the table for one kind of history."""
    jsonl, edn = folder / "history.jsonl", folder / "history.edn"
    write(kind, lines, jsonl, edn)
    floor = measured("floor", jsonl)
    print(f"{kind:6} floor    {floor.wall_s:7.2f} {floor.cpu_s:7.2f} {floor.megabytes:6}")
    for name, path in (("jsonl", jsonl), ("edn", edn), ("columns", jsonl)):
        if name == "columns":
            measured("cache", jsonl)
        took = measured("ours", path)
        figures = f"{took.wall_s:7.2f} {took.cpu_s:7.2f} {took.megabytes:6}"
        print(f"{kind:6} {name:8} {figures} {took.cpu_s / floor.cpu_s:6.2f}")


def measured(reader: str, path: Path) -> Measured:
    """Read a file in a process of its own."""
    return measured_of([sys.executable, __file__, "--read", reader, str(path)])


def read(reader: str, path: str) -> None:
    """Read a file in this process, and print its number of ops."""
    print(floor(path) if reader == "floor" else ours(path, cache=reader == "cache"))


def floor(path: str) -> int:
    """Count ops by f and type, as fast as it goes in Python."""
    decode = msgspec.json.Decoder(Counted).decode_lines
    counts: Counter[tuple[str, str]] = Counter()
    with Path(path).open("rb") as file:
        while lines := file.readlines(8 << 20):
            counts.update((op.f, op.type) for op in decode(b"".join(lines)))
    return counts.total()


def ours(path: str, *, cache: bool) -> int:
    """Read all columns."""
    from histories.formats import columnar, read_history  # noqa: PLC0415 - its cost is measured

    history = read_history(path)
    if cache:
        columnar.write_cache(history)
    return len(history)


def write(kind: str, lines: int, jsonl: Path, edn: Path, edn_lines: int | None = None) -> None:
    """Write the same history in both formats, or only its beginning as EDN."""
    edn_lines = lines if edn_lines is None else edn_lines
    with jsonl.open("w") as first, edn.open("w") as second:
        for index, (head, value, rest) in zip(range(lines), MAKERS[kind](), strict=False):
            process, type, f = head
            at = index * 41_123
            json_rest = "".join(f',"{name}":{spelled}' for name, spelled, _ in rest)
            first.write(
                f'{{"index":{index},"time":{at},"process":{process},"type":"{type}","f":"{f}"'
                f',"value":{value[0]}{json_rest}}}\n'
            )
            if index < edn_lines:
                edn_rest = "".join(f", :{name} {spelled}" for name, _, spelled in rest)
                second.write(
                    f"{{:index {index}, :time {at}, :type :{type}, :process {process}, :f :{f}"
                    f", :value {value[1]}{edn_rest}}}\n"
                )


Line = tuple[tuple[int, str, str], tuple[str, str], list[tuple[str, str, str]]]


def queue_lines() -> Iterator[Line]:
    """Give enqueues and dequeues by turns, each process on its own."""
    rng = random.Random(1)
    processes = list(range(PROCESSES))
    value = taken = 0
    while True:
        place = rng.randrange(PROCESSES)
        process = processes[place]
        if rng.random() < 0.5 or taken == value:
            doubt = rng.random() < 0.01
            sent = (str(value), str(value))
            yield (process, "invoke", "enqueue"), sent, []
            error = [("error", '"timeout"', ":timeout")] if doubt else []
            yield (process, "info" if doubt else "ok", "enqueue"), sent, error
            processes[place] += PROCESSES * doubt
            value += 1
        else:
            yield (process, "invoke", "dequeue"), ("null", "nil"), []
            yield (process, "ok", "dequeue"), (str(taken), str(taken)), []
            taken += 1


def own_lines() -> Iterator[Line]:
    """Give sends of five producers, and pulls of up to eight messages."""
    rng = random.Random(1)
    sent: list[tuple[str, int]] = []
    taken = 0
    while True:
        process = rng.randrange(PROCESSES)
        if process < PROCESSES // 2 or taken == len(sent):
            value, crc = f'"{process}-{len(sent)}"', rng.randrange(2**32)
            fields = [
                ("topic", '"Orders"'),
                ("queue", "3"),
                ("key", f'"{rng.getrandbits(128):032X}"'),
            ]
            fields += [("crc", str(crc))]
            yield (process, "invoke", "send"), (value, value), [(n, s, s) for n, s in fields]
            fields += [("node", '"master"'), ("queue_offset", str(len(sent)))]
            fields += [("physical_offset", str(len(sent) * 211)), ("status", '"SEND_OK"')]
            attempts = [("attempts", OWN_ATTEMPTS[0], OWN_ATTEMPTS[1])]
            yield (process, "ok", "send"), (value, value), [(n, s, s) for n, s in fields] + attempts
            sent.append((value, crc))
        else:
            place = [("topic", '"Orders"'), ("queue", "3"), ("node", '"slave"')]
            triples = [(n, s, s) for n, s in place]
            yield (process, "invoke", "pull"), ("null", "nil"), triples
            count = rng.randint(1, 8)
            taking = list(enumerate(sent[taken : taken + count], start=taken))
            yield (
                (process, "ok", "pull"),
                (
                    "[" + ",".join(f"[{at},{value},{crc}]" for at, (value, crc) in taking) + "]",
                    "[" + " ".join(f"[{at} {value} {crc}]" for at, (value, crc) in taking) + "]",
                ),
                triples,
            )
            taken += len(taking)


OWN_ATTEMPTS = (
    '[{"node":"master","sent":true,"outcome":"SEND_OK"}]',
    '[{"node" "master", "sent" true, "outcome" "SEND_OK"}]',
)


def kafka_lines() -> Iterator[Line]:
    """Give sends to four keys, and polls of up to twelve messages of two keys."""
    rng = random.Random(1)
    logs: list[list[int]] = [[], [], [], []]
    taken = [0] * 4
    value = 0
    while True:
        process = rng.randrange(PROCESSES)
        if rng.random() < 0.5:
            key = rng.randrange(4)
            offset = len(logs[key])
            logs[key].append(value)
            send = (f'[[":send",{key},{value}]]', f"[[:send {key} {value}]]")
            acked = (
                f'[[":send",{key},[{offset},{value}]]]',
                f"[[:send {key} [{offset} {value}]]]",
            )
            yield (process, "invoke", "send"), send, []
            yield (process, "ok", "send"), acked, []
            value += 1
        else:
            yield (process, "invoke", "poll"), ('[[":poll"]]', "[[:poll]]"), []
            keys = sorted(rng.sample(range(4), 2))
            seen = []
            for key in keys:
                count = rng.randint(0, 6)
                found = list(enumerate(logs[key][taken[key] : taken[key] + count], taken[key]))
                taken[key] += len(found)
                seen.append((key, found))
            json = ",".join(
                f'"{key}":[' + ",".join(f"[{at},{v}]" for at, v in found) + "]"
                for key, found in seen
            )
            edn = ", ".join(
                f"{key} [" + " ".join(f"[{at} {v}]" for at, v in found) + "]" for key, found in seen
            )
            polled = (f'[[":poll",{{{json}}}]]', f"[[:poll {{{edn}}}]]")
            yield (process, "ok", "poll"), polled, []


MAKERS = {"queue": queue_lines, "own": own_lines, "kafka": kafka_lines}


if __name__ == "__main__":
    main()
