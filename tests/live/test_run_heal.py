"""What a killed suite left can be seen by doctor and cleaned up by heal, and nothing else is."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from harness.cli import EXIT_USAGE, run_command
from harness.doctor import Health, examine
from harness.leftovers import clean_up, leftovers, suite_of
from harness.store.folder import RunFolder, create_run_folder, read_json, write_json
from nemesis.faults import Fault
from nemesis.journal import Journal
from nemesis.pid_file import identity, pid_file_of, write_pid_file

pytestmark = pytest.mark.live

ROOT = Path(__file__).parent.parent.parent

SLEEP = "import time; time.sleep(300)"
GONE = {"pid": psutil.Process().pid, "born": 1.0}
"""A number that is another process's by now: this one's."""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run whose suite is gone while a fault was on."""
    folder = create_run_folder(tmp_path, "queue-partition", datetime.now(UTC), 1)
    write_json(folder.test_json, {"seed": 1, "suite": GONE, "phases": {"set up": 1.0}})
    Journal(folder.journal).enter(4, Fault("partition", "cut", ("client->master",)))
    return folder


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", SLEEP])
    yield process
    process.kill()
    process.wait()


def written_down(folder: RunFolder, node: str, pid: int) -> Path:
    file = pid_file_of(folder.node(node) / "log")
    file.parent.mkdir(parents=True)
    write_pid_file(file, pid)
    return file


def test_heal_ends_a_process_of_the_run_though_it_is_frozen(
    folder: RunFolder, sleeper: subprocess.Popen[bytes]
) -> None:
    written_down(folder, "master", sleeper.pid)
    psutil.Process(sleeper.pid).suspend()  # as a nemesis may have left it
    assert [process.pid for process in leftovers(folder)] == [sleeper.pid]

    done = clean_up(folder)

    assert sleeper.poll() is not None
    assert len(done) == 2
    assert Journal(folder.journal).active() == {}


def test_heal_never_ends_a_process_that_has_a_dead_ones_number(
    folder: RunFolder, sleeper: subprocess.Popen[bytes]
) -> None:
    file = written_down(folder, "master", sleeper.pid)
    write_json(file, {"pid": sleeper.pid, "born": psutil.Process(sleeper.pid).create_time() - 60})

    assert len(clean_up(folder)) == 1
    assert sleeper.poll() is None


def test_heal_ends_what_a_process_of_the_run_has_started(folder: RunFolder) -> None:
    """A node may be started by a script of the user's, which is what the run knows of it."""
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}])"
    parent = subprocess.Popen([sys.executable, "-c", script])
    try:
        while not (children := psutil.Process(parent.pid).children()):
            time.sleep(0.01)
        written_down(folder, "slave", parent.pid)

        clean_up(folder)

        assert parent.poll() is not None
        assert not psutil.wait_procs(children, timeout=5)[1]
    finally:
        parent.kill()
        parent.wait()


def test_a_suite_that_is_killed_in_the_midst_of_a_fault_is_cleaned_up_after(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-m", "harness", "run", "--seed", "3", "--out", str(tmp_path)]
    command += ["--time-limit", "60", "--rate", "50", "--nemesis", "pause-slave,partition"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as suite:
        try:
            latest = tmp_path / "latest"
            while not (found := frozen_in_a_fault(suite, latest)):
                assert suite.poll() is None
                time.sleep(0.02)
            children = psutil.Process(suite.pid).children(recursive=True)
            going_on = healed(latest)
        finally:
            suite.kill()
    after, again = healed(latest), healed(latest)

    assert going_on[0] == EXIT_USAGE
    assert f"still going on, as pid {suite.pid}" in going_on[1]
    assert after[0] == 0
    assert "is over: its cluster is gone" in after[1]
    assert again == (0, "nothing was left\n")
    assert len(children) >= 4
    assert not psutil.wait_procs(children, timeout=10)[1]
    assert leftovers(found) == []
    assert Journal(found.journal).active() == {}


def frozen_in_a_fault(suite: subprocess.Popen[bytes], latest: Path) -> RunFolder | None:
    """Stop a suite that has a fault on, so that it cures nothing meanwhile."""
    if not latest.exists() or not RunFolder(latest.resolve()).active_faults:
        return None
    suite.send_signal(signal.SIGSTOP)
    time.sleep(0.1)  # a signal takes a moment
    found = RunFolder(latest.resolve())
    if found.active_faults:
        return found
    suite.send_signal(signal.SIGCONT)
    return None


def healed(run: Path) -> tuple[int, str]:
    """Heal by the command line; give the exit code and all it said."""
    command = [sys.executable, "-m", "harness", "heal", str(run)]
    done = subprocess.run(  # noqa: PLW1510 - the code is looked at
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
    )
    return done.returncode, done.stdout


def test_heal_is_said_to_have_nothing_to_do_the_second_time(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["heal", str(folder.path)]) == 0
    assert "fault partition on client->master is over" in capsys.readouterr().out
    assert run_command(["heal", str(folder.path)]) == 0
    assert "nothing was left" in capsys.readouterr().out


@pytest.mark.parametrize("phases", [{}, {"set up": 1.0}], ids=["set up", "safety"])
def test_a_run_that_goes_on_is_left_alone(
    folder: RunFolder, phases: dict[str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    suite = psutil.Process().pid
    write_json(folder.test_json, {"suite": identity(suite), "phases": phases})

    assert suite_of(folder) == suite
    assert run_command(["heal", str(folder.path)]) == EXIT_USAGE
    assert f"still going on, as pid {suite}" in capsys.readouterr().err
    assert Journal(folder.journal).active()


def test_a_run_is_over_once_it_tore_down_or_its_suite_is_gone(folder: RunFolder) -> None:
    assert suite_of(folder) is None, "the suite is gone"
    suite = identity(psutil.Process().pid)
    write_json(folder.test_json, {"suite": suite, "phases": {"tear down": 0.4}})
    assert suite_of(folder) is None, "this process goes on, but not with that run"


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

    test = read_json(folder.test_json)
    write_json(folder.test_json, {**test, "suite": identity(psutil.Process().pid)})
    assert str(folder.path) not in stale()[1], "its suite is at work, and will cure them"
    write_json(folder.test_json, test)

    clean_up(folder)
    assert str(folder.path) not in stale()[1]
