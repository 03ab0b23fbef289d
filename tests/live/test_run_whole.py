"""A whole run on real processes: its verdict, its folder, and nothing left behind."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from checkers.verdict import Validity
from harness.cli import EXIT_USAGE
from harness.local import run_local
from harness.options import RunOptions
from harness.store.folder import read_json
from histories.formats import read_history

pytestmark = pytest.mark.live

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("mode", ["ASYNC_MASTER+ASYNC_FLUSH", "SYNC_MASTER+SYNC_FLUSH"])
def test_a_run_against_the_correct_broker_is_valid(mode: str, tmp_path: Path) -> None:
    options = RunOptions(
        seed=11,
        mode=mode,
        nemeses=("stop-master", "delay-replication"),
        time_limit_s=6,
        rate=150,
        out=str(tmp_path),
    )
    console = Console(file=io.StringIO())

    result = run_local(options, console)

    assert result.judgement is not None
    assert result.validity is Validity.VALID, result.judgement.to_json()
    _assert_folder_is_complete(result.folder.path)


def _assert_folder_is_complete(folder: Path) -> None:
    test, results = read_json(folder / "test.json"), read_json(folder / "results.json")
    history = read_history(folder / "history.jsonl")
    schedule = read_json(folder / "schedule.json")

    assert test["toxiproxy_kind"] in ("real", "embedded")
    assert test["reproduce"].startswith("mqhavoc run --seed 11")
    assert results["validity"] == "valid"
    assert len(results["faults"]) == len(schedule["steps"]) >= 2
    assert len(history.rows("drain")) > 0
    assert read_json(folder / "active_faults.json") == {}
    for name in ("junit.xml", "report.html", "suite.log", "nodes/master/node.properties"):
        assert (folder / name).stat().st_size > 0
    assert (folder.parent.parent / "latest").resolve() == folder.resolve()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_cures_drains_and_judges(number: signal.Signals, tmp_path: Path) -> None:
    with running(tmp_path, "--nemesis", "partition-replication") as suite:
        _until(lambda: _ops(tmp_path) > 300)
        children = psutil.Process(suite.pid).children(recursive=True)
        suite.send_signal(number)
        suite.wait(timeout=60)

    assert suite.returncode in (0, 2)  # judged: no longer than it was, but judged
    folder = (tmp_path / "latest").resolve()
    assert read_json(folder / "results.json")["validity"] in ("valid", "unknown")
    assert len(read_history(folder / "history.jsonl").rows("drain")) > 0
    _assert_gone(children)


def test_the_second_signal_stops_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path, "--nemesis", "kill-master") as suite:
        _until(lambda: _ops(tmp_path) > 300)
        children = psutil.Process(suite.pid).children(recursive=True)
        suite.send_signal(signal.SIGINT)
        time.sleep(0.2)
        suite.send_signal(signal.SIGINT)
        suite.wait(timeout=20)

    assert suite.returncode == 2
    history = read_history((tmp_path / "latest").resolve() / "history.jsonl")
    assert len(history) > 300
    assert not [op for op in history.ops() if op.f == "dump"]
    _assert_gone(children)


def test_a_suite_that_is_killed_leaves_no_process_and_a_history_that_can_be_read(
    tmp_path: Path,
) -> None:
    with running(tmp_path, "--nemesis", "kill-master") as suite:
        _until(lambda: _ops(tmp_path) > 300)
        children = psutil.Process(suite.pid).children(recursive=True)
        os.kill(suite.pid, signal.SIGKILL)
        suite.wait(timeout=20)

    assert len(read_history((tmp_path / "latest").resolve() / "history.jsonl")) >= 300
    _assert_gone(children)


def test_two_runs_at_once_do_not_meet(tmp_path: Path) -> None:
    arguments = ["--time-limit", "3", "--nemesis", "none"]
    with running(tmp_path / "a", *arguments) as one, running(tmp_path / "b", *arguments) as other:
        assert (one.wait(timeout=60), other.wait(timeout=60)) == (0, 0)

    ports = [
        set(
            json.loads((tmp_path / name / "latest" / "test.json").read_text())["listeners"].values()
        )
        for name in "ab"
    ]
    assert not ports[0] & ports[1]


def test_a_node_that_cannot_start_is_told_with_its_own_words(tmp_path: Path) -> None:
    command = "--node-command", f"{sys.executable} -c 'raise SystemExit(\"no such disk\")'"
    with running(tmp_path, *command) as suite:
        output, _ = suite.communicate(timeout=60)

    assert suite.returncode == 255
    assert "no such disk" in output
    assert "suite.log" in output


def test_nothing_is_started_if_the_arguments_are_wrong(tmp_path: Path) -> None:
    with running(tmp_path, "--mode", "SYNC", "--nemesis", "kil-master") as suite:
        output, _ = suite.communicate(timeout=60)

    assert suite.returncode == EXIT_USAGE
    assert "mode: expected" in output
    assert "kill-master" in output
    assert not list(tmp_path.iterdir())


@contextmanager
def running(out: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "harness", "run", "--seed", "3", "--out", str(out)]
    command += ["--time-limit", "60", "--rate", "200", "--concurrency", "5", *arguments]
    suite = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield suite
    finally:
        if suite.poll() is None:
            suite.kill()
        suite.communicate()


def _ops(out: Path) -> int:
    """Count the ops that clients have completed so far; the set-up has none."""
    history = out / "latest" / "history.jsonl"
    return history.read_text().count("\n") if history.exists() else 0


def _until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "expected it within a minute"
        time.sleep(0.05)


def _assert_gone(children: list[psutil.Process]) -> None:
    assert children, "a run has nodes"
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
