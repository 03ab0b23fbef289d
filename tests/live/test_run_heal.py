"""What a killed suite left can be seen by doctor and cleaned up by heal, and nothing else is."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from harness.cli import EXIT_USAGE, run_command
from harness.doctor import Health, examine
from harness.leftovers import clean_up, has_ended, leftovers, suite_of
from harness.store.folder import RunFolder, create_run_folder, write_json
from nemesis.faults import Fault
from nemesis.journal import Journal

pytestmark = pytest.mark.live

SLEEP = "import time; time.sleep(300)"


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run whose suite is gone while a fault was on."""
    folder = create_run_folder(tmp_path, "queue-partition", datetime.now(UTC), 1)
    write_json(folder.test_json, {"seed": 1, "ports": {"toxiproxy": 21_000}, "phases": {}})
    Journal(folder.journal).enter(4, Fault("partition", "cut", ("client->master",)))
    return folder


def test_heal_ends_the_runs_own_processes_and_no_others(folder: RunFolder, tmp_path: Path) -> None:
    config = folder.node("master") / "node.properties"
    other = tmp_path / "elsewhere" / "node.properties"
    ours, theirs = (
        subprocess.Popen([sys.executable, "-c", SLEEP, "broker", "-c", str(path)])
        for path in (config, other)
    )
    try:
        psutil.Process(ours.pid).suspend()  # as a nemesis may have left it
        assert [process.pid for process in leftovers(folder)] == [ours.pid]

        done = clean_up(folder)

        assert ours.poll() is not None
        assert theirs.poll() is None
        assert len(done) == 2
        assert Journal(folder.journal).active() == {}
    finally:
        for process in (ours, theirs):
            process.kill()
            process.wait()


def test_heal_is_said_to_have_nothing_to_do_the_second_time(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["heal", str(folder.path)]) == 0
    assert "fault partition on client->master is over" in capsys.readouterr().out
    assert run_command(["heal", str(folder.path)]) == 0
    assert "nothing was left" in capsys.readouterr().out


def test_a_run_that_goes_on_is_left_alone(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = psutil.Process().pid
    write_json(folder.test_json, {"suite_pid": suite, "phases": {"set up": 1.0}})

    assert suite_of(folder) == suite
    assert run_command(["heal", str(folder.path)]) == EXIT_USAGE
    assert "still going on" in capsys.readouterr().err
    assert Journal(folder.journal).active()


def test_a_run_has_ended_once_it_tore_down(folder: RunFolder) -> None:
    assert not has_ended(folder)
    write_json(folder.test_json, {"phases": {"tear down": 0.4}})
    assert has_ended(folder)


def test_heal_expects_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["heal", str(tmp_path / "nothing")]) == EXIT_USAGE
    assert "expected a run's folder" in capsys.readouterr().err


def test_doctor_points_to_faults_that_were_not_cured(folder: RunFolder, tmp_path: Path) -> None:
    def stale() -> tuple[Health, str]:
        remarks = {remark.what: remark for remark in examine(tmp_path)}
        return remarks["stale runs"].health, remarks["stale runs"].text

    health, text = stale()
    assert health is Health.TROUBLE
    assert f"mqhavoc heal {folder.path}" in text

    clean_up(folder)
    assert str(folder.path) not in stale()[1]
