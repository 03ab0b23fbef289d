"""Many seeds on several processes: the same results in the same order, and a clean end."""

from dataclasses import replace

import psutil

from harness.simulated.pool import run_seeds
from harness.simulated.swarm import SeedResult, options_of_seed
from harness.simulated.tally import Tally

QUICK = {"time_limit_s": 0.5, "rate": 20.0, "concurrency": 2, "queues": 1, "nemeses": ()}


def result(validity: str) -> SeedResult:
    return SeedResult(1, options_of_seed(1), validity, (), (), 50, 20.0, 0.1, "")


def test_processes_change_nothing_but_the_time_it_takes() -> None:
    """Order, verdicts and digests are those of one process."""
    alone = list(run_seeds(range(9), 1, **QUICK))
    together = list(run_seeds(range(9), 2, **QUICK))

    assert [one.seed for one in alone] == list(range(9))
    assert [replace(one, cpu_s=0.0) for one in together] == [
        replace(one, cpu_s=0.0) for one in alone
    ]


def test_who_stops_asking_leaves_no_worker_behind() -> None:
    """Ctrl-C must not wait for runs that nobody wants."""
    before = psutil.Process().children(recursive=True)
    results = run_seeds(range(10_000), 2, **QUICK)
    assert isinstance(next(results), SeedResult)
    assert len(psutil.Process().children(recursive=True)) > len(before)

    results.close()

    left = [one for one in psutil.Process().children(recursive=True) if "spawn_main" in _words(one)]
    assert left == []


def test_the_tally_fits_a_terminal_and_says_how_long_it_takes() -> None:
    """80 columns, the last of which wraps on some terminals."""
    tally = Tally(total=1_000_000, began_s=100.0)
    for validity in ["valid"] * 96 + ["invalid"] * 2 + ["unknown"] * 2:
        tally.add(result(validity))

    line = tally.line(now_s=110.0)

    assert line.startswith("100 of 1,000,000: 2 invalid, 2 unknown, 96 valid; 600 runs a minute, ")
    assert len(line) <= 79
    assert Tally(total=500, began_s=0, found=tally.found).line(30.0).endswith(" 2:00 left")


def test_the_summary_counts_by_cpu_as_well() -> None:
    """A busy machine says little about the suite's speed."""
    tally = Tally(total=10, began_s=0.0)
    for _ in range(10):
        tally.add(result("valid"))

    assert tally.summary(now_s=5.0) == (
        "10 runs: 10 valid; 120 runs a minute\n"
        "200 virtual seconds in 5.0 s (40x), 200x a CPU, 500 checked operations a CPU second"
    )


def test_a_tally_of_nothing_has_no_empty_words() -> None:
    """As it is when Ctrl-C comes before the first result."""
    tally = Tally(total=10, began_s=0.0)

    assert tally.summary(now_s=5.0).startswith("0 runs; 0 runs a minute\n")
    assert tally.line(now_s=5.0) == "0 of 10; 0 runs a minute, ? left"


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""
