"""The fixture ``local_cluster`` from an outside project: real processes, driven by hand."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nemesis.pid_file import read_pid_file

pytestmark = pytest.mark.live

PROJECT = """
def test_messages_survive_a_kill_of_the_slave(local_cluster):
    first = local_cluster.send()
    number = local_cluster.inject("kill-slave")
    second = local_cluster.send()
    assert (first.type, second.type) == ("ok", "ok")
    assert local_cluster.cure(number)

    pulled = local_cluster.pull()

    assert [value for _, value, _ in pulled.value] == [first.value, second.value]
    assert local_cluster.commit().type == "ok"
    local_cluster.check()
    judgement = local_cluster.judge()
    assert judgement.validity.word == "valid", judgement.why


def test_that_fails_while_a_node_is_frozen(local_cluster):
    local_cluster.inject("pause-master")
    raise RuntimeError("in the midst of it")
"""


def test_an_outside_project_drives_real_processes_and_none_is_left(tmp_path: Path) -> None:
    """The plugin is found by its entry point, as in any environment that has mqhavoc."""
    project, base = tmp_path / "project", tmp_path / "base"
    project.mkdir()
    (project / "test_mine.py").write_text(PROJECT)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    done = subprocess.run(
        [*command, "-W", "error", f"--basetemp={base}"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    assert "RuntimeError: in the midst of it" in done.stdout
    pid_files = list(base.rglob("log.pid"))
    assert len(pid_files) == 2 * 4, "two clusters of three nodes and a proxy server each"
    assert [file for file in pid_files if read_pid_file(file) is not None] == []
