"""A campaign goes on whatever a run shows, and tells it all in the end."""

import itertools
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checkers.contract import Contract
from checkers.suite import Judgement, judge
from harness.campaign import Campaign, Played, runs_of
from harness.cli import EXIT_BROKE, EXIT_USAGE, run_command
from harness.options import MODE_DEFAULT, MODES, RunOptions
from harness.run import RunResult
from harness.store.catalogue import catalogue
from harness.store.folder import RunFolder
from histories.notation import parse_history

SENT = "0 invoke send 0-1\n0 ok send 0-1 @0/0 status=SEND_OK\n"
DRAINED = (
    "1 invoke drain @0 node={0}\n"
    "1 ok drain {1} @0 node={0} certified=true min_offset=0 max_offset={2}\n"
)
KEPT = SENT + "".join(DRAINED.format(node, "0:0-1", 1) for node in ("master", "slave"))
LOST = SENT + "".join(DRAINED.format(node, "[]", 0) for node in ("master", "slave"))
MINUTE_S = 60.0

Word = str | Exception


def judgement_of(word: str) -> Judgement:
    text = {"valid": KEPT, "invalid": LOST, "unknown": ""}[word]
    judgement = judge(parse_history(text), Contract.parse(MODE_DEFAULT))
    assert judgement.validity.word == word, judgement.to_json()
    return judgement


def playing(words: Iterator[Word], folder: Path) -> Callable[[RunOptions], RunResult]:
    def play(options: RunOptions) -> RunResult:
        word = next(words)
        if isinstance(word, Exception):
            raise word
        run = RunFolder(folder / str(options.seed))
        (run.node("master") / "data").mkdir(parents=True)
        run.history.touch()
        run.report.touch()
        judgement = None if word == "stopped" else judgement_of(word)
        return RunResult(options, run, judgement, MINUTE_S, cut_short=word == "stopped")

    return play


def played(folder: Path, *words: Word, **options: bool) -> tuple[Campaign, list[Played]]:
    campaign = Campaign(playing(iter(words), folder), **options)
    runs = itertools.islice(runs_of(RunOptions(seed=1), MODES), len(words))
    return campaign, list(campaign.go(runs, 3600))


def test_no_run_ends_it_by_what_it_shows(tmp_path: Path) -> None:
    words = ("valid", "invalid", OSError("no port"), "unknown", "invalid", "valid")
    campaign, runs = played(tmp_path, *words)
    assert [run.word for run in runs] == [
        "valid", "invalid", "broke", "unknown", "invalid", "valid",
    ]  # fmt: skip
    assert campaign.exit_code == 1
    assert campaign.times["lost"] == 2
    assert campaign.first["lost"].options.seed == 2
    assert runs[2].why == ("OSError: no port",)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("valid", "valid"), 0),
        (("valid", "unknown"), 2),
        (("unknown", OSError("x")), EXIT_BROKE),
        ((OSError("x"), "invalid"), 1),
        ((), 2),
    ],
)
def test_its_exit_code_is_that_of_the_worst_run(
    words: tuple[Word, ...], code: int, tmp_path: Path
) -> None:
    assert played(tmp_path, *words)[0].exit_code == code


def test_a_machine_on_which_every_run_breaks_ends_it(tmp_path: Path) -> None:
    broken = [OSError("disk full")] * 9
    assert len(played(tmp_path, "valid", *broken)[1]) == 4
    mixed: list[Word] = [OSError("x"), OSError("x"), "valid"] * 3
    assert len(played(tmp_path / "mixed", *mixed)[1]) == 9


def test_a_signal_ends_it(tmp_path: Path) -> None:
    campaign, runs = played(tmp_path, "valid", "stopped", "valid")
    assert [run.word for run in runs] == ["valid", "unknown"]
    assert campaign.exit_code == 2


def test_no_run_begins_when_its_time_is_over(tmp_path: Path) -> None:
    now_s = iter([0.0, *(MINUTE_S * number for number in range(99))])
    play = playing(itertools.repeat("valid"), tmp_path)
    campaign = Campaign(play, clock_s=lambda: next(now_s))
    assert len(list(campaign.go(runs_of(RunOptions(seed=1), MODES), 3 * MINUTE_S))) == 3


@pytest.mark.parametrize("keep_all", [False, True])
def test_a_valid_run_keeps_what_is_small(keep_all: bool, tmp_path: Path) -> None:
    played(tmp_path, "valid", "invalid", keep_all=keep_all)
    valid, invalid = RunFolder(tmp_path / "1"), RunFolder(tmp_path / "2")
    assert valid.report.exists()
    assert valid.history.exists() == valid.node("master").exists() == keep_all
    assert invalid.history.exists()
    assert invalid.node("master").exists()


def test_the_command_tells_every_run_and_ends_with_one_that_repeats_the_worst(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--world", "simulated", "--time-limit", "6", "--rate", "40", "--out", str(tmp_path)]
    assert run_command(["campaign", *words, "--seed", "3", "--runs", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:4] for line in lines[1:3]] == [
        ["valid", "seed", "3", MODES[0]],
        ["valid", "seed", "4", MODES[1]],
    ]
    assert lines[-1] == "2 runs: 2 valid"
    assert sorted(row.seed for row in catalogue(tmp_path)) == [3, 4]

    bad = ["--nemesis", "second-master", "--seed", "5", "--runs", "1", "--mode", MODES[3]]
    code = run_command(["campaign", *words, *bad])
    assert code != 0
    last = capsys.readouterr().out.splitlines()[-1]
    repeat = shlex.split(last.removeprefix("reproduce: mqhavoc "))
    assert run_command(repeat) == code


def test_a_mode_that_is_none_is_refused_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    modes = f"{MODES[0]},ASYNC"
    assert run_command(["campaign", "--mode", modes, "--out", str(tmp_path)]) == EXIT_USAGE
    assert "got 'ASYNC'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
