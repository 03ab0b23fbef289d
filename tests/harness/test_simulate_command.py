"""`mqhavoc simulate`: what it prints of many seeds, and how it ends."""

import shlex

import pytest

from harness.cli import EXIT_USAGE, run_command

Captured = pytest.CaptureFixture[str]


def simulated(capsys: Captured, *words: str) -> tuple[int, list[str]]:
    code = run_command(["simulate", *words])
    return code, capsys.readouterr().out.splitlines()


def test_seeds_of_the_correct_broker_end_with_what_they_cost(capsys: Captured) -> None:
    calm = ("--short", "--nemesis", "kill-slave")
    code, lines = simulated(capsys, "--seeds", "1..2", "-j", "1", *calm)
    assert code == 0, lines
    assert lines[0].startswith("seeds 1..2")
    assert lines[1].startswith("2 runs: 2 valid")
    assert len(lines) == 3


def test_the_last_line_of_failing_seeds_can_be_pasted_and_fails_again(capsys: Captured) -> None:
    broken = ("--short", "--mutant", "ack-before-flush")
    code, lines = simulated(capsys, "--seeds", "1..2", "-j", "1", *broken)
    assert code == 1, lines
    word, *command = shlex.split(lines[-1].removeprefix("reproduce: "))
    assert (word, command[0]) == ("mqhavoc", "simulate")

    again, repeated = simulated(capsys, *command[1:])
    assert again == 1, repeated
    assert repeated[-1] == lines[-1]


@pytest.mark.parametrize("seeds", ["5..1", "1-9", "seven"])
def test_a_range_that_is_none_is_refused(seeds: str, capsys: Captured) -> None:
    assert run_command(["simulate", "--seeds", seeds]) == EXIT_USAGE
    said = capsys.readouterr().err
    assert f"expected A..B with A <= B, such as 1..1000, got {seeds!r}" in said
