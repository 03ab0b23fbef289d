"""Exit codes and messages of the command line, which scripts and people rely on."""

import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from checkers.suite import Judgement
from checkers.verdict import Validity
from harness import cli
from harness.cli import COMMANDS, EXIT_BROKE, EXIT_UNKNOWN, EXIT_USAGE, run_command
from harness.cli.lazy import _first_line
from harness.options import RunOptions
from harness.run import RunResult
from harness.store.folder import RunFolder


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["chekc"], "did you mean check?"),
        (["run", "--ratte", "3"], "--ratte"),
        (["run", "--rate", "fast"], "fast"),
        (["run", "--nemesis", "kill-mastr"], "kill-master"),
        (["list", "nemesis"], "nemesis"),
    ],
)
def test_wrong_arguments_are_254_and_the_message_names_them(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(arguments) == EXIT_USAGE
    assert message in capsys.readouterr().err


def test_a_crash_of_ours_is_255_and_never_the_code_of_a_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command()
    def broken() -> None:
        raise RuntimeError("a wheel came off")

    monkeypatch.setattr(cli.commands, "get_command", lambda _ctx, _name: broken)

    assert run_command(["list"]) == EXIT_BROKE
    assert "mqhavoc itself broke: RuntimeError: a wheel came off" in capsys.readouterr().err


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_command_returns_the_exit_code(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def judged() -> int:
        return code

    monkeypatch.setattr(cli.commands, "get_command", lambda _ctx, _name: judged)

    assert run_command(["list"]) == code


def test_every_command_that_is_listed_is_there() -> None:
    context = click.Context(cli.commands)
    for name in COMMANDS:
        command = cli.commands.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert command.get_short_help_str(200).rstrip(".") == _first_line(COMMANDS[name]).rstrip(
            "."
        )


def test_help_lists_the_commands_without_loading_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_command(["--help"]) == 0

    text = capsys.readouterr().out
    for name in COMMANDS:
        assert f"\n  {name} " in text


def test_help_is_fast() -> None:
    """numpy alone would double it; the bound is loose, for two busy cores."""
    program = "import sys; from harness.cli import run_command; run_command(['--help']); "
    program += "print([name for name in ('numpy', 'networkx', 'rich') if name in sys.modules])"
    began = time.monotonic()

    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert answer.stdout.splitlines()[-1] == "[]"
    assert time.monotonic() - began < 5


def test_a_run_starts_without_what_few_runs_need() -> None:
    """Graphs of Jepsen's kafka histories are scipy's, and cost as much time as all the rest."""
    program = "import sys, harness.local; "
    program += "print([name for name in ('scipy', 'networkx', 'jinja2') if name in sys.modules])"

    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert answer.stdout == "[]\n"


@pytest.mark.parametrize("what", ["workloads", "nemeses", "scenarios", "checkers", "contracts"])
def test_everything_there_is_to_choose_from_is_listed(
    what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["list", what]) == 0

    expected = {
        "workloads": "queue",
        "nemeses": "kill-master",
        "scenarios": "both-lose-power",
        "checkers": "misordered",
        "contracts": "SYNC_MASTER+SYNC_FLUSH",
    }[what]
    assert expected in capsys.readouterr().out


def test_problems_stand_below_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["run", "--rate", "-1", "--queues", "0"]) == EXIT_USAGE

    assert capsys.readouterr().err.splitlines() == [
        "Error: rate: expected 0.1 to 100,000, got -1",
        "       queues: expected 1 to 1,024, got 0",
    ]


def test_a_terminal_gets_no_line_that_it_has_no_room_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    assert run_command(["run", "--mode", "FOO"]) == EXIT_USAGE

    first, *more = capsys.readouterr().err.splitlines()
    assert first.startswith("Error: mode: expected one of ASYNC_MASTER+ASYNC_FLUSH, ")
    assert more
    assert all(line.startswith("       ") and len(line) <= 80 for line in more)


@pytest.mark.parametrize("cut_short", [True, False])
def test_runs_that_are_stopped_are_not_followed_by_others(
    cut_short: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Ctrl-C ends what was asked for, though the run that it cut short is valid."""
    seeds: list[int] = []

    def run_once(options: RunOptions, _console: object) -> RunResult:
        seeds.append(options.seed)
        valid = Judgement(Validity.VALID, {}, ())
        return RunResult(options, RunFolder(tmp_path), valid, 1.0, cut_short)

    monkeypatch.setattr("harness.once.run_once", run_once)

    assert run_command(["run", "--seed", "7", "--test-count", "3", "--out", str(tmp_path)]) == 0
    assert seeds == ([7] if cut_short else [7, 8, 9])


def test_a_command_that_is_stopped_has_proven_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever pressed Ctrl-C did not break mqhavoc, and has no verdict."""

    def stopped(*_given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.simulated.power.hunt_all", stopped)

    assert run_command(["power"]) == EXIT_UNKNOWN
    assert capsys.readouterr().err.strip() == "stopped: nothing is proven"


def test_a_simulated_run_that_is_refused_leaves_no_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    arguments = ["simulate", "--seed", "1", "--mode", "FOO", "--out", str(folder)]

    assert run_command(arguments) == EXIT_USAGE
    assert not folder.exists()
