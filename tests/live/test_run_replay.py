"""A bug of replication is found in real processes, and found again: same faults, same clients."""

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from checkers.verdict import Validity
from harness.cli import run_command
from harness.local import run_local
from harness.options import RunOptions
from nemesis.schedules import Schedule

pytestmark = pytest.mark.live

MUTANT_NODE = Path(__file__).parent.parent / "quality" / "mutant_node.py"


def test_a_replay_finds_the_planted_bug_by_the_same_schedule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = RunOptions(
        seed=7,
        nemeses=("partition-replication",),
        time_limit_s=5,
        rate=100,
        out=str(tmp_path),
        node_command=(sys.executable, str(MUTANT_NODE), "ack-before-replicate"),
    )
    original = run_local(options, Console(file=io.StringIO()))
    assert original.judgement is not None
    found = original.judgement.anomalies
    assert original.validity is found["dishonest-status"].validity is Validity.INVALID

    code = run_command(["replay", str(original.folder.path), "--times", "1"])

    assert code == 1
    assert "dishonest-status" in capsys.readouterr().out
    (again,) = (original.folder.path / "replays").glob("*/*/schedule.json")
    first, second = (
        Schedule.from_json(file.read_bytes()) for file in (original.folder.schedule, again)
    )
    assert [step.fault for step in second.steps] == [step.fault for step in first.steps]
    assert all(
        abs(one.at_ms - other.at_ms) < 1000
        for one, other in zip(first.steps, second.steps, strict=True)
    )
