"""Whole runs on virtual time: valid on the correct broker, and the same for the same seed."""

import os
import subprocess
import sys

import pytest

from harness.options import MODES, RunOptions
from harness.simulated.run import simulate
from harness.simulated.swarm import options_of_seed

PROBE = """
import sys
from harness.simulated.swarm import run_seed
print(run_seed(int(sys.argv[1]), time_limit_s=6.0).digest)
"""


@pytest.mark.parametrize("mode", MODES)
def test_the_correct_broker_is_valid_in_every_mode(mode: str) -> None:
    """A false alarm is the worst bug we can have."""
    options = RunOptions(
        seed=11, world="simulated", mode=mode, time_limit_s=8, rate=100, concurrency=5
    )

    run = simulate(options)

    assert run.judgement.validity.word == "valid", run.judgement.why
    assert run.judgement.counts["acknowledged-count"] > 100
    assert run.judgement.counts["fault-bit-count"] >= 3


def test_a_seed_decides_every_byte_whatever_the_hash_seed() -> None:
    """History and trace are the same in two processes that hash differently."""
    digests = []
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        probe = subprocess.run(
            [sys.executable, "-c", PROBE, "3"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        digests.append(probe.stdout.split()[-1])

    assert len(digests[0]) == 16
    assert digests[0] == digests[1]


def test_two_seeds_are_two_runs() -> None:
    """Else the test above could compare a constant."""
    assert options_of_seed(1) != options_of_seed(2)


def test_a_stored_schedule_is_carried_out_again() -> None:
    """Replay: the same faults at the same times give the same history."""
    options = options_of_seed(4, time_limit_s=6.0, nemeses=("kill-master",))
    first = simulate(options)

    again = simulate(options, first.schedule)

    assert [step.fault for step in again.schedule.steps] == [
        step.fault for step in first.schedule.steps
    ]
    assert again.judgement.validity is first.judgement.validity
