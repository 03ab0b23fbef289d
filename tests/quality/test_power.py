"""The tester is tested: in the simulated world each planted bug is found, by its own name.

A few mutants run on the seeds that are known to find them; the whole matrix is ``make soak`` and
``mqhavoc power``. The correct broker runs on the same seeds, for a tester that accuses everybody
would find every bug as well.
"""

import json

import pytest

from checkers.verdict import Validity
from harness.cli import EXIT_USAGE, run_command
from harness.planting import catalogue
from harness.simulated.power import hunt, invalid_anomalies, run_mutant
from tests.quality.mutants.mutant import Mutant, Plant, mutant
from tests.quality.mutants.registry import MUTANTS

KNOWN = {
    "ack-before-append": (1, "inconsistent-offset"),
    "ack-before-replicate": (1, "dishonest-status"),
    "skip-fsync": (1, "lost"),
    "double-append": (1, "duplicated"),
    "recover-one-record-short": (1, "lost"),
    "queue-one-long": (1, "hole"),
    "offsets-from-zero": (1, "inconsistent-offset"),
    "skip-a-batch": (1, "unconverged"),
    "slave-accepts-writes": (1, "slave-wrote"),
    "beyond-the-end-back-to-zero": (1, "nonmonotonic-pull"),
}
"""Which seed finds a mutant, and one anomaly that it finds."""

SEEDS_OF_THE_MATRIX = range(1, 201)


@pytest.mark.parametrize("name", KNOWN)
def test_a_planted_bug_is_found_by_its_own_anomaly(name: str) -> None:
    seed, anomaly = KNOWN[name]
    assert anomaly in MUTANTS[name].finds

    run = run_mutant(name, seed)

    assert run.judgement.validity is Validity.INVALID, run.judgement.why
    assert anomaly in invalid_anomalies(run)


@pytest.mark.parametrize("name", ["skip-fsync", "recover-one-record-short", "skip-a-batch"])
def test_the_correct_broker_is_not_accused_on_the_same_seeds(name: str) -> None:
    """The canary: whatever a mutant is found by must come from the mutant."""
    run = run_mutant(name, KNOWN[name][0], correct=True)

    assert run.judgement.validity is Validity.VALID, run.judgement.anomalies


def test_a_stranger_at_the_ha_port_does_no_harm_to_the_correct_broker() -> None:
    """Defect 10 needs one; it must be the believing that is found, and not the stranger."""
    run = run_mutant("any-eight-bytes-count", 1, correct=True)

    assert any('"expected' in line or "without a token" in line for line in run.trace)
    assert invalid_anomalies(run) == ()


def test_a_planted_bug_leaves_nothing_behind() -> None:
    for one in MUTANTS.values():
        touched = _targets_of(one)
        before = [vars(target)[name] for target, name in touched]
        with one.planted():
            pass
        assert [vars(target)[name] for target, name in touched] == before, one.name


def test_every_defect_of_the_guarantees_is_planted() -> None:
    assert sorted({one.defect for one in MUTANTS.values() if one.defect}) == list(range(1, 11))
    assert len(MUTANTS) >= 25
    assert catalogue() is MUTANTS


def test_an_unknown_mutant_is_an_argument_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["power", "--mutant", "skip-fsink"]) == EXIT_USAGE
    assert "did you mean 'skip-fsync'?" in capsys.readouterr().err


def test_the_matrix_fits_a_terminal_and_says_what_was_not_found(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @mutant(finds=("lost",), nemeses=("kill-slave",), time_limit_s=5.0, rate=20.0)
    def a_bug_that_is_none(_plant: Plant) -> None:
        """Nothing is broken."""

    harmless = {"a-bug-that-is-none": a_bug_that_is_none}
    monkeypatch.setattr("tests.quality.mutants.registry.MUTANTS", {**MUTANTS, **harmless})
    asked = ["--mutant", "double-append", "--mutant", "a-bug-that-is-none", "--runs", "2"]

    assert run_command(["power", *asked]) == 1
    lines = capsys.readouterr().out.splitlines()

    assert all(len(line) <= 80 for line in lines)
    assert lines[1].split()[:4] == ["double-append", "duplicated", "queue", "1"]
    assert lines[2].split()[:5] == ["a-bug-that-is-none", "NOT", "FOUND", "2", lines[2].split()[4]]
    assert "1 of 2 mutants found, in 3 runs" in lines[-4]
    assert lines[-3:] == [
        "The correct broker on the same seeds: 0 alarms in 3 runs.",
        "Not found: a-bug-that-is-none",
        "See one: mqhavoc simulate --seed 1 --mutant double-append",
    ]


def test_the_matrix_for_machines_has_the_same_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["power", "--mutant", "slave-accepts-writes", "--json"]) == 0
    matrix = json.loads(capsys.readouterr().out)

    (found,) = matrix["mutants"]
    assert found["found"]["slave-wrote"] == "honesty"
    assert (found["runs"], found["seed"], found["expected"]) == (1, 1, True)
    assert matrix["found"] == 1
    assert matrix["correct"] == {"runs": 1, "alarms": 0}


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", MUTANTS)
def test_the_whole_matrix(name: str) -> None:
    """Every bug is found within 200 runs, and the correct broker is never accused."""
    found = hunt(name, SEEDS_OF_THE_MATRIX)

    assert not found.alarms, f"the correct broker is accused on seeds {found.alarms}"
    assert found.found, f"{MUTANTS[name].breaks} Not found in {found.runs} runs"


def _targets_of(one: Mutant) -> list[tuple[object, str]]:
    touched: list[tuple[object, str]] = []
    one.bug(lambda target, **values: touched.extend((target, name) for name in values))
    return touched
