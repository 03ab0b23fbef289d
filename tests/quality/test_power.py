"""The tester is tested: in the simulated world each planted bug is found, by its own name.

A few mutants run on the seeds that are known to find them; the whole matrix is ``make soak`` and
``mqhavoc power``. The correct broker runs on the same seeds, for a tester that accuses everybody
would find every bug as well.
"""

import pytest

from checkers.verdict import Validity
from harness.cli import EXIT_USAGE, run_command
from harness.simulated.power import catalogue, hunt, invalid_anomalies, run_mutant
from tests.quality.mutants.mutant import Mutant
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

    run = run_mutant(MUTANTS[name], seed)

    assert run.judgement.validity is Validity.INVALID, run.judgement.why
    assert anomaly in invalid_anomalies(run)


@pytest.mark.parametrize("name", ["skip-fsync", "recover-one-record-short", "skip-a-batch"])
def test_the_correct_broker_is_not_accused_on_the_same_seeds(name: str) -> None:
    """The canary: whatever a mutant is found by must come from the mutant."""
    run = run_mutant(MUTANTS[name], KNOWN[name][0], correct=True)

    assert run.judgement.validity is Validity.VALID, run.judgement.anomalies


def test_a_stranger_at_the_ha_port_does_no_harm_to_the_correct_broker() -> None:
    """Defect 10 needs one; it must be the believing that is found, and not the stranger."""
    run = run_mutant(MUTANTS["any-eight-bytes-count"], 1, correct=True)

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
    assert run_command(["power", "--mutant", "nobody"]) == EXIT_USAGE
    assert "got nobody" in capsys.readouterr().err


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", MUTANTS)
def test_the_whole_matrix(name: str) -> None:
    """Every bug that anybody could see is found within 200 runs."""
    found = hunt(name, SEEDS_OF_THE_MATRIX if not MUTANTS[name].hidden else range(1, 11))

    assert not found.alarms, f"the correct broker is accused on seeds {found.alarms}"
    if not MUTANTS[name].hidden:
        assert found.found, f"{MUTANTS[name].breaks} Not found in {found.runs} runs"


def _targets_of(one: Mutant) -> list[tuple[object, str]]:
    touched: list[tuple[object, str]] = []
    one.bug(lambda target, **values: touched.extend((target, name) for name in values))
    return touched
