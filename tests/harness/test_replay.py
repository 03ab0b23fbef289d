"""A stored run can be played again; what is not a run is refused in words."""

from pathlib import Path

import pytest

from checkers.verdict import Validity
from harness.cli import EXIT_USAGE, run_command
from harness.replay import Outcome, ReplayError, counts_by_name, player, stored_run
from harness.simulated.folder import write_simulated
from harness.simulated.run import simulate
from harness.simulated.swarm import options_of_seed
from harness.store.folder import RunFolder, read_json

SHORT = {"time_limit_s": 4.0, "rate": 40.0, "concurrency": 4, "queues": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    run = simulate(options_of_seed(4, nemeses=("kill-master",), **SHORT))
    return write_simulated(run, tmp_path_factory.mktemp("stored"))


def test_a_simulated_run_is_repeated_byte_for_byte(folder: RunFolder) -> None:
    stored = stored_run(folder)

    outcome = player(folder.path / "replays")(stored.options, stored.schedule)

    assert outcome.digest == read_json(folder.test_json)["digest"]
    assert outcome.same_as(stored.original)


def test_the_command_counts_what_came_back(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["replay", str(folder.path), "--times", "2"]) == 0

    out = capsys.readouterr().out
    assert "original   valid" in out
    assert "the same verdict in 2 of 2 replays" in out


def test_a_folder_without_a_run_is_a_wrong_argument(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["replay", str(tmp_path)]) == EXIT_USAGE
    assert "test.json" in capsys.readouterr().err


def test_a_run_that_was_never_judged_cannot_be_compared(folder: RunFolder, tmp_path: Path) -> None:
    for name in ("test.json", "schedule.json"):
        (tmp_path / name).write_bytes((folder.path / name).read_bytes())

    with pytest.raises(
        ReplayError, match=r"expected a run that was judged, found no results\.json"
    ):
        stored_run(RunFolder(tmp_path))


def test_an_outcome_is_the_same_if_every_broken_anomaly_is_there_again() -> None:
    lost = Outcome(Validity.INVALID, ("lost",))
    both = Outcome(Validity.INVALID, ("diverged", "lost"))
    valid = Outcome(Validity.VALID, ())

    assert both.same_as(lost)
    assert not lost.same_as(both)
    assert valid.same_as(valid)
    assert not lost.same_as(valid)
    assert list(counts_by_name([lost, both, valid])) == [("lost", 2), ("diverged", 1)]


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("test.json", "{", "test.json: expected what a run stored, found: "),
        ("test.json", "[]", "test.json: expected what a run stored, found: "),
        ("test.json", '{"seed": 1, "mode": "FOO"}', "mode: expected one of "),
        ("test.json", '{"seed": 1, "rate": "fast"}', "test.json: expected what a run stored"),
        ("plan.json", '{"steps": 3}', "plan.json: schedule: expected what a run stored, found: "),
        ("results.json", "{}", "results.json: expected what a run stored, found: no 'anomalies'"),
        ("results.json", '{"anomalies": []}', "results.json: expected what a run stored"),
    ],
)
def test_a_file_that_no_run_wrote_is_named(
    folder: RunFolder,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    text: str,
    told: str,
) -> None:
    """Whoever mends a folder by hand must know which file is wrong, and sees no traceback."""
    for name in ("test.json", "plan.json", "results.json"):
        (tmp_path / name).write_bytes((folder.path / name).read_bytes())
    (tmp_path / file).write_text(text)

    assert run_command(["replay", str(tmp_path)]) == EXIT_USAGE
    assert told in capsys.readouterr().err


def test_whatever_stands_in_a_folder_it_can_be_healed(tmp_path: Path) -> None:
    (tmp_path / "test.json").write_text("[]")

    assert run_command(["heal", str(tmp_path)]) == 0
