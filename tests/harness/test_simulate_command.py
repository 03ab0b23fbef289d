"""`mqhavoc simulate`: what it prints of many seeds, and how it ends."""

import shlex
from pathlib import Path

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


def test_a_folder_is_written_for_one_run_alone(capsys: Captured, tmp_path: Path) -> None:
    """A second run in a folder would mix with the first one's report, replays and nodes."""
    calm = ("--short", "--nemesis", "none", "--out", str(tmp_path / "run"))
    assert run_command(["simulate", "--seed", "1", *calm]) == 0
    before = (tmp_path / "run" / "history.jsonl").read_bytes()

    assert run_command(["simulate", "--seed", "2", *calm]) == EXIT_USAGE
    assert "holds a run already" in capsys.readouterr().err
    assert (tmp_path / "run" / "history.jsonl").read_bytes() == before
    assert run_command(["simulate", "--seeds", "1..2", *calm]) == EXIT_USAGE
    assert "--out: expected --seed N with it" in capsys.readouterr().err


def test_a_folder_that_cannot_be_one_is_refused_before_the_run(
    capsys: Captured, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    assert run_command(["simulate", "--seed", "1", "--out", str(tmp_path / "file")]) == EXIT_USAGE

    captured = capsys.readouterr()
    assert "--out: expected a folder that can be written" in captured.err
    assert captured.out == ""


def test_a_time_too_short_for_what_one_of_many_seeds_draws_is_refused(capsys: Captured) -> None:
    """The first seed's two packages fit; another's four do not."""
    limit = ("--time-limit", "2.3", "--mode", "SYNC_MASTER+SYNC_FLUSH")
    assert run_command(["simulate", "--seeds", "0..40", *limit]) == EXIT_USAGE
    assert "packages; give more time" in capsys.readouterr().err
