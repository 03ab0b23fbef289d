"""How many faults a minute: injected, healed and verified.

    python benchmarks/faults.py [--cycles 10] [--seconds 30] [--ours-only]

    cycle    SIGKILL of the master, the pid gone, started again, the first SEND_OK: one after
             another, without a pause, on our cluster and on Apache RocketMQ 4.9.3's, with the same
             client and the same configuration as in against_rocketmq.py
    run      what `mqhavoc run` of so many seconds does, from set-up to tear-down: faults that were
             proven to bite and to be cured, and in which share of the time at least one was on

What the proxies cost on a round trip is proxy_round_trip.py's to say. Needs Java and Maven for
RocketMQ, as tests/interop does.
"""

import argparse
import asyncio
import io
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from time import monotonic, time

from rich.console import Console

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.against_rocketmq import BACK_S_MAX, HEAP, MODES, probing, recovery, start  # noqa: E402
from harness.leases import lease_ports  # noqa: E402 - found by the line above
from harness.local import run_local  # noqa: E402
from harness.options import RunOptions  # noqa: E402
from harness.store.folder import read_json  # noqa: E402
from tests.interop.clusters import Cluster, Program, apache, ours  # noqa: E402
from tests.interop.conftest import java_command  # noqa: E402

NEMESES = ("kill-master", "partition", "delay-replication")


async def cycles(program: Program, mode: tuple[str, str], count: int) -> list[float]:
    """Kill the master and wait for the next acknowledgement, again and again; seconds of each.

    Ends early if a master does not come back.
    """
    taken: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="mqhavoc-benchmark-") as folder,
        lease_ports() as block,
    ):
        cluster = Cluster(Path(folder), block)
        try:
            async with probing(cluster.namesrv) as acks:
                await start(cluster, program, mode)
                await acks.first_after(time())
                for _ in range(count):
                    taken.append(await recovery(cluster, acks))  # noqa: PERF401 - some may be all
        except TimeoutError:
            log = (Path(folder) / "master" / "output.log").read_text(errors="replace")
            print(f"  the master is not back after {BACK_S_MAX:g} s; it says: {log[-500:]!r}")
        finally:
            cluster.end()
    return taken


def show_cycles(mode: tuple[str, str], measured: Mapping[str, list[float]]) -> None:
    """Print how long a cycle took, and how many fit into a minute; a ratio above one is ours."""
    print(f"\n{'+'.join(mode):<28}{'cycles':>10}{'median s':>10}{'worst s':>10}{'a minute':>10}")
    for name, taken in measured.items():
        if not taken:
            print(f"  {name:<26}{0:>10}")
            continue
        print(
            f"  {name:<26}{len(taken):>10}{median(taken):>10.2f}{max(taken):>10.2f}"
            f"{a_minute(taken):>10.1f}"
        )
    if len(measured) == 2 and all(measured.values()):
        mine, theirs = measured.values()
        shorter, more = median(theirs) / median(mine), a_minute(mine) / a_minute(theirs)
        print(
            f"  {'ratio':<26}{'':>10}{shorter:>9.2f}x{max(theirs) / max(mine):>9.2f}x{more:>9.2f}x"
        )


def a_minute(taken: Sequence[float]) -> float:
    """How many cycles of such lengths fit into a minute.

    >>> a_minute([1.0, 3.0])
    30.0
    """
    return 60 * len(taken) / sum(taken)


def whole_run(nemeses: tuple[str, ...], seconds: int) -> None:
    """Run once, and print how many faults were proven, and for how long one was on."""
    with tempfile.TemporaryDirectory(prefix="mqhavoc-benchmark-") as folder:
        options = RunOptions(seed=1, nemeses=nemeses, time_limit_s=float(seconds), out=folder)
        began = monotonic()
        result = run_local(options, Console(file=io.StringIO()))
        wall_s = monotonic() - began
        toxiproxy = read_json(result.folder.test_json)["toxiproxy_kind"]
    assert result.judgement is not None, "nobody stopped it"
    faults = [row for row in result.judgement.faults if row["bit"] and row["cure_ms"] is not None]
    on_s = covered_ms((row["start_ms"], row["cure_ms"]) for row in faults) / 1000
    words = f"{','.join(nemeses)}: {result.validity.word}, {toxiproxy} toxiproxy"
    print(
        f"  {words:<66}{len(faults):>4} faults  {60 * len(faults) / wall_s:>5.1f} a minute  "
        f"a fault is on in {on_s / seconds:>4.0%} of {seconds} s, {on_s / wall_s:>4.0%} of the run"
    )


def covered_ms(spans: Iterable[tuple[float, float]]) -> float:
    """Measure the union of spans of time.

    >>> covered_ms([(0, 10), (5, 20), (30, 31)])
    21.0
    """
    covered, until = 0.0, 0.0
    for begin, end in sorted(spans):
        covered += max(0.0, end - max(begin, until))
        until = max(until, end)
    return covered


def main() -> None:
    """Measure cycles on both kinds of cluster, then whole runs on ours."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cycles", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=30, help="of each run")
    parser.add_argument("--ours-only", action="store_true", help="no Java needed")
    given = parser.parse_args()

    kinds: dict[str, Program] = {"ours": ours}
    if not given.ours_only:
        java = [part for part in java_command() if not part.startswith("-X")]
        kinds["RocketMQ 4.9.3"] = apache([java[0], *HEAP, *java[1:]])
    for mode in MODES:
        measured = {
            name: asyncio.run(cycles(program, mode, given.cycles))
            for name, program in kinds.items()
        }
        show_cycles(mode, measured)
    print()
    for nemeses in (("kill-master",), NEMESES):
        whole_run(nemeses, given.seconds)


if __name__ == "__main__":
    main()
