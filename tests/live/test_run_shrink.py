"""A failure of real processes becomes small, in bounded time, and what is left repeats it."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.cli import run_command
from harness.options import RunOptions
from harness.replay import stored_run
from harness.store.folder import RunFolder, create_run_folder, write_json
from nemesis.faults import Fault, Step
from nemesis.schedules import Schedule

pytestmark = pytest.mark.live

MUTANT_NODE = Path(__file__).parent.parent / "quality" / "mutant_node.py"
PAUSE = Fault("pause-nameserver", "pause", ("nameserver",))
KILL = Fault("kill-slave", "kill", ("slave",))


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run that was found to break a promise, as far as it is repeated from."""
    options = RunOptions(
        seed=7,
        nemeses=("kill-slave", "pause-nameserver"),
        time_limit_s=2,
        rate=60,
        concurrency=3,
        out=str(tmp_path),
        node_command=(sys.executable, str(MUTANT_NODE), "double-append"),
    )
    steps = (Step(200, 500, PAUSE), Step(700, 1500, KILL))
    folder = create_run_folder(tmp_path, options.name, datetime.now(UTC), options.seed)
    write_json(folder.test_json, options.to_json())
    folder.schedule.write_bytes(Schedule(steps, 2000, 1600).to_json())
    anomalies = {"duplicated": {"validity": "invalid"}}
    write_json(folder.results, {"validity": "invalid", "anomalies": anomalies})
    return folder


def test_a_failure_of_real_processes_becomes_small_and_can_be_repeated(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run_command(["shrink", str(folder.path), "--times", "1", "--tries", "1"])

    said = capsys.readouterr().out
    assert code == 0, said
    assert "duplicated in 1 of 1 of its replays" in said
    shrunk = stored_run(RunFolder(folder.path / "shrunk"))
    assert shrunk.schedule.steps == (), "the bug needs no fault at all"
    assert shrunk.original.broken == ("duplicated",)
    assert shrunk.options.node_command[-1] == "double-append"

    assert run_command(["replay", str(folder.path / "shrunk"), "--times", "1"]) == 1
    assert "the same anomalies in 1 of 1 replays" in capsys.readouterr().out
