"""``run --world simulated`` leaves the folder of any run, and ``check`` takes the folder."""

from pathlib import Path

from harness.cli import run_command


def test_a_simulated_run_leaves_a_folder_that_can_be_checked(tmp_path: Path) -> None:
    """The worlds differ in what is real, not in what a user gets."""
    options = ["--world", "simulated", "--seed", "5", "--time-limit", "8", "--rate", "60"]
    out = tmp_path / "runs"

    code = run_command(["run", *options, "--nemesis", "kill-master", "--out", str(out)])

    assert code == 0
    latest = out / "latest"
    assert {"history.jsonl", "test.json", "results.json", "schedule.json", "report.html"} <= {
        path.name for path in latest.iterdir()
    }
    assert run_command(["check", str(latest)]) == 0
