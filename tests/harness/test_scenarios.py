"""A scenario decides what a run is, and a mistake in one is said with its line.

How each one ends in each mode is told by tests/conformance/test_two_worlds.py.
"""

from pathlib import Path
from random import Random

import pytest

from checkers.anomalies import ANOMALIES
from checkers.verdict import Validity
from harness.cli import EXIT_USAGE, run_command
from harness.options import MODES, RunOptions
from harness.scenarios import options_of_scenario, outcome_text
from harness.simulated.run import simulate
from harness.simulated.swarm import command_of_seed, options_of_seed
from nemesis.scenario import load_scenario, shipped_scenarios

SCENARIOS = {name: load_scenario(name, Random(0)) for name in shipped_scenarios()}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_speaks_the_words_of_the_contract(name: str) -> None:
    scenario = SCENARIOS[name]
    assert set(scenario.shows) <= set(ANOMALIES)
    assert {*scenario.loses_in, *scenario.safe_in} <= set(MODES)


def test_what_a_whole_scenario_is_about_is_said_at_its_end() -> None:
    given = options_of_scenario("doubled-by-lost-reply", None)
    run = simulate(options_of_seed(1, rate=50.0, **given))
    assert run.judgement.validity is Validity.VALID, run.judgement.why
    assert ": shown: duplicated" in outcome_text(run.options, run.judgement)


def test_a_scenario_decides_seconds_disks_and_a_mode_that_loses() -> None:
    assert options_of_scenario("both-lose-power", None) == {
        "scenario": "both-lose-power",
        "nemeses": (),
        "time_limit_s": 12.0,
        "volatile": True,
        "mode": "ASYNC_MASTER+ASYNC_FLUSH",
    }
    assert "mode" not in options_of_scenario("both-lose-power", "SYNC_MASTER+SYNC_FLUSH")


def test_the_command_that_repeats_a_run_names_its_scenario() -> None:
    options = RunOptions(seed=3, **options_of_scenario("doubled-by-lost-reply", None))
    assert options.command() == "mqhavoc run --seed 3 --scenario doubled-by-lost-reply"
    assert options.name == "queue-doubled-by-lost-reply"
    assert RunOptions.from_json(options.to_json()) == options
    words = command_of_seed(3, options_of_scenario("doubled-by-lost-reply", None))
    assert words == "mqhavoc simulate --seed 3 --scenario doubled-by-lost-reply"


@pytest.mark.parametrize("command", ["run", "simulate"])
def test_every_mistake_in_a_file_is_said_with_its_line(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('says = "x"\n[[step]]\nat = "soon"\nfault = "kil-master"\n')

    code = run_command([command, "--seed", "1", "--scenario", str(file)])

    assert code == EXIT_USAGE
    said = capsys.readouterr().err
    assert f"{file}:3: at: expected a time" in said
    assert f"{file}:4: fault: expected a name" in said


def test_a_scenario_and_a_nemesis_are_one_too_many(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["run", "--scenario", "both-lose-power", "--nemesis", "kill-master"]
    assert run_command(arguments) == EXIT_USAGE
    assert "expected --scenario without --nemesis" in capsys.readouterr().err


def test_a_scenario_that_the_world_cannot_play_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["run", "--scenario", "crash-before-flush", "--node-command", "double"]
    assert run_command(arguments) == EXIT_USAGE
    assert "needs controls, which this world lacks" in capsys.readouterr().err
